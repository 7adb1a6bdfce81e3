"""An attack on a mechanism's claim: no epsilon below this one is true, with a confidence that is stated.

References
----------
M. Jagielski, J. Ullman, A. Oprea, "Auditing differentially private machine learning: how private is private SGD?",
NeurIPS 2020, section 3: the bound from two exact binomial intervals.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_number
from expunge.errors import InvalidDataError
from expunge.privacy.rates import least_loss, rate_bounds

__all__ = ["epsilon_lower_bound"]

Floats = npt.NDArray[np.float64]


def epsilon_lower_bound(
    choose: tuple[Any, Any], judge: tuple[Any, Any], *, delta: float = 0.0, error: float = 1e-6
) -> float:
    """An epsilon that the mechanism exceeds, except with probability ``error``.

    Parameters
    ----------
    choose : pair of arrays, shapes (m,) and (k,)
        What a mechanism put out, as one number a run, on either of two neighbours: to choose a threshold from.
    judge : pair of arrays
        Other, independent runs, to judge that threshold by.
    delta : float
        That of the claim.
    error : float, default=1e-6
        Both Clopper-Pearson intervals hold with at least one minus this.

    Returns
    -------
    float
        At least 0.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.laplace(0, 1, (2, 40_000)), rng.laplace(1, 1, (2, 40_000))
    >>> 0.8 < epsilon_lower_bound((a[0], b[0]), (a[1], b[1])) < 1.0
    True
    """
    delta, error = check_number("delta", delta), check_number("error", error, open_low=True)
    first, second, third, fourth = (_numbers(part) for part in (*choose, *judge))
    best, found = -math.inf, (0.0, 1.0)
    for side in (1.0, -1.0):
        for share in (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001):
            for sample in (first, second):
                threshold = float(np.quantile(side * sample, 1 - share))
                for a, b in ((first, second), (second, first)):
                    bound = _bound(side * a, side * b, threshold, delta, 0.01)
                    if bound > best:
                        best, found = bound, (side, threshold)
    side, threshold = found
    return max(
        0.0,
        _bound(side * third, side * fourth, threshold, delta, error / 2),
        _bound(side * fourth, side * third, threshold, delta, error / 2),
    )


def _numbers(values: Any) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise InvalidDataError("Outputs to audit are finite numbers, shape (n,), at least one.")
    return array


def _bound(a: Floats, b: Floats, threshold: float, delta: float, error: float) -> float:
    """ln((P(a > t) - delta) / P(b > t)) with both probabilities on the safe side, each with error / 2."""
    hits, misses = int((a > threshold).sum()), int((b > threshold).sum())
    return float(least_loss(rate_bounds(hits, len(a), error / 2)[0], rate_bounds(misses, len(b), error / 2)[1], delta))
