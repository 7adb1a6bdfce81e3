"""Arrows point one way.

words <- maths <- privacy <- methods | audit | ledger <- influence <- checks | workspace <- service | lab <- cli

Every import in ``src`` is read, also those inside functions and the module names in texts that are imported later.
"""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "expunge"
MODULES = sorted(SRC.rglob("*.py"))

LAYERS = (
    ("words",),
    ("maths",),
    ("privacy",),
    ("methods", "audit", "ledger"),
    ("influence",),  # asks methods, and the workspace asks it
    ("checks", "workspace"),
    ("service", "lab"),
    ("cli",),  # above the lab and the service: it has a command that starts each
)
#: Folders of words, beside the modules at the top.
WORDS = ("canonical", "estimators", "files", "table")
RANK = {group: rank for rank, groups in enumerate(LAYERS) for group in groups}

_MODULE_NAME = re.compile(r"expunge(?:\.\w+)+(?::\w+)?")


def module_name(path: Path) -> str:
    parts = ("expunge", *path.relative_to(SRC).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path) for path in MODULES}


def group_of(module: str) -> str | None:
    """The group a module belongs to; None for the root, which maps names to everything."""
    parts = module.split(".")
    if len(parts) == 1:
        return None
    first = parts[1]
    if first == "__main__":
        return "cli"
    if first in RANK:
        return first
    if first in WORDS:
        return "words"
    if (SRC / first).is_dir():
        raise AssertionError(f"The folder {first!r} is in no layer: put it into LAYERS, or elsewhere.")
    if f"expunge.methods.{first}" in NAMES:  # a short public name, as expunge.networks of expunge.methods.networks
        return "methods"
    return "words"


