"""What rates that were counted say of a privacy loss: exact intervals of a proportion, and the logarithm of a ratio.

References
----------
C. Clopper, E. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika
1934. P. Kairouz, S. Oh, P. Viswanath, "The composition theorem for differential privacy", ICML 2015, theorem 2.1: what
the rates of a test say of epsilon and delta.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

__all__ = ["least_loss", "rate_bounds"]

Floats = npt.NDArray[np.float64]


def rate_bounds(counts: Any, n: int, tail: float) -> tuple[Floats, Floats]:
    """Both ends of the Clopper-Pearson interval of rates, each passed with a probability of ``tail`` at most.

    Parameters
    ----------
    counts : int or ndarray of int
        How many of ``n`` trials it was, from 0 to n.
    n : int
        At least 1.
    tail : float
        In (0, 1/2).

    Examples
    --------
    >>> low, high = rate_bounds([0, 5, 10], 10, 0.025)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.187, 0.692], [0.308, 0.813, 1.0])
    """
    hits = np.asarray(counts, dtype=np.float64)
    low = np.where(hits > 0, beta.ppf(tail, np.maximum(hits, 1), n - hits + 1), 0.0)
    high = np.where(hits < n, beta.ppf(1 - tail, hits + 1, np.maximum(n - hits, 1)), 1.0)
    return low, high


def least_loss(above: Any, below: Any, delta: float) -> Floats:
    """ln((above - delta) / below): no epsilon below it is true of an outcome of these probabilities on two neighbours.

    Parameters
    ----------
    above, below : float or ndarray
        At least the probability on the one, and at most that on the other. Minus infinity where ``above`` is no more
        than delta.
    delta : float

    Examples
    --------
    >>> round(float(least_loss(0.5, 0.25, 0.0)), 4), float(least_loss(0.1, 0.5, 0.2))
    (0.6931, -inf)
    """
    left = np.asarray(above, dtype=np.float64) - delta
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(np.maximum(left, 0.0)) - np.log(below)
    return np.where(left > 0, ratio, -np.inf)
