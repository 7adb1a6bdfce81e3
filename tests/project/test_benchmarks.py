"""Every benchmark can be reached: it is among the short ones, or among those that take longer, with the reason."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "benchmarks"
_spec = importlib.util.spec_from_file_location("run", FOLDER / "run.py")
assert _spec
assert _spec.loader
run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(run)


def takes_names(function: ast.FunctionDef) -> bool:
    """Whether it can be called without arguments, and with the names of parts one after another."""
    given = function.args
    return not (given.args or given.posonlyargs or any(default is None for default in given.kw_defaults))


def test_every_script_is_in_the_table() -> None:
    named = [*run.NAMES, *run.LONG, *run.SHARED]
    assert len(named) == len(set(named))
    assert set(named) == {path.stem for path in FOLDER.glob("*.py")}
    assert all(reason.strip() for reason in run.LONG.values())


def test_every_script_is_run_as_the_table_runs_it() -> None:
    wrong = []
    for name in sorted({*run.NAMES, *run.LONG, *run.SHARED} - {"run"}):
        body = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8")).body
        found = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
        short = any(isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "SHORT" for n in body)
        if name in run.SHARED:
            wrong += [f"{name} has a main"] * ("main" in found)
        elif "main" not in found or not takes_names(found["main"]):
            wrong.append(f"{name}: main() is called without arguments")
        elif short and found["main"].args.vararg is None:
            wrong.append(f"{name}: main(*SHORT) is called")
    assert wrong == []
