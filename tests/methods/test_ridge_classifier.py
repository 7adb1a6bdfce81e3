"""Ridge classification against scikit-learn, against fractions, and against itself after any history."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import RidgeClassifier as Peer
from sklearn.utils.estimator_checks import check_estimator

import expunge
from expunge import RidgeClassifier
from expunge.errors import InvalidDataError, InvalidParameterError, OutOfRangeError
from methods.class_histories import (
    LABELS,
    a_class_vanishes_and_comes_back,
    histories,
    huge_records_leave_no_trace,
    integer_weights_are_repeated_records,
    lives_as_a_fresh_fit,
    near,
    random_table,
    scaled_sets,
)


@pytest.mark.parametrize("params", [{}, {"alpha": 1e-3}, {"alpha": 100.0}, {"fit_intercept": False}], ids=str)
@pytest.mark.parametrize("table", [*scaled_sets(), pytest.param(random_table, id="random")])
def test_equals_scikit_learn_within_a_millionth(table, params):
    X, y = table()
    ours, peer = RidgeClassifier(**params).fit(X, y), Peer(**params).fit(X, y)
    near(ours.coef_, np.atleast_2d(peer.coef_), "coef_")
    if ours.fit_intercept:
        near(ours.intercept_, np.atleast_1d(peer.intercept_), "intercept_")
    near(ours.decision_function(X), peer.decision_function(X), "decision_function")
    assert_array_equal(ours.predict(X), peer.predict(X))


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_equals_scikit_learn_with_weights(n_classes, fit_intercept):
    X, y = random_table(n_classes=n_classes)
    weight = np.random.default_rng(1).exponential(size=len(X))
    weight[:20] = 0
    ours = RidgeClassifier(fit_intercept=fit_intercept).fit(X, y, sample_weight=weight)
    peer = Peer(fit_intercept=fit_intercept).fit(X, y, sample_weight=weight)
    near(ours.decision_function(X), peer.decision_function(X), "decision_function")


def test_scikit_learns_own_checks_pass_without_exception():
    failed = [r for r in check_estimator(RidgeClassifier(), on_fail=None, on_skip=None) if r["status"] == "failed"]
    assert failed == []


def slow_values(X, y, alpha, label):
    """Value at each row of the ridge regression on 1 for this label and -1 for others, in fractions."""
    rows = [[Fraction(1), *map(Fraction, x)] for x in X.tolist()]
    t, m = [Fraction(1 if own == label else -1) for own in y], len(rows[0])
    A = [[sum(r[i] * r[j] for r in rows) + (alpha if i == j > 0 else 0) for j in range(m)] for i in range(m)]
    A = [[*a, sum(r[i] * v for r, v in zip(rows, t, strict=True))] for i, a in enumerate(A)]
    for i in range(m):
        A[i] = [a / A[i][i] for a in A[i]]
        for k in range(m):
            if k != i:
                A[k] = [a - A[k][i] * b for a, b in zip(A[k], A[i], strict=True)]
    return [float(sum(a[-1] * v for a, v in zip(A, row, strict=True))) for row in rows]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 8), offset=st.sampled_from([0, 10**6]))
def test_equals_fractions(seed, n, offset):
    rng = np.random.default_rng(seed)
    X, y = rng.integers(-8, 8, (n, 3)) / 4 + offset, np.arange(n) % 3
    model = RidgeClassifier(alpha=0.5).fit(X, y)
    values = [slow_values(X, y, Fraction(1, 2), label) for label in model.classes_]
    ours = model.decision_function(X)
    assert_allclose(ours, values[1] if n == 2 else np.transpose(values), atol=1e-10 * max(1, offset))


@settings(max_examples=40, deadline=None)
@given(history=histories(), labels=st.sampled_from(list(LABELS)), with_weights=st.booleans())
def test_any_history_equals_a_fresh_fit(history, labels, with_weights):
    lives_as_a_fresh_fit(RidgeClassifier(seed=5), history, labels, with_weights)


def test_a_class_vanishes_and_comes_back(tmp_path):
    a_class_vanishes_and_comes_back(RidgeClassifier(), tmp_path)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_an_integer_weight_is_that_many_records(fit_intercept):
    integer_weights_are_repeated_records(RidgeClassifier(fit_intercept=fit_intercept))


def test_huge_records_leave_no_trace():
    huge_records_leave_no_trace(RidgeClassifier())


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_of_one_class_that_class_is_predicted(fit_intercept):
    X, y = random_table(n_classes=1)
    model = RidgeClassifier(fit_intercept=fit_intercept).fit(X, y + 7)
    assert set(model.predict(X)) == {7}
    assert model.coef_.shape == (1, 4)


def test_a_class_without_weight_is_not_predicted():
    X, y = random_table()
    model = RidgeClassifier().fit(X, y, sample_weight=np.where(y == 1, 0.0, 1.0))
    assert model.classes_.tolist() == [0, 2]
    with pytest.raises(InvalidDataError, match="at least one non-zero"):
        RidgeClassifier().fit(X, y, sample_weight=np.zeros(len(X)))


@pytest.mark.parametrize("weight", [None, 1.0, 1e-6, 1e6])
def test_a_value_out_of_range_is_refused_by_name_and_nothing_changes(weight):
    X, y = random_table()
    X[7, 2] = -(2.0**31)
    ids = [f"person {i}" for i in range(len(X))]
    w = None if weight is None else np.full(len(X), weight)
    with pytest.raises(OutOfRangeError, match=r"'person 7'"):
        RidgeClassifier().fit(X, y, record_ids=ids, sample_weight=w)
    w = None if weight is None else w[:7]
    model = RidgeClassifier().fit(X[:7], y[:7], record_ids=ids[:7], sample_weight=w)
    before = model.digest()
    with pytest.raises(OutOfRangeError, match=r"'person 7'"):
        model.learn(X[7:9], y[7:9], record_ids=ids[7:9], sample_weight=None if w is None else w[:2])
    assert model.digest() == before


@pytest.mark.parametrize(
    "params", [{"alpha": -1.0}, {"alpha": [1.0]}, {"fit_intercept": 1}, {"resolution": 0.3}, {"resolution": [1.0]}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("with_weights", [False, True])
def test_wrong_parameters_are_refused(params, with_weights):
    X, y = random_table()
    with pytest.raises(InvalidParameterError):
        RidgeClassifier(**params).fit(X, y, sample_weight=np.ones(len(X)) if with_weights else None)


def test_an_export_predicts_the_same_and_holds_no_sums(tmp_path):
    X, y = random_table()
    model = RidgeClassifier().fit(X, y)
    plan, removal = model.plan([1, 5, 9]), model.forget([1, 5, 9])
    assert (plan.work_high, plan.touched) == (removal.work, removal.touched) == (3, ("sums", "products"))
    assert "2^-32" in removal.guarantee.statement
    export = expunge.load(model.export(tmp_path / "m"))
    assert_array_equal(export.decision_function(X), model.decision_function(X))
    assert set(export._state().solution) == {"classes", "coef", "intercept"}


def test_what_is_handed_out_is_a_copy():
    X, y = random_table()
    model = RidgeClassifier().fit(X, y)
    expected = model.decision_function(X)
    model.coef_[...], model.intercept_[...], model.classes_[...] = 0, 0, 0
    assert_array_equal(model.decision_function(X), expected)
