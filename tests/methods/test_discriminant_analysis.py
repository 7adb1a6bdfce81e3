"""Discriminant analysis against scikit-learn, against definitions, and against itself after any history."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis as LinearPeer
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis as QuadraticPeer
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

import expunge
from expunge import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from expunge.contract import DormantModelError
from expunge.errors import InvalidDataError, InvalidParameterError, OutOfRangeError
from expunge.maths import exact
from expunge.maths.product_moments import products
from expunge.methods.sums.class_products import scatter
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

TABLES = [*scaled_sets(), pytest.param(random_table, id="random")]
MODELS = [
    LinearDiscriminantAnalysis(), LinearDiscriminantAnalysis(shrinkage=0.2), QuadraticDiscriminantAnalysis(),
    QuadraticDiscriminantAnalysis(reg_param=0.1),
]  # fmt: skip


def some_priors(y):
    n_classes = len(np.unique(y))
    return (np.arange(1, n_classes + 1) / sum(range(1, n_classes + 1))).tolist()


def assert_near_peer(model, peer, X, names):
    assert_array_equal(model.classes_, peer.classes_)
    assert_array_equal(model.predict(X), peer.predict(X))
    for name in names:
        near(getattr(model, name), getattr(peer, name), name)
    near(model.decision_function(X), peer.decision_function(X), "decision_function")
    near(model.predict_proba(X), peer.predict_proba(X), "predict_proba")
    assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X))


@pytest.mark.parametrize("params", ["plain", "shrinkage", "priors", "tol"])
@pytest.mark.parametrize("table", TABLES)
def test_linear_equals_scikit_learn_within_a_millionth(table, params):
    X, y = table()
    ours, theirs = {
        "plain": ({}, {}),
        "shrinkage": ({"shrinkage": 0.1}, {"solver": "lsqr", "shrinkage": 0.1}),
        "priors": ({"priors": some_priors(y)}, {"priors": some_priors(y)}),
        "tol": ({"tol": 0.3}, {"tol": 0.3}),
    }[params]
    peer = LinearPeer(**theirs).fit(X, y)
    assert_near_peer(
        LinearDiscriminantAnalysis(**ours).fit(X, y), peer, X, ("coef_", "intercept_", "means_", "priors_")
    )


@pytest.mark.parametrize("params", ["plain", "reg_param", "priors"])
@pytest.mark.parametrize("table", TABLES)
def test_quadratic_equals_scikit_learn_within_a_millionth(table, params):
    X, y = table()
    if params == "plain" and X.shape[1] > 20:
        X = X[:, [20, 21, 26, 27, 28]]  # of the others some are flat in a class, which the peer refuses
    keywords = {"plain": {}, "reg_param": {"reg_param": 0.1}}.get(params, {"reg_param": 0.1, "priors": some_priors(y)})
    peer = QuadraticPeer(**keywords).fit(X, y)
    assert_near_peer(QuadraticDiscriminantAnalysis(**keywords).fit(X, y), peer, X, ("means_", "priors_"))


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_scikit_learns_own_checks_pass_without_exception(model):
    failed = [r for r in check_estimator(model, on_fail=None, on_skip=None) if r["status"] == "failed"]
    assert failed == []


# ---------------------------------------------------------------- against definitions


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 9), with_weights=st.booleans(), offset=st.sampled_from([0.0, 1e8]))
def test_the_scatter_is_that_of_fractions_to_the_last_bit(seed, n, with_weights, offset):
    rng = np.random.default_rng(seed)
    X, codes = np.rint((rng.normal(size=(n, 2)) + offset) * 2**10) / 2**10, np.arange(n) % 3
    w = rng.integers(1, 9, n) / 4.0 if with_weights else np.ones(n)
    expected = [[Fraction(0)] * 2 for _ in range(2)]
    for k in range(min(n, 3)):
        rows = [([Fraction(v) for v in x], Fraction(v)) for x, v in zip(X[codes == k], w[codes == k], strict=True)]
        total = sum(v for _, v in rows)
        mean = [sum(v * x[i] for x, v in rows) / total for i in range(2)]
        for i in range(2):
            for j in range(2):
                expected[i][j] += sum(v * (x[i] - mean[i]) * (x[j] - mean[j]) for x, v in rows)
    r, n_groups = [2.0**-12, 2.0**-20], min(n, 3)
    limbs = products(X, w if with_weights else None, r, np.arange(n))
    sums = exact.group_sums(X * w[:, np.newaxis], codes, n_groups, r)
    weight = np.array([int(4 * w[codes == k].sum()) for k in range(n_groups)], dtype=object)
    ours = scatter(limbs, sums, weight, 4, r)
    assert_allclose(ours, np.array(expected, dtype=np.float64), rtol=1e-15, atol=1e-20)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_is_bayes_rule_with_gaussians_and_weights(model):
    X, y = random_table(60)
    w = np.random.default_rng(2).exponential(size=60)
    model.fit(X, y, sample_weight=w)
    covs = [np.cov(X[y == k].T, aweights=w[y == k], bias=True) for k in range(3)]
    size = np.array([w[y == k].sum() for k in range(3)])
    if isinstance(model, LinearDiscriminantAnalysis):
        pooled = sum(c * s for c, s in zip(covs, size, strict=True)) / size.sum()
        s = model.shrinkage or 0.0
        covs = [(1 - s) * pooled + s * np.trace(pooled) / 4 * np.eye(4)] * 3
    else:
        covs = [(1 - model.reg_param) * c + model.reg_param * np.eye(4) for c in covs]
    joint = np.empty((60, 3))
    for k in range(3):
        away = X - np.average(X[y == k], axis=0, weights=w[y == k])
        joint[:, k] = np.log(size[k] / size.sum()) - 0.5 * np.linalg.slogdet(covs[k])[1]
        joint[:, k] -= 0.5 * np.sum(away * np.linalg.solve(covs[k], away.T).T, axis=1)
    joint = np.exp(joint - joint.max(axis=1, keepdims=True))
    near(model.predict_proba(X), joint / joint.sum(axis=1, keepdims=True), "posterior")


# ---------------------------------------------------------------- any history


@pytest.mark.parametrize("model", MODELS[:3], ids=str)
@settings(max_examples=25, deadline=None)
@given(history=histories(), labels=st.sampled_from(list(LABELS)), with_weights=st.booleans())
def test_any_history_equals_a_fresh_fit(model, history, labels, with_weights):
    lives_as_a_fresh_fit(type(model)(**{**model.get_params(), "seed": 5}), history, labels, with_weights)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_class_vanishes_and_comes_back(model, tmp_path):
    a_class_vanishes_and_comes_back(model, tmp_path)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_an_integer_weight_is_that_many_records(model):
    integer_weights_are_repeated_records(model)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_huge_records_leave_no_trace(model):
    huge_records_leave_no_trace(model)


@pytest.mark.parametrize("model", MODELS[2:], ids=str)
def test_an_offset_costs_no_digits(model):
    an_offset_costs_no_digits(model)


@pytest.mark.parametrize("model", [*MODELS, expunge.RidgeClassifier(), expunge.NearestCentroid()], ids=str)
def test_the_solution_does_not_depend_on_the_number_of_threads_or_the_order_of_rows(model):
    X, y = random_table(500)
    order, bits = np.random.default_rng(0).permutation(500), set()
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            for rows in (np.arange(500), order):
                solution = model.fit(X[rows], y[rows], record_ids=rows)._solution()
                bits.add((model.digest(), *(value.tobytes() for value in solution.values())))
    assert len(bits) == 1


def test_chunks_do_not_matter(monkeypatch):
    X, y = random_table()
    for model in MODELS:
        whole = model.fit(X, y).digest()
        with monkeypatch.context() as patch:
            patch.setattr("expunge.maths.product_moments._CHUNK", 7)
            assert model.fit(X, y).digest() == whole


# ---------------------------------------------------------------- too little, too wide, too flat


def test_one_record_for_each_class_is_refused_by_the_linear_one_and_leaves_it_dormant():
    X, y = random_table()
    one = [int(np.flatnonzero(y == k)[0]) for k in range(3)]
    with pytest.raises(InvalidDataError, match="more than the number of classes"):
        LinearDiscriminantAnalysis().fit(X[one], y[one])
    model = LinearDiscriminantAnalysis().fit(X, y)
    model.forget(np.setdiff1d(np.arange(len(X)), one))
    with pytest.raises(DormantModelError):
        model.predict(X)
    assert model.digest() == fresh(model, X, y, np.array(one)).digest()
    assert set(LinearDiscriminantAnalysis().fit(X, y * 0).predict(X)) == {0}


def test_one_class_is_refused_by_the_quadratic_one_and_leaves_it_dormant():
    X, y = random_table(n_classes=2)
    with pytest.raises(InvalidDataError, match="greater than one"):
        QuadraticDiscriminantAnalysis().fit(X, y * 0)
    with pytest.raises(InvalidDataError, match="greater than one"):
        QuadraticDiscriminantAnalysis().fit(X, y, sample_weight=1.0 - y)
    model = QuadraticDiscriminantAnalysis().fit(X, y)
    model.forget(classes=[1])
    with pytest.raises(DormantModelError):
        model.predict(X)
    assert model.digest() == fresh(model, X, y, np.flatnonzero(y == 0)).digest()


def test_a_flat_class_has_the_least_variance():
    X, y = random_table(n_classes=2)
    X[y == 1, 0] = 3.0
    with pytest.raises(np.linalg.LinAlgError):
        QuadraticPeer().fit(X, y)
    model = QuadraticDiscriminantAnalysis(tol=0.01).fit(X, y)
    assert np.isfinite(model.decision_function(X)).all()
    at = model.means_[1] + [[0, 0, 0, 0], [0.1, 0, 0, 0]]
    scores = model._validated_scores(at)[:, 1]
    assert_allclose(scores[0] - scores[1], 0.5 * 0.1**2 / 0.01, rtol=1e-6)
    model.forget(np.flatnonzero(y == 1)[1:])
    assert np.isfinite(model.decision_function(X)).all()


def test_priors_for_a_class_that_vanished_leave_a_dormant_model_until_it_comes_back():
    X, y = random_table()
    for kind in (LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis):
        model = kind(priors=[0.2, 0.3, 0.5]).fit(X, y)
        before = model.digest()
        model.forget(classes=[1])
        with pytest.raises(DormantModelError):
            model.predict(X)
        back = np.flatnonzero(y == 1)
        model.learn(X[back], y[back], record_ids=back)
        assert model.digest() == before
        with pytest.raises(InvalidParameterError, match="Number of priors"):
            model.learn(X[:1], [9], record_ids=[999])
        assert model.digest() == before


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_value_out_of_range_is_refused_by_name(model):
    X, y = random_table()
    X[7, 2] = 1e300
    for weight in (None, np.ones(len(X)), np.full(len(X), 1e-300)):
        with pytest.raises(OutOfRangeError, match=r"'person 7'"):
            model.fit(X, y, record_ids=[f"person {i}" for i in range(len(X))], sample_weight=weight)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        *((LinearDiscriminantAnalysis, p) for p in ({"shrinkage": 1.5}, {"shrinkage": "auto"}, {"tol": -1.0})),
        *((QuadraticDiscriminantAnalysis, p) for p in ({"reg_param": 1.5}, {"reg_param": None}, {"tol": 0.0})),
        *((k, p) for k in (LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis)
          for p in ({"priors": [0.5, 0.5]}, {"priors": [0.5, 0.5, 0.5]}, {"resolution": 0.3}, {"resolution": [1.0]})),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_parameters_are_refused(kind, params):
    X, y = random_table()
    with pytest.raises(InvalidParameterError):
        kind(**params).fit(X, y)


def test_work_is_the_number_of_forgotten_records_and_an_export_holds_no_sums(tmp_path):
    X, y = random_table()
    for model in MODELS:
        model.fit(X, y)
        plan, removal = model.plan([1, 5, 9]), model.forget([1, 5, 9])
        assert (plan.work_low, plan.work_high, plan.touched) == (3, 3, removal.touched)
        assert removal.work == 3
        export = expunge.load(model.export(tmp_path / "m"))
        assert_array_equal(export.predict_proba(X), model.predict_proba(X))
        names = {"coef", "intercept"} if isinstance(model, LinearDiscriminantAnalysis) else {"whitening", "constant"}
        assert set(export._state().solution) == {"classes", "means", "prior", *names}


def test_forgetting_a_feature_equals_a_fit_without_it():
    X, y = random_table()
    for model in MODELS:
        model.fit(X, y)
        model.forget(features=[1])
        assert model.digest() == type(model)(**model.get_params()).fit(X[:, [0, 2, 3]], y).digest()
