"""Every method as the last step of a pipeline lives as a fresh fit does, and does what its plans say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor

import expunge
from checks.instances import KINDS, instances
from expunge.checks.case import _OUTPUTS
from expunge.contract import DormantModelError
from expunge.errors import ExpungeError

N = 30
_LABELS = np.array(["a", "b", "c"])
#: Of each method that takes numbers the first instance.
LAST = {
    type(case.estimator).__name__: (name, case.estimator)
    for name, case in reversed(instances().items())
    if case.table in ("numbers", "sparse") and not isinstance(case.estimator, expunge.Pipeline)
}
#: Where plans of a fit are bounds, or look at rows; the other ones behind numbers are slow.
PLANNED = {
    "DescentToDelete",
    "HistogramDetector",
    "IsolationForest",
    "KMeans",
    "LocalOutlierFactor",
    "ModularClassifier",
}
#: Scaled numbers are negative, and counts are not.
NOT_SCALED = {"MultinomialNB"}


def words() -> list[str]:
    """Texts; the last ones have words of their own."""
    rng = np.random.default_rng(0)
    kinds = np.array(["ferry", "crew", "harbour", "rope", "anchor", "gull", "tide"])
    return [" ".join(rng.choice(kinds, 5)) + (f" only{i}" if i > N - 5 else "") for i in range(N)]


def numbers() -> Any:
    return np.random.default_rng(1).normal(size=(N, 4)) * [1.0, 30.0, 0.01, 4.0]


FORMS = {
    "words": (expunge.CountVectorizer, lambda: np.array(words(), dtype=object)),
    "numbers": (expunge.StandardScaler, numbers),
}


def expect_alike(model: Any, other: Any, X: Any) -> None:
    assert model.digest() == other.digest()
    for name in _OUTPUTS:
        if hasattr(other, name):
            try:
                expected = getattr(other, name)(X)
            except DormantModelError:
                with pytest.raises(DormantModelError):
                    getattr(model, name)(X)
            else:
                found = getattr(model, name)(X)
                assert_array_equal(*(Z.toarray() if hasattr(Z, "tocsr") else Z for Z in (found, expected)))


def cases() -> Iterator[Any]:
    for last in LAST:
        yield pytest.param("words", last)
        if last not in NOT_SCALED:
            yield pytest.param("numbers", last, marks=() if last in PLANNED else pytest.mark.slow)


@pytest.mark.parametrize(("form", "last"), list(cases()))
def test_a_last_step_lives_as_a_fresh_fit_and_does_what_is_planned(form: str, last: str) -> None:
    name, step = LAST[last]
    (first, table), is_exact = FORMS[form], KINDS.get(name, "exact") == "exact"
    X, made = table(), expunge.make_pipeline(first(), clone(step))
    y = _LABELS[np.arange(N) % 3] if is_classifier(step) else np.sqrt(np.arange(N)) if is_regressor(step) else None

    def told(rows: Any, ids: Any) -> dict[str, Any]:
        return {"X": X[rows], "y": None if y is None else y[rows], "record_ids": ids}

    def expect_fresh(ids: Any, rows: Any) -> None:
        if is_exact:
            expect_alike(model, clone(made).fit(**told(rows, ids), allow_dormant=True), X)

    rows = np.arange(24)
    model = clone(made).fit(**told(rows, rows))
    with contextlib.nullcontext() if is_exact else contextlib.suppress(ExpungeError):  # a budget may be spent
        plan, done = model.plan([3, 20]), model.forget([3, 20])
        assert plan.work_low <= done.work <= plan.work_high
        ids = rows = np.delete(rows, [3, 20])
        plan = model.plan_rectify([5, 6], X[26:28], None if y is None else y[26:28])
        done = model.rectify([5, 6], X[26:28], None if y is None else y[26:28])
        assert plan.work_low <= done.work <= plan.work_high
        rows = np.concatenate([[26, 27], rows[(rows != 5) & (rows != 6)]])
        ids = np.concatenate([[5, 6], ids[(ids != 5) & (ids != 6)]])
        model.learn(**told([24, 25], [24, 25]))
        rows, ids = np.append(rows, [24, 25]), np.append(ids, [24, 25])
        expect_fresh(ids, rows)
        plan, done = model.plan(ids[1:]), model.forget(ids[1:])
        assert plan.work_low <= done.work <= plan.work_high
        model.learn(**told(rows[1:], ids[1:]))
        expect_fresh(ids, rows)
