"""Rows that no record can make longer than a public number, with a last column for the intercept."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError
from expunge.privacy.clipping import clip_rows
from expunge.rows import Rows

__all__ = ["BoundedRows", "bounded_rows", "weight_of", "weights_of"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]


def bounded_rows(X: Floats, norm: float, *, clip: bool, intercept: bool, ids: Any = None) -> Floats:
    """Rows no longer than ``norm``, and a column of ones behind them.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    norm : float
    clip : bool
        Shorten longer rows, each by itself.
    intercept : bool
        Append the ones.
    ids : ndarray of shape (n,), optional
        With these, a row that is too long is refused by its name; without, as in a prediction, it passes.

    Raises
    ------
    InvalidDataError
        A row that is too long and may not be shortened.
    """
    if clip:
        X = clip_rows(X, norm)
    elif ids is not None and len(long := np.flatnonzero(np.linalg.norm(X, axis=1) > norm)):
        raise InvalidDataError(
            f"Record {ids[long[:1]].tolist()[0]!r} is longer than norm_bound = {norm:g}.",
            hint="Scale the columns by public numbers, or pass clip=True.",
        )
    return np.concatenate([X, np.ones((len(X), 1))], axis=1) if intercept else np.ascontiguousarray(X)


def weights_of(table: Any) -> Floats:
    """Weights of the records of a table, ones where it has none."""
    return np.ones(len(table)) if table.weight is None else np.asarray(table.weight, dtype=np.float64)


def weight_of(rows: Rows, slots: Slots) -> float:
    """Total weight of the records of these slots: their number, where there are no weights."""
    return float(weights_of(rows.peek(slots)).sum()) if rows.has_weights else float(len(slots))


class BoundedRows:
    """Mixin of linear models that read rows within a bound, with ``coef`` of shape (k, d) in their solution."""

    _solution: Any
    norm_bound: float
    clip: bool
    fit_intercept: bool

    def _bounded(self, X: Floats, ids: Any = None) -> Floats:
        return bounded_rows(X, self.norm_bound, clip=self.clip, intercept=self.fit_intercept, ids=ids)

    def _scores(self, X: Floats) -> Floats:
        return np.asarray(self._bounded(X) @ self._solution()["coef"].T)

    @property
    def _radius(self) -> float:
        """The longest row, with its one for the intercept."""
        return math.hypot(self.norm_bound, float(self.fit_intercept))

    @property
    def coef_(self) -> Floats:
        """Coefficients, shape (k, n_features)."""
        coef = np.array(self._solution()["coef"])
        return coef[:, :-1] if self.fit_intercept else coef

    @property
    def intercept_(self) -> Floats:
        """Intercepts, shape (k,)."""
        coef = self._solution()["coef"]
        return np.array(coef[:, -1]) if self.fit_intercept else np.zeros(len(coef))
