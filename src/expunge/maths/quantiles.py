"""Quantiles of weighted values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["quantile"]

Floats = npt.NDArray[np.float64]


def quantile(values: Floats, share: float, weight: Floats | None = None) -> float:
    """The value below which this share of the records lies, interpolated; one of weight w counts as w records.

    Examples
    --------
    >>> quantile(np.array([3.0, 1.0, 2.0]), 0.25)
    1.5
    >>> quantile(np.array([3.0, 1.0]), 0.25, np.array([1.0, 2.0]))
    1.0
    """
    order = np.argsort(values, kind="stable")
    values = values[order]
    upto = np.cumsum(np.ones(len(values)) if weight is None else weight[order])
    last = max(0.0, float(upto[-1]) - 1.0)
    at = share * last
    most = len(values) - 1
    low, high = (
        float(values[min(most, int(np.searchsorted(upto, place, side="right")))])
        for place in (np.floor(at), min(np.floor(at) + 1.0, last))
    )
    return low if low == high else low + float(at - np.floor(at)) * (high - low)
