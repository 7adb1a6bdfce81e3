"""Bootstrap intervals over seeds: of a mean, and of a mean difference of pairs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from expunge.audit.statistics import Interval

__all__ = ["bootstrap", "paired_bootstrap"]

_ALL = 5  # values whose resamples are enumerated: 3,125 of five
_DRAWS = 5000


def bootstrap(values: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """A mean with the percentile interval of its resamples.

    Parameters
    ----------
    values : sequence of float
        One a seed.
    confidence : float

    Returns
    -------
    Interval
        Of one value that value alone. Of up to five values all resamples are looked at, of more 5,000; of two or three
        the interval is their range, for no mean of resamples is rarer than one in forty.

    References
    ----------
    B. Efron, R. Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.

    Examples
    --------
    >>> bootstrap([1.0, 2.0, 3.0])
    Interval(value=2.0, low=1.0, high=3.0)
    """
    data = np.asarray(values, dtype=np.float64)
    if len(data) == 1:
        return Interval(*(float(data[0]),) * 3)
    means = _resamples(len(data), data)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail], method="inverted_cdf")
    return Interval(float(data.mean()), float(low), float(high))


def paired_bootstrap(first: Sequence[float], second: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """The mean of first minus second, pair by pair, with its interval.

    Examples
    --------
    >>> paired_bootstrap([2.0, 3.0], [1.0, 1.0])
    Interval(value=1.5, low=1.0, high=2.0)
    """
    pairs = zip(first, second, strict=True)
    return bootstrap([a - b for a, b in pairs], confidence=confidence)


def _resamples(n: int, data: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if n <= _ALL:
        return np.array([data[list(chosen)].mean() for chosen in itertools.product(range(n), repeat=n)])
    chosen = np.random.default_rng(0).integers(n, size=(_DRAWS, n))
    return np.asarray(data[chosen].mean(axis=1))
