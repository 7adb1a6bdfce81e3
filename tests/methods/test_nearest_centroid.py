"""Nearest centroids against scikit-learn, against definitions, and against itself after any history."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import NearestCentroid as Peer
from sklearn.utils.estimator_checks import check_estimator

import expunge
from expunge import NearestCentroid
from expunge.contract import DormantModelError
from expunge.errors import InvalidDataError, InvalidParameterError, OutOfRangeError
from methods.class_histories import (
    LABELS,
    a_class_vanishes_and_comes_back,
    an_offset_costs_no_digits,
    fresh,
    histories,
    huge_records_leave_no_trace,
    integer_weights_are_repeated_records,
    lives_as_a_fresh_fit,
    near,
    random_table,
    scaled_sets,
)


@pytest.mark.parametrize("params", ["plain", "shrunken", "empirical", "priors"])
@pytest.mark.parametrize("table", [*scaled_sets(), pytest.param(random_table, id="random")])
def test_equals_scikit_learn_within_a_millionth(table, params):
    X, y = table()
    n_classes = len(np.unique(y))
    keywords = {
        "plain": {}, "shrunken": {"shrink_threshold": 1.5}, "empirical": {"priors": "empirical"},
        "priors": {"priors": (np.arange(1, n_classes + 1) / sum(range(1, n_classes + 1))).tolist()},
    }[params]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # columns of digits that are zero everywhere
        peer = Peer(**keywords).fit(X, y)
    ours = NearestCentroid(**keywords).fit(X, y)
    for name in ("centroids_", "within_class_std_dev_", "class_prior_"):
        near(getattr(ours, name), getattr(peer, name), name)
    for name in ("decision_function", "predict_proba"):
        near(getattr(ours, name)(X), getattr(peer, name)(X), name)
    assert_array_equal(ours.predict(X), peer.predict(X))


@pytest.mark.parametrize("params", [{}, {"shrink_threshold": 0.5}, {"priors": "empirical"}], ids=str)
def test_scikit_learns_own_checks_pass_without_exception(params):
    results = check_estimator(NearestCentroid(**params), on_fail=None, on_skip=None)
    assert [r for r in results if r["status"] == "failed"] == []


def test_equals_definitions_with_weights():
    X, y = random_table(60)
    w = np.random.default_rng(2).exponential(size=60) + 0.5
    model = NearestCentroid(shrink_threshold=0.5, priors="empirical").fit(X, y, sample_weight=w)
    size = np.array([w[y == k].sum() for k in range(3)])
    means = np.array([np.average(X[y == k], axis=0, weights=w[y == k]) for k in range(3)])
    std = np.sqrt(np.sum(w[:, np.newaxis] * (X - means[y]) ** 2, axis=0) / (w.sum() - 3))
    centre, expected = np.average(X, axis=0, weights=w), []
    for k in range(3):
        error = np.sqrt(1 / size[k] - 1 / w.sum()) * (std + np.median(std))
        score = (means[k] - centre) / error
        expected.append(centre + error * np.sign(score) * np.clip(np.abs(score) - 0.5, 0, None))
    assert_allclose(model.within_class_std_dev_, std, rtol=1e-8)
    assert_allclose(model.centroids_, expected, rtol=1e-8)
    assert_allclose(model.class_prior_, size / size.sum(), rtol=1e-8)


@pytest.mark.parametrize("params", [{}, {"shrink_threshold": 0.5, "priors": "empirical"}], ids=str)
@settings(max_examples=30, deadline=None)
@given(history=histories(), labels=st.sampled_from(list(LABELS)), with_weights=st.booleans())
def test_any_history_equals_a_fresh_fit(params, history, labels, with_weights):
    lives_as_a_fresh_fit(NearestCentroid(seed=5, **params), history, labels, with_weights)


def test_a_class_vanishes_and_comes_back(tmp_path):
    a_class_vanishes_and_comes_back(NearestCentroid(shrink_threshold=0.5), tmp_path)


def test_an_integer_weight_is_that_many_records():
    integer_weights_are_repeated_records(NearestCentroid(shrink_threshold=0.5, priors="empirical"), exactly=False)


def test_huge_records_leave_no_trace():
    huge_records_leave_no_trace(NearestCentroid())


def test_an_offset_costs_no_digits():
    an_offset_costs_no_digits(NearestCentroid(shrink_threshold=0.5))


def test_one_class_is_refused_and_leaves_a_dormant_model():
    X, y = random_table(n_classes=2)
    with pytest.raises(InvalidDataError, match="greater than one"):
        NearestCentroid().fit(X, y * 0)
    model = NearestCentroid().fit(X, y)
    model.forget(classes=[1])
    with pytest.raises(DormantModelError):
        model.predict(X)
    assert model.digest() == fresh(model, X, y, np.flatnonzero(y == 0)).digest()


def test_records_that_are_all_the_same_are_refused():
    y = np.arange(6) % 2
    with pytest.raises(InvalidDataError, match="zero variance"):
        NearestCentroid().fit(np.ones((6, 2)), y)
    model = NearestCentroid().fit(np.vstack([np.ones((6, 2)), [[2.0, 1.0]]]), [*y, 1])
    model.forget(6)
    with pytest.raises(DormantModelError):
        model.predict(np.ones((1, 2)))


def test_one_record_for_each_class_has_no_deviation_and_predicts():
    model = NearestCentroid(shrink_threshold=0.5).fit([[0.0, 0.0], [4.0, 0.0]], ["a", "b"])
    assert model.within_class_std_dev_.tolist() == [0, 0]
    assert model.predict([[1.0, 5.0], [3.0, 5.0]]).tolist() == ["a", "b"]
    assert np.isfinite(model.decision_function([[1.0, 5.0]])).all()


def test_a_value_out_of_range_is_refused_by_name():
    X, y = random_table()
    X[7, 2] = 1e300
    for weight in (None, np.ones(len(X)), np.full(len(X), 1e-300)):
        with pytest.raises(OutOfRangeError, match=r"'person 7'"):
            NearestCentroid().fit(X, y, record_ids=[f"person {i}" for i in range(len(X))], sample_weight=weight)


@pytest.mark.parametrize(
    "params",
    [
        {"shrink_threshold": 0.0}, {"shrink_threshold": "x"}, {"priors": "no"}, {"priors": None}, {"priors": [1.0]},
        {"priors": [0.5, 0.5, 0.5]}, {"resolution": 0.3}, {"resolution": [1.0]},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_parameters_are_refused(params):
    X, y = random_table()
    with pytest.raises(InvalidParameterError):
        NearestCentroid(**params).fit(X, y)


def test_work_is_the_number_of_forgotten_records_and_an_export_holds_no_sums(tmp_path):
    X, y = random_table()
    model = NearestCentroid().fit(X, y)
    plan, removal = model.plan([1, 5, 9]), model.forget([1, 5, 9])
    assert (plan.work_low, plan.work_high, plan.touched) == (3, 3, ("sums",))
    assert (removal.work, removal.touched) == (3, ("sums",))
    export = expunge.load(model.export(tmp_path / "m"))
    assert_array_equal(export.predict_proba(X), model.predict_proba(X))
    assert set(export._state().solution) == {"classes", "centroids", "std", "prior"}


def test_forgetting_a_feature_equals_a_fit_without_it():
    X, y = random_table()
    model = NearestCentroid().fit(X, y)
    model.forget(features=[1])
    assert model.digest() == NearestCentroid().fit(X[:, [0, 2, 3]], y).digest()
