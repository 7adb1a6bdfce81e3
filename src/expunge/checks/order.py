"""Only ids, values and parameters matter: not the order of rows, not the number of jobs, not how much is printed."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import joblib
import numpy as np

from expunge.checks.case import Case
from expunge.checks.verdict import expect, skip

__all__ = [
    "check_execution_parameters_make_no_difference",
    "check_n_jobs_never_matters",
    "check_row_order_never_matters",
]

#: Names that are about how work is done; a method that has one lists it in ``_execution_params``.
EXECUTION_NAMES = ("n_jobs", "verbose", "backend", "progress", "prefer")


def check_row_order_never_matters(case: Case) -> None:
    """Fit and forget with the rows in other orders: equal digests, outputs and files."""
    case.needs_exact()
    rng = np.random.default_rng(5)
    for task in case.tasks:
        twin = case.fresh(task)
        for order in (np.arange(len(task))[::-1], rng.permutation(len(task))):
            shuffled = task.take(order)
            model = case.fit(shuffled)
            case.expect_same(model, twin, task, "rows given in another order")
            ordered = case.model(task)
            for one in (model, ordered):
                case.forget(one, shuffled, [1, 5, 20])
            case.expect_same(model, case.see(ordered, task), task, "rows given in another order, three forgotten")
    same = case.file(case.fit(case.task.take(order))) == case.file(case.model(case.task))
    expect(
        same, f"{case.name}: the saved file depends on the order of the rows.", "Write rows by the hash of their ids."
    )


def check_n_jobs_never_matters(case: Case) -> None:
    """Two processes, two threads, and one: equal digests and outputs."""
    if "n_jobs" not in case.estimator.get_params(deep=False):
        skip(f"{case.name} has no n_jobs")
    listed = "n_jobs" in case.execution_params
    expect(listed, f"{case.name} has n_jobs, but not in _execution_params.", "List it there.")
    task = case.task
    twin, rest = case.see(case.fit(task, n_jobs=1), task), case.fresh(task.drop(range(5)))
    for backend in ("loky", "threading"):
        with joblib.parallel_config(backend=backend):
            model = case.fit(task, n_jobs=2)
            case.expect_same(model, twin, task, f"n_jobs=2 with {backend}")
            case.forget(model, task, range(5))
            if case.kind() == "exact":
                case.expect_same(model, rest, task, f"five records forgotten, n_jobs=2 with {backend}")


def check_execution_parameters_make_no_difference(case: Case) -> None:
    """Parameters about how the work is done are listed, and change no bit of digest, outputs or file."""
    params = case.estimator.get_params(deep=False)
    for name in case.execution_params:
        expect(name in params, f"{case.name} lists {name!r} in _execution_params and does not have it.", "Remove it.")
    for name in EXECUTION_NAMES:
        listed = name not in params or name in case.execution_params
        expect(listed, f"{case.name} has {name!r}, but not in _execution_params.", "List it there.")
    others = [name for name in case.execution_params if name != "n_jobs"]
    if not others:
        skip(f"{case.name} has no execution parameter beside n_jobs")
    task, twin = case.task, case.fresh(case.task)
    file = case.file(twin.model)
    for name in others:
        for value in case.alternatives.get(name, _other(params[name])):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                model = case.fit(task, **{name: value})
            case.expect_same(model, twin, task, f"{name}={value!r}")
            same = case.file(model) == file
            expect(same, f"{case.name}: {name}={value!r} changes the saved file.", "Leave it out of the file.")


def _other(value: Any) -> list[Any]:
    return [not value] if isinstance(value, (bool, type(None))) else [value + 1] if isinstance(value, int) else []
