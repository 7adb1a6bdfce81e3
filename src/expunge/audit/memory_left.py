"""How much of the way from retrained to not forgotten at all a model stands, over the forget set as a whole."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from expunge.audit.statistics import Interval, check_confidence

__all__ = ["LEAST_UNFORGOTTEN", "memory_interval", "memory_left"]

Floats = npt.NDArray[np.float64]

#: References trained on the forget set that it takes to know what memory looks like.
LEAST_UNFORGOTTEN = 4


def memory_left(target: Floats, outside: Floats, inside: Floats, variance: Floats) -> Floats:
    """0 for a model like the retrained ones, near 1 for one like those that were trained on the forget set.

    Attacks that compare forgotten with held-out records take all forgotten records alike. Here each counts with what
    training on it would have moved, in units of its own noise: Fisher's linear discriminant between both kinds of
    references, with the records taken as independent. It sees a little memory of many records where none stands out.

    Parameters
    ----------
    target : ndarray of shape (..., n)
        Log-odds of the audited model on the forgotten records.
    outside, inside : ndarray of shape (..., n)
        Mean over references trained without and with the forget set.
    variance : ndarray of shape (..., n)
        Of the references without it. The mean over records is added, so that no record without noise decides alone.

    Returns
    -------
    ndarray of shape (...)
        sum of w (target - outside) over sum of w (inside - outside), with w = (inside - outside) / variance; 0 where
        both kinds of references are alike. Few references make the difference look larger than it is, and so the value
        of a model that forgot nothing smaller than 1: read it beside theirs.

    References
    ----------
    R. Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7, 1936; with a diagonal
    covariance as in P. Bickel, E. Levina, "Some theory for Fisher's linear discriminant function, 'naive Bayes', and
    some alternatives", Bernoulli 10, 2004, section 2.

    Examples
    --------
    >>> memory_left(np.array([2.0, 1.0]), np.zeros(2), np.array([4.0, 2.0]), np.ones(2)).tolist()
    0.5
    """
    of_target, of_whole = _parts(target, outside, inside, variance)
    whole = of_whole.sum(axis=-1)
    return np.asarray(np.where(whole > 0, of_target.sum(axis=-1) / np.where(whole > 0, whole, 1.0), 0.0))


def memory_interval(
    target: Floats, outside: Floats, inside: Floats, variance: Floats, *, confidence: float = 0.95
) -> Interval:
    """The same of one model, with its interval over records: that of a ratio of sums, by its linear part."""
    value = float(memory_left(target, outside, inside, variance))
    of_target, of_whole = _parts(target, outside, inside, variance)
    n, whole = len(of_whole), float(of_whole.sum())
    if n < 2 or not whole > 0:
        return Interval(value, -np.inf, np.inf)
    error = np.sqrt(n) * float((of_target - value * of_whole).std(ddof=1)) / whole
    half = float(stats.t.ppf(0.5 + check_confidence(confidence) / 2, n - 1)) * error
    return Interval(value, value - half, value + half)


def _parts(target: Floats, outside: Floats, inside: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """What each record adds above and below the line."""
    gap = inside - outside
    weights = gap / np.maximum(variance + variance.mean(axis=-1, keepdims=True), np.finfo(np.float64).tiny)
    return weights * (target - outside), weights * gap
