"""A lower bound on the privacy loss that an attack shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expunge.audit.statistics import Interval, clopper_pearson

__all__ = ["epsilon_lower_bound"]

Floats = npt.NDArray[np.float64]


def epsilon_lower_bound(members: Floats, others: Floats, *, delta: float = 0.0, confidence: float = 0.95) -> Interval:
    """The least epsilon that is compatible with how well an attack tells members from others.

    A threshold is chosen on every second record and its rates are measured on the rest, so that choosing costs nothing.

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
    cuts = np.unique(np.concatenate([choose_m, choose_o]))
    found = 1 - np.searchsorted(np.sort(choose_m), cuts, side="left") / len(choose_m)
    accused = 1 - np.searchsorted(np.sort(choose_o), cuts, side="left") / len(choose_o)
    pseudo_m, pseudo_o = 1 / len(choose_m), 1 / len(choose_o)  # so that no rate of 0 is chosen for its own sake
    ratio = np.maximum((found - delta) / (accused + pseudo_o), (1 - accused - delta) / (1 - found + pseudo_m))
    cut = cuts[int(np.argmax(ratio))]
    # Only one end of each interval is used: half of the error goes to each rate.
    tpr = clopper_pearson(int((test_m >= cut).sum()), len(test_m), confidence=confidence)
    fpr = clopper_pearson(int((test_o >= cut).sum()), len(test_o), confidence=confidence)
    pairs = (
        (tpr.low, fpr.high, tpr.value, fpr.value),
        (1 - fpr.high, 1 - tpr.low, 1 - fpr.value, 1 - tpr.value),
    )
    low = max(_log_ratio(a - delta, b) for a, b, _, _ in pairs)
    value = max(_log_ratio(a - delta, b) for _, _, a, b in pairs)
    return Interval(max(0.0, value), max(0.0, low), np.inf)


def _log_ratio(above: float, below: float) -> float:
    if above <= 0:
        return -np.inf
    return float(np.log(above / below)) if below > 0 else np.inf
