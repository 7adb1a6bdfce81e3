"""Docstrings in NumPy form say what a caller has to know: every parameter of the signature, and every error raised.

Read from the sources, so that nothing is imported. Of what ``__all__`` names: a function or method that raises has a
section Raises; a section Parameters names what the signature has; a class names what its constructor takes, under
Parameters or Attributes. ``AttributeError`` and ``NotImplementedError`` say that something is not there, and a method
without a docstring has that of the method it overrides.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SRC = Path(__file__).parents[2] / "src" / "expunge"
#: Errors that need no section.
ABSENT = ("AttributeError", "NotImplementedError")
#: Compiled kernels take the arrays of a store one by one; where the store is made they are described.
COMPILED = "njit"

Function = ast.FunctionDef


def exported(tree: ast.Module) -> list[str]:
    """What a module names in ``__all__``."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def sections(node: ast.AST) -> dict[str, list[str]]:
    """The sections of a docstring with their lines."""
    lines = (ast.get_docstring(node) or "").splitlines()  # type: ignore[arg-type]
    found: dict[str, list[str]] = {}
    name = ""
    for i, line in enumerate(lines):
        if i + 1 < len(lines) and re.fullmatch("-{3,}", lines[i + 1]):
            name = line
            found[name] = []
        elif name and not re.fullmatch("-{3,}", line):
            found[name].append(line)
    return found


def named(lines: list[str]) -> set[str]:
    """The names of a section: in lines without an indent, before the colon, several with commas."""
    heads = [line.partition(" : ")[0] for line in lines if line and not line[0].isspace()]
    return {name.strip().lstrip("*") for head in heads for name in head.split(",")}


def parameters(function: Function, *, bound: bool) -> set[str]:
    """The names of a signature."""
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args)][int(bound) :]
    more = [argument.arg for argument in (given.vararg, *given.kwonlyargs, given.kwarg) if argument]
    return {*names, *more}


def decorators(node: Function | ast.ClassDef) -> str:
    return " ".join(map(ast.unparse, node.decorator_list))


def raised(node: ast.AST) -> Iterator[str]:
    """What a body raises by itself, not in functions inside of it."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, part, ()):
            if isinstance(child, ast.Raise) and child.exc is not None:
                yield ast.unparse(child.exc)
            elif not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield from raised(child)


def is_untold(node: Function, found: dict[str, list[str]]) -> bool:
    """Whether a function raises something that needs a section, and has none."""
    return "Raises" not in found and any(not error.startswith(ABSENT) for error in raised(node))


def faults_of_function(name: str, node: Function, *, method: bool) -> Iterator[str]:
    if method and ast.get_docstring(node) is None:
        return
    found = sections(node)
    if is_untold(node, found):
        yield f"{name} raises, and has no section Raises"
    if "Parameters" in found and COMPILED not in decorators(node):
        bound = method and "staticmethod" not in decorators(node)
        if named(found["Parameters"]) != (wanted := parameters(node, bound=bound)):
            yield f"{name} has the parameters {sorted(named(found['Parameters']) ^ wanted)} in one place alone"


def fields(node: ast.ClassDef) -> set[str]:
    """What the constructor of a record takes."""
    if "dataclass" not in decorators(node) and "NamedTuple" not in " ".join(map(ast.unparse, node.bases)):
        return set()
    lines = [n for n in node.body if isinstance(n, ast.AnnAssign) and "ClassVar" not in ast.unparse(n.annotation)]
    return {ast.unparse(n.target) for n in lines if n.value is None or "init=False" not in ast.unparse(n.value)}


def faults_of_class(name: str, node: ast.ClassDef) -> Iterator[str]:
    methods = [n for n in node.body if isinstance(n, ast.FunctionDef)]
    found, made = sections(node), next((m for m in methods if m.name == "__init__"), None)
    wanted = {n for n in (parameters(made, bound=True) if made else fields(node)) if not n.startswith("_")}
    told = named(found.get("Parameters", []))
    if missing := wanted - told - named(found.get("Attributes", [])):
        yield f"{name} takes {sorted(missing)}, and does not say so"
    if made and is_untold(made, found):
        yield f"{name} raises when it is made, and has no section Raises"
    for method in methods:
        if not method.name.startswith("_"):
            yield from faults_of_function(f"{name}.{method.name}", method, method=True)


def faults(source: str) -> list[str]:
    """What the docstrings of a module lack."""
    tree = ast.parse(source)
    public = exported(tree)
    out: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name in public:
            out += faults_of_class(node.name, node)
        elif isinstance(node, ast.FunctionDef) and node.name in public:
            out += faults_of_function(node.name, node, method=False)
    return out


def test_every_parameter_and_every_error_is_told() -> None:
    paths = sorted(SRC.rglob("*.py"))
    assert len(paths) > 500
    found = {path: faults(path.read_text(encoding="utf-8")) for path in paths}
    assert [f"{path.relative_to(SRC)}: {fault}" for path, each in found.items() for fault in each] == []


MODULE = '''
__all__ = ["A", "f", "g"]

class A:
    """A.

    Parameters
    ----------
    x : int
    """

    def __init__(self, x, *, y=1): ...

    def m(self, a):
        """M.

        Parameters
        ----------
        a, b : int
        """
        raise ValueError

def f():
    """F."""
    raise KeyError("none")

def g():
    """G."""
    def h():
        raise KeyError
    raise AttributeError

def private():
    """P."""
    raise KeyError
'''


def test_what_is_missing_is_seen() -> None:
    assert faults(MODULE) == [
        "A takes ['y'], and does not say so",
        "A.m raises, and has no section Raises",
        "A.m has the parameters ['b'] in one place alone",
        "f raises, and has no section Raises",
    ]
