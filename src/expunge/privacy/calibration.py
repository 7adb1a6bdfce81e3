"""How much noise keeps a budget, where no formula says so: found by bisection on the account itself."""

from __future__ import annotations

import functools
from collections.abc import Callable

from expunge.errors import InvalidParameterError
from expunge.privacy.accounts import cost_of_run
from expunge.privacy.arguments import check_delta, check_epsilon
from expunge.privacy.events import Event, Gaussian, Sampled, Several

__all__ = ["least_noise", "sampled_run"]

_TOLERANCE = 2e-3


def sampled_run(multiplier: float, *, probability: float, steps: int) -> Event:
    """What a run of noisy steps is, each on records that take part with a probability."""
    return Several(steps, Sampled(probability, Gaussian(multiplier)))


def least_noise(
    epsilon: float, delta: float, *, probability: float, steps: int, group_size: int = 1
) -> float:  # fmt: skip
    """The least noise multiplier with which a run keeps (epsilon, delta) for a group of records.

    Parameters
    ----------
    epsilon, delta : float
    probability : float
        With which each record takes part in a step, in (0, 1].
    steps : int
    group_size : int, default=1

    Returns
    -------
    float
        At most 0.2 % too much, and never too little.

    Notes
    -----
    About a dozen accounts by the privacy loss distribution, up to half a second each, more for groups; the answers to
    the last questions are remembered.

    Examples
    --------
    >>> 0.9 < least_noise(3.0, 1e-5, probability=0.02, steps=500) < 1.0
    True
    """
    return _found(check_epsilon(epsilon), check_delta(delta), probability, steps, group_size)


@functools.lru_cache(maxsize=64)
def _found(epsilon: float, delta: float, probability: float, steps: int, group_size: int) -> float:
    def keeps(multiplier: float) -> bool:
        run = sampled_run(multiplier, probability=probability, steps=steps)
        return cost_of_run(run, float(group_size), delta, epsilon) <= epsilon

    return _least(keeps, float(group_size) if probability == 1 else 1.0, _TOLERANCE)


def _least(keeps: Callable[[float], bool], start: float, tolerance: float) -> float:
    high = start
    while not keeps(high):
        high *= 1.5
        if high > 2.0**40:
            raise InvalidParameterError("No noise keeps this budget.", hint="Allow a larger epsilon.")
    low = high / 1.5
    while keeps(low):
        low, high = low / 1.5, low
        if high < 2.0**-20:
            return high
    while high - low > tolerance * high:
        middle = (low + high) / 2
        low, high = (low, middle) if keeps(middle) else (middle, high)
    return high
