"""Records divided out of a posterior: against integrals on a grid, against fits without them, and refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import optimize
from scipy.special import expit, log_expit, ndtri
from scipy.stats import multivariate_normal

import expunge
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.methods.bayesian.bayesian_logistic_regression import BayesianLogisticRegression
from expunge.methods.bayesian.divided import divided
from expunge.methods.bayesian.gaussian_posterior import Posterior, chances, posterior_of

Array = np.ndarray[Any, Any]

LINE = np.linspace(-30, 30, 6_001)
STEP = LINE[1] - LINE[0]


def table(n: int, d: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, (X @ rng.normal(size=d) + rng.logistic(size=n) > 0).astype(int)


def kl(a: Posterior, b: Posterior) -> float:
    """KL(a | b) of two Gaussians, in nats."""
    inverse = np.linalg.inv(b.covariance)
    gap = b.mean - a.mean
    signs = np.linalg.slogdet(b.covariance)[1] - np.linalg.slogdet(a.covariance)[1]
    return float((np.trace(inverse @ a.covariance) + gap @ inverse @ gap - len(gap) + signs) / 2)


def normal(mean: float, deviation: float) -> Array:
    return np.exp(-(((LINE - mean) / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))


def least(objective: Any, start: tuple[float, float]) -> tuple[float, float]:
    """Mean and deviation at which a function of both is least."""
    found = optimize.minimize(
        lambda v: objective(v[0], math.exp(v[1])), [start[0], math.log(start[1])], method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 2000},
    )  # fmt: skip
    return float(found.x[0]), math.exp(found.x[1])


def test_the_posterior_is_the_nearest_gaussian_by_quadrature() -> None:
    """In one dimension: KL(q | p) summed on a grid, minimised without a gradient."""
    for seed, alpha in ((0, 0.5), (1, 2.0), (2, 0.05)):
        X, y = table(12, 1, seed)
        t, weights = np.where(y == 1, 1.0, -1.0), np.arange(1.0, 13.0) / 6
        log_p = log_expit(t * (LINE[:, np.newaxis] * X[:, 0])) @ weights - alpha / 2 * LINE**2

        def far(mean: float, deviation: float, log_p: Array = log_p) -> float:
            return float(-(normal(mean, deviation) * log_p).sum() * STEP - math.log(deviation))

        found = posterior_of(X, t, weights, alpha)
        mean, deviation = least(far, (float(found.mean[0]) + 0.1, 1.0))
        assert found.mean[0] == pytest.approx(mean, abs=1e-5)
        assert math.sqrt(found.covariance[0, 0]) == pytest.approx(deviation, rel=1e-5)


def test_columns_of_any_size_give_the_same_posterior_in_their_unit() -> None:
    """The prior is of the weights as they are, so a column in another unit has another one; a weak one matters not."""
    X, y = table(60, 3)
    one = BayesianLogisticRegression(alpha=1e-8).fit(X, y)
    other = BayesianLogisticRegression(alpha=1e-8).fit(X * [1.0, 1e4, 1e-2], y)
    assert np.allclose(one.coef_, other.coef_ * [1.0, 1e4, 1e-2], rtol=1e-3)
    stray = X.copy()
    stray[3, 0] = 1e6
    assert np.isfinite(BayesianLogisticRegression().fit(stray, y).coef_).all()


def test_expectations_by_quadrature_however_wide_a_score_spreads() -> None:
    for mean in (-3.0, 0.0, 8.0):
        for deviation in (0.01, 0.5, 0.99, 1.01, 4.0, 200.0):
            fine = mean + deviation * np.linspace(-9, 9, 200_001)
            density = np.exp(-(((fine - mean) / deviation) ** 2) / 2) * (fine[1] - fine[0])
            expected = (density * expit(fine)).sum() / (deviation * math.sqrt(2 * math.pi))
            found = chances(np.ones((1, 1)), Posterior(np.array([mean]), np.array([[deviation**2]])))[0]
            assert found == pytest.approx(expected, rel=1e-9)


QUOTIENTS = [(0.0, [1.0]), (0.0, [2.0]), (0.0, [-1.0]), (0.05, [2.0]), (0.3, [4.0]), (0.3, [-2.0])]


@pytest.mark.parametrize(("threshold", "powers"), QUOTIENTS)
@pytest.mark.parametrize("algorithm", ["eubo", "rkl"])
def test_the_quotient_in_one_of_three_dimensions_by_quadrature(
    algorithm: Any, threshold: float, powers: list[float]
) -> None:
    """A row along the first axis. The two others enter by their length, of which the tail is exp(-s / 2) exactly."""
    q = Posterior(np.array([0.4, -1.0, 2.0]), np.diag([0.49, 1.0, 4.0]))
    X, t = np.array([[1.5, 0.0, 0.0]]), np.array([-1.0])
    samples = ndtri((np.arange(5_000) + 0.5) / 5_000)[:, np.newaxis]
    found = divided(q, X, t, np.array(powers), algorithm=algorithm, threshold=threshold, samples=samples)
    log_l = powers[0] * log_expit(-1.5 * LINE)
    own = normal(0.4, 0.7)
    edge = -2 * math.log(threshold) if threshold else math.inf
    room = np.maximum(edge - ((LINE - 0.4) / 0.7) ** 2, 0.0)
    if algorithm == "rkl":
        within = -np.expm1(-room / 2) if threshold else np.ones_like(LINE)
        weights = own * (within * np.exp(-log_l) + 1 - within)
        mean = (weights * LINE).sum() / weights.sum()
        deviation = math.sqrt((weights * (LINE - mean) ** 2).sum() / weights.sum())
        inside = 1 - np.exp(-room / 2) * (1 + room / 2) if threshold else within  # chi² of 4 degrees of freedom
        scale = (own * (inside * np.exp(-log_l) + 1 - inside)).sum() / weights.sum()
    else:
        scale = float(found.covariance[1, 1])

        def bound(mean: float, deviation: float) -> float:
            density = normal(mean, deviation)
            within = -np.expm1(-room / (2 * scale)) if threshold else 1.0
            cost = (density * within * log_l).sum() * STEP
            return float(cost + ((deviation / 0.7) ** 2 + ((mean - 0.4) / 0.7) ** 2) / 2 - math.log(deviation))

        mean, deviation = least(bound, (0.4, 0.7))
    assert found.mean[0] == pytest.approx(mean, abs=0.01)
    assert math.sqrt(found.covariance[0, 0]) == pytest.approx(deviation, rel=0.01)
    assert found.covariance[1, 1] == pytest.approx(scale, rel=0.01)
    assert found.covariance[2, 2] == pytest.approx(4 * scale, rel=0.01)
    assert np.allclose(found.mean[1:], [-1.0, 2.0])
    if not threshold:
        assert scale == pytest.approx(1.0)


def test_the_gradient_of_the_bound_is_its_difference_quotient() -> None:
    """By the result: no small change of mean, covariance or scale makes a sampled bound less."""
    rng = np.random.default_rng(3)
    q = Posterior(np.zeros(4), np.eye(4))
    X, t = rng.normal(size=(2, 4)), np.array([1.0, -1.0])
    samples, threshold = rng.normal(size=(2000, 2)), 0.05
    found = divided(q, X, t, np.ones(2), algorithm="eubo", threshold=threshold, samples=samples)
    draws = np.random.default_rng(4).normal(size=(150_000, 4))

    def bound(p: Posterior) -> float:
        theta = p.mean + draws @ np.linalg.cholesky(p.covariance).T
        inside = (theta**2).sum(axis=1) < -2 * math.log(threshold)
        return float((inside * log_expit(theta @ X.T * t).sum(axis=1)).mean()) + kl(p, q)

    best = bound(found)
    for _ in range(6):
        way = rng.normal(size=(4, 4)) * 0.08
        near = Posterior(
            found.mean + rng.normal(size=4) * 0.08, (np.eye(4) + way) @ found.covariance @ (np.eye(4) + way).T
        )
        assert bound(near) > best
    assert best < bound(q) - 1e-3


def test_probabilities_are_averages_over_the_posterior() -> None:
    X, y = table(80, 2)
    model = BayesianLogisticRegression(fit_intercept=False).fit(X, y)
    law = multivariate_normal(model.coef_[0], model.covariance_[0], seed=0)
    expected = expit(X[:5] @ law.rvs(200_000).T).mean(axis=1)
    assert np.abs(model.predict_proba(X[:5])[:, 1] - expected).max() < 2e-3
    assert np.allclose(chances(X[:5], Posterior(model.coef_[0], model.covariance_[0])), expected, atol=2e-3)


@pytest.mark.parametrize("algorithm", ["eubo", "rkl"])
@pytest.mark.parametrize(("threshold", "share"), [(0.0, 0.2), (None, 0.4)])
def test_forgetting_comes_far_nearer_to_the_fit_without_the_records(
    algorithm: str, threshold: Any, share: float
) -> None:
    """Records chosen to hurt: those that the model finds least likely."""
    X, y = table(150, 4, seed=5)
    full = BayesianLogisticRegression(algorithm=algorithm, threshold=threshold).fit(X, y)
    worst = np.argsort(full.predict_proba(X)[np.arange(150), y])[:15]
    before = posterior(full)
    assert full.forget(worst).work == 15
    left = np.setdiff1d(np.arange(150), worst)
    fresh = posterior(BayesianLogisticRegression().fit(X[left], y[left], record_ids=left))
    assert kl(posterior(full), fresh) < share * kl(before, fresh)


def posterior(model: Any) -> Posterior:
    return Posterior(np.append(model.coef_[0], model.intercept_[0]), model.covariance_[0])


def test_learning_is_the_mirror_image_and_a_sequence_stays_near() -> None:
    X, y = table(200, 3, seed=6)
    model = BayesianLogisticRegression().fit(X, y)
    first = posterior(model)
    model.forget(range(10))
    model.learn(X[:10], y[:10], record_ids=range(300, 310))
    assert kl(posterior(model), first) < 0.01
    for gone in range(10, 110):
        model.forget([gone])
    left = np.concatenate([np.arange(110, 200), np.arange(10)])
    fresh = posterior(BayesianLogisticRegression().fit(X[left], y[left]))
    assert kl(posterior(model), fresh) < 0.15 * kl(first, fresh)
    model.rectify([120], X[120:121], 1 - y[120:121])
    turned = y.copy()
    turned[120] = 1 - y[120]
    corrected = posterior(BayesianLogisticRegression().fit(X[left], turned[left]))
    assert kl(posterior(model), corrected) < 0.5 * kl(fresh, corrected)


def test_a_threshold_keeps_what_is_not_trusted() -> None:
    X, y = table(100, 3, seed=7)
    moved = []
    for threshold in (0.0, 1e-2, 0.9):
        model = BayesianLogisticRegression(threshold=threshold).fit(X, y)
        before = posterior(model)
        model.forget(range(5))
        moved.append(kl(posterior(model), before))
    assert moved[2] < 0.05 * min(moved[:2])
    assert moved[0] != moved[1]
    assert "0.9 of its peak" in model.plan([7]).guarantee.statement
    assert "99.99 % of it" in BayesianLogisticRegression().fit(X, y).plan([7]).guarantee.statement


def test_what_is_trusted_by_default_keeps_many_removals_from_blowing_the_posterior_up() -> None:
    """Half of the records at once: the quotient of two far posteriors, trusted everywhere, is a wild one."""
    X, y = table(60, 8, seed=1)
    left, far = np.arange(30, 60), []
    fresh = posterior(BayesianLogisticRegression().fit(X[left], y[left], record_ids=left))
    for threshold in (None, 0.0):
        model = BayesianLogisticRegression(threshold=threshold, n_samples=256).fit(X, y)
        before = kl(posterior(model), fresh)
        model.forget(range(30))
        far.append(kl(posterior(model), fresh))
    assert far[0] < before
    assert far[0] < far[1]


def test_three_classes_weights_files_and_a_model_that_sleeps(tmp_path: Any) -> None:
    X, y = table(90, 3)
    labels = np.where(X[:, 0] > 0.5, "a", np.where(y, "b", "c"))
    model = BayesianLogisticRegression().fit(X, labels, sample_weight=np.arange(90) % 3 + 1.0)
    assert (model.predict(X) == labels).mean() > 0.8
    assert np.allclose(model.predict_proba(X).sum(axis=1), 1)
    again = expunge.load(model.save(tmp_path / "m"))
    digests = {m.forget([3], digest=True).digest_after for m in (model, again)}
    assert digests == {again.digest()}
    exported = expunge.load(model.export(tmp_path / "e"))
    assert (exported.predict_proba(X) == model.predict_proba(X)).all()
    model.forget(list(model.record_ids_))
    with pytest.raises(expunge.contract.DormantModelError):
        model.predict(X)
    with pytest.raises(InvalidDataError, match="public"):
        model.learn(X[:1], ["d"], record_ids=[99], sample_weight=[1.0])


@pytest.mark.parametrize(
    "arguments", [{"alpha": 0.0}, {"algorithm": "hope"}, {"threshold": 1.0}, {"threshold": -0.1}, {"n_samples": 1}]
)
def test_arguments_are_refused(arguments: dict[str, Any]) -> None:
    X, y = table(20, 2)
    with pytest.raises(InvalidParameterError, match=next(iter(arguments))):
        BayesianLogisticRegression(**arguments).fit(X, y)
