"""Mean and variance of each record's score over the reference models that did, or did not, train on it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["Moments", "moments", "with_one_variance", "without_each"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Moments(NamedTuple):
    """Of each record: number of models, mean and variance (n - 1 below) of their scores.

    Parameters
    ----------
    models : ndarray of shape (n,)
    mean, variance : ndarray of shape (n,), or (m, n) where each of m models has others to be compared with
        NaN where there are too few models.
    """

    models: Floats
    mean: Floats
    variance: Floats


def moments(references: Floats, chosen: Bools | None = None, *, least: int = 2, what: str = "out") -> Moments:
    """Moments over the chosen models of each record: what the attacks compare an audited model with.

    Parameters
    ----------
    references : ndarray of shape (m, n)
        Score of each model on each record.
    chosen : ndarray of bool, shape (m, n), optional
        Default: all models.
    least : int, default=2
        Models that every record needs.
    what : str, default="out"
        "in" or "out", for the sentence.

    Raises
    ------
    InvalidDataError
        A record with fewer models.

    Examples
    --------
    >>> moments(np.array([[1.0], [3.0]])).mean.tolist()
    [2.0]
    """
    chosen = np.ones(references.shape, dtype=bool) if chosen is None else chosen
    count = chosen.sum(axis=0).astype(np.float64)
    if count.min(initial=np.inf) < least:
        raise InvalidDataError(
            f"A record has {int(count.min())} '{what}' models; this attack needs {least}.",
            hint="Train more references.",
        )
    mean = np.where(chosen, references, 0.0).sum(axis=0) / count
    squares = np.where(chosen, (references - mean) ** 2, 0.0).sum(axis=0)
    return Moments(count, mean, squares / np.maximum(count - 1, 1))


def without_each(references: Floats) -> Moments:
    """Moments over all models but one, for each one; every model has the same right to be left out.

    Parameters
    ----------
    references : ndarray of shape (m, n)
        At least three models.

    Returns
    -------
    Moments
        Row i of mean and variance is over the other m - 1 models.

    Raises
    ------
    InvalidDataError
        Fewer than three models.
    """
    m, n = references.shape
    if m < 3:
        raise InvalidDataError(f"Leaving one model out takes three of them, got {m}.", hint="Train more references.")
    centre = references.mean(axis=0)
    away = references - centre
    mean_away = -away / (m - 1)  # all deviations sum to zero
    squares = (away**2).sum(axis=0) - away**2 - (m - 1) * mean_away**2
    return Moments(np.full(n, m - 1.0), centre + mean_away, np.maximum(squares, 0.0) / (m - 2))


def with_one_variance(of: Moments) -> Moments:
    """The same, with the variance of all records together in the place of each one's own."""
    one = np.average(of.variance, axis=-1, weights=of.models - 1, keepdims=True)
    return of._replace(variance=np.broadcast_to(one, of.variance.shape))
