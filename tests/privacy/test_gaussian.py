"""The analytic Gaussian mechanism against numerical integration, a known table and its own inverses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from expunge.errors import InvalidParameterError
from expunge.privacy import gaussian_delta, gaussian_epsilon, gaussian_sensitivity, gaussian_sigma
from expunge.privacy.arguments import check_delta


def integrated_delta(epsilon: float, sigma: float, sensitivity: float) -> float:
    """∫ max(0, p - e^eps q): the definition, by quadrature."""

    def excess(x: float) -> float:
        p = math.exp(-((x - sensitivity) ** 2) / (2 * sigma**2))
        q = math.exp(-(x**2) / (2 * sigma**2))
        return max(0.0, p - math.exp(epsilon) * q) / (sigma * math.sqrt(2 * math.pi))

    edge = epsilon * sigma**2 / sensitivity + sensitivity / 2  # where p = e^eps q
    return quad(excess, edge, edge + 40 * sigma, epsabs=1e-14, limit=400, points=[max(edge, sensitivity)])[0]


@pytest.mark.parametrize("epsilon", [0.1, 0.5, 1.0, 4.0])
@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("sensitivity", [0.5, 1.0, 2.0])
def test_delta_equals_the_integral(epsilon: float, sigma: float, sensitivity: float) -> None:
    expected = integrated_delta(epsilon, sigma, sensitivity)
    assert gaussian_delta(epsilon, sigma, sensitivity) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_the_classical_formula_is_not_enough_above_epsilon_one() -> None:
    """sqrt(2 ln(1.25/delta)) / epsilon is proved for epsilon < 1 only; at 10 it breaks its promise."""
    delta, epsilon = 1e-2, 10.0
    classical = math.sqrt(2 * math.log(1.25 / delta)) / epsilon
    assert gaussian_delta(epsilon, classical) > delta
    assert gaussian_sigma(epsilon, delta) > classical


@settings(max_examples=60, deadline=None)
@given(
    st.floats(1e-3, 20), st.floats(1e-12, 0.4), st.floats(1e-3, 1e3),
)  # fmt: skip
def test_inverses_are_on_the_safe_side_and_tight(epsilon: float, delta: float, sensitivity: float) -> None:
    sigma = gaussian_sigma(epsilon, delta, sensitivity)
    assert gaussian_delta(epsilon, sigma, sensitivity) <= delta * (1 + 1e-9)
    assert gaussian_delta(epsilon, sigma * (1 - 1e-6), sensitivity) > delta * (1 - 1e-4)
    assert gaussian_epsilon(delta, sigma, sensitivity) == pytest.approx(epsilon, rel=1e-6)
    assert gaussian_sensitivity(epsilon, delta, sigma) == pytest.approx(sensitivity, rel=1e-6)
    assert gaussian_delta(epsilon, sigma, gaussian_sensitivity(epsilon, delta, sigma)) <= delta * (1 + 1e-9)


def test_edges() -> None:
    assert gaussian_delta(1.0, 1.0, 0.0) == 0.0
    assert gaussian_epsilon(0.5, 1.0) == 0.0  # the total variation distance alone is less
    assert gaussian_epsilon(1e-5, 1e-12) == math.inf
    assert gaussian_delta(0.0, 1e-9) == pytest.approx(1.0)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.inf, math.nan, True, "1"])
def test_an_epsilon_that_promises_nothing_is_refused(epsilon: object) -> None:
    with pytest.raises(InvalidParameterError, match="epsilon"):
        gaussian_sigma(epsilon, 1e-5)  # type: ignore[arg-type]


def test_a_delta_above_one_over_n_is_allowed_in_words_only() -> None:
    assert check_delta(1e-5, n=1000) == 1e-5
    with pytest.raises(InvalidParameterError, match=r"above 1/n.*allow_large_delta"):
        check_delta(0.01, n=1000)
    assert check_delta(0.01, n=1000, allow_large_delta=True) == 0.01
    with pytest.raises(InvalidParameterError, match="below 1"):
        check_delta(np.float64(1.0))
