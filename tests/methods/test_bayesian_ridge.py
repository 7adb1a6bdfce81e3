"""Bayesian regression against scikit-learn, row-by-row updates and integrals, and itself after any history."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, special, stats
from sklearn import datasets
from sklearn.linear_model import BayesianRidge as Peer
from sklearn.utils.estimator_checks import check_estimator

from expunge import Ridge
from expunge.checks import Case, check_unlearner
from expunge.contract import DormantModelError
from expunge.errors import InvalidDataError, InvalidParameterError, OutOfRangeError
from expunge.maths.moments import Moments, ReadsMoments, TargetMoments
from expunge.methods.sums.bayesian_ridge import BayesianRidge

LEARNED = ("coef_", "intercept_", "sigma_", "alpha_", "lambda_", "n_iter_")
PRIOR = {"hyperparameters": "fixed", "alpha_1": 2.0, "alpha_2": 1.5, "lambda_init": 0.3}


def random_table(n=60, d=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * ([1, 10, 0.1, 3][:d]) + 2
    return X, X @ rng.normal(size=d) + rng.normal(size=n)


def assert_near_peer(model, peer, X):
    assert model.n_iter_ == peer.n_iter_
    for name in LEARNED:
        ours, theirs = getattr(model, name), np.asarray(getattr(peer, name))
        assert np.shape(ours) == theirs.shape, name
        assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6 * np.abs(theirs).max(), err_msg=name)
    for ours, theirs in zip(model.predict(X, return_std=True), peer.predict(X, return_std=True), strict=True):
        assert ours.shape == theirs.shape
        assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6 * np.abs(theirs).max())


# ---------------------------------------------------------------- evidence: against scikit-learn


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"fit_intercept": False},
        {"max_iter": 2},
        {"tol": 1e-9},
        {"alpha_init": 0.5, "lambda_init": 1e-3},
        {"alpha_1": 3.0, "alpha_2": 2.0, "lambda_1": 4.0, "lambda_2": 0.1},
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("table", [random_table, lambda: datasets.load_diabetes(return_X_y=True)])
def test_equals_scikit_learn_within_a_millionth(table, weighted, params):
    X, y = table()
    weight = np.random.default_rng(1).exponential(size=len(X)) if weighted else None
    model = BayesianRidge(**params).fit(X, y, sample_weight=weight)
    assert_near_peer(model, Peer(**params).fit(X, y, sample_weight=weight), X)


@pytest.mark.parametrize("case", ["dependent features", "fewer records than features"])
def test_equals_scikit_learn_on_scatters_without_full_rank(case):
    X, y = random_table()
    X = np.column_stack([X, X[:, 0] + X[:, 2], np.ones(len(X))])
    if case != "dependent features":
        X, y = X[:5], y[:5]
    model, peer = BayesianRidge().fit(X, y), Peer().fit(X, y)
    assert_allclose(model.coef_, peer.coef_, rtol=1e-4, atol=1e-6)
    assert_allclose(model.predict(X), peer.predict(X), rtol=1e-5)
    assert_allclose(model.sigma_, peer.sigma_, rtol=1e-3, atol=1e-6 * peer.sigma_.max())


def test_the_evidence_is_greatest_where_the_iterations_end():
    X, y = random_table()
    model = BayesianRidge(alpha_1=0, alpha_2=0, lambda_1=0, lambda_2=0, tol=1e-12, fit_intercept=False).fit(X, y)

    def evidence(alpha, lam):  # of y itself, a Gaussian with the coefficients integrated out
        return stats.multivariate_normal(cov=np.eye(len(y)) / alpha + X @ X.T / lam).logpdf(y)

    best = evidence(model.alpha_, model.lambda_)
    for factor in (0.98, 1.02):
        assert evidence(model.alpha_ * factor, model.lambda_) < best
        assert evidence(model.alpha_, model.lambda_ * factor) < best


# ---------------------------------------------------------------- fixed: against other routes to the posterior


def updated_row_by_row(X, y, ratio, a, b):
    """The normal-gamma posterior by rank-one updates of the covariance, in floating point."""
    mean, cover = np.zeros(X.shape[1]), np.eye(X.shape[1]) / ratio
    for x, target in zip(X, y, strict=True):
        spread, error = 1.0 + x @ cover @ x, target - x @ mean
        gain = cover @ x / spread
        mean, cover = mean + gain * error, cover - np.outer(gain, x @ cover)
        a, b = a + 0.5, b + 0.5 * error**2 / spread
    return mean, cover, a, b


def test_a_fixed_prior_gives_the_posterior_of_updates_row_by_row():
    X, y = random_table()
    model = BayesianRidge(**PRIOR, fit_intercept=False).fit(X, y)
    mean, cover, a, b = updated_row_by_row(X, y, 0.3, 2.0, 1.5)
    assert_allclose(model.coef_, mean, rtol=1e-6)
    assert_allclose(model.alpha_, a / b, rtol=1e-6)
    assert_allclose(model.lambda_, 0.3 * a / b, rtol=1e-6)
    assert_allclose(model.sigma_, cover * b / (a - 1), rtol=1e-6, atol=1e-9)
    scale = np.sqrt(b / a * (1 + np.sum(X @ cover * X, axis=1)))
    assert_allclose(model.predict(X, return_std=True)[1], stats.t(2 * a, scale=scale).std(), rtol=1e-6)


def test_a_flat_intercept_is_the_limit_of_a_very_wide_one():
    X, y = random_table()
    wide = np.column_stack([X * 1e-6 * np.sqrt(1 / 0.3), np.ones(len(X))])  # one ratio for all: scale the columns
    mean, cover, a, b = updated_row_by_row(wide, y, 1e-12, 2.0 - 0.5, 1.5)
    model = BayesianRidge(**PRIOR).fit(X, y)
    size = np.array([1e-6 * np.sqrt(1 / 0.3)] * X.shape[1])
    assert_allclose(model.coef_, mean[:-1] * size, rtol=1e-4)
    assert_allclose(model.intercept_, mean[-1], rtol=1e-4)
    assert_allclose(model.alpha_, a / b, rtol=1e-4)
    std = np.sqrt(b / (a - 1) * (1 + np.sum(wide @ cover * wide, axis=1)))
    assert_allclose(model.predict(X, return_std=True)[1], std, rtol=1e-4)


def test_a_fixed_prior_gives_the_moments_found_by_integration():
    rng = np.random.default_rng(5)
    x = rng.normal(size=6)
    y = 1.5 * x + rng.normal(size=6)
    model = BayesianRidge(**PRIOR, fit_intercept=False).fit(x[:, np.newaxis], y)

    def density(coef, alpha):
        error = np.sum((y[:, None, None] - x[:, None, None] * coef) ** 2, axis=0)
        log = 0.5 * len(x) * np.log(alpha) - 0.5 * alpha * error
        log += 0.5 * np.log(0.3 * alpha) - 0.5 * 0.3 * alpha * coef**2 + (2.0 - 1) * np.log(alpha) - 1.5 * alpha
        return np.exp(log)

    coef, alpha = np.linspace(-8, 11, 1501), np.linspace(1e-6, 14, 1501)
    grid = density(coef[:, None], alpha[None, :])

    def mean(f):
        inner = integrate.simpson(grid * f(coef[:, None], alpha[None, :]), x=alpha, axis=1)
        return integrate.simpson(inner, x=coef) / integrate.simpson(integrate.simpson(grid, x=alpha, axis=1), x=coef)

    assert_allclose(model.coef_[0], mean(lambda c, a: c + 0 * a), rtol=1e-4)
    assert_allclose(model.alpha_, mean(lambda c, a: a + 0 * c), rtol=1e-4)
    second = mean(lambda c, a: c**2 + 0 * a)
    assert_allclose(model.sigma_[0, 0], second - model.coef_[0] ** 2, rtol=2e-3)


def test_a_fixed_prior_has_the_coefficients_of_ridge():
    X, y = random_table()
    for fit_intercept in (True, False):
        model = BayesianRidge(**PRIOR, fit_intercept=fit_intercept).fit(X, y)
        ridge = Ridge(alpha=0.3, fit_intercept=fit_intercept).fit(X, y)
        assert_allclose(model.coef_, ridge.coef_, rtol=1e-6)
        assert_allclose(model.intercept_, ridge.intercept_, rtol=1e-6, atol=1e-12)


def test_with_hardly_any_data_the_spread_is_infinite_and_the_mean_is_not():
    model = BayesianRidge(hyperparameters="fixed").fit([[1.0], [2.0]], [1.0, 3.0])
    mean, std = model.predict([[1.5]], return_std=True)
    assert_allclose(mean, 2.0)
    assert np.isinf(std).all()
    assert np.isinf(model.sigma_).all()


def test_a_credible_interval_holds_as_often_as_it_says():
    rng = np.random.default_rng(8)
    inside = []
    for _ in range(200):  # from the prior itself
        alpha = rng.gamma(2.0, 1 / 1.5)
        coef = rng.normal(size=2) / np.sqrt(0.3 * alpha)
        X = rng.normal(size=(8, 2))
        y = X @ coef + rng.normal(size=8) / np.sqrt(alpha)
        model = BayesianRidge(**PRIOR, fit_intercept=False).fit(X[:7], y[:7])
        mean, std = model.predict(X[7:], return_std=True)
        dof = 2 * (2.0 + 3.5)
        half = special.stdtrit(dof, 0.9) * std * np.sqrt((dof - 2) / dof)
        inside.append(np.abs(y[7] - mean[0]) < half[0])
    assert stats.binomtest(int(np.sum(inside)), len(inside), 0.8).pvalue > 0.001


# ---------------------------------------------------------------- contract, forgetting, arguments


@pytest.mark.parametrize("mode", ["evidence", "fixed"])
def test_scikit_learns_own_checks_pass_without_exception(mode):
    results = check_estimator(BayesianRidge(hyperparameters=mode), on_fail=None, on_skip=None)
    assert [r for r in results if r["status"] == "failed"] == []


@pytest.mark.parametrize("mode", ["evidence", "fixed"])
def test_keeps_the_contract(mode):
    results = check_unlearner(Case(BayesianRidge(hyperparameters=mode)), on_fail=None)
    assert [str(r) for r in results if r.status == "failed"] == []
    assert isinstance(BayesianRidge(), ReadsMoments)


@pytest.mark.parametrize("mode", ["evidence", "fixed"])
def test_a_weight_that_is_an_integer_counts_as_that_many_records(mode):
    X, y = random_table()
    weight = np.random.default_rng(1).integers(0, 4, size=len(X))
    weighted = BayesianRidge(hyperparameters=mode).fit(X, y, sample_weight=weight)
    repeated = BayesianRidge(hyperparameters=mode).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    for name in LEARNED:
        assert_array_equal(getattr(weighted, name), getattr(repeated, name), name)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(15)), st.integers(1, 15), st.integers(1, 6), st.sampled_from(["evidence", "fixed"]))
def test_forgetting_in_any_order_and_batch_gives_the_posterior_of_a_fresh_fit(order, n_gone, batch, mode):
    X, y = random_table(n=15)
    model = BayesianRidge(hyperparameters=mode).fit(X, y, record_ids=np.arange(15))
    for start in range(0, n_gone, batch):
        model.forget(order[start : min(start + batch, n_gone)])
    keep = np.array(sorted(order[n_gone:]), dtype=np.int64)
    twin = BayesianRidge(hyperparameters=mode).fit(X[keep], y[keep], record_ids=keep, allow_dormant=True)
    assert model.digest() == twin.digest()
    if not len(keep):
        with pytest.raises(DormantModelError):
            model.predict(X)
        return
    for name in LEARNED:
        assert_array_equal(getattr(model, name), getattr(twin, name), name)
    for ours, theirs in zip(model.predict(X, return_std=True), twin.predict(X, return_std=True), strict=True):
        assert_array_equal(ours, theirs)


def test_the_solution_is_a_function_of_moments():
    X, y = random_table()
    x, t = X - X.mean(axis=0), y - y.mean()
    targets = TargetMoments(np.array([y.mean()]), (x.T @ t)[:, np.newaxis], np.array([[t @ t]]))
    moments = Moments(len(X), float(len(X)), X.mean(axis=0), x.T @ x, targets)
    model = BayesianRidge().fit(X, y)
    assert model._lack(moments) is None
    assert_allclose(model._from_moments(moments)["coef"], model.coef_, rtol=1e-6)
    nothing = Moments(3, 0.0, X.mean(axis=0), 0 * moments.scatter, targets)
    assert isinstance(model._lack(nothing), InvalidDataError)


@pytest.mark.parametrize("params", [{}, {"alpha_1": 0, "alpha_2": 0, "lambda_1": 0, "lambda_2": 0}], ids=str)
def test_constant_targets_and_perfect_fits_give_finite_numbers(params):
    X = np.arange(12.0).reshape(6, 2)
    for y in (np.full(6, 3.0), X[:, 0] * 2 + 1, np.zeros(6)):
        model = BayesianRidge(**params).fit(X, y)
        mean, std = model.predict(X, return_std=True)
        assert_allclose(mean, y, atol=1e-3)
        assert np.isfinite(std).all()
        assert np.isfinite([model.alpha_, model.lambda_]).all()


@pytest.mark.parametrize(
    "params",
    [
        {"hyperparameters": "flat"},
        {"max_iter": 0},
        {"max_iter": 1.5},
        {"tol": 0},
        {"tol": -1},
        {"alpha_1": -1},
        {"lambda_2": "1"},
        {"alpha_init": 0},
        {"lambda_init": 0.0},
        {"fit_intercept": 1},
        {"hyperparameters": "fixed", "alpha_1": 0},
        {"hyperparameters": "fixed", "alpha_2": 0},
    ],
    ids=str,
)
def test_wrong_arguments_are_refused(params):
    with pytest.raises(InvalidParameterError, match=list(params)[-1]):
        BayesianRidge(**params).fit(*random_table())


def test_bad_data_is_refused_by_name():
    X, y = random_table(n=5)
    with pytest.raises(OutOfRangeError, match=r"Record 3 \(row 3\) has .* in its target: .*"):
        BayesianRidge().fit(X, np.where(np.arange(5) == 3, 2.0**50, y))
    with pytest.raises(InvalidDataError, match="non-zero"):
        BayesianRidge().fit(X, y, sample_weight=np.zeros(5))
    with pytest.raises(ValueError, match="y should be a 1d array"):
        BayesianRidge().fit(X, np.column_stack([y, y]))
