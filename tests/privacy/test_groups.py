"""What several records cost together: against integrals of the definition, closed forms and the lemma; the odometer."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.stats import binom, norm

from expunge.errors import BudgetExhaustedError, InvalidParameterError, NewerFormatError
from expunge.privacy import (
    Gaussian,
    Group,
    GroupOdometer,
    Laplace,
    Noise,
    Sampled,
    Several,
    delta_of,
    epsilon_lower_bound,
    epsilon_of,
    gaussian_epsilon,
    group_privacy,
    least_noise,
)


def mixed_delta(epsilon: float, size: int, q: float, sigma: float) -> float:
    """One sampled step seen by a group: the binomial mixture against one Gaussian, integrated on a fine grid."""
    x = np.linspace(-12 * sigma, 12 * sigma + size, 200_001)
    without = norm.pdf(x, scale=sigma)
    within = sum(binom.pmf(j, size, q) * norm.pdf(x, loc=j, scale=sigma) for j in range(size + 1))
    step = x[1] - x[0]
    there = np.maximum(0, within - math.exp(epsilon) * without).sum() * step
    back = np.maximum(0, without - math.exp(epsilon) * within).sum() * step
    return float(max(there, back))


def test_a_group_of_sampled_records_against_numerical_integration() -> None:
    size, q, sigma = 3, 0.3, 2.0
    for epsilon in (0.1, 0.5, 1.0):
        ours = delta_of(Group(size, Sampled(q, Gaussian(sigma))), epsilon)
        assert ours == pytest.approx(mixed_delta(epsilon, size, q, sigma), abs=1e-3)
        assert ours >= mixed_delta(epsilon, size, q, sigma) - 1e-6


def test_a_group_moves_a_sum_as_often_as_it_has_records() -> None:
    event = Several(4, Gaussian(6.0))
    assert epsilon_of(Group(3, event), 1e-5) == pytest.approx(gaussian_epsilon(1e-5, 1.0), rel=1e-9)
    assert epsilon_of(Group(3, Laplace(6.0)), 1e-12) == pytest.approx(0.5, abs=1e-3)
    assert epsilon_of(Group(2, Group(1.5, event)), 1e-5) == epsilon_of(Group(3, event), 1e-5)
    assert epsilon_of(Group(1, Sampled(0.1, Gaussian(1.0))), 1e-5) == epsilon_of(Sampled(0.1, Gaussian(1.0)), 1e-5)
    assert epsilon_of(Group(2, Sampled(1.0, Gaussian(4.0))), 1e-5) == epsilon_of(Gaussian(2.0), 1e-5)


def test_the_lemma_is_never_below_and_the_account_is_what_pays() -> None:
    """Vadhan's lemma from (epsilon, delta) alone, at the delta that it gives, is looser than the account of the run."""
    run = Several(50, Sampled(0.05, Gaussian(1.5)))
    loose, delta = group_privacy(epsilon_of(run, 1e-8), 1e-8, 2)
    assert epsilon_of(run, delta) < epsilon_of(Group(2, run), delta) < loose


def test_what_is_not_known_of_a_group_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="Gaussian noise alone"):
        epsilon_of(Group(2, Sampled(0.1, Laplace(2.0))), 1e-5)
    with pytest.raises(InvalidParameterError, match="'pld'"):
        epsilon_of(Group(2, Sampled(0.1, Gaussian(2.0))), 1e-5, accountant="rdp")
    for wrong in (0, -1, math.inf):
        with pytest.raises(InvalidParameterError):
            Group(wrong, Gaussian(1.0))


def test_parts_of_records_that_are_sampled_are_refused() -> None:
    """Two halves that come by their own coins can cost more than one whole record."""
    halves, whole = (Group(k, Several(1, Sampled(0.1, Gaussian(0.5 * k)))) for k in (2, 1))
    assert delta_of(halves, 0.01) > delta_of(whole, 0.01) + 0.005
    run = Several(10, Sampled(0.1, Gaussian(5.0)))
    odometer = GroupOdometer(epsilon=2.0, delta=1e-5, event=run)
    for part in (lambda: Group(0.5, run), lambda: Group(2, Group(1.5, run)), lambda: odometer.spend(1.5),
                 lambda: GroupOdometer.from_dict({**odometer.to_dict(), "gone": 0.5})):  # fmt: skip
        with pytest.raises(InvalidParameterError, match="whole number"):
            part()
    assert Group(1.5, Sampled(1.0, Gaussian(2.0))).size == 1.5
    assert odometer.spend(2.0).gone == 2.0


def test_an_attack_finds_no_more_than_the_epsilon_of_the_group_and_most_of_it() -> None:
    """20,000 draws: sums with four records and without, and a mechanism with half its noise is caught."""
    sigma, claim = 5.0, epsilon_of(Group(4, Gaussian(5.0)), 1e-3)
    draw = [Noise(i).gaussian(np.full(10_000, 4.0 * (i % 2)), sigma if i < 4 else sigma / 2) for i in range(8)]
    found = epsilon_lower_bound((draw[0], draw[1]), (draw[2], draw[3]), delta=1e-3, error=1e-3)
    assert 0.5 * claim < found <= claim
    assert epsilon_lower_bound((draw[4], draw[5]), (draw[6], draw[7]), delta=1e-3, error=1e-3) > claim


def test_the_noise_that_is_found_keeps_the_budget_and_hardly_more() -> None:
    multiplier = least_noise(2.0, 1e-5, probability=0.1, steps=20)
    run = Several(20, Sampled(0.1, Gaussian(multiplier)))
    assert 1.97 < epsilon_of(run, 1e-5) <= 2.0
    assert least_noise(2.0, 1e-5, probability=1.0, steps=4, group_size=3) == pytest.approx(
        least_noise(2.0, 1e-5, probability=1.0, steps=1) * 6, rel=5e-3
    )


def test_the_odometer_counts_records_and_refuses_the_first_too_many() -> None:
    odometer = GroupOdometer(epsilon=1.0, delta=1e-5, event=Gaussian(12.0))
    most = odometer.left
    for _ in range(most):
        odometer = odometer.spend(1)
    assert odometer.left == 0
    assert odometer.spent == pytest.approx(gaussian_epsilon(1e-5, 12.0 / most))
    assert odometer.spent <= 1.0 < odometer.cost(most + 1)
    with pytest.raises(BudgetExhaustedError, match="would cost epsilon") as caught:
        odometer.spend(1)
    assert "Train again" in str(caught.value.hint)
    assert odometer.gone == most


def test_the_odometer_of_a_group_survives_as_data() -> None:
    odometer = GroupOdometer(3.0, 1e-6, Several(3, Group(2, Gaussian(9.0)))).spend(1.5)
    assert GroupOdometer.from_dict(json.loads(json.dumps(odometer.to_dict()))) == odometer
    with pytest.raises(NewerFormatError):
        GroupOdometer.from_dict({**odometer.to_dict(), "schema": 2})
    for wrong in ({}, {"schema": 0}, {"schema": 1}):
        with pytest.raises(InvalidParameterError):
            GroupOdometer.from_dict(wrong)
