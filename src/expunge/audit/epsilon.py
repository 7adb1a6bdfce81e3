"""A lower bound on the privacy loss that an attack shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expunge.audit.statistics import Interval
from expunge.privacy.rates import least_loss, rate_bounds

__all__ = ["least_epsilon"]

Floats = npt.NDArray[np.float64]

_CUTS = 201  # thresholds that are tried
_STRICT = 0.9999  # confidence while choosing: a good rate from a handful of records is luck


def least_epsilon(members: Floats, others: Floats, *, delta: float = 0.0, confidence: float = 0.95) -> Interval:
    """The least epsilon that is compatible with how well an attack tells members from others.

    The threshold with the best bound on every second record is chosen and its rates are measured on the rest, so that
    choosing costs nothing.

    Parameters
    ----------
    members, others : ndarray of shape (m,), (n,)
        Scores; higher for members.
    delta : float
    confidence : float
        Of the bound.

    Returns
    -------
    Interval
        ``low`` is the bound, at least 0; ``value`` the estimate from the measured rates; ``high`` is infinite, as no
        attack bounds the loss from above.

    References
    ----------
    M. Jagielski, J. Ullman, A. Oprea, "Auditing differentially private machine learning", NeurIPS 2020, section 3;
    P. Kairouz, S. Oh, P. Viswanath, "The composition theorem for differential privacy", ICML 2015, theorem 2.1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> least_epsilon(rng.normal(size=400), rng.normal(size=400)).low
    0.0
    """
    choose_m, test_m, choose_o, test_o = members[::2], members[1::2], others[::2], others[1::2]
    cuts = np.unique(np.quantile(np.concatenate([choose_m, choose_o]), np.linspace(0, 1, _CUTS), method="nearest"))
    low, _ = _bounds(choose_m, choose_o, cuts, delta, _STRICT)
    low, value = _bounds(test_m, test_o, cuts[[int(np.argmax(low))]], delta, confidence)
    return Interval(float(value[0]), float(low[0]), np.inf)


def _bounds(members: Floats, others: Floats, cuts: Floats, delta: float, confidence: float) -> tuple[Floats, Floats]:
    """Bound and estimate from the rates at each threshold; one end of each rate is used, with half of the error."""
    found, accused = (_at_least(part, cuts) for part in (members, others))
    tail = (1 - confidence) / 2
    m, n = len(members), len(others)
    tpr_low, fpr_high = rate_bounds(found, m, tail)[0], rate_bounds(accused, n, tail)[1]
    low = np.maximum(least_loss(tpr_low, fpr_high, delta), least_loss(1 - fpr_high, 1 - tpr_low, delta))
    tpr, fpr = found / m, accused / n
    value = np.maximum(least_loss(tpr, fpr, delta), least_loss(1 - fpr, 1 - tpr, delta))
    return np.maximum(low, 0.0), np.maximum(value, 0.0)


def _at_least(values: Floats, cuts: Floats) -> Floats:
    return len(values) - np.searchsorted(np.sort(values), cuts, side="left").astype(np.float64)
