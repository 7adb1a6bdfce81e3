"""Newton with noise on what is published: the bound against brute force, sequences, the audit, and refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate

from expunge.errors import BudgetExhaustedError, InvalidParameterError
from expunge.methods.certified.newton_bound import newton_distance
from expunge.methods.certified.newton_logistic_regression import NewtonLogisticRegression
from expunge.privacy import epsilon_lower_bound, gaussian_delta

Array = np.ndarray[Any, Any]


def table(n: int, d: int, seed: int = 0, length: float = 1.0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    X *= length / np.linalg.norm(X, axis=1).max()
    return X, (X @ rng.normal(size=d) + 0.3 * length * rng.normal(size=n) > 0).astype(int)


def minimum(X: Array, y: Array, alpha: float) -> Array:
    """Newton's method from zero, to machine precision."""
    t, w = np.where(y == 1, 1.0, -1.0), np.zeros(X.shape[1])
    for _ in range(60):
        p = 1 / (1 + np.exp(t * (X @ w)))
        hessian = (X * (p * (1 - p))[:, np.newaxis]).T @ X + alpha * np.eye(len(w))
        w = w - np.linalg.solve(hessian, -(t * p) @ X + alpha * w)
    return w


def published(moved: float, n: float, radius: float, alpha: float) -> float:
    """Sekhari et al., algorithm 1: 2 M L² m² / (lambda³ n²), where lambda is that of a mean over n records."""
    lipschitz, third, strength = radius, radius**3 / (6 * math.sqrt(3)), alpha / n
    return 2 * third * lipschitz**2 * moved**2 / (strength**3 * n**2)


def test_the_bound_is_above_the_true_distance_and_below_the_published_one() -> None:
    """Many problems; the records that go are chosen to hurt: those with the largest gradients."""
    ratios = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        n, d, length = int(rng.integers(30, 150)), int(rng.integers(1, 6)), float(10 ** rng.uniform(-0.5, 0.7))
        X, y = table(n, d, seed, length)
        alpha, m = float(10 ** rng.uniform(-1, 2)) * length**2, int(rng.integers(1, 6))
        model = NewtonLogisticRegression(
            alpha=alpha, norm_bound=length * (1 + 1e-9), fit_intercept=False, capacity=m, noise_seed=seed, delta=1e-4
        ).fit(X, y)
        doubt = np.abs(y - model.predict_proba(X)[:, 1])
        gone = np.argsort(doubt)[-m:]
        model.forget(gone)
        left = np.setdiff1d(np.arange(n), gone)
        step = model._state().parts["weights"]["coef"][0]
        distance = np.linalg.norm(step - minimum(X[left], y[left], alpha))
        bound = newton_distance(m, n, radius=length * (1 + 1e-9), penalty=alpha)
        assert distance <= bound + 2e-3 * length / alpha
        assert bound <= published(m, n, length, alpha) * (1 + 1e-6) or bound <= 2 * m * length / alpha
        ratios.append(published(m, n, length, alpha) / bound)
    assert np.median(ratios) > 4


def test_the_worst_record_in_one_dimension_by_quadrature() -> None:
    """A record that pulls with all its might: the change of the gradient along the step, integrated."""
    for alpha in (0.5, 2.0, 20.0):
        bound = newton_distance(1.0, 40.0, radius=1.0, penalty=alpha)
        worst = 0.0
        for score in np.linspace(-6, 6, 121):
            p = 1 / (1 + math.exp(-score))
            hessian = 40 * p * (1 - p) + alpha
            step = 1.0 / hessian  # a gradient of 1, the largest there is

            def excess(t: float, score: float = score, step: float = step, at_start: float = 40 * p * (1 - p)) -> float:
                q = 1 / (1 + math.exp(-(score + t * step)))
                return float((40 * q * (1 - q) - at_start) * step)

            gradient = integrate.quad(excess, 0, 1)[0]
            worst = max(worst, abs(gradient) / alpha)
        assert worst <= bound


def test_a_sequence_ends_where_one_request_ends() -> None:
    X, y = table(80, 4)
    settings: dict[str, Any] = {"alpha": 20.0, "capacity": 30.0, "noise_seed": 1, "delta": 1e-3}
    one, many = (NewtonLogisticRegression(**settings).fit(X, y) for _ in range(2))
    one.forget(range(20))
    for gone in range(20):
        assert many.forget([gone]).work == 1
    a, b = (model._state().parts["weights"]["coef"] for model in (one, many))
    assert np.abs(a - b).max() < 1e-12
    assert (one.coef_ != many.coef_).all(), "the noise of each request is its own"

    again = NewtonLogisticRegression(**{**settings, "capacity": 50.0}).fit(X, y)
    again.forget(range(20))
    again.learn(X[:20], y[:20], record_ids=range(100, 120))
    start = again._state().parts["weights"]
    assert np.abs(start["coef"] - start["minimum"]).max() < 1e-10, "what went has come back"


