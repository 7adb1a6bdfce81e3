"""What the command ``expunge lab`` calls: one function a verb, plain data out."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from expunge.errors import InvalidRequestError, NotReproducedError
from expunge.lab.cells import Cell
from expunge.lab.environment import environment
from expunge.lab.intervals import paired_bootstrap
from expunge.lab.matrices import MATRICES, choose
from expunge.lab.results import line_of, read_run
from expunge.lab.runner import check_cells
from expunge.lab.sweeps import SWEEPS
from expunge.quantities import duration_text, share_text

__all__ = ["Comparison", "compare_runs", "list_things", "reproduce", "show_cell"]


def list_things(what: Sequence[str] = ()) -> dict[str, Any]:
    """Names that there are; of matrices, sweeps or patterns, their cells.

    Returns
    -------
    dict
        Name of a table to names with what they are; or ``cells`` to ids.
    """
    from expunge.lab.measures import MEASURES, measure_names
    from expunge.lab.methods import LAB_METHODS, method_names
    from expunge.lab.models import MODELS, model_names
    from expunge.lab.plugins import find
    from expunge.lab.requests import REQUESTS
    from expunge.lab.workloads import WORKLOADS, workload_names

    if what:
        return {"cells": [cell.id for cell in choose(what)]}
    own = {
        "workload": {name: find("workloads", WORKLOADS, name).what for name in workload_names()},
        "model": {name: MODELS[name].what for name in model_names()},
        "request": {name: request.what for name, request in REQUESTS.items()},
        "method": {name: find("methods", LAB_METHODS, name).what for name in method_names()},
        "measure": {name: find("measures", MEASURES, name).what for name in measure_names()},
        "sweep": {name: sweep.title for name, sweep in SWEEPS.items()},
        "matrix": {name: f"{matrix.what}: {len(matrix.cells()):,} cells" for name, matrix in MATRICES.items()},
    }
    return {"things": own}


def show_cell(cell: str, folder: str | Path) -> dict[str, Any]:
    """What a run knows of a cell: its line, and its times."""
    run = read_run(folder)
    name = Cell.parse(cell).id
    return {**run.line(name), "timings": run.timings.get(name, {})}


def cell_lines(told: dict[str, Any]) -> list[str]:
    """A cell for people."""
    if told["status"] == "failed":
        return [f"{told['cell']}: failed ({told['error']['code']}). {told['error']['message']}"]
    s, t = told["scores"], told["timings"]
    out = [f"{told['cell']}: {s['n_forgotten']} of {s['n_trained']} records forgotten; guarantee {s['guarantee']}."]
    if s.get("verdict"):
        out.append(f"The audit says: {s['verdict']} (power {s['power']:.2f}, {told['n_references']} references).")
    for part in ("retain", "forget", "test"):
        own = s.get(f"{part}_{s['measure']}")
        if own is not None:
            out.append(f"{part} {s['measure'].replace('_', ' ')} {own:.4f}, gap {s[f'{part}_gap']:+.4f}")
    if s.get("mean_gap") is not None:
        out.append(
            f"mean gap {s['mean_gap']:.4f}"
            + (f", of a retrain {s['mean_gap_of_a_retrain']:.4f}" if s.get("mean_gap_of_a_retrain") is not None else "")
        )
    out.append(
        f"records read {share_text(s['work_share'])} of a retrain"
        + (f"; {duration_text(t['forget_s'])} against {duration_text(t['retrain_s'])}" if t else "")
    )
    return [*out, "Equal to a fresh fit, bit for bit." if s["is_equal"] else "Not equal to a fresh fit."]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two runs, cell by cell.

    Parameters
    ----------
    n_both, n_equal : int
        Cells that are done in both, and whose scores are equal byte for byte.
    only_first, only_second : tuple of str
        Cells that one has and the other does not.
    rows : tuple of tuple of str
        Scores that differ: name, cells, mean difference with its interval over cells, largest.
    """

    n_both: int
    n_equal: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    columns = ("score", "cells that differ", "second minus first", "largest")


