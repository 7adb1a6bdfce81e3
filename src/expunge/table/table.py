"""Some rows with their names, read from a store or about to enter one."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Table"]

_OPTIONAL = ("y", "weight", "subjects", "place")


@dataclasses.dataclass(frozen=True)
class Table:
    """Some rows, read from a store or about to enter one.

    Parameters
    ----------
    ids : ndarray of int64, or of object holding str, shape (n,)
    X : array, sparse matrix or frame of shape (n, d), or n texts
    y : ndarray of shape (n,) or (n, t), or None
    weight : ndarray of float64, shape (n,), or None
    subjects : ndarray of ids, shape (n,), None for nobody; or None
    place : ndarray of int64, shape (n,), or None
        Where a method put each record (a shard, say); see ``Unlearner._place``.
    """

    ids: npt.NDArray[Any]
    X: Any
    y: Any = None
    weight: npt.NDArray[np.float64] | None = None
    subjects: npt.NDArray[Any] | None = None
    place: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def head(self, n: int) -> Table:
        """The first n rows, as views where possible."""
        X = self.X.iloc[:n] if hasattr(self.X, "iloc") else self.X[:n]
        cut = {name: None if (a := getattr(self, name)) is None else a[:n] for name in _OPTIONAL}
        return Table(self.ids[:n], X, **cut)
