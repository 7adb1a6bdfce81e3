"""How a model ranks among its references, and how ranks and p-values of several attacks make one statement."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["MaxT", "holm", "max_t", "max_t_each", "rank_p_value"]

Floats = npt.NDArray[np.float64]


def rank_p_value(value: float, references: Floats) -> float:
    """Chance that one of the references would come out at least as high: (1 + #{r >= v}) / (1 + m).

    Exact where value and references can be exchanged for one another, whatever their distribution (Davison and Hinkley
    1997, section 4.2).

    Examples
    --------
    >>> rank_p_value(5.0, np.arange(4.0))
    0.2
    """
    return float((1 + np.count_nonzero(references >= value)) / (1 + len(references)))


class MaxT(NamedTuple):
    """P-values upwards and downwards, and how far out the audited model's largest statistic lies on either side.

    Parameters
    ----------
    p_high, p_low : float
        From 1 / (m + 1) to 1.
    high, low : float
        In standard deviations.
    """

    p_high: float
    p_low: float
    high: float
    low: float


def max_t(statistics: Floats) -> MaxT:
    """One test from several statistics of one audited model and m references (Westfall and Young 1993, chapter 2).

    Every model, the audited one among them, is treated alike: each statistic is standardised over all m + 1, and a
    model counts with its largest. The audited model's rank among the m + 1 is then an exact p-value, corrected for the
    number of statistics.

    Parameters
    ----------
    statistics : ndarray of shape (m + 1, t)
        First row: the audited model. A column that is the same for all says nothing and is left out.

    Returns
    -------
    MaxT
        P-values for "higher than the references" and "lower than the references", and the largest deviations.

    Examples
    --------
    >>> rows = np.vstack([[9.0, 9.0], np.random.default_rng(0).normal(size=(19, 2))])
    >>> max_t(rows)[:2]
    (0.05, 1.0)
    """
    z = _standardised(statistics)
    if not z.any():
        return MaxT(1.0, 1.0, 0.0, 0.0)
    z = z[:, z.any(axis=0)]
    most, least = z.max(axis=1), -z.min(axis=1)
    return MaxT(
        rank_p_value(most[0], most[1:]), rank_p_value(least[0], least[1:]), float(most[0]), float(least[0])
    )  # fmt: skip


def max_t_each(statistics: Floats) -> Floats:
    """Two-sided p-value of each statistic, corrected for all by the references themselves (single-step max-T).

    Parameters
    ----------
    statistics : ndarray of shape (m + 1, t)
        As in :func:`max_t`.

    Returns
    -------
    ndarray of shape (t,)
        Rank of each deviation of the audited model among the largest deviations of the references; 1 for a statistic
        that is the same for all. Unlike Holm's, the correction does not grow with attacks that say the same, and it can
        reach 1 / (m + 1).

    Examples
    --------
    >>> rows = np.vstack([[9.0, 0.0], np.random.default_rng(0).normal(size=(19, 2))])
    >>> max_t_each(rows).tolist()
    [0.05, 1.0]
    """
    z = np.abs(_standardised(statistics))
    largest = z[1:].max(axis=1, initial=0.0)
    return np.array([rank_p_value(value, largest) if value > 0 else 1.0 for value in z[0]])


def _standardised(statistics: Floats) -> Floats:
    """Deviations over all models; 0 for a column that is the same for all."""
    spread = statistics.std(axis=0)
    told = spread > 1e-12 * np.maximum(1.0, np.abs(statistics).max(axis=0, initial=0.0))
    return np.asarray(np.where(told, statistics - statistics.mean(axis=0), 0.0) / np.where(told, spread, 1.0))


def holm(p_values: Floats) -> Floats:
    """P-values corrected for looking at several tests (Holm 1979): valid whatever their dependence.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).round(6).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    stepped = np.minimum(1.0, np.maximum.accumulate(p_values[order] * factors))
    out = np.empty(len(p_values))
    out[order] = stepped
    return out