def imports_of(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and name of all our own modules that a source imports."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "expunge":
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join(
                    [*package.split(".")[: len(package.split(".")) - node.level + 1], *filter(None, [base])]
                )
            if base.partition(".")[0] == "expunge":
                for alias in node.names:
                    if (base, alias.name) != ("expunge", "__version__"):
                        yield node.lineno, f"{base}.{alias.name}" if f"{base}.{alias.name}" in NAMES else base
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _MODULE_NAME.fullmatch(node.value):
            name = node.value.partition(":")[0]
            if name in NAMES:
                yield node.lineno, name


def wrong_arrows(source: str, module: str, *, is_package: bool = False) -> list[str]:
    own = group_of(module)
    if own is None:
        return []
    package = module if is_package else module.rpartition(".")[0]
    wrong = []
    for line, target in imports_of(source, package):
        group = group_of(target)
        if group is None:  # the root reaches everything
            if RANK[own] < RANK["lab"]:
                wrong.append(f"{module}:{line} ({own}) imports expunge itself")
        elif group != own and RANK[group] >= RANK[own]:
            wrong.append(f"{module}:{line} ({own}) imports {target} ({group})")
    return wrong


#: Rooms of the workspace, each knowing only those before it; last the modules that lie in none.
ROOMS = (
    "database", "rules", "leftovers", "storage", "tabular", "data", "models", "requests", "advice", "",
)  # fmt: skip


def room_of(module: str) -> str:
    """The room of the workspace in which a module lies."""
    parts = module.split(".")
    return parts[2] if len(parts) > 2 and (SRC / "workspace" / parts[2]).is_dir() else ""


def test_rooms_of_the_workspace_know_only_those_before_them() -> None:
    wrong = []
    for path in sorted((SRC / "workspace").rglob("*.py")):
        module = module_name(path)
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for line, target in imports_of(path.read_text(encoding="utf-8"), package):
            if group_of(target) != "workspace" or room_of(target) == room_of(module):
                continue
            if ROOMS.index(room_of(target)) >= ROOMS.index(room_of(module)):
                wrong.append(f"{module}:{line} imports {target}")
    assert wrong == []


#: Rooms of methods that know another one, and why; all others share only what stands below them, in the words, in maths
#: or in privacy.
NEIGHBOURS = {
    ("forest", "anomaly"): "an isolation forest is a detector as those of the other room",
    ("language", "networks"): "language models are networks of a task",
    ("networks", "language"): "the table of network methods and models names them, and imports none",
    ("networks", "private"): "the table of network methods and models names them, and imports none",
    ("pipeline", "preprocessing"): "a pipeline folds its steps, and reads their parts",
    ("pipeline", "sums"): "a pipeline folds its steps, and reads their parts",
    ("pipeline", "text"): "a pipeline folds its steps, and reads their parts",
    ("private", "certified"): "the last layer of a TwoStage is a certified model",
    ("private", "networks"): "private networks are networks of a task",
}


def method_room_of(module: str) -> str:
    """The room of methods in which a module lies; "" of the table of methods and of what is none."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["expunge", "methods"] and len(parts) > 2 else ""


def rooms_known(source: str, module: str, *, is_package: bool = False) -> set[tuple[str, str]]:
    """Pairs of rooms of methods: that of the module, and others that it imports from."""
    package, own = module if is_package else module.rpartition(".")[0], method_room_of(module)
    targets = {method_room_of(target) for _, target in imports_of(source, package)}
    return {(own, target) for target in targets - {own, ""}} if own else set()


def test_rooms_of_methods_do_not_know_each_other() -> None:
    found = set().union(
        *(
            rooms_known(path.read_text(encoding="utf-8"), module_name(path), is_package=path.name == "__init__.py")
            for path in (SRC / "methods").rglob("*.py")
        )
    )
    assert found - set(NEIGHBOURS) == set(), "Move what both need to a room below both, or say why."
    assert set(NEIGHBOURS) - found == set(), "These no longer know each other: take them from the list."


def test_a_room_of_methods_that_knows_another_is_seen() -> None:
    source = "def f():\n    from expunge.methods.sums.pca import PCA\nfrom expunge.methods import find_method"
    assert rooms_known(source, "expunge.methods.forest.mine") == {("forest", "sums")}
    assert rooms_known(source, "expunge.methods.sums.mine") == set()


def known_when_run(source: str, package: str) -> set[str]:
    """Modules of ours that a source imports, but for those that only its annotations need."""
    hidden = set[int]()
    for node in ast.parse(source).body if "if TYPE_CHECKING" in source else ():
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            hidden.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return {target for line, target in imports_of(source, package) if line not in hidden}


def in_order(sources: dict[str, str]) -> list[str]:
    """Modules, each after those that it imports, also inside functions; refused where there is no such order."""
    known = {module: known_when_run(source, module.rpartition(".")[0]) for module, source in sources.items()}
    return list(graphlib.TopologicalSorter({module: known[module] & set(known) for module in known}).static_order())


@pytest.mark.parametrize("group", ["methods", "influence"])
def test_no_module_needs_one_that_needs_it(group: str) -> None:
    paths = [path for path in MODULES if group_of(module_name(path)) == group and path.name != "__init__.py"]
    assert len(in_order({module_name(path): path.read_text(encoding="utf-8") for path in paths})) == len(paths) > 10


def test_modules_that_need_each_other_are_seen() -> None:
    one, two = "from expunge.influence.two import b", "def b():\n    from expunge.influence.one import a"
    NAMES.update(("expunge.influence.one", "expunge.influence.two"))
    try:
        with pytest.raises(graphlib.CycleError):
            in_order({"expunge.influence.one": one, "expunge.influence.two": two})
    finally:
        NAMES.difference_update(("expunge.influence.one", "expunge.influence.two"))
    in_order({"expunge.influence.one": f"if TYPE_CHECKING:\n    {one}", "expunge.influence.two": two})


#: What the command line, the service and the lab may know of the workspace: the facade, and the public package of the
#: advice, which needs no workspace.
FACADE = {"expunge.workspace", "expunge.workspace.advice"}


def behind_the_facade(source: str, module: str) -> list[str]:
    """Rooms of the workspace that a module above it reaches into."""
    package = module.rpartition(".")[0]
    return [
        f"{module}:{line} imports {target}"
        for line, target in imports_of(source, package)
        if RANK[group_of(module) or "words"] > RANK["workspace"]
        and group_of(target) == "workspace"
        and target not in FACADE
    ]


def test_only_the_facade_of_the_workspace_is_called_from_above() -> None:
    above = [path for path in MODULES if group_of(module_name(path)) in ("cli", "service", "lab")]
    assert len(above) > 20
    wrong = [line for path in above for line in behind_the_facade(path.read_text(encoding="utf-8"), module_name(path))]
    assert wrong == []


@pytest.mark.parametrize(
    "source",
    [
        "from expunge.workspace.tabular.tables import read_ids",
        "def f():\n    from expunge.workspace.workspace import Workspace",
        "import expunge.workspace.models.audits as audits",
        "import importlib\nimportlib.import_module('expunge.workspace.reports')",
    ],
)
def test_a_way_round_the_facade_is_seen(source: str) -> None:
    assert len(behind_the_facade(source, "expunge.cli.mine")) == 1
    assert behind_the_facade(source, "expunge.workspace.mine") == []


def test_the_decision_about_rooms_names_all_words() -> None:
    decision = (SRC.parents[1] / "docs" / "design" / "0006-rooms.md").read_text(encoding="utf-8")
    modules = {path.stem for path in SRC.glob("*.py") if not path.stem.startswith("__")}
    words = {name for name in modules if group_of(f"expunge.{name}") == "words"} | {f"{name}/" for name in WORDS}
    assert words - set(re.findall(r"`([a-z_]+/?)`", decision)) == set()


def test_modules_are_found() -> None:
    assert {"expunge.errors", "expunge.contract", "expunge.maths.exact", "expunge.methods"} <= NAMES


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_arrows_point_one_way(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert wrong_arrows(source, module_name(path), is_package=path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("expunge.rows", "from expunge.maths import exact"),
        ("expunge.rows", "def f():\n    import expunge.methods"),
        ("expunge.rows", "from . import methods"),
        ("expunge.rows", "import importlib\nimportlib.import_module('expunge.methods')"),
        ("expunge.rows", "import expunge\nexpunge.load('x')"),
        ("expunge.maths.exact", "from expunge.private import Odometer"),
        ("expunge.maths.exact", "from ..methods import METHODS"),
        ("expunge.methods.mine", "from expunge.ledger import log"),
        ("expunge.methods.mine", "from expunge.audit.attacks import scores"),
        ("expunge.checks.mine", "from expunge.workspace import Workspace"),
        ("expunge.lab.mine", "from expunge.service import app"),
        ("expunge.lab.mine", "from expunge.cli import main"),
        ("expunge.workspace", "from expunge.cli import main"),
    ],
)
def test_wrong_arrows_are_seen(module: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "NAMES", NAMES | {"expunge.ledger", "expunge.audit.attacks", "expunge.service"})
    assert len(wrong_arrows(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("expunge.methods.mine", "from expunge.maths import exact\nfrom expunge import __version__\nimport numpy"),
        ("expunge.methods.mine", "from expunge.methods import METHODS"),
        ("expunge.cli.mine", "import expunge"),
    ],
)
def test_right_arrows_pass(module: str, source: str) -> None:
    assert wrong_arrows(source, module) == []
