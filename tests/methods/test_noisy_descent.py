"""Going on with noisy steps: shifts against Gaussians of known answer, distances against coupled runs, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from expunge.errors import BudgetExhaustedError, InvalidParameterError, UnsupportedRequestError
from expunge.methods.certified.contraction import fewest_steps, hidden_shift
from expunge.methods.certified.descent_to_delete import DescentToDelete
from expunge.methods.certified.langevin import LangevinLogisticRegression
from expunge.methods.certified.newton_steps import Data
from expunge.methods.certified.noisy_descent import Descent
from expunge.privacy import Noise, epsilon_lower_bound, gaussian_delta
from expunge.seeds import uniform64

Array = np.ndarray[Any, Any]


def table(n: int, d: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    X /= np.linalg.norm(X, axis=1).max()
    return X, (X @ rng.normal(size=d) + 0.3 * rng.normal(size=n) > 0).astype(int)


@pytest.mark.parametrize("rate", [0.1, 0.7, 0.99])
@pytest.mark.parametrize("steps", [1, 2, 5, 40])
def test_the_shift_is_that_of_two_gaussian_chains(rate: float, steps: int) -> None:
    """On a quadratic both runs are Gaussian: means and variances by recursion, and the ratio is the shift."""
    gap, variance = 3.0, 0.0
    for _ in range(steps):
        gap, variance = rate * gap, rate**2 * variance + 1.0
    assert hidden_shift(3.0, rate, steps) == pytest.approx(gap / math.sqrt(variance), rel=1e-12)


def test_the_fewest_steps_are_the_fewest() -> None:
    for noise in (0.05, 0.5, 5.0):
        steps = fewest_steps(2.0, 0.95, noise, 0.7, 1e-4, 10_000)
        assert steps is not None
        assert gaussian_delta(0.7, noise, hidden_shift(2.0, 0.95, steps)) <= 1e-4
        assert steps == 1 or gaussian_delta(0.7, noise, hidden_shift(2.0, 0.95, steps - 1)) > 1e-4
    assert fewest_steps(2.0, 0.999, 1e-6, 0.7, 1e-4, 10) is None
    assert fewest_steps(0.0, 0.9, 1.0, 1.0, 1e-5, 10) == 1


def test_a_step_is_a_contraction_at_the_rate_that_is_claimed() -> None:
    X, y = table(80, 3)
    data = Data(X, np.where(y == 1, 1.0, -1.0)[:, np.newaxis], np.ones(80))
    descent, rng = Descent(2.0, 1.0, 80.0, 1), np.random.default_rng(1)
    for _ in range(200):
        a, b = rng.normal(size=(2, 1, 3)) * 10 ** rng.uniform(-2, 2)
        moved = np.linalg.norm(descent.step(data, a) - descent.step(data, b))
        assert moved <= descent.rate * np.linalg.norm(a - b) * (1 + 1e-12)


def minimum(descent: Descent, data: Data) -> Array:
    coef = np.zeros((1, data.X.shape[1]))
    for _ in range(4000):
        coef = descent.step(data, coef)
    return coef


def test_records_move_the_minimum_no_farther_than_is_claimed() -> None:
    X, y = table(60, 3, seed=2)
    target = np.where(y == 1, 1.0, -1.0)[:, np.newaxis]
    descent = Descent(1.5, 1.0, 60.0, 1)
    whole = minimum(descent, Data(X, target, np.ones(60)))
    for size in (1, 2, 5):
        rest = minimum(descent, Data(X[size:], target[size:], np.ones(60 - size)))
        assert np.linalg.norm(whole - rest) <= descent.moved(size)


def test_coupled_runs_stay_within_the_distance_that_is_kept() -> None:
    """The model that forgot, and a fresh one that takes as many steps with the same noise: request after request."""
    X, y = table(120, 3, seed=3)
    target = np.where(y == 1, 1.0, -1.0)[:, np.newaxis]
    model = LangevinLogisticRegression(alpha=30.0, noise=0.05, noise_seed=5, fit_intercept=False, delta=1e-3).fit(X, y)
    left, taken, descent = np.ones(120, dtype=bool), [1], Descent(30.0, 1.0, 120.0, 1)
    for batch in ([0], [1, 2], list(range(3, 9)), [50]):
        model.forget(batch)
        left[batch] = False
        kept = model._state().parts["distance"]
        taken.append(int(kept["steps"]))
        rest = Data(X[left], target[left], np.ones(left.sum()))
        coef = minimum(descent, rest)
        for draw, steps in enumerate(taken):  # the noise of the fit, and then that of each request
            noise = Noise(5 * 2**32 + draw)
            for _ in range(steps):
                coef = noise.gaussian(descent.step(rest, coef), 0.05)
        assert np.linalg.norm(coef - model._state().parts["weights"]["coef"]) <= float(kept["distance"]) + 1e-6


def test_the_audit_finds_no_more_than_the_claim_and_do_nothing_is_caught() -> None:
    """One dimension, many seeds: published weights of models that forgot against those that never knew the record."""
    X = np.concatenate([np.full((8, 1), 0.2), [[1.0]]])
    y = np.array([0, 1, 0, 1, 0, 1, 0, 1, 1])
    settings = {"alpha": 2.0, "epsilon": 1.0, "delta": 1e-2, "fit_intercept": False, "noise": 0.2}
    forgot, never, nothing = [], [], []
    for seed in range(240):
        model = LangevinLogisticRegression(**settings, noise_seed=seed).fit(X, y)  # type: ignore[arg-type]
        nothing.append(model.coef_[0, 0])
        model.forget([8])
        steps = int(model._state().parts["distance"]["steps"])
        forgot.append(model.coef_[0, 0])
        fresh = LangevinLogisticRegression(**settings, noise_seed=10_000 + seed).fit(X[:8], y[:8])  # type: ignore[arg-type]
        data = fresh._data(fresh._rows().peek(fresh._rows().slots()), fresh._state().parts["names"])
        descent, noise = Descent(2.0, 1.0, 9.0, 1), Noise(50_000 + seed)
        never.append(fresh._run(descent, [data], fresh._state().parts["weights"]["coef"], steps, noise)[0][0, 0])
    a, b, c = (np.array(v) for v in (forgot, never, nothing))
    assert epsilon_lower_bound((a[:120], b[:120]), (a[120:], b[120:]), delta=1e-2, error=1e-3) <= 1.0
    assert abs(c.mean() - b.mean()) > 3 * abs(a.mean() - b.mean())


def test_descent_to_delete_stays_in_its_ball_and_publishes_noise_of_one_size() -> None:
    X, y = table(150, 3, seed=4)
    target = np.where(y == 1, 1.0, -1.0)[:, np.newaxis]
    model = DescentToDelete(alpha=10.0, n_steps=8, noise_seed=1, fit_intercept=False, delta=1e-3).fit(X, y)
    descent, left, apart = Descent(10.0, 1.0, 150.0, 1), np.ones(150, dtype=bool), []
    for batch in ([0], [1], list(range(2, 30)), [31]):
        removal = model.forget(batch)
        left[batch] = False
        steps = int(model._state().parts["distance"]["steps"])
        assert removal.work == steps * left.sum()
        assert steps >= 8
        kept = model._state().parts["weights"]["coef"]
        ball = model._ball(descent)
        assert np.linalg.norm(kept - minimum(descent, Data(X[left], target[left], np.ones(left.sum())))) <= ball + 1e-9
        assert float(model._state().parts["distance"]["distance"]) <= ball * (1 + 1e-9)
        apart.append(model._state().parts["published"]["coef"] - kept)
    assert gaussian_delta(1.0, float(np.std(apart)) * 3, 2 * ball) < 1e-3  # the size of what was added


def test_the_ball_holds_a_fit_however_many_steps_a_request_takes() -> None:
    X, y = table(60, 3, seed=4)
    model = DescentToDelete(alpha=100.0, n_steps=500, noise_seed=1, fit_intercept=False, delta=1e-3).fit(X, y)
    target, descent = np.where(y == 1, 1.0, -1.0)[:, np.newaxis], Descent(100.0, 1.0, 60.0, 1)
    assert descent.moved(1.0) * descent.rate**500 < 1e-100, "no noise of that size would hide anything"
    kept = model._state().parts
    off = np.linalg.norm(kept["weights"]["coef"] - minimum(descent, Data(X, target, np.ones(60))))
    assert off <= model._ball(descent)
    assert 1e-11 < np.abs(kept["published"]["coef"] - kept["weights"]["coef"]).max() < 1e-6


def test_a_longer_sequence_is_refused_rather_than_covered_by_too_little() -> None:
    X, y = table(60, 2, seed=5)
    model = LangevinLogisticRegression(alpha=0.5, noise=1e-4, max_steps=50, noise_seed=0).fit(X, y)
    digest = model.digest()
    with pytest.raises(BudgetExhaustedError, match="50 steps do not hide"):
        model.forget([1])
    with pytest.raises(BudgetExhaustedError):
        model.plan([1])
    assert model.digest() == digest


def test_more_records_than_at_the_fit_are_refused() -> None:
    X, y = table(60, 2, seed=6)
    model = LangevinLogisticRegression(alpha=30.0, noise=1.0, noise_seed=0).fit(X, y)
    with pytest.raises(UnsupportedRequestError, match="more records than"):
        model.learn(X[:1], y[:1], record_ids=[99])
    model.forget([3])
    model.learn(X[:1], y[:1], record_ids=[99])
    assert len(model.record_ids_) == 60


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (LangevinLogisticRegression, {"noise": 0.0}), (LangevinLogisticRegression, {"max_steps": 0}),
        (DescentToDelete, {"n_steps": 0}), (DescentToDelete, {"n_steps": 2.5}), (DescentToDelete, {"alpha": -1.0}),
        (DescentToDelete, {"epsilon": 0.0}), (LangevinLogisticRegression, {"delta": 0.5}),
    ],
)  # fmt: skip
def test_arguments_that_promise_nothing_are_refused(kind: Any, arguments: dict[str, Any]) -> None:
    X, y = table(40, 2)
    with pytest.raises(InvalidParameterError):
        kind(**arguments).fit(X, y)


# ---------------------------------------------------------------- batch by batch


def shuffled_batches(model: Any, X: Array, y: Array, ids: Array) -> list[Data]:
    """The records of each batch, told by the hash of their ids, and counted as often as there are batches."""
    at = uniform64(model.seed, "batch", ids) % np.uint64(model.n_batches)
    target = np.where(y == 1, 1.0, -1.0)[:, np.newaxis]
    return [
        Data(X[at == j], target[at == j], np.full(int((at == j).sum()), float(model.n_batches)))
        for j in range(model.n_batches)
    ]


def test_stochastic_runs_stay_within_the_distance_that_is_kept() -> None:
    """A model that forgot, and a fresh one with the same noise: request after request, records chosen to hurt."""
    X, y = table(120, 3, seed=3)
    ids = np.arange(120)
    model = LangevinLogisticRegression(
        alpha=30.0, noise=0.05, n_batches=4, noise_seed=5, fit_intercept=False, delta=1e-3
    ).fit(X, y)
    worst = np.argsort(np.abs(y - model.predict_proba(X)[:, 1]))[::-1]
    capacity = float(model._state().parts["distance"]["capacity"])
    descent, left, taken = Descent(30.0, 1.0, capacity, 1, 4), np.ones(120, dtype=bool), [1]
    for batch in (worst[:1], worst[1:3], worst[3:40], worst[40:41]):
        assert model.forget(batch).work % int(left.sum() - len(batch)) == 0
        left[batch] = False
        kept = model._state().parts["distance"]
        taken.append(int(kept["steps"]))
        batches = shuffled_batches(model, X[left], y[left], ids[left])
        coef = minimum(descent, Data(X[left], np.where(y[left] == 1, 1.0, -1.0)[:, np.newaxis], np.ones(left.sum())))
        for draw, passes in enumerate(taken):
            noise = Noise(5 * 2**32 + draw)
            for data in batches * passes:
                coef = noise.gaussian(descent.step(data, coef), 0.05)
        assert np.linalg.norm(coef - model._state().parts["weights"]["coef"]) <= float(kept["distance"]) + 1e-6


def test_a_step_on_a_batch_contracts_as_claimed_and_no_record_moves_a_pass_farther() -> None:
    X, y = table(60, 3, seed=2)
    model = LangevinLogisticRegression(alpha=1.5, n_batches=5, noise=1.0, fit_intercept=False, delta=1e-2).fit(X, y)
    descent = Descent(1.5, 1.0, float(model._state().parts["distance"]["capacity"]), 1, 5)
    rng, ids = np.random.default_rng(0), np.arange(60)
    whole, rest = shuffled_batches(model, X, y, ids), shuffled_batches(model, X[1:], y[1:], ids[1:])
    for data in whole:
        a, b = rng.normal(size=(2, 1, 3)) * 10
        moved = np.linalg.norm(descent.step(data, a) - descent.step(data, b))
        assert moved <= descent.rate * np.linalg.norm(a - b) * (1 + 1e-12)
    one, other = np.zeros((1, 3)), np.zeros((1, 3))
    for data, fewer in zip(whole * 200, rest * 200, strict=True):
        one, other = descent.step(data, one), descent.step(fewer, other)
    assert np.linalg.norm(one - other) <= descent.moved(1.0) * (1 + 1e-12)
    assert descent.moved(1.0) >= 1.0 / 1.5, "at least what the minimum moves"


def test_batches_read_less_and_a_rebuilt_batch_too_large_is_refused() -> None:
    X, y = table(200, 3, seed=1)
    works = []
    for n_batches in (1, 8):
        model = LangevinLogisticRegression(
            alpha=10.0, noise=0.05, n_batches=n_batches, noise_seed=1, delta=1e-3, fit_intercept=False
        ).fit(X, y)
        plan, removal = model.plan([3]), model.forget([3])
        assert plan.work_low == removal.work == plan.work_high
        works.append(removal.work)
    assert works[1] < works[0] / 3
    assert "in each batch" in model.plan([4]).guarantee.sentence()
    at = uniform64(0, "batch", np.arange(1000, 1200)) % np.uint64(8)
    same = np.arange(1000, 1200)[at == 3]
    with pytest.raises(UnsupportedRequestError, match="more records than"):
        model.learn(X[: len(same)], y[: len(same)], record_ids=same)


def renyi_steps(distance: float, rate: float, noise: float, epsilon: float, delta: float) -> int:
    """The fewest steps by Rényi divergences, as in the references: order a costs a · shift² / (2 noise²)."""
    orders = 1 + np.geomspace(1e-2, 1e4, 4000)
    for steps in range(1, 2000):
        cost = orders * (hidden_shift(distance, rate, steps) / noise) ** 2 / 2
        if (cost + math.log(1 / delta) / (orders - 1)).min() <= epsilon:
            return steps
    raise AssertionError("too many steps")


def test_the_exact_condition_needs_no_more_steps_than_renyi_divergences() -> None:
    for noise in (0.05, 0.2):
        for epsilon in (0.5, 2.0):
            steps = fewest_steps(1.0, 0.97, noise, epsilon, 1e-4, 10_000)
            assert steps is not None
            assert 0.5 * renyi_steps(1.0, 0.97, noise, epsilon, 1e-4) < steps
            assert steps < renyi_steps(1.0, 0.97, noise, epsilon, 1e-4)


@pytest.mark.parametrize("many", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_many_requests_keep_what_is_promised(many: int) -> None:
    """One at a time; each model is hidden by what was calibrated for the distance it had."""
    X, y = table(many + 100, 3, seed=8)
    model = LangevinLogisticRegression(alpha=0.5 * many, noise=0.05, n_batches=4, noise_seed=2, delta=1e-4).fit(X, y)
    for gone in np.random.default_rng(0).permutation(many + 100)[:many].tolist():
        before = float(model._state().parts["distance"]["distance"])
        model.forget([gone])
        kept = model._state().parts["distance"]
        descent = model._descent(float(kept["capacity"]), model._state().parts["names"])
        steps = int(kept["steps"]) * 4
        shift = hidden_shift(before + descent.moved(1.0), descent.rate, steps)
        assert gaussian_delta(1.0, 0.05, shift) <= 1e-4
    assert float(kept["distance"]) < before + descent.moved(1.0)