def compare_runs(first: str | Path, second: str | Path) -> Comparison:
    """Compare two runs on the cells that both have.

    Raises
    ------
    InvalidRequestError
        They have no cell in common.
    """
    one, two = ({c: line for c, line in read_run(folder).scores.items() if line["status"] == "done"}
                for folder in (first, second))  # fmt: skip
    both = sorted(set(one) & set(two))
    if not both:
        raise InvalidRequestError("The two runs have no cell in common.", hint="Run the same matrix twice.")
    rows = []
    for name in sorted({name for cell in both for name in one[cell]["scores"]}):
        pairs = [(two[cell]["scores"].get(name), one[cell]["scores"].get(name)) for cell in both]
        numbers = [(float(b), float(a)) for b, a in pairs if _is_number(a) and _is_number(b)]
        differ = [abs(b - a) for b, a in numbers if a != b]
        if differ:
            found = paired_bootstrap(*zip(*numbers, strict=True))
            told = f"{found.value:+.4g} [{found.low:+.4g}, {found.high:+.4g}]"
            rows.append((name, str(len(differ)), told, f"{max(differ):.4g}"))
    equal = sum(_body(one[cell]) == _body(two[cell]) for cell in both)
    return Comparison(
        len(both), equal, tuple(sorted(set(one) - set(two))), tuple(sorted(set(two) - set(one))), tuple(rows)
    )


def reproduce(cell: str, folder: str | Path) -> dict[str, Any]:
    """Run a cell again, references and all, and compare it with what a run says.

    Returns
    -------
    dict
        ``cell``, ``is_equal`` (byte for byte), ``differences`` (score to largest difference), ``here`` and ``there``
        where the environments differ.

    Raises
    ------
    NotReproducedError
        Other scores, in the same environment.
    UnknownNameError
        The run has no such cell.
    """
    from expunge.lab.experiment import run_cell

    asked = Cell.parse(cell)
    before = read_run(folder).line(asked.id)
    if before["status"] != "done":
        raise InvalidRequestError(f"{asked.id} failed in that run: there is nothing to compare with.")
    check_cells([asked])
    after = json.loads(line_of(run_cell(asked).scores))
    names = {
        key: (before["scores"].get(key), after["scores"].get(key)) for key in {**before["scores"], **after["scores"]}
    }
    differences = {name: _distance(a, b) for name, (a, b) in sorted(names.items()) if a != b}
    is_equal = _body(before) == _body(after)
    here = environment()
    other = {k: [before["environment"].get(k), v] for k, v in here.items() if before["environment"].get(k) != v}
    has_other_code = other.pop("code", None) is not None
    if not is_equal and not other:
        first = next(iter(differences), "a digest")
        hint = "The code is not the one that made the run." if has_other_code else "Has the data changed?"
        raise NotReproducedError(f"{asked.id} gives other scores than it gave, first {first}.", hint=hint)
    return {"cell": asked.id, "is_equal": is_equal, "differences": differences, "environment": other}


def reproduced_lines(told: dict[str, Any]) -> list[str]:
    """The outcome of :func:`reproduce` for people."""
    if told["is_equal"]:
        return [f"{told['cell']}: the same scores, byte for byte."]
    largest = max((d for d in told["differences"].values() if d is not None), default=math.nan)
    return [
        f"{told['cell']}: bits cannot be compared here; the largest difference of a score is {largest:.3g}.",
        *(f"{name}: there {was}, here {now}" for name, (was, now) in told["environment"].items()),
    ]


def _body(line: dict[str, Any]) -> str:
    """What must repeat: everything but the environment."""
    return line_of({key: value for key, value in line.items() if key != "environment"})


def _distance(a: Any, b: Any) -> float | None:
    return abs(float(a) - float(b)) if _is_number(a) and _is_number(b) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
