"""Whatever columns are forgotten, in one request or several, and whatever follows: a fit that never saw them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.naive_bayes import GaussianNB

import expunge
from checks.instances import instances
from expunge.checks import Case
from expunge.errors import ExpungeError, InvalidRequestError, UnsupportedRequestError

SLOW = ("strings", "histgb", "lightgbm", "sharded", "logistic")
CASES = {
    name: case
    for name, case in instances().items()
    if case.task.features()
    and "features" in case.estimator._requests
    and case.estimator._strongest == "exact"
    and not name.endswith(SLOW)
}  # of the slow ones the contract forgets a column; of what is certified no digest is that of a fresh fit


def test_every_method_with_columns_is_tried() -> None:
    assert len(CASES) > 30


def without(task, gone):
    for name in sorted(gone, reverse=True) if not hasattr(task.X, "columns") else gone:
        task = task.without(name)
    return task


@settings(max_examples=60)
@given(st.data())
def test_any_columns(data) -> None:
    case: Case = CASES[data.draw(st.sampled_from(sorted(CASES)))]
    task = data.draw(st.sampled_from(case.tasks))
    columns = task.features()
    gone = data.draw(st.lists(st.sampled_from(columns), min_size=1, max_size=len(columns) - 1, unique=True))
    model, rest = case.model(task), without(task, gone)
    before = model.digest()
    try:
        plan, removal = model.plan(features=gone), model.forget(features=gone)
    except (InvalidRequestError, UnsupportedRequestError) as error:
        assert error.hint  # noqa: PT017 - either is right, and both are looked at
        assert model.digest() == before
        with pytest.raises(ExpungeError):  # as a fit refuses what is left
            case.fit(rest)
        return
    assert plan.work_low <= removal.work <= plan.work_high
    assert model.digest() == case.fit(rest, dormant=True).digest()
    left = np.arange(4, len(rest))
    model.forget(task.ids[:4])
    model.rectify(task.ids[4:6], rest.take([8, 9]).X)
    X = rest.X.copy()
    if hasattr(X, "iloc"):
        for name in X.columns:
            X[name] = [*X[name].iloc[:4], *X[name].iloc[[8, 9]], *X[name].iloc[6:]]
        X = X.astype(rest.X.dtypes.to_dict())
    else:
        X = X[[*range(4), 8, 9, *range(6, len(rest))]]
    twin = case.fit(rest.replace(X=X).take(left), dormant=True)
    assert model.digest() == twin.digest()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["ridge", "shards"])
def test_a_column_may_go_of_a_model_that_was_loaded_without_a_record(name: str, tmp_path) -> None:
    """Of no record a file does not keep so much as the form."""
    X, y = np.arange(24.0).reshape(8, 3), np.arange(8) % 2
    model = expunge.Ridge() if name == "ridge" else expunge.SISAClassifier(GaussianNB(), n_shards=2)
    model.fit(X, y)
    model.forget(list(range(8)))
    loaded = expunge.load(model.save(tmp_path / "empty"))
    for one in (model, loaded):
        one.forget(features=[0])
    assert model.digest() == loaded.digest()
    for one in (model, loaded):
        one.learn(X[:, 1:], y, record_ids=np.arange(8))
    assert model.digest() == loaded.digest()
