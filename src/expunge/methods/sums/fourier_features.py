"""Random Fourier features: cosines and sines of rows in random directions, which depend on no record.

An inner product of two rows of features is near a kernel of the rows, so that least squares on them are near kernel
ridge regression, while the state stays a sum over records.

*Frequencies.* Bochner's theorem: k(x - x') is the mean of cos ω·(x - x') over ω from a distribution, that is the mean
of the inner products of (cos ω·x, sin ω·x). Each entry of ω is drawn by a keyed hash from the seed, the name of its
column (its position, where columns have none) and the number of the frequency. A column's share in the features is
therefore the same whatever other columns there are, in whatever order they stand.

*Bits.* Whatever a batch of rows holds besides, a row's features have the same bits: ω·x is added up column by column,
and cosines are those of :mod:`expunge.maths.portable`. So are the frequencies. Features are rounded to multiples of
2^-20, much finer than the error of the approximation, which makes them integers of one digit in the exact sums.

References
----------
A. Rahimi, B. Recht, "Random features for large-scale kernel machines", NIPS 2007: theorem 1, algorithm 1 and figure 1.
D. J. Sutherland, J. Schneider, "On the error of random Fourier features", UAI 2015, section 2: cosines and sines in
pairs have a smaller variance than cosines with random phases, for the Gaussian kernel.
G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates", 1958.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidParameterError, OutOfRangeError
from expunge.maths.portable import circle, logarithm
from expunge.maths.product_moments import row_products
from expunge.seeds import uniform64

__all__ = ["KERNELS", "UNIT", "Features", "frequencies", "scales_of"]

Floats = npt.NDArray[np.float64]

KERNELS = ("rbf", "laplacian")
UNIT = 2.0**-20  # features are multiples of it
_FARTHEST = 2.0**40  # turns; a little further, and the angle has no digits left
_CELLS = 2**22  # features in memory at a time


def frequencies(columns: Sequence[Any], n: int, *, kernel: str, gamma: float, scales: Floats, seed: int) -> Floats:
    """Frequencies in turns for each unit of the columns, shape (n, d).

    Parameters
    ----------
    columns : sequence of str or int, length d
        Names, or positions.
    n : int
        Number of frequencies; more of them begin with the same ones.
    kernel : {"rbf", "laplacian"}
        exp(-gamma |z|²), of which the frequencies are normal; or exp(-gamma |z|₁), of which they are Cauchy.
    gamma : float
    scales : ndarray of shape (d,)
        What each column is divided by.
    seed : int

    Examples
    --------
    >>> how = {"kernel": "rbf", "gamma": 0.5, "seed": 0}
    >>> both = frequencies(["age", "height"], 4, scales=np.ones(2), **how)
    >>> bool((both[:, 1:] == frequencies(["height"], 4, scales=np.ones(1), **how)).all())
    True
    """
    out = np.empty((n, len(columns)))
    for j, column in enumerate(columns):
        u = _uniform(seed, "first", column, n)
        if kernel == "rbf":  # a normal number of variance 2 gamma, by Box and Muller
            cosine, _ = circle(_uniform(seed, "second", column, n))
            draws = np.sqrt(-4.0 * gamma * logarithm(u)) * cosine
        else:  # tan π(u - 1/2)
            cosine, sine = circle(0.5 * u)
            draws = -gamma * cosine / sine
        out[:, j] = draws / 6.283185307179586 / scales[j]
    return out


def _uniform(seed: int, purpose: str, column: Any, n: int) -> Floats:
    """Numbers strictly between 0 and 1, that belong to a column."""
    words = uniform64(seed, json.dumps(["fourier", purpose, column]), np.arange(n, dtype=np.int64))
    return np.asarray(((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52)


def scales_of(scales: Any, columns: Sequence[Any]) -> Floats:
    """What each column is divided by, shape (d,); a mapping may name columns that are not there any more.

    Raises
    ------
    InvalidParameterError
        Not positive and finite, or not one for each column.
    """
    if isinstance(scales, Mapping):
        if not set(scales) & set(columns):
            raise InvalidParameterError(
                "scales names no column that there is.", hint="For an array, give one number for each column."
            )
        given = np.array([scales.get(column, 1.0) for column in columns], dtype=np.float64)
    else:
        given = np.asarray(1.0 if scales is None else scales, dtype=np.float64)
    if given.ndim and given.shape != (len(columns),):
        raise InvalidParameterError(
            f"scales has shape {given.shape}, expected a number or shape ({len(columns)},).",
            hint="Give one for each column, or a dictionary by names, which may go on when a column is forgotten.",
        )
    return np.broadcast_to(given, (len(columns),))


class Features:
    """The features of rows, computed when rows are asked for: an array of shape (n, 2 · frequencies) in effect.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    W : ndarray of shape (m, d)
        :func:`frequencies`.
    ids : ndarray of shape (n,), optional
        Of the records, for the error.
    """

    def __init__(self, X: Floats, W: Floats, ids: npt.NDArray[Any] | None = None) -> None:
        self._X, self._W, self._ids = X, W, ids
        self.shape = len(X), 2 * len(W)

    def __len__(self) -> int:
        return len(self._X)

    def __getitem__(self, rows: slice) -> Floats:
        """Features of some rows: cosines, then sines, in multiples of :data:`UNIT`.

        Raises
        ------
        OutOfRangeError
            A record so far away that an angle has no digits left.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            turns = row_products(self._X[rows], self._W)
            is_far = ~(np.abs(turns) < _FARTHEST)
        if is_far.any():
            row = int(is_far.any(axis=1).argmax()) + (rows.start or 0)
            who = f"Row {row}" if self._ids is None else f"Record {self._ids[row : row + 1].tolist()[0]!r} (row {row})"
            raise OutOfRangeError(
                f"{who} is more than 2**40 waves away from zero.", hint="Correct or drop it, or set larger scales."
            )
        out = np.empty((len(turns), self.shape[1]))
        out[:, : len(self._W)], out[:, len(self._W) :] = circle(turns)
        out /= UNIT
        np.rint(out, out=out)
        out *= UNIT
        return out

    def blocks(self) -> list[slice]:
        """Slices of rows whose features fit into memory at once; one empty slice if there are no rows."""
        step = max(1, _CELLS // max(1, self.shape[1]))
        return [slice(start, min(start + step, len(self))) for start in range(0, max(1, len(self)), step)]
