"""Forgetting equals a fresh fit on what is left: by digest, and by the bytes of every output."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.checks.case import Case
from expunge.checks.tasks import Task
from expunge.checks.verdict import expect, skip
from expunge.errors import ExpungeError

__all__ = [
    "check_forgetting_a_class_equals_a_fresh_fit",
    "check_forgetting_all_but_one_equals_a_fresh_fit",
    "check_forgetting_all_records_of_a_class_equals_a_fresh_fit",
    "check_forgetting_everything_equals_a_fresh_fit",
    "check_forgetting_features_equals_a_fresh_fit",
    "check_forgetting_one_by_one_in_any_order_equals_a_fresh_fit",
    "check_forgetting_one_record_equals_a_fresh_fit",
    "check_forgetting_random_subsets_equals_a_fresh_fit",
    "check_forgetting_subjects_equals_a_fresh_fit",
    "check_forgetting_with_sample_weights_equals_a_fresh_fit",
]

Rows = npt.NDArray[np.intp]


def _forget(case: Case, task: Task, *batches: Any) -> None:
    """Forget batch after batch and compare with a fresh fit on the rest."""
    model = case.model(task)
    for rows in batches:
        case.forget(model, task, rows)
    gone = np.concatenate([np.atleast_1d(rows) for rows in batches]).astype(np.intp)
    steps = "at once" if len(batches) == 1 else f"in {len(batches)} steps"
    case.expect_same(model, case.fresh(task.drop(gone)), task, f"{len(gone)} of {len(task)} records forgotten {steps}")


def check_forgetting_one_record_equals_a_fresh_fit(case: Case) -> None:
    """The first, a middle and the last row."""
    case.needs_exact()
    for task in case.tasks:
        model = case.fit(task)
        case.forget(model, task, [3])
        case.expect_same(model, case.fresh(task.drop([3])), task, "the record in row 3 forgotten")
        for row in (0, len(task) - 1):
            _forget(case, task, [row])


def check_forgetting_random_subsets_equals_a_fresh_fit(case: Case) -> None:
    """Subsets of several sizes, at once."""
    case.needs_exact()
    rng = np.random.default_rng(1)
    for task in case.tasks:
        for size in (5, len(task) // 2, len(task) - 6):
            _forget(case, task, rng.choice(len(task), size=size, replace=False))


def check_forgetting_one_by_one_in_any_order_equals_a_fresh_fit(case: Case) -> None:
    """The same rows one by one, backwards, and in two batches."""
    case.needs_exact()
    rng = np.random.default_rng(2)
    for task in case.tasks:
        rows = rng.choice(len(task), size=6, replace=False)
        _forget(case, task, *rows.tolist())
        _forget(case, task, *rows[::-1].tolist())
        _forget(case, task, rows[2:], rows[:2])


def check_forgetting_all_but_one_equals_a_fresh_fit(case: Case) -> None:
    """So little is left that parts of the model go dormant."""
    case.needs_exact()
    for task in case.tasks:
        _forget(case, task, np.arange(1, len(task)))


def check_forgetting_everything_equals_a_fresh_fit(case: Case) -> None:
    """Nothing is left; at once, and the last record by itself."""
    case.needs_exact()
    for task in case.tasks:
        _forget(case, task, np.arange(len(task)))
        _forget(case, task, np.arange(1, len(task)), [0])


def check_forgetting_all_records_of_a_class_equals_a_fresh_fit(case: Case) -> None:
    """A class disappears, named by its records."""
    case.needs_exact()
    for task in case.tasks:
        if task.y is None or len(labels := np.unique(task.y)) > len(task) // 2:
            skip(f"{case.name} has no classes")
        for label in labels[[0, -1]]:
            _forget(case, task, np.flatnonzero(task.y == label))


def check_forgetting_a_class_equals_a_fresh_fit(case: Case) -> None:
    """A class disappears, named by its label."""
    _by(case, "classes")


def check_forgetting_subjects_equals_a_fresh_fit(case: Case) -> None:
    """All records of two persons."""
    _by(case, "subjects")


def check_forgetting_features_equals_a_fresh_fit(case: Case) -> None:
    """A column goes, and afterwards some records."""
    _by(case, "features")
    for task in case.tasks:
        model = case.model(task)
        request = case.served(model, task, "features")
        model.forget(**request.keywords)
        model.forget(task.ids[:3])
        rest = request.rest.take(np.arange(3, len(task)))
        case.expect_same(model, case.fresh(rest), rest, "a feature and then three records forgotten")


def _by(case: Case, kind: str) -> None:
    case.needs_exact()
    for task in case.tasks:
        model = case.model(task)
        request = case.served(model, task, kind)
        removal = model.forget(**request.keywords)
        case.expect_same(model, case.fresh(request.rest), request.rest, f"{request.keywords!r} forgotten")
        gone = len(task) - len(request.rest)
        expect(
            removal.n_forgotten == gone,
            f"{case.name}, {task.name}: {request.keywords!r} is {gone} records, n_forgotten is {removal.n_forgotten}.",
        )


def check_forgetting_with_sample_weights_equals_a_fresh_fit(case: Case) -> None:
    """Records with weights; also one of weight zero, which is known until it is forgotten."""
    case.needs_exact()
    task = case.task
    weight = np.random.default_rng(3).integers(1, 9, size=len(task)) / 4.0
    weight[7] = 0.0
    try:
        model = case.fit(task, weight=weight)
    except ExpungeError as error:
        skip(f"of {case.name} with weights: {error}")
    known = model.digest()
    gone = np.array([3, 7, 11, 30])
    case.forget(model, task, gone[1:2])
    expect(model.digest() != known, f"{case.name}: forgetting a record of weight zero changes nothing; it was known.")
    case.forget(model, task, np.delete(gone, 1))
    rest = np.setdiff1d(np.arange(len(task)), gone)
    twin = case.see(case.fit(task.take(rest), weight=weight[rest], dormant=True), task)
    case.expect_same(model, twin, task, "4 weighted records forgotten")
