"""A lower bound on the privacy loss that an attack shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expunge.audit.statistics import Interval, clopper_pearson

__all__ = ["epsilon_lower_bound"]

Floats = npt.NDArray[np.float64]

_CUTS = 201  # thresholds that are tried
_STRICT = 0.9999  # confidence while choosing: a good rate from a handful of records is luck


def epsilon_lower_bound(members: Floats, others: Floats, *, delta: float = 0.0, confidence: float = 0.95) -> Interval:
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
    >>> epsilon_lower_bound(rng.normal(size=400), rng.normal(size=400)).low
    0.0
    """
    choose_m, test_m, choose_o, test_o = members[::2], members[1::2], others[::2], others[1::2]
    cuts = np.unique(np.quantile(np.concatenate([choose_m, choose_o]), np.linspace(0, 1, _CUTS), method="nearest"))
    best = int(np.argmax([_bound(choose_m, choose_o, cut, delta, _STRICT).low for cut in cuts]))
    return _bound(test_m, test_o, float(cuts[best]), delta, confidence)


def _bound(members: Floats, others: Floats, cut: float, delta: float, confidence: float) -> Interval:
    """From the rates at one threshold; only one end of each is used, so that half of the error goes to each."""
    tpr = clopper_pearson(int((members >= cut).sum()), len(members), confidence=confidence)
    fpr = clopper_pearson(int((others >= cut).sum()), len(others), confidence=confidence)
    low = max(_log_ratio(tpr.low - delta, fpr.high), _log_ratio(1 - fpr.high - delta, 1 - tpr.low))
    value = max(_log_ratio(tpr.value - delta, fpr.value), _log_ratio(1 - fpr.value - delta, 1 - tpr.value))
    return Interval(max(0.0, value), max(0.0, low), np.inf)


def _log_ratio(above: float, below: float) -> float:
    if above <= 0:
        return -np.inf
    return float(np.log(above / below)) if below > 0 else np.inf
