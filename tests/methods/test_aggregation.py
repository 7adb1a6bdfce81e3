"""From answers to one answer, against loops and fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.tree import DecisionTreeClassifier

from expunge.methods.sharded.aggregation import (
    combine_values,
    judges,
    mean_probabilities,
    skill,
    vote_shares,
    weights_of,
)
from expunge.rows import Table

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 2))
LABELS = np.array(["a", "b", "c", "d"])


def trees():
    out = []
    for known in (["a", "b"], ["b", "d"], ["c"], ["a", "b", "c", "d"]):
        y = RNG.choice(known, 30)
        y[: len(known)] = known
        out.append(DecisionTreeClassifier(max_depth=2).fit(X, y))
    return out


@pytest.mark.parametrize("weights", [None, np.array([0.0, 1.0, 0.25, 2.0])])
def test_mean_probability_gives_a_missing_class_zero(weights):
    models = trees()
    factors = [1, 1, 1, 1] if weights is None else weights.tolist()
    slow = [[0.0] * 4 for _ in X]
    for i in range(len(X)):
        for model, factor in zip(models, factors, strict=True):
            for label, p in zip(model.classes_, model.predict_proba(X[i : i + 1])[0], strict=True):
                slow[i]["abcd".index(label)] += factor * p / sum(factors)
    found = mean_probabilities(models, X, LABELS, weights)
    assert_allclose(found, slow, atol=1e-12)
    assert_allclose(found.sum(axis=1), 1)


def test_votes_are_counted_and_ties_go_to_the_first_class():
    models = trees()
    slow = [[sum(m.predict(x[np.newaxis])[0] == c for m in models) / 4 for c in LABELS] for x in X]
    assert vote_shares(models, X, LABELS).tolist() == slow
    two = [DummyClassifier(strategy="constant", constant=c).fit(X, ["b", "d"] * 15) for c in "db"]
    assert LABELS[vote_shares(two, X, LABELS).argmax(axis=1)[0]] == "b"


def test_values_are_combined():
    models = [DummyRegressor(strategy="constant", constant=c).fit(X, X[:, 0]) for c in (1.0, 2.0, 9.0)]
    assert combine_values(models, X, "mean").tolist() == [4.0] * 30
    assert combine_values(models, X, "median").tolist() == [2.0] * 30
    assert combine_values(models, X, "weighted", np.array([0.0, 0.5, 0.5])).tolist() == [5.5] * 30
    both = LinearRegression().fit(X, X @ [[1.0, 2.0], [3.0, 4.0]])
    assert combine_values([both, both], X, "mean").shape == (30, 2)


def test_skill_of_a_classifier_is_two_integers():
    y = np.array(["x", "y", "x"], dtype=object)
    model = DummyClassifier(strategy="most_frequent").fit(np.zeros((3, 1)), y)
    assert skill(model, Table(np.arange(3), np.zeros((3, 2)), y), classifier=True) == {"hits": 2, "of": 3}
    assert skill(None, Table(np.arange(3), np.zeros((3, 2)), y), classifier=True) == {"hits": 0, "of": 3}


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20), st.floats(-10, 10))
def test_skill_of_a_regressor_is_the_coefficient_of_determination(y, slope):
    y = np.array(y)
    X = np.arange(len(y), dtype=float)[:, np.newaxis]
    model = LinearRegression(fit_intercept=False).fit(X, slope * X[:, 0])
    found = skill(model, Table(np.arange(len(y)), X, y), classifier=False)["skill"]
    values = [Fraction(float(v)) for v in y]
    mean = sum(values) / len(values)
    if sum((v - mean) ** 2 for v in values) > 1e-6:
        assert_allclose(found, max(0.0, r2_score(y, model.predict(X))), atol=1e-9)
    back = Table(np.arange(len(y)), X[::-1], y[::-1])
    assert_allclose(skill(model, back, classifier=False)["skill"], found, rtol=0, atol=1e-9)


def test_skill_where_nothing_varies():
    model = DummyRegressor(strategy="constant", constant=3.0).fit(X, X[:, 0])
    for value, expected in ((3.0, 1.0), (4.0, 0.0)):
        assert skill(model, Table(np.arange(2), X[:2], np.full(2, value)), classifier=False) == {"skill": expected}
    assert skill(None, Table(np.arange(2), X[:2], np.zeros(2)), classifier=False) == {"skill": 0.0}


def test_weights_without_any_skill_are_equal():
    assert weights_of([{"hits": 0, "of": 4}, {"hits": 0, "of": 2}]).tolist() == [1, 1]
    assert weights_of([{"hits": 1, "of": 4}, {"hits": 0, "of": 2}]).tolist() == [0.25, 0]
    assert weights_of([{"skill": 0.0}, {"skill": 0.5}]).tolist() == [0, 0.5]


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=8), st.lists(st.integers(0, 2), min_size=8, max_size=8), st.data()
)
def test_judges_finds_every_weight_that_can_have_changed(before, more, data):
    """Brute force: a weight depends on the shard, on its judge, and on who that is."""
    n = len(before)
    touched = data.draw(st.sets(st.integers(0, n - 1)))
    after = [more[k] if k in touched else before[k] for k in range(n)]

    def ring(sizes):
        full = [k for k in range(n) if sizes[k]]
        return {k: full[(i + 1) % len(full)] for i, k in enumerate(full)}

    old, new = ring(before), ring(after)
    needed = {k for k in new if k in touched or new[k] in touched or old.get(k) != new[k]}
    assert judges(sorted(new), touched, n) == {k: new[k] for k in sorted(needed)}
