"""Rectifying equals a fresh fit on the corrected table: of whole rows, columns, labels, persons and weights."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np

from expunge.checks.canaries import IDS, expect_gone, expect_there, expect_untold, plain, plant
from expunge.checks.case import Case
from expunge.checks.counting import countable, counting, failing
from expunge.checks.plans import expect_named, same_promise, timeless
from expunge.checks.requests import untouched
from expunge.checks.tasks import Task, copy_of
from expunge.checks.verdict import expect, expect_refused, skip
from expunge.errors import ExpungeError, UnsupportedRequestError
from expunge.records import Rectification
from expunge.requests import has_classes

__all__ = [
    "check_a_failed_rectification_changes_nothing",
    "check_a_refused_rectification_changes_nothing",
    "check_no_old_value_of_a_rectified_record_is_left",
    "check_rectifying_classes_that_come_and_go_equals_a_fresh_fit",
    "check_rectifying_parts_of_records_equals_a_fresh_fit",
    "check_rectifying_reads_what_was_planned",
    "check_rectifying_records_equals_a_fresh_fit",
]

ROWS = [3, 9, 20, 41]


def check_rectifying_records_equals_a_fresh_fit(case: Case) -> None:
    """Whole rows get other values, labels and persons, at once and one by one; then one of the persons is forgotten."""
    case.needs_exact()
    for task, batches in ((case.tasks[0], [ROWS]), (case.tasks[-1], [ROWS[:1], ROWS[1:]])):
        new, model = _corrected(task, ROWS), _model(case, task)
        for rows in batches:
            n = _rectify(model, new.take(rows)).n_rectified
            expect(n == len(rows), f"{case.name}: {len(rows)} records rectified, n_rectified says {n}.")
        case.expect_same(model, case.fresh(new), task, f"{len(ROWS)} records rectified in {len(batches)} steps")
    for request in case.requests(model, new, "subjects"):
        model.forget(**request.keywords)
        case.expect_same(model, case.fresh(request.rest), task, "two persons forgotten after records were rectified")


def check_rectifying_parts_of_records_equals_a_fresh_fit(case: Case) -> None:
    """Columns by name, labels, persons and weights, each alone: what is not given stays as it is."""
    case.needs_exact()
    task, rows = case.task, ROWS[:2]
    columns = task.features()[::3]
    new, ids = _corrected(task, rows, columns or None), task.ids[rows]
    model = _model(case, task)
    parts: list[dict[str, Any]] = [{"X": {name: _cells(new.X, name, rows)}} for name in columns]
    parts += [{"X": new.take(rows).X}] if not parts else []
    parts += [{"subject_ids": new.subjects[rows]}, *([] if new.y is None else [{"y": new.y[rows]}])]
    for part in parts:
        model.rectify(ids, **part)
    case.expect_same(model, case.fresh(new), task, f"two records rectified in {len(parts)} parts")
    weight = np.where(np.arange(len(task)) % 3 == 0, 2.0, 0.5)
    try:
        model = case.fit(task, weight=weight)
    except (ExpungeError, TypeError):
        return  # it takes none, as another check finds out
    model.rectify(ids[:1], sample_weight=[4.0])
    model.rectify(ids, **_whole(new.take(rows)))
    weight[rows[0]] = 4.0
    twin = case.see(case.fit(new, weight=weight, dormant=True), task)
    case.expect_same(model, twin, task, "two weighted records rectified, one weight first")


def check_rectifying_classes_that_come_and_go_equals_a_fresh_fit(case: Case) -> None:
    """All records of a class get the label of another one; then some get a label that was never there."""
    case.needs_exact()
    if not has_classes(case.estimator):
        skip(f"{case.name} has no classes")
    task = case.tasks[-1]
    assert task.y is not None  # noqa: S101 - of a classifier
    labels, y = np.unique(task.y), task.y.copy()
    model = _model(case, task)
    for rows, label in (
        (np.flatnonzero(y == labels[-1]), labels[0]),
        (np.arange(6), labels[0] + (1 if y.dtype != object else " ny")),
    ):
        y[rows] = label
        model.rectify(task.ids[rows], y=y[rows])
        new = task.replace(y=y.copy())
        case.expect_same(model, case.fresh(new), task, f"{len(rows)} records rectified to the label {label!r}")


def check_no_old_value_of_a_rectified_record_is_left(case: Case) -> None:
    """Neither in the saved file, nor in the export, nor in what is said about it."""
    case.needs_exact()
    before, row = plain(case, number=False), 17
    task, canaries = plant(case, before, row, number=False, label=True)
    del canaries["the record id"]  # which stays
    model = _model(case, task, fitted=case.fit(task))
    expect_there(case, model, canaries)
    right = before.take([row])
    y = None if right.y is None or task.y is None else right.y.astype(task.y.dtype)
    if y is not None and has_classes(case.estimator):
        y = np.array([str(label) for label in right.y.tolist()], dtype=object)  # type: ignore[union-attr]
    done = model.rectify([IDS[0]], right.X, y, subject_ids=right.subjects, digest=True)
    expect_untold(case, done, model, canaries)
    expect_gone(case, model, canaries, "one record is rectified")


def check_a_refused_rectification_changes_nothing(case: Case) -> None:
    """Unknown, forgotten and repeated ids, nothing given, an unknown column, too few rows or labels; also of a plan."""
    task = case.task
    model = _model(case, task)
    case.forget(model, task, [5])
    new = _corrected(task, ROWS).take(ROWS)
    ids, whole = new.ids.tolist(), _whole(new)
    odd: Any = 987_654 if task.ids.dtype != object else "nobody"
    wrong: dict[str, dict[str, Any]] = {
        "an unknown id": {"record_ids": [*ids[:3], odd], **whole},
        "a forgotten id": {"record_ids": [*ids[:3], task.ids[5]], **whole},
        "an id of the other type": {"record_ids": [*map(str, ids[:3]), 17], **whole},
        "an id twice": {"record_ids": [*ids[:3], ids[0]], **whole},
        "nothing": {"record_ids": ids},
        "no record": {"record_ids": [], **whole},
        "more ids than rows": {"record_ids": [*ids, task.ids[0]], **whole},
        "an unknown column": {"record_ids": ids, "X": {"nosuch": [1.0] * len(ids)}},
        "too few persons": {"record_ids": ids, "subject_ids": new.subjects[:2]},
    }
    if task.features():
        name = task.features()[0]
        wrong["too few values"] = {"record_ids": ids, "X": {name: _cells(new.X, name, [0])[:1] * 3}}
    if new.y is not None:
        wrong["too few targets"] = {"record_ids": ids, "y": new.y[:2]}
    with untouched(case, model, task, "a refused rectification"):
        digest = model.digest()
        for what, keywords in wrong.items():
            kinds = (KeyError, ValueError, TypeError)
            expect_refused(partial(model.rectify, **keywords), f"{case.name}: rectifying {what}", *kinds)
            expect(model.digest() == digest, f"{case.name}: refusing to rectify {what} changed the digest.")
            expect_refused(partial(model.plan_rectify, **keywords), f"{case.name}: planning to rectify {what}", *kinds)


def check_a_failed_rectification_changes_nothing(case: Case) -> None:
    """An exception in the middle of the change leaves the model as it was; the next attempt succeeds."""
    task = case.task
    model, new = _model(case, task), _corrected(task, ROWS)
    estimator = case.estimator.get_params(deep=False).get("estimator")
    if not hasattr(estimator, "fit"):
        skip(f"{case.name} trains no estimator of the user")
    with untouched(case, model, task, "an exception out of the estimator"), failing(estimator) as error:
        try:
            _rectify(model, new.take(ROWS))
        except error:
            pass
        else:
            skip(f"{case.name} rectifies these records without training")
    _rectify(model, new.take(ROWS))
    case.expect_same(model, case.fresh(new), task, "records rectified after an attempt that failed")


def check_rectifying_reads_what_was_planned(case: Case) -> None:
    """The work declared is the work counted, within the plan; kind, digests and JSON are as of a removal."""
    if not countable(case.new()):
        skip(f"{case.name} has no estimator and no expunge rows: its reads cannot be seen from outside")
    task = case.tasks[-1]
    for rows, digest in ((ROWS[:1], True), (list(range(0, len(task), 2)), False)):
        new, model = _corrected(task, rows).take(rows), _model(case, task)
        before, keywords = model.digest(), _whole(new)
        plan, again = (model.plan_rectify(new.ids, **keywords) for _ in range(2))
        what = f"{case.name}, {task.name}: rectifying {len(rows)} records"
        expect(timeless(plan) == timeless(again), f"{what}: the same plan twice gives two answers.")
        expect(model.digest() == before, f"{what}: plan_rectify changes the digest.", "It is a dry run.")
        with counting(model) as counter:
            done = model.rectify(new.ids, **keywords, digest=digest)
        expect(
            done.work == counter.count and plan.work_low <= done.work <= plan.work_high,
            f"{what}: the plan says {plan.work_low} to {plan.work_high}, {counter.count} were read, {done.work} told.",
            "Correct _estimate_corrected, and read rows through change.rows.read.",
        )
        expect_named(plan, done, what)
        expect(plan.n_records == done.n_rectified == len(rows), f"{what}: {plan.n_records} were planned.")
        expect(
            same_promise(plan.guarantee, done.guarantee),
            f"{what} was planned as {plan.guarantee}, done as {done.guarantee}.",
        )
        asked = (before, model.digest()) if digest else (None, None)
        expect((done.digest_before, done.digest_after) == asked, f"{what}: the digests are not those asked for.")
        same = Rectification.from_dict(json.loads(json.dumps(done.to_dict()))) == done
        expect(same, f"{what}: what is returned does not survive JSON.", "Use plain numbers and text.")


def _model(case: Case, task: Task, *, fitted: Any = None) -> Any:
    """A model of the task that rectifies, or skip the check."""
    model = case.model(task) if fitted is None else fitted
    if not hasattr(model, "rectify"):
        skip(f"{case.name} has no rectify")
    try:
        model.plan_rectify(task.ids[:1], **_whole(task.take([0])))
    except UnsupportedRequestError as error:
        skip(f"{case.name} does not rectify: {error}")
    return model


def _whole(task: Task) -> dict[str, Any]:
    return {"X": task.X, "y": task.y, "subject_ids": task.subjects}


def _rectify(model: Any, task: Task) -> Any:
    return model.rectify(task.ids, **_whole(task))


def _cells(X: Any, name: Any, rows: list[int]) -> list[Any]:
    """Values of one column."""
    if hasattr(X, "columns"):
        found: list[Any] = X[name].iloc[rows].tolist()
        return found
    return [X[row, name].item() for row in rows]


def _corrected(task: Task, rows: list[int], columns: list[Any] | None = None) -> Task:
    """The task with other values in these rows and columns, labels and persons: those of other rows, scaled."""
    source, X = [(row + 7) % len(task) for row in rows], copy_of(task.X)
    if hasattr(X, "columns"):
        for name in X.columns if columns is None else columns:
            cells, other = X[name].tolist(), X[name].iloc[source].tolist()
            for row, cell in zip(rows, other, strict=True):
                cells[row] = cell if X[name].dtype.kind != "f" else 1.5 * cell
            X[name] = type(X[name])(cells, dtype=X[name].dtype, index=X.index)
    elif hasattr(X, "tocsr"):
        dense = X.toarray()
        for j in range(X.shape[1]) if columns is None else columns:
            dense[rows, j] = 1.5 * task.X.toarray()[source, j]
        X = type(X)(dense)
    elif hasattr(X, "shape"):
        for j in range(X.shape[1]) if columns is None else columns:
            X[rows, j] = 1.5 * task.X[source, j]
    else:
        for row, other in zip(rows, source, strict=True):
            X[row] = task.X[other]
    y, subjects = None if task.y is None else task.y.copy(), task.subjects.copy()
    subjects[rows] = task.subjects[source]
    if y is not None and task.y is not None:
        y[rows] = task.y[[(row + 1) % len(task) for row in rows]]
    return task.replace(X=X, y=y, subjects=subjects)
