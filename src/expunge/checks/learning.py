"""Learning is the inverse of forgetting; what is left too small sleeps, and learning wakes it up."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from expunge.checks.case import Case
from expunge.checks.tasks import Task
from expunge.checks.verdict import expect, expect_refused
from expunge.errors import ExpungeError

__all__ = [
    "check_a_dormant_model_refuses_to_predict_and_learns_again",
    "check_learning_after_forgetting_restores_the_digest",
    "check_learning_equals_a_fresh_fit",
]


def check_learning_after_forgetting_restores_the_digest(case: Case) -> None:
    """Forget and learn the same records: the model is as it was, in any order and in pieces."""
    case.needs_exact()
    rng = np.random.default_rng(4)
    for task in case.tasks:
        rows = rng.choice(len(task), size=8, replace=False)
        twin = case.fresh(task)
        for pieces in ([rows], [rows[5:][::-1], rows[:5]]):
            model = case.model(task)
            case.forget(model, task, rows)
            for piece in pieces:
                case.learn(model, task.take(piece))
            case.expect_same(model, twin, task, f"{len(rows)} records forgotten and learned again")


def check_learning_equals_a_fresh_fit(case: Case) -> None:
    """Records, a class among them, that were not there at first."""
    case.needs_exact()
    for task in case.tasks:
        late = np.arange(len(task)) % 4 == 0 if task.y is None else task.y >= np.sort(task.y)[-8]
        late[:2] = True
        model = case.model(task.take(np.flatnonzero(~late)))
        added = case.learn(model, task.take(np.flatnonzero(late)))
        n = int(late.sum())
        expect(added.n_learned == n, f"{case.name}: {n} records learned, n_learned says {added.n_learned}.")
        case.expect_same(model, case.fresh(task), task, f"{n} records learned later")


def check_a_dormant_model_refuses_to_predict_and_learns_again(case: Case) -> None:
    """Nothing left: predict raises NotFittedError, another forget KeyError, save works, learn restores."""
    case.needs_exact()
    for task in case.tasks:
        model = case.model(task)
        case.forget(model, task, np.arange(len(task)))
        _expect_asleep(case, model, task)
        for sleeper in (model, case.load(case.file(model))):
            case.learn(sleeper, task)
            case.expect_same(sleeper, case.fresh(task), task, "everything forgotten and learned again")


def _expect_asleep(case: Case, model: Any, task: Task) -> None:
    """Nothing is known, and nothing is said."""
    known = model.record_ids_
    expect(len(known) == 0, f"{case.name}: everything is forgotten, record_ids_ holds {known!r}.")
    for name in ("predict", "transform"):
        if hasattr(model, name):
            said = f"{case.name}: {name} of a dormant model"
            expect_refused(partial(getattr(model, name), task.X), said, NotFittedError)
    expect_refused(lambda: model.forget(task.ids[:1]), f"{case.name}: forgetting from an empty model", KeyError)
    if hasattr(model, "export"):
        expect_refused(
            lambda: case.export(model), f"{case.name}: exporting a dormant model", NotFittedError, ExpungeError
        )
