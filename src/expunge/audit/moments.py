"""Mean and variance of each record's score over the reference models that did, or did not, train on it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["Moments", "moments", "without_each"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Moments(NamedTuple):
    """Of each record: number of models, mean and variance (n - 1 below) of their scores; each of shape (n,).

    Parameters
    ----------
    models : ndarray of shape (n,)
    mean, variance : ndarray of shape (n,)
        NaN where there are too few models.
    """

    models: Floats
    mean: Floats
    variance: Floats


def moments(references: Floats, chosen: Bools, *, least: int, what: str) -> Moments:
    """Moments over the chosen models of each record.

    Parameters
    ----------
    references : ndarray of shape (m, n)
        Score of each model on each record.
    chosen : ndarray of bool, shape (m, n)
    least : int
        Models that every record needs.
    what : str
        "in" or "out", for the sentence.

    Raises
    ------
    InvalidDataError
        A record with fewer models.
    """
    count = chosen.sum(axis=0).astype(np.float64)
    if count.min(initial=np.inf) < least:
        raise InvalidDataError(
            f"A record has {int(count.min())} '{what}' models; this attack needs {least}.",
            hint="Train more references.",
        )
    mean = np.where(chosen, references, 0.0).sum(axis=0) / count
    squares = np.where(chosen, (references - mean) ** 2, 0.0).sum(axis=0)
    return Moments(count, mean, squares / np.maximum(count - 1, 1))


def without_each(references: Floats) -> tuple[Floats, Floats]:
    """Mean and variance over all models but one, for each one; every model has the same right to be left out.

    Parameters
    ----------
    references : ndarray of shape (m, n)
        At least three models.

    Returns
    -------
    mean, variance : ndarray of shape (m, n)
        Row i is over the other m - 1 models.

    Raises
    ------
    InvalidDataError
        Fewer than three models.
    """
    m = len(references)
    if m < 3:
        raise InvalidDataError(f"Leaving one model out takes three of them, got {m}.", hint="Train more references.")
    centre = references.mean(axis=0)
    away = references - centre
    mean_away = -away / (m - 1)  # all deviations sum to zero
    squares = (away**2).sum(axis=0) - away**2 - (m - 1) * mean_away**2
    return centre + mean_away, np.maximum(squares, 0.0) / (m - 2)
