"""Intervals, comparisons and corrections behind every number of an audit: NumPy and SciPy, no models.

Scores point one way everywhere: higher means that the record looks more like one that was trained on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from expunge.arguments import check_number
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.privacy.rates import rate_bounds

__all__ = [
    "Interval",
    "auc",
    "binomial_power",
    "bootstrap_auc",
    "clopper_pearson",
    "delong",
    "delong_paired",
    "mean_interval",
    "non_members_needed",
    "tpr_at_fpr",
]

Floats = npt.NDArray[np.float64]

#: So many false positives a threshold must let through, at least, before its rate is called known: the exact 95 %
#: interval of a count of ten reaches from half to twice the count.
LEAST_FALSE_POSITIVES = 10


class Interval(NamedTuple):
    """An estimate with the ends of its interval.

    Parameters
    ----------
    value, low, high : float
    """

    value: float
    low: float
    high: float


def clopper_pearson(successes: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """The exact interval of a proportion.

    Parameters
    ----------
    successes, trials : int
        ``0 <= successes <= trials``, and at least one trial.
    confidence : float
        In (0, 1).

    Returns
    -------
    Interval

    Raises
    ------
    InvalidParameterError
        Counts or confidence that are none.

    References
    ----------
    C. Clopper, E. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26, 1934.

    Examples
    --------
    >>> interval = clopper_pearson(0, 10)
    >>> interval.low, round(interval.high, 4)
    (0.0, 0.3085)
    """
    check_confidence(confidence)
    if not 0 <= successes <= trials or trials < 1:
        raise InvalidParameterError(f"{successes} successes of {trials} trials are no proportion.")
    tail = (1 - confidence) / 2
    low, high = (float(end) for end in rate_bounds(successes, trials, tail))
    return Interval(successes / trials, low, high)


def auc(members: Floats, others: Floats) -> float:
    """Probability that a member scores higher than another record, ties counted half (Mann and Whitney 1947).

    Parameters
    ----------
    members : ndarray of shape (m,)
    others : ndarray of shape (n,)

    Notes
    -----
    O((m + n) log n).

    Examples
    --------
    >>> auc(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    ordered, wanted = np.sort(others), np.sort(members)  # sorted, so that neighbours look where it is warm
    below = np.searchsorted(ordered, wanted, side="left")
    ties = ordered[np.minimum(below, len(ordered) - 1)] == wanted
    level = np.searchsorted(ordered, wanted[ties], side="right").sum() - below[ties].sum()
    return float((2 * below.sum() + level) / (2 * len(members) * len(others)))


def delong(members: Floats, others: Floats, *, confidence: float = 0.95) -> Interval:
    """The AUC with DeLong's interval, on the logit scale so that it stays within 0 and 1.

    Where the AUC is 0 or 1 the variance is 0 and says nothing: the interval then reaches to where all of the smaller
    group could fall on the right side by chance (the exact binomial bound with that many trials).

    Parameters
    ----------
    members : ndarray of shape (m,)
        At least two.
    others : ndarray of shape (n,)
        At least two.
    confidence : float

    References
    ----------
    E. DeLong, D. DeLong, D. Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
    characteristic curves", Biometrics 44, 1988, equations 4 to 6; the midranks of X. Sun, W. Xu, IEEE Signal Processing
    Letters 21, 2014.

    Examples
    --------
    >>> interval = delong(np.array([1.0, 3.0, 4.0]), np.array([0.0, 2.0, 2.5]))
    >>> round(interval.value, 3), interval.low < interval.value < interval.high
    (0.778, True)
    """
    value, placements_m, placements_o = _placements(members, others)
    variance = _variance(placements_m) / len(members) + _variance(placements_o) / len(others)
    if value in (0.0, 1.0) or variance == 0:
        trials = min(len(members), len(others))
        edge = clopper_pearson(round(value * trials), trials, confidence=confidence)
        return Interval(value, min(value, edge.low), max(value, edge.high))
    half = stats.norm.ppf(0.5 + check_confidence(confidence) / 2) * np.sqrt(variance) / (value * (1 - value))
    middle = np.log(value / (1 - value))
    return Interval(value, float(1 / (1 + np.exp(half - middle))), float(1 / (1 + np.exp(-half - middle))))


def delong_paired(
    members: tuple[Floats, Floats], others: tuple[Floats, Floats], *, confidence: float = 0.95
) -> tuple[Interval, float]:
    """Difference of the AUCs of two scores of the same records, with its interval and two-sided p-value.

    Parameters
    ----------
    members, others : pair of ndarray
        First and second score of the members, and of the others.
    confidence : float, default=0.95
        Of the interval, in (0, 1).

    Returns
    -------
    difference : Interval
        Of the second minus the first.
    p_value : float
        1 where both scores order the records alike.
    """
    first, second = (_placements(m, o) for m, o in zip(members, others, strict=True))
    moved_m, moved_o = second[1] - first[1], second[2] - first[2]
    error = float(np.sqrt(_variance(moved_m) / len(moved_m) + _variance(moved_o) / len(moved_o)))
    value = second[0] - first[0]
    half = float(stats.norm.ppf(0.5 + check_confidence(confidence) / 2)) * error
    p_value = float(2 * stats.norm.sf(abs(value) / error)) if error > 0 else float(value == 0)
    return Interval(value, value - half, value + half), p_value


def bootstrap_auc(
    members: Floats, others: Floats, *, seed: int, repeats: int = 2000, confidence: float = 0.95
) -> Interval:
    """The AUC with a percentile interval over resampled records; the slow companion of :func:`delong`.

    Parameters
    ----------
    members, others : ndarray
    seed : int
    repeats : int
        Resamples, each O((m + n) log n).
    confidence : float, default=0.95
        Of the interval, in (0, 1).
    """
    rng = np.random.default_rng(seed)
    draws = [
        auc(rng.choice(members, len(members)), rng.choice(others, len(others))) for _ in range(repeats)
    ]  # records of both kinds are drawn apart
    tail = (1 - check_confidence(confidence)) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(auc(members, others), float(low), float(high))


def non_members_needed(fpr: float) -> int:
    """Non-members that it takes before the true positive rate at this false positive rate means anything.

    Raises
    ------
    InvalidParameterError
        The rate is not between 0 and 1.

    Examples
    --------
    >>> non_members_needed(0.01), non_members_needed(0.001)
    (1000, 10000)
    """
    if not 0 < fpr < 1:
        raise InvalidParameterError(f"A false positive rate lies between 0 and 1, got {fpr!r}.")
    return int(np.ceil(LEAST_FALSE_POSITIVES / fpr - 1e-9))


def tpr_at_fpr(members: Floats, others: Floats, fpr: float, *, confidence: float = 0.95) -> Interval:
    """Share of the members that an attack finds while it accuses at most this share of the others.

    Parameters
    ----------
    members, others : ndarray
    fpr : float
        In (0, 1).
    confidence : float, default=0.95
        Of the interval, in (0, 1).

    Returns
    -------
    Interval
        Exact binomial, given the threshold.

    Raises
    ------
    InvalidDataError
        Fewer than ``10 / fpr`` others: nobody can know the rate from them.

    Examples
    --------
    >>> others = np.arange(1000.0)
    >>> tpr_at_fpr(np.array([995.0, 500.0]), others, 0.01).value
    0.5
    """
    needed = non_members_needed(fpr)
    if len(others) < needed:
        raise InvalidDataError(
            f"A true positive rate at {fpr:.1%} false positives needs {needed:,} non-members, got {len(others):,}.",
            hint="Give more held-out records, or read the rate at a larger share of false positives.",
        )
    allowed = int(np.floor(fpr * len(others) + 1e-9))
    threshold = np.sort(others)[len(others) - allowed - 1]
    return clopper_pearson(int((members > threshold).sum()), len(members), confidence=confidence)


def mean_interval(values: Floats, *, confidence: float = 0.95) -> Interval:
    """A mean over records with Student's interval.

    Examples
    --------
    >>> mean_interval(np.array([1.0, 2.0, 3.0])).value
    2.0
    """
    value = float(values.mean())
    if len(values) < 2:
        return Interval(value, -np.inf, np.inf)
    half = float(stats.t.ppf(0.5 + check_confidence(confidence) / 2, len(values) - 1))
    half *= float(values.std(ddof=1)) / np.sqrt(len(values))
    return Interval(value, value - half, value + half)


def binomial_power(trials: int, null: float, truth: float, *, alpha: float = 0.05) -> tuple[float, int]:
    """Chance that an exact one-sided binomial test finds a rate above the null, and the count it needs.

    Parameters
    ----------
    trials : int
    null, truth : float
        Rate under the null hypothesis, and the true rate, which is higher.
    alpha : float

    Returns
    -------
    power : float
    critical : int
        Least number of successes that rejects; ``trials + 1`` if none does.

    Examples
    --------
    >>> power, critical = binomial_power(20, 0.65, 0.80)
    >>> round(power, 4), critical
    (0.4114, 17)
    """
    counts = np.arange(trials + 2)
    rejects = stats.binom.sf(counts - 1, trials, null) <= alpha
    critical = int(counts[rejects][0])
    return float(stats.binom.sf(critical - 1, trials, truth)), critical


def check_confidence(confidence: float) -> float:
    """The confidence, or a sentence."""
    return check_number("confidence", confidence, high=1.0, open_low=True, open_high=True)


def _placements(members: Floats, others: Floats) -> tuple[float, Floats, Floats]:
    """AUC, and for each record the share of the other group that it beats (for others: that beats it)."""
    m, n = len(members), len(others)
    if m < 2 or n < 2:
        raise InvalidDataError(f"An AUC with an interval needs two records of each kind, got {m} and {n}.")
    ranks = stats.rankdata(np.concatenate([members, others]))
    of_members = (ranks[:m] - stats.rankdata(members)) / n
    of_others = 1 - (ranks[m:] - stats.rankdata(others)) / m
    return float(of_members.mean()), of_members, of_others


def _variance(values: Floats) -> float:
    return float(values.var(ddof=1))