@pytest.mark.parametrize("many", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_many_removals_with_fits_in_between(many: int) -> None:
    X, y = table(1200, 3, seed=4)
    model = NewtonLogisticRegression(alpha=40.0, capacity=many / 10, noise_seed=3, delta=1e-4).fit(X, y)
    fits, rows = 0, np.concatenate([X, np.ones((len(X), 1))], axis=1)
    for count, gone in enumerate(np.random.default_rng(0).permutation(1200)[:many].tolist(), 1):
        fits += bool(model.forget([gone]).notes)
        if count % (many // 10) == 0:
            left = np.array(sorted(model.record_ids_))
            far = np.linalg.norm(model._state().parts["weights"]["coef"][0] - minimum(rows[left], y[left], 40.0))
            assert far <= model._sensitivity(float(model._state().parts["moved"]["at_fit"]), 1)
    assert fits == 9


def test_the_audit_finds_no_more_than_the_claim_and_half_the_noise_is_caught() -> None:
    """One dimension: the published weight of a model that forgot against that of one that never knew the record.

    The attack knows both weights without noise and sees as many releases as it likes. It is told the worst distance
    that the bound allows, so the mechanism is tight, and half its noise is caught.
    """
    X = np.concatenate([np.full((8, 1), 0.2), [[1.0]]])
    y = np.array([0, 1, 0, 1, 0, 1, 0, 1, 1])
    model = NewtonLogisticRegression(alpha=2.0, delta=1e-3, fit_intercept=False, capacity=1.0, noise_seed=0).fit(X, y)
    model.forget([8])
    fresh = minimum(X[:8], y[:8], 2.0)[0]
    forgot, far = model._state().parts["weights"]["coef"][0, 0], model._sensitivity(9.0, 1)
    assert abs(forgot - fresh) <= far
    assert gaussian_delta(1.0, model.sigma_, far) <= 1e-3
    rng = np.random.default_rng(1)

    def found(sigma: float, distance: float) -> float:
        noise = rng.normal(size=(4, 120_000)) * sigma
        return epsilon_lower_bound((noise[0] + distance, noise[1]), (noise[2] + distance, noise[3]), delta=1e-3)

    assert found(model.sigma_, abs(forgot - fresh)) <= 1.0
    assert 0.5 <= found(model.sigma_, far) <= 1.0
    assert found(model.sigma_ / 2, far) > 1.0


def test_what_is_more_than_the_capacity_is_refused_or_fitted_again() -> None:
    X, y = table(60, 3)
    settings: dict[str, Any] = {"alpha": 20.0, "capacity": 2.0, "noise_seed": 1, "delta": 1e-3}
    model = NewtonLogisticRegression(**settings, on_exhausted="refuse").fit(X, y)
    model.forget([1, 2])
    digest = model.digest()
    with pytest.raises(BudgetExhaustedError, match="capacity is 2"):
        model.forget([3])
    with pytest.raises(BudgetExhaustedError, match="capacity is 2"):
        model.plan([3])
    assert model.digest() == digest
    model = NewtonLogisticRegression(**settings).fit(X, y)
    plan, removal = model.plan([1, 2, 3]), model.forget([1, 2, 3])
    assert plan.work_low <= removal.work == 57 <= plan.work_high
    assert "trained again" in removal.notes[0]
    assert float(model._state().parts["moved"]["moved"]) == 0.0
    with pytest.raises(InvalidParameterError, match="on_exhausted"):
        NewtonLogisticRegression(on_exhausted="hope").fit(X, y)
    with pytest.raises(InvalidParameterError, match="capacity"):
        NewtonLogisticRegression(capacity=0).fit(X, y)


def test_fresh_noise_for_each_model_and_an_export_of_the_published_weights_alone(tmp_path: Any) -> None:
    import expunge

    X, y = table(60, 3)
    model = NewtonLogisticRegression(alpha=20.0, delta=1e-3).fit(X, np.where(X[:, 0] > 0.2, "a", np.where(y, "b", "c")))
    first = model.coef_
    model.forget([3])
    assert (first != model.coef_).all()
    exported = expunge.load(model.export(tmp_path / "e"))
    assert set(exported._state().solution) == {"classes", "k", "coef"}
    assert (exported._state().solution["coef"] == model._state().parts["published"]["coef"]).all()


def test_a_plan_says_how_much_of_the_capacity_is_used() -> None:
    X, y = np.eye(60)[:, :3], np.arange(60) % 2
    model = NewtonLogisticRegression(alpha=50.0, capacity=5, delta=1e-3, noise_seed=1).fit(X, y)
    model.forget([3, 4])
    assert model.plan([5]).notes == ("capacity: a weight of 2 of 5 is used",)
    assert "neighbours differ in records" in model.plan([5]).guarantee.sentence()
