"""Refuse before you touch: after every refusal the model is byte for byte as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from expunge.checks.case import Case, copied
from expunge.checks.counting import failing
from expunge.checks.tasks import Task
from expunge.checks.verdict import expect, expect_refused, skip

__all__ = [
    "check_a_failure_midway_changes_nothing",
    "check_a_refused_fit_changes_nothing",
    "check_forgotten_records_are_refused_and_nothing_changes",
    "check_malformed_requests_are_refused_and_nothing_changes",
    "check_records_named_twice_are_refused_and_nothing_changes",
    "check_unknown_records_are_refused_and_nothing_changes",
    "check_unlearnable_records_are_refused_and_nothing_changes",
    "untouched",
]

Requests = dict[str, dict[str, Any]]  # in words -> keywords


@contextmanager
def untouched(case: Case, model: Any, task: Task, what: str) -> Iterator[None]:
    """Fail if the model is not the same afterwards: digest, ids, outputs, file."""
    before = case.see(model, task)
    file = case.file(model) if task.name == case.task.name else b""  # files take long: once for each check
    yield
    case.expect_same(model, before, task, what)
    same = not file or case.file(model) == file
    expect(same, f"{case.name}: {what} changes the saved file.", "Check the whole request first.")


def _refuse(case: Case, model: Any, task: Task, requests: Requests, *kinds: type[BaseException]) -> None:
    """``forget`` and ``plan`` refuse each of these requests, and nothing changes."""
    with untouched(case, model, task, "a refused request"):
        digest = model.digest()
        for what, keywords in requests.items():
            expect_refused(partial(model.forget, **keywords), f"{case.name}: forgetting {what}", *kinds)
            same = model.digest() == digest
            expect(same, f"{case.name}: refusing {what} changed the digest.", "Check the whole request first.")
            expect_refused(partial(model.plan, **keywords), f"{case.name}: planning to forget {what}", *kinds)


def check_unknown_records_are_refused_and_nothing_changes(case: Case) -> None:
    """An id, subject or class never learned, also beside known ones; the integer 17 is not the text '17'."""
    for task in case.tasks:
        model = case.model(task)
        odd: Any = 987_654 if task.ids.dtype != object else "nobody"
        other: Any = str(task.ids[0]) if task.ids.dtype != object else 17
        requests: Requests = {
            "an unknown id": {"record_ids": odd},
            "an unknown id after known ones": {"record_ids": [*task.ids[:3].tolist(), odd]},
            "an id of the other type": {"record_ids": [other]},
        }
        for request in case.requests(model, task, "subjects", "classes"):
            known = next(iter(request.keywords.values()))
            unknown: Any = 987_654 if isinstance(known[0], (int, np.integer)) else "nobody"
            requests[f"unknown {request.kind}"] = {request.kind: [unknown]}
            requests[f"unknown {request.kind} after known ones"] = {request.kind: [*known, unknown]}
        _refuse(case, model, task, requests, KeyError)


def check_records_named_twice_are_refused_and_nothing_changes(case: Case) -> None:
    """One id or subject twice in one request, and one id for two rows of a fit."""
    for task in case.tasks:
        model = case.model(task)
        requests: Requests = {"an id twice": {"record_ids": [*task.ids[:3].tolist(), task.ids[0]]}}
        for request in case.requests(model, task, "subjects"):
            requests["a subject twice"] = {"subjects": [*request.keywords["subjects"], request.keywords["subjects"][0]]}
        _refuse(case, model, task, requests, ValueError)
        twice = task.take([0, *range(len(task) - 1)])
        expect_refused(partial(case.fit, twice), f"{case.name}: a fit with one id for two rows", ValueError)


def check_forgotten_records_are_refused_and_nothing_changes(case: Case) -> None:
    """What was forgotten is unknown, also after saving and loading."""
    for task in case.tasks:
        model = case.model(task)
        case.forget(model, task, [3, 4, 8])
        again: Requests = {"a forgotten id": {"record_ids": task.ids[4]}}
        again["a forgotten id among others"] = {"record_ids": task.ids[1:6]}
        _refuse(case, model, task, again, KeyError)
        _refuse(case, case.load(case.file(model)), task, again, KeyError)


def check_malformed_requests_are_refused_and_nothing_changes(case: Case) -> None:
    """Nothing named, an empty list, floats, booleans, missing ids, a feature that is not there, a mix of both."""
    task = case.task
    model = case.model(task)
    _refuse(case, model, task, {"nothing": {}, "an empty list": {"record_ids": []}}, ValueError)
    odd: list[Any] = [0.0, True, np.nan, (1, 2), b"r"]
    wrong: Requests = {f"the id {bad!r}": {"record_ids": [bad]} for bad in odd}
    wrong["a mix of ids"] = {"record_ids": [1, "1"]}
    _refuse(case, model, task, wrong, TypeError, ValueError, KeyError)
    for request in case.requests(model, task, "features"):
        feature = request.keywords["features"][0]
        requests: Requests = {
            "an unknown feature": {"features": ["nosuch"]},
            "a feature twice": {"features": [feature, feature]},
            "no feature": {"features": []},
            "every feature": {"features": task.features()},
            "a feature together with records": {"features": [feature], "record_ids": task.ids[:1]},
        }
        _refuse(case, model, task, requests, ValueError)


def check_unlearnable_records_are_refused_and_nothing_changes(case: Case) -> None:
    """``learn`` refuses known ids, ids named twice, rows of another width, missing targets and too few ids."""
    for task in case.tasks:
        model = case.model(task.drop(range(6)))
        case.learn(copied(model), task.take(range(6)))
        more = task.take(range(5))
        right: dict[str, Any] = {"X": more.X, "y": more.y, "record_ids": more.ids, "subject_ids": more.subjects}
        wrong: Requests = {
            "a known id": {**right, "record_ids": [*more.ids[:4], task.ids[9]]},
            "an id twice": {**right, "record_ids": [*more.ids[:4], more.ids[0]]},
            "too few ids": {**right, "record_ids": more.ids[:4]},
        }
        if more.features():
            wrong["a column less"] = {**right, "X": more.without(more.features()[0]).X}
        if task.y is not None:
            wrong["no targets"] = {**right, "y": None}
        with untouched(case, model, task, "a refused learn"):
            digest = model.digest()
            for what, keywords in wrong.items():
                expect_refused(
                    partial(model.learn, **keywords), f"{case.name}, {task.name}: learning {what}", ValueError
                )
                expect(model.digest() == digest, f"{case.name}: refusing to learn {what} changed the digest.")


def check_a_refused_fit_changes_nothing(case: Case) -> None:
    """A fitted model whose next fit is refused goes on knowing what it knew."""
    task = case.task
    model = case.model(task)
    other = task.without(task.features()[-1]) if task.features() else task
    twice = np.array([task.ids[0], *task.ids[:-1]], dtype=task.ids.dtype)
    with untouched(case, model, task, "a refused fit"):
        refit = partial(model.fit, other.X, other.y, record_ids=twice)
        expect_refused(refit, f"{case.name}: a fit with one id for two rows", ValueError)


def check_a_failure_midway_changes_nothing(case: Case) -> None:
    """An exception out of the user's estimator, in the middle of forgetting, leaves the model as it was."""
    estimator = case.estimator.get_params(deep=False).get("estimator")
    if not hasattr(estimator, "fit"):
        skip(f"{case.name} trains no estimator of the user")
    task = case.task
    model = case.model(task)
    twin = case.fresh(task.drop(range(5)))
    with untouched(case, model, task, "an exception out of the estimator"), failing(estimator) as error:
        try:
            case.forget(model, task, range(5))
        except error:
            pass
        else:
            skip(f"{case.name} forgets these records without training")
    case.forget(model, task, range(5))
    case.expect_same(model, twin, task, "five records forgotten after an attempt that failed")
