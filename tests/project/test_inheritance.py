"""No inheritance deeper than two.

Depth is counted among our own classes, from the one that inherits from none of ours (``Unlearner``, ``NetworkMethod``,
``ExpungeError``), which has depth 0: a parent of a family has 1, a method 2. What comes from a library does not count.
Of several parents the deepest counts, so a mixin stands beside a parent and not below it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

SRC = Path(__file__).parents[2] / "src"
DEEPEST = 2


def module_name(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parents_of(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """The bases of every class, by full name; those of libraries are among them."""
    out = {}
    for module, source in sources.items():
        tree = ast.parse(source)
        names: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
            elif isinstance(node, ast.ClassDef):
                names[node.name] = f"{module}.{node.name}"
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                out[f"{module}.{node.name}"] = [_full(base, names) for base in node.bases]
    return out


def _full(base: ast.expr, names: Mapping[str, str]) -> str:
    if isinstance(base, ast.Subscript):  # Generic[T] and its like
        base = base.value
    first, *rest = ast.unparse(base).split(".")
    return ".".join([names.get(first, first), *rest])


def depths(parents: Mapping[str, list[str]]) -> dict[str, int]:
    def depth(name: str) -> int:
        return max((1 + depth(base) for base in parents[name] if base in parents), default=0)

    return {name: depth(name) for name in parents}


def test_no_inheritance_is_deeper_than_two() -> None:
    found = depths(parents_of({module_name(p): p.read_text(encoding="utf-8") for p in sorted(SRC.rglob("*.py"))}))
    assert found["expunge.contract.Unlearner"] == 0
    assert found["expunge.methods.forest.forest.Forest"] == 1
    assert found["expunge.methods.forest.forest_classifier.ForestClassifier"] == 2
    assert {name: depth for name, depth in found.items() if depth > DEEPEST} == {}


def test_a_deeper_class_is_seen_across_files_and_a_mixin_is_not_one() -> None:
    sources = {
        "a": "class Base(Library): ...\nclass Family(Base): ...\nclass Mixin(Other): ...",
        "b": "from a import Family as F, Mixin\nclass Part(F): ...\nclass Whole(Mixin, F): ...",
        "c": "import b\nfrom b import Part\nclass Deep(Part[int]): ...",
    }
    found = depths(parents_of(sources))
    assert found == {
        "a.Base": 0, "a.Family": 1, "a.Mixin": 0, "b.Part": 2, "b.Whole": 2, "c.Deep": 3,
    }  # fmt: skip
