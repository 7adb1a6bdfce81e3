"""The lab checks itself: what must hold in every run that deserves belief."""

from __future__ import annotations

import dataclasses
from typing import Any

from scipy import stats

from expunge.lab.cells import Cell
from expunge.lab.results import Run
from expunge.lab.summary import ACCUSATIONS, ALPHA

__all__ = ["Check", "check_run"]

_LEAST_POWER = 0.8


@dataclasses.dataclass(frozen=True)
class Check:
    """Something that must hold.

    Parameters
    ----------
    name : str
    told : str
        What was found, with numbers.
    passed : bool or None
        None where there is nothing to look at.
    """

    name: str
    told: str
    passed: bool | None


def check_run(run: Run) -> list[Check]:
    """All checks of a run."""
    done = {Cell.parse(name): line["scores"] for name, line in run.scores.items() if line["status"] == "done"}
    return [
        _controls_are_there(run), _do_nothing(done), _accused(done), _retrain(done), _exact(done), _one_code(run),
        _complete(run),
    ]  # fmt: skip


def _controls_are_there(run: Run) -> Check:
    audited = [Cell.parse(name) for name in run.asked]
    audited = [cell for cell in audited if cell.n_references]
    methods: dict[str, set[str]] = {}
    for cell in audited:
        methods.setdefault(cell.shared, set()).add(cell.scenario.method)
    without = [name for name, found in methods.items() if not {"retrain", "do-nothing"} <= found]
    told = f"{len(methods) - len(without)} of {len(methods)} audited groups hold both."
    return Check("Retrain and do-nothing are in every group", told, not without if methods else None)


def _do_nothing(done: dict[Cell, Any]) -> Check:
    seen = [
        s["verdict"] == "not forgotten" for cell, s in done.items()
        if cell.scenario.method == "do-nothing" and (s.get("power") or 0) >= _LEAST_POWER
    ]  # fmt: skip
    told = f"{sum(seen)} of {len(seen)} models that forgot nothing, where the audit has power."
    likely = _at_least(sum(seen), len(seen), _LEAST_POWER, unlikely=0.05)
    return Check("Do-nothing is flagged wherever the power is 0.8 or more", told, likely)


def _accused(done: dict[Cell, Any]) -> Check:
    """Of one retrain for each draw of references: of several, all depend on the same."""
    first: dict[str, str] = {}
    for cell, s in sorted(done.items(), key=lambda pair: pair[0]):
        if cell.scenario.method == "retrain" and s.get("verdict"):
            first.setdefault(cell.shared, s["verdict"])
    accused = sum(verdict in ACCUSATIONS for verdict in first.values())
    told = f"{accused} of {len(first)} retrains are accused, each by references of its own; "
    told += f"{100 * ALPHA:.0f} % are expected."
    likely = _at_least(len(first) - accused, len(first), 1 - ALPHA)
    return Check("Retrains are accused no more often than the audit's level", told, likely)


def _one_code(run: Run) -> Check:
    """A run that went on after a change of the code holds lines of both."""
    found = {line["environment"].get("code", "") for line in run.scores.values()}
    told = f"{len(found)} version{'' if len(found) == 1 else 's'} of the code made {len(run.scores)} lines."
    return Check("One version of the code made all cells", told, len(found) == 1 if found else None)


def _retrain(done: dict[Cell, Any]) -> Check:
    """A retrain is one more draw of the same kind as m references: it lies outside their range in 2 of m + 1 cases."""
    inside, rates = [], []
    for cell, s in done.items():
        if cell.scenario.method != "retrain" or not cell.n_references:
            continue
        measure = s.get("measure", "accuracy")
        for part, own in (*((part, f"{part}_{measure}") for part in ("retain", "forget", "test")),
                          ("attack", "attack_auc")):  # fmt: skip
            low, high = s.get(f"{part}_reference_low"), s.get(f"{part}_reference_high")
            if low is not None and s.get(own) is not None:
                inside.append(low <= s[own] <= high)
                rates.append(1 - 2 / (cell.n_references + 1))
    told = f"{sum(inside)} of {len(inside)} qualities and attacks lie in the range of the references"
    expected = f"; {sum(rates):.0f} are expected." if rates else "."
    likely = _at_least(sum(inside), len(inside), sum(rates) / len(rates)) if rates else None
    return Check("A retrain lies where retrains lie", told + expected, likely)


def _exact(done: dict[Cell, Any]) -> Check:
    equal = [
        s["is_equal"] for cell, s in done.items() if s["guarantee"] == "exact" and cell.scenario.method == "forget"
    ]
    told = f"{sum(equal)} of {len(equal)} cells with an exact guarantee have the digest of the fresh fit."
    return Check("Exact means equal", told, all(equal) if equal else None)


def _complete(run: Run) -> Check:
    told = f"{len(run.asked) - len(run.failed) - len(run.missing)} of {len(run.asked)} cells are done"
    told += f"; {len(run.failed)} failed, {len(run.missing)} have not been run."
    return Check("No cell failed or is missing", told, run.is_complete)


def _at_least(count: int, n: int, share: float, *, unlikely: float = 0.01) -> bool | None:
    """Whether a count is not too low for a share; None of nothing."""
    if not n:
        return None
    return bool(stats.binom.cdf(count, n, share) > unlikely)
