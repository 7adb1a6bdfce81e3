"""Accounts against closed forms, numerical integration and the other accountant; budgets, groups, clips, plans."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from expunge.errors import BudgetExhaustedError, InvalidDataError, InvalidParameterError, NewerFormatError
from expunge.privacy import (
    Event,
    Gaussian,
    GaussianMechanism,
    Group,
    GroupOdometer,
    Laplace,
    Noise,
    Odometer,
    QuantileClip,
    Sampled,
    Schedule,
    Several,
    clip_rows,
    deletion_capacity,
    delta_of,
    epsilon_of,
    gaussian_epsilon,
    group_privacy,
)
from expunge.privacy.events import event_from_dict


def test_gaussians_compose_as_one_gaussian() -> None:
    events = [Gaussian(4.0), Several(3, Gaussian(6.0)), Several(2, Several(2, Gaussian(9.0))), Event()]
    one = 1 / math.sqrt(1 / 16 + 3 / 36 + 4 / 81)
    assert epsilon_of(events, 1e-6) == pytest.approx(gaussian_epsilon(1e-6, one), rel=1e-12)
    assert epsilon_of([], 1e-6) == 0.0


def test_the_accountant_agrees_with_the_formula() -> None:
    """A Laplace event of no weight sends Gaussians through the privacy loss distribution."""
    through = epsilon_of([Gaussian(2.0), Laplace(1e6)], 1e-5)
    assert through == pytest.approx(gaussian_epsilon(1e-5, 2.0), abs=1e-3)


def test_laplace_costs_its_epsilon() -> None:
    assert epsilon_of(Laplace(2.0), 1e-12) == pytest.approx(0.5, abs=1e-3)
    assert epsilon_of(Several(4, Laplace(2.0)), 1e-12) <= 2.0 + 1e-3


def sampled_delta(epsilon: float, q: float, sigma: float) -> float:
    """One step of sampled Gaussian noise, adding or removing one, by integrating the definition on a fine grid."""
    x = np.linspace(-12 * sigma, 12 * sigma + 1, 100_001)
    p = np.exp(-(x**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    mixed = (1 - q) * p + q * np.exp(-((x - 1) ** 2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    step = x[1] - x[0]
    there = np.maximum(0, mixed - math.exp(epsilon) * p).sum() * step
    back = np.maximum(0, p - math.exp(epsilon) * mixed).sum() * step
    return float(max(there, back))


@pytest.mark.parametrize(("q", "sigma"), [(0.1, 0.8), (0.3, 1.5)])
def test_sampling_against_numerical_integration(q: float, sigma: float) -> None:
    for epsilon in (0.1, 0.5, 1.0):
        ours = delta_of(Sampled(q, Gaussian(sigma)), epsilon)
        assert ours == pytest.approx(sampled_delta(epsilon, q, sigma), abs=1e-3)
        assert ours >= sampled_delta(epsilon, q, sigma) - 1e-6


def test_renyi_is_looser_and_never_below() -> None:
    run = Several(500, Sampled(0.02, Gaussian(1.1)))
    tight, loose = epsilon_of(run, 1e-5), epsilon_of(run, 1e-5, accountant="rdp")
    assert tight < loose < 1.5 * tight
    assert epsilon_of(run, 1e-5, accountant="rdp") == loose


@pytest.mark.parametrize("wrong", [{"accountant": "gdp"}, {"neighbours": "none"}])
def test_other_words_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidParameterError):
        epsilon_of(Laplace(1.0), 1e-5, **wrong)  # type: ignore[arg-type]


def test_group_privacy_against_composition_along_a_path() -> None:
    epsilon, delta = 0.3, 1e-6
    for size in (1, 2, 5):
        by_hand = sum(delta * math.exp(i * epsilon) for i in range(size))  # Vadhan, lemma 2.2, as a sum
        assert group_privacy(epsilon, delta, size) == (pytest.approx(size * epsilon), pytest.approx(by_hand))
    assert group_privacy(0.0, 1e-3, 4) == (0.0, pytest.approx(4e-3))
    assert group_privacy(10.0, 1e-6, 1000)[1] == 1.0


def test_the_group_bound_is_above_the_exact_cost_of_gaussian_noise() -> None:
    """k records move a Gaussian sum k times as far."""
    epsilon = epsilon_of(Gaussian(5.0), 1e-6)
    for size in (2, 3, 6):
        many, delta = group_privacy(epsilon, 1e-6, size)
        if delta < 1:
            assert many >= epsilon_of(Gaussian(5.0 / size), delta)


def test_events_survive_as_data() -> None:
    deep = Several(7, Sampled(0.1, Laplace(3.0)))
    for event in (Event(), Gaussian(2.0), Laplace(0.5), Sampled(0.1, Gaussian(1.0)), deep):
        assert event_from_dict(json.loads(json.dumps(event.to_dict()))) == event
    with pytest.raises(NewerFormatError):
        event_from_dict({"schema": 2, "kind": "gaussian", "multiplier": 1.0})
    with pytest.raises(NewerFormatError):
        event_from_dict({"schema": 1, "kind": "unheard of"})
    with pytest.raises(InvalidParameterError):
        event_from_dict({"schema": 1, "kind": "gaussian", "sigma": 1.0})
    with pytest.raises(InvalidParameterError):
        Gaussian(0.0)


def test_the_odometer_refuses_and_charges_nothing_then() -> None:
    odometer, k = Odometer(epsilon=1.0, delta=1e-5), 0
    while odometer.affords(Gaussian(10.0)):
        after = odometer.spend(Gaussian(10.0))
        assert odometer.spent < after.spent <= 1.0
        odometer, k = after, k + 1
    with pytest.raises(BudgetExhaustedError, match="budget is epsilon = 1"):
        odometer.spend(Gaussian(10.0))
    assert epsilon_of(Several(k, Gaussian(10.0)), 1e-5) <= 1.0 < epsilon_of(Several(k + 1, Gaussian(10.0)), 1e-5)
    assert odometer.events == (Several(k, Gaussian(10.0)),)
    assert odometer.left == pytest.approx(1.0 - odometer.spent)


class _Unheard(Event):
    kind = "unheard of"


_NO_EVENTS = [None, "gaussian", [Gaussian(8.0)], (Gaussian(8.0),), Gaussian(8.0).to_dict(), _Unheard(), object()]


@pytest.mark.parametrize("wrong", _NO_EVENTS, ids=lambda wrong: type(wrong).__name__)
def test_what_is_no_event_is_refused_and_never_costs_nothing(wrong: Any) -> None:
    odometer = Odometer(epsilon=1.0, delta=1e-6)
    for charge in (
        lambda: odometer.spend(wrong), lambda: odometer.affords(wrong), lambda: epsilon_of([wrong], 1e-6),
        lambda: delta_of([wrong], 1.0), lambda: Several(3, wrong), lambda: Sampled(0.5, wrong),
        lambda: Group(2, wrong), lambda: dataclasses.replace(odometer, events=(wrong,)),
        lambda: GroupOdometer(1.0, 1e-5, wrong),
        lambda: event_from_dict({**Several(3, Gaussian(8.0)).to_dict(), "event": "gaussian"}),
    ):  # fmt: skip
        with pytest.raises(InvalidParameterError):
            charge()
    for release in (GaussianMechanism(epsilon=0.9, delta=1e-6, sensitivity=1.0).release([0.0]), _Unheard()):
        with pytest.raises(InvalidParameterError, match="must be an event"):
            odometer.spend(release)  # type: ignore[arg-type]
    assert odometer.spend(Event()).spent == 0.0  # nothing, said to be nothing


def test_numbers_and_words_without_a_meaning_are_refused() -> None:
    for multiplier in (1e200, 1e-200, 0.0, math.inf):
        for kind in (Gaussian, Laplace):
            with pytest.raises(InvalidParameterError, match="multiplier"):
                kind(multiplier)
    stored = Odometer(epsilon=1.0, delta=1e-5).spend(Gaussian(8.0)).to_dict()
    with pytest.raises(InvalidParameterError, match="'free'"):
        Odometer.from_dict({**stored, "accountant": "free"})
    for wrong in ({"accountant": "free"}, {"neighbours": "whatever"}):
        for ask, number in ((epsilon_of, 1e-5), (delta_of, 1.0)):
            with pytest.raises(InvalidParameterError, match=str(*wrong.values())):
                ask(Gaussian(4.0), number, **wrong)  # type: ignore[operator]


def test_the_odometer_survives_as_data() -> None:
    odometer = Odometer(epsilon=2.0, delta=1e-6, level="user")
    for multiplier in (5.0, 5.0, 4.0):
        odometer = odometer.spend(Gaussian(multiplier))
    again = Odometer.from_dict(json.loads(json.dumps(odometer.to_dict())))
    assert again == odometer
    assert again.spent == odometer.spent
    with pytest.raises(NewerFormatError):
        Odometer.from_dict({**odometer.to_dict(), "schema": 2})
    with pytest.raises(InvalidParameterError):
        Odometer.from_dict({"schema": 1})


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float64, st.tuples(st.integers(0, 6), st.integers(1, 5)), elements=st.floats(-1e300, 1e300)),
    st.floats(1e-6, 1e6),
)
def test_clipped_rows_are_within_the_bound_and_otherwise_untouched(X: np.ndarray, norm: float) -> None:  # type: ignore[type-arg]
    clipped = clip_rows(X, norm)
    for before, after in zip(X.tolist(), clipped.tolist(), strict=True):
        assert math.hypot(*after) <= norm
        if math.hypot(*before) <= norm * (1 - 1e-12):
            assert before == after


def test_infinite_rows_are_refused() -> None:
    with pytest.raises(InvalidDataError, match="not finite"):
        clip_rows([[math.inf, 0.0]], 1.0)


@pytest.mark.parametrize("quantile", [0.3, 0.5, 0.9])
def test_the_clipping_norm_finds_the_quantile(quantile: float) -> None:
    rng, noise = np.random.default_rng(1), Noise(seed=4)
    clip = QuantileClip(norm=0.1, quantile=quantile, count_noise=20.0)
    for _ in range(150):
        event = clip.update(rng.exponential(3.0, size=400), expected=400, noise=noise)
    assert clip.norm == pytest.approx(-3.0 * math.log(1 - quantile), rel=0.2)
    assert event == Gaussian(40.0)


def test_a_schedule_costs_what_its_steps_cost() -> None:
    schedule = Schedule.decaying(6.0, steps=4, rate=0.8)
    assert epsilon_of(schedule.events(), 1e-5) == pytest.approx(
        gaussian_epsilon(1e-5, sum(m**-2 for m in schedule) ** -0.5), rel=1e-9
    )
    scaled = schedule.scaled(1.0, 1e-5)
    assert 0.999 < epsilon_of(scaled.events(), 1e-5) <= 1.0
    ratios = np.array(scaled.multipliers) / np.array(schedule.multipliers)
    assert np.allclose(ratios, ratios[0])
    assert Schedule.linear(4.0, 2.0, steps=3).multipliers == (4.0, 3.0, 2.0)
    assert len(Schedule.constant(2.0, steps=5)) == 5
    assert isinstance(schedule.events(probability=0.1)[0], Sampled)


def test_capacity_follows_its_formula() -> None:
    known = {"lipschitz": 1.0, "hessian_lipschitz": 1.0, "strong_convexity": 1.0}
    base = {"n": 10_000, "d": 64, "epsilon": 1.0, "delta": 1e-6, **known}
    of = lambda **changed: deletion_capacity(**{**base, **changed}).unlearning  # type: ignore[arg-type]  # noqa: E731
    assert of(n=20_000) == pytest.approx(2 * of())
    assert of(d=1024) == pytest.approx(of() / 2)  # d ** -1/4
    assert of(epsilon=4.0) == pytest.approx(2 * of())
    assert of(hessian_lipschitz=0.0) == 10_000.0  # quadratic: nothing is lost
    # noise of algorithm 1 at that many deletions gives the excess risk again
    m, L, M, strength = of(), 1.0, 1.0, 1.0
    gamma = 2 * M * L**2 * m**2 / (strength**3 * 10_000**2)
    sigma = gamma * math.sqrt(2 * math.log(1.25e6)) / 1.0
    assert L * sigma * math.sqrt(64) == pytest.approx(0.01)
    assert "order" in deletion_capacity(**base).statement  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["lipschitz", "hessian_lipschitz", "strong_convexity"])
@pytest.mark.parametrize("value", [None, math.inf, math.nan, -1.0])
def test_a_constant_that_is_not_known_is_refused(name: str, value: float | None) -> None:
    known: dict[str, object] = {"lipschitz": 1.0, "hessian_lipschitz": 1.0, "strong_convexity": 1.0, name: value}
    with pytest.raises(InvalidParameterError, match=name):
        deletion_capacity(1000, 4, 1.0, 1e-6, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("q", "sigma", "steps"), [(0.1, 2.0, 50), pytest.param(0.02, 1.1, 500, marks=pytest.mark.slow)]
)
def test_the_accountant_of_opacus_agrees(q: float, sigma: float, steps: int) -> None:
    """Privacy random variables, another discretisation by another library: within its own error of ours."""
    prv = pytest.importorskip("opacus.accountants").PRVAccountant()
    prv.history = [(sigma, q, steps)]
    ours, error = epsilon_of(Several(steps, Sampled(q, Gaussian(sigma))), 1e-5), 1e-3
    upper = prv.get_epsilon(1e-5, eps_error=error)
    assert upper - 2 * error - 1e-3 <= ours <= upper + 1e-3
