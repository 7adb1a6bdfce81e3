"""Sparse rows as a container that overwrites what is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["Sparse"]

Slots = npt.NDArray[np.intp]
Arrays = dict[str, npt.NDArray[Any]]


class Sparse:
    """A CSR matrix of shape (n, d).

    Parameters
    ----------
    matrix : sparse matrix of shape (n, d)
        Copied.
    """

    def __init__(self, matrix: Any) -> None:
        self._matrix = matrix.tocsr(copy=True)
        self._matrix.sum_duplicates()
        self._matrix.eliminate_zeros()

    def __len__(self) -> int:
        return int(self._matrix.shape[0])

    def read(self, slots: Slots) -> Any:
        return self._matrix[slots]

    def wipe(self, slots: Slots) -> None:
        starts = self._matrix.indptr
        for slot in slots.tolist():
            part = slice(starts[slot], starts[slot + 1])
            self._matrix.data[part] = 0
            self._matrix.indices[part] = 0

    def append(self, more: Any) -> None:
        if not isinstance(more, Sparse) or more._matrix.shape[1] != self._matrix.shape[1]:
            raise InvalidDataError("The new rows are not of the form of those the model learned from.")
        from scipy import sparse

        new, dtype = more._matrix, self._matrix.dtype
        if not len(self):
            self._matrix = new.copy()
            return
        if new.dtype != dtype:
            cast_back = new.astype(dtype)
            if not np.array_equal(cast_back.data.astype(new.dtype), new.data):
                raise InvalidDataError(f"The new values of dtype {new.dtype} do not fit into {dtype}.")
            new = cast_back
        self._matrix = type(self._matrix)(sparse.vstack([self._matrix, new], format="csr"))

    def truncate(self, n: int) -> None:
        self._matrix = self._matrix[:n]

    def plain(self, slots: Slots) -> Arrays:
        part = self._matrix[slots]
        return {
            "data": part.data,
            "indices": part.indices.astype("<i8"),
            "indptr": part.indptr.astype("<i8"),
        }

    def schema(self, slots: Slots) -> dict[str, Any]:
        kind = type(self._matrix).__name__
        return {"kind": "sparse", "class": kind, "n_columns": int(self._matrix.shape[1])}

    def without(self, features: Sequence[int]) -> Sparse:
        keep = np.delete(np.arange(self._matrix.shape[1]), list(features))
        return Sparse(self._matrix[:, keep])
