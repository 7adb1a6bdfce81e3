"""What the caller hands in stays the caller's: neither changed nor kept by reference; what comes out is a copy."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from expunge.checks.case import Case, frozen
from expunge.checks.tasks import Task, copy_of
from expunge.checks.verdict import expect, expect_refused, skip
from expunge.errors import CheckFailedError, ExpungeError

__all__ = [
    "check_inputs_are_not_changed",
    "check_inputs_are_not_kept_by_reference",
    "check_outputs_are_copies",
    "check_too_little_data_is_refused_by_fit",
]


def _bytes(task: Task) -> list[Any]:
    X = task.X
    columns = [X[name].to_numpy() for name in X.columns] if hasattr(X, "columns") else [X]
    return [frozen(part) for part in [*columns, task.y, task.ids, task.subjects] if part is not None]


def _read_only(task: Task) -> Task:
    parts = {"X": task.X, "y": task.y, "ids": task.ids, "subjects": task.subjects}
    copies = {name: None if part is None else copy_of(part) for name, part in parts.items()}
    for part in [*copies.values(), getattr(copies["X"], "data", None)]:
        if isinstance(part, np.ndarray):
            part.flags.writeable = False
    return task.replace(**copies)


def check_inputs_are_not_changed(case: Case) -> None:
    """``fit``, ``forget``, ``plan``, ``learn`` and ``predict`` change nothing they are given; read-only data works."""
    for task in case.tasks:
        given = _read_only(task)
        before = _bytes(given)
        model = case.fit(given)
        wanted = given.ids[:5]
        model.plan(wanted)
        model.forget(wanted)
        case.outputs(model, given)
        if hasattr(model, "learn"):
            case.learn(model, given.take(range(5)))
        expect(_bytes(given) == before, f"{case.name}, {task.name}: the data handed in was changed.", "Work on a copy.")


def check_inputs_are_not_kept_by_reference(case: Case) -> None:
    """Overwriting the data after ``fit`` or ``learn`` changes nothing in the model, nor in what it forgets later."""
    for task in case.tasks:
        given = task.take(range(len(task)))
        model = case.fit(given)
        _overwrite(given)
        case.expect_same(model, case.fresh(task), task, "the data overwritten after fit")
        wanted = task.ids[:4].copy()
        model.forget(wanted)
        wanted[:] = task.ids[9]
        rest = task.drop(range(4))
        if case.kind() == "exact":
            case.expect_same(model, case.fresh(rest), task, "the data overwritten after fit, four records forgotten")
        if hasattr(model, "learn"):
            more = task.take(range(4))
            case.learn(model, more)
            _overwrite(more)
            if case.kind() == "exact":
                case.expect_same(model, case.fresh(task), task, "the data overwritten after learn")


def _overwrite(task: Task) -> None:
    if hasattr(task.X, "columns"):
        for name in task.X.columns:
            task.X.loc[:, name] = task.X[name].iloc[0]
    elif isinstance(task.X, list):
        task.X[:] = ["overwritten"] * len(task.X)
    elif hasattr(task.X, "tocsr"):
        task.X.data[:] = 77.0
    else:
        task.X[:] = 77.0
    for part in (task.y, task.ids, task.subjects):
        if part is not None:
            part[:] = part[0]


def check_outputs_are_copies(case: Case) -> None:
    """Writing into predictions or into properties such as ``classes_`` and ``coef_`` changes nothing in the model."""
    task = case.task
    model = case.model(task)
    twin = case.fresh(task)
    values = [getattr(model, name)(task.X) for name in twin.outputs]
    learned = [name for name in dir(type(model)) if name.endswith("_") and not name.startswith("_")]
    values += [getattr(model, name) for name in learned if hasattr(model, name)]
    for value in values:
        if isinstance(value, np.ndarray) and value.flags.writeable:
            value[...] = value.ravel()[0]
    case.expect_same(model, twin, task, "outputs overwritten by the caller")


def check_too_little_data_is_refused_by_fit(case: Case) -> None:
    """``fit`` refuses no rows at all, where ``forget`` would leave a dormant model; allow_dormant gives that model.

    Raises
    ------
    CheckFailedError
        A fit takes no rows, or a dormant fit refuses them.
    """
    task = case.task
    empty = task.take([])
    expect_refused(lambda: case.fit(empty), f"{case.name}: a fit on no rows", ValueError)
    model = case.new()
    if "allow_dormant" not in inspect.signature(model.fit).parameters:
        skip(f"{case.name} has no allow_dormant")
    try:
        model = case.fit(empty, dormant=True)
    except ExpungeError as error:
        raise CheckFailedError(
            f"{case.name}: fit(..., allow_dormant=True) refuses no rows: {error}", hint="It gives a dormant model."
        ) from error
    expect(len(model.record_ids_) == 0, f"{case.name}: a fit on no rows knows {model.record_ids_!r}.")
