"""What (epsilon, delta) is worth where noise stands in the objective: exactly, from distribution functions alone.

One column of ones, 20 records stay (5 of class -1), 10 of class -1 go in one request. The weight after forgetting is a
monotone function of the noise, so both laws are known without a density or a Jacobian.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, ndtr

from expunge.privacy import gaussian_sensitivity

Array = np.ndarray[Any, Any]
STAY, NEGATIVE, GO = 20, 5, 10


def slope_left(w: Array, alpha: float) -> Array:
    """Gradient over those that stay, with the penalty and without noise; it grows with w."""
    return np.asarray(-(STAY - NEGATIVE) * expit(-w) + NEGATIVE * expit(w) + alpha * w)


def both_laws(alpha: float, sigma: float, epsilon: float, policy: str) -> tuple[Array, Array]:
    """Masses of small intervals of weights after forgetting and after a fresh fit, with noise in the objective.

    A step is taken where the bound on its residual is below the limit; elsewhere nothing is published ("refuse"), or
    a fit with fresh noise is ("retrain").
    """
    w = np.linspace(-9 * sigma / alpha, 9 * sigma / alpha, 400_001)
    curvature = STAY * expit(w) * expit(-w)
    v = GO * expit(w) / (curvature + alpha)
    y = w + v
    assert (np.diff(y) > 0).all()
    bound = np.expm1(np.minimum(v, 700)) * curvature * v / 2
    accepted = (bound <= gaussian_sensitivity(epsilon, 1e-5, sigma))[1:]
    fresh = np.diff(ndtr(slope_left(y, alpha) / sigma))
    after = np.diff(ndtr((slope_left(w, alpha) + GO * expit(w)) / sigma)) * accepted
    if policy == "retrain":
        after = after + (1 - after.sum()) * fresh
    return after, fresh


def excess(p: Array, q: Array, epsilon: float) -> float:
    """The least delta, for a partition into these intervals: never more than the true one."""
    return float(np.maximum(0.0, p - math.exp(epsilon) * q).sum())


@pytest.mark.parametrize(
    ("alpha", "sigma", "epsilon", "policy", "least"),
    [
        (0.3, 300.0, 0.5, "refuse", 1e-3), (0.3, 300.0, 0.1, "refuse", 1.5e-3), (1.0, 277.8, 0.1, "refuse", 1.4e-3),
        (1.0, 30.0, 0.1, "retrain", 0.18), (1.0, 10.0, 0.5, "retrain", 4e-3),
    ],
)  # fmt: skip
def test_noise_in_the_objective_does_not_keep_the_promise_where_it_is_large(
    alpha: float, sigma: float, epsilon: float, policy: str, least: float
) -> None:
    """What was left depends on the noise, and so does whether a step is taken: a shift of a Gaussian is neither."""
    assert excess(*both_laws(alpha, sigma, epsilon, policy), epsilon) > least > 1e-5
