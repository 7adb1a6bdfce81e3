"""The Gaussian mechanism, calibrated exactly: no bound that holds only for epsilon below one.

For noise N(0, sigma² I) on a value that one neighbour moves by at most ``sensitivity`` in the Euclidean norm,

    delta(epsilon) = Phi(s/(2 sigma) - epsilon sigma/s) - exp(epsilon) Phi(-s/(2 sigma) - epsilon sigma/s),

and this is necessary and sufficient: theorem 8 of the reference. The three inverses below are found by bisection and
are rounded to the safe side.

References
----------
B. Balle, Y.-X. Wang, "Improving the Gaussian mechanism for differential privacy: analytical calibration and optimal
denoising", ICML 2018, theorem 8.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from scipy.special import log_ndtr

from expunge.arguments import check_number
from expunge.privacy.arguments import check_delta, check_epsilon

__all__ = ["gaussian_delta", "gaussian_epsilon", "gaussian_sensitivity", "gaussian_sigma"]

_STEPS = 200  # halvings; a double has 53 bits and an exponent of 11


def gaussian_delta(epsilon: float, sigma: float, sensitivity: float = 1.0) -> float:
    """The smallest delta of the Gaussian mechanism at an epsilon.

    Parameters
    ----------
    epsilon : float
        At least 0.
    sigma : float
        Standard deviation of the noise of each coordinate, above 0.
    sensitivity : float, default=1.0
        Largest Euclidean distance that one neighbour makes, at least 0.

    Returns
    -------
    float

    Examples
    --------
    >>> round(gaussian_delta(0.0, sigma=1.0), 6)  # the total variation distance of N(0, 1) and N(1, 1)
    0.382925
    """
    epsilon = check_number("epsilon", epsilon)
    sigma, sensitivity = check_number("sigma", sigma, open_low=True), check_number("sensitivity", sensitivity)
    if sensitivity == 0:
        return 0.0
    ratio = sensitivity / sigma
    if ratio == 0:
        return 0.0
    first = float(log_ndtr(ratio / 2 - epsilon / ratio))
    second = epsilon + float(log_ndtr(-ratio / 2 - epsilon / ratio))
    if second >= first:  # only by rounding
        return 0.0
    return math.exp(first) * -math.expm1(second - first)


def gaussian_sigma(epsilon: float, delta: float, sensitivity: float = 1.0) -> float:
    """The least noise that gives (epsilon, delta).

    Returns
    -------
    float
        Standard deviation, in the unit of ``sensitivity``; never too small.

    Examples
    --------
    >>> sigma = gaussian_sigma(1.0, 1e-5)
    >>> round(sigma, 4), gaussian_delta(1.0, sigma) <= 1e-5
    (3.7306, True)
    """
    epsilon, delta = check_epsilon(epsilon), check_delta(delta)
    sensitivity = check_number("sensitivity", sensitivity, open_low=True)
    return sensitivity * _unit_sigma(epsilon, delta)


def gaussian_epsilon(delta: float, sigma: float, sensitivity: float = 1.0) -> float:
    """The least epsilon at a delta; 0 where even that is not needed, infinity where none below 2**60 is enough."""
    delta, sigma = check_delta(delta), check_number("sigma", sigma, open_low=True)
    sensitivity = check_number("sensitivity", sensitivity)
    if gaussian_delta(0.0, sigma, sensitivity) <= delta:
        return 0.0
    if gaussian_delta(2.0**60, sigma, sensitivity) > delta:
        return math.inf
    return _least(lambda epsilon: gaussian_delta(epsilon, sigma, sensitivity) <= delta)


def gaussian_sensitivity(epsilon: float, delta: float, sigma: float) -> float:
    """How far a neighbour may move the value so that this noise still gives (epsilon, delta); never too far."""
    epsilon, delta, sigma = check_epsilon(epsilon), check_delta(delta), check_number("sigma", sigma, open_low=True)
    return sigma / _unit_sigma(epsilon, delta) * (1 - 2.0**-50)


@functools.lru_cache(maxsize=256)
def _unit_sigma(epsilon: float, delta: float) -> float:
    """The least noise for a sensitivity of one; remembered, for a certified removal asks for it several times."""
    return _least(lambda sigma: gaussian_delta(epsilon, sigma) <= delta)


def _least(enough: Callable[[float], bool]) -> float:
    """The least positive number from which on something is enough, from above."""
    high = 1.0
    while not enough(high):
        high *= 2.0
    low = high / 2.0
    while low > 2.0**-1000 and enough(low):
        low /= 2.0
    for _ in range(_STEPS):
        middle = low + (high - low) / 2.0
        if not low < middle < high:
            break
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
