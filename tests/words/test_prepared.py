"""What is made of a solution to answer quickly: once for each, and gone with it."""

import pickle

import numpy as np
import pytest

import expunge

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture
def model():
    made = expunge.ForestClassifier(n_estimators=3, max_depth=3).fit(X, Y)
    made.predict(X)
    return made


def test_it_is_made_once_for_each_solution(model):
    ready = model._state().ready
    assert ready is not None
    model.predict(X[:2])
    assert model._state().ready is ready
    model.forget(3)
    assert model._state().ready is None, "thresholds are values of records"
    model.predict(X)
    assert model._state().ready is not ready


def test_it_is_not_copied(model):
    fresh = expunge.ForestClassifier(n_estimators=3, max_depth=3).fit(X, Y)
    fresh._solution()
    assert len(pickle.dumps(model)) == len(pickle.dumps(fresh)), "both have a solution; one has answered"
    again = pickle.loads(pickle.dumps(model))
    assert again._state().ready is None
    assert (again.predict_proba(X) == model.predict_proba(X)).all()


def test_a_change_while_it_is_made_leaves_nothing_of_it_behind(model):
    state, solution = model._state(), model._solution()
    state.ready = None

    def prepare(made):
        model.forget(5)
        return made

    assert state.prepared(solution, prepare) is solution
    assert state.ready is None
