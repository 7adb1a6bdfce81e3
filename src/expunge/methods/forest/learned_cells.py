"""What the trees of a model read of its rows, by slot: read in place where the table is numbers, encoded where not."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError
from expunge.methods.forest.cells import (
    EMPTY,
    column_kinds,
    encode,
    floats_beside_integers,
    in_place,
    kernel_kinds,
)
from expunge.methods.forest.planting import Cells
from expunge.methods.forest.splits import MISSING, ROW
from expunge.rows import Rows, Table
from expunge.table.label_kinds import as_labels

__all__ = ["UNIT", "LearnedCells", "Totals", "refuse_large_targets"]

Ints = npt.NDArray[np.int64]
Slots = npt.NDArray[np.intp]

#: Weights are multiples of this, so that sums of them are sums of integers.
UNIT = 2.0**-10
#: A sum over all records stays below this, so that it fits into 64 bits with its sign.
_LARGEST_SUM = 2**62
#: A table of so many bytes stays in the cache of the processor as it is.
_CACHED = 2**25
_NONE = np.empty(0, dtype=np.int64)


def _weight_units(weight: npt.NDArray[np.float64], most: int) -> Ints:
    """Weights in units, up to ``most`` of them.

    Raises
    ------
    InvalidDataError
        A weight that is no multiple of the unit, or too large.
    """
    units = weight / UNIT
    wrong = (units != np.rint(units)) | (units > most)
    if wrong.any():
        raise InvalidDataError(
            f"sample_weight holds {weight[wrong][0]}; this forest counts in multiples of 1/1024, up to "
            f"{int(most * UNIT):,}.",
            hint="Round the weights, or use integers; with a smaller min_samples_leaf they may be larger.",
        )
    return units.astype(np.int64)


class Totals(NamedTuple):
    """What all records come to, replaced as a whole when they change.

    Parameters
    ----------
    weight, target : int
        Of numbers: the weights, and weight times the size of the target with its last 31 bits cut off. Else 0.
    of_class : ndarray of int64, or None
        Records of each class; None for numbers.
    """

    weight: int
    target: int
    of_class: Ints | None


class LearnedCells:
    """Keys, targets and weights of all slots, kept beside the rows.

    Parameters
    ----------
    rows : Rows
    slots : ndarray of intp
        Those with a record.
    resolution : float or None
        Unit of the targets of a regression; None for classes.
    most_weight : int
        Units of weight that a record has at the most.
    counted : bool
        Whether rows that have to be encoded count as read.
    """

    def __init__(
        self, rows: Rows, slots: Slots, resolution: float | None, most_weight: int, *, counted: bool = True
    ) -> None:
        n = len(rows.alive)
        self._resolution, self._most_weight = resolution, most_weight
        self._keys: Ints | None = None
        self._floats: dict[int, npt.NDArray[np.bool_]] = {}  # of columns that would be integers without them
        if in_place(rows.matrix()) is None:
            self.kinds = self._encode_all(rows.read(slots, times=int(counted)).X, slots, n)
        else:
            self.kinds = column_kinds(rows.matrix()[:0])  # type: ignore[index]
        self._kernel_kinds = kernel_kinds(self.kinds, raw=self._keys is None)
        y, weight = rows.targets(slots)
        self._y, self._weights = np.zeros(n, dtype=np.int64), np.ones(1 if weight is None else n, dtype=np.int64)
        self.labels: npt.NDArray[Any] = np.empty(0)
        if resolution is None:
            labels = as_labels(y)
            self.labels = np.unique(labels)
            self._y[slots] = np.searchsorted(self.labels, labels)
        else:
            self._y[slots] = np.rint(y / resolution).astype(np.int64)
        if weight is not None:
            self._weights[slots] = _weight_units(weight, most_weight)
        of_class = np.zeros(len(self.labels), dtype=np.int64) if resolution is None else None
        self.totals = _added(Totals(0, 0, of_class), self._y[slots], self._weights_of(slots))
        self._ties = _ranks(rows, slots)

    def _encode_all(self, X: Any, slots: Slots, n: int) -> list[str]:
        kinds = column_kinds(X)
        self._keys = np.full((n, len(kinds)), MISSING, dtype=np.int64)
        self._keys[slots] = encode(X, kinds)
        for j, is_float in floats_beside_integers(X, kinds).items():
            self._floats[j] = np.zeros(n, dtype=bool)
            self._floats[j][slots] = is_float
        return kinds

    def keeps_kinds(self, alive: npt.NDArray[np.bool_]) -> bool:
        """Whether the columns of these slots are of the kinds that were learned: a column of floats and integers is one
        of integers once its floats are gone, and compares differently."""
        return all((known[: len(alive)] & alive).any() for known in self._floats.values())

    def cells(self, rows: Rows, params: Ints, *, by_column: bool = False) -> Cells:
        """The arrays that kernels take; sets in ``params`` how a cell is found.

        ``by_column`` copies a large table column after column too, for a fit, which reads few columns of many rows.

        Raises
        ------
        InvalidDataError
            The rows are not of the form they had at the fit.
        """
        X = self._keys if self._keys is not None else in_place(rows.matrix())
        if X is None:
            raise InvalidDataError("The rows are not of the form they were when the forest was fitted.")
        params[ROW] = X.shape[1]
        columns = np.ascontiguousarray(X.T).reshape(-1) if by_column and X.nbytes > _CACHED else _NONE
        return Cells(
            X.reshape(-1), columns, self._kernel_kinds, self._y, self._weights, rows.hashes(), self._ties, rows.alive
        )

    def extended(self, rows: Rows, new: Slots) -> bool:
        """Take up new rows; whether that was possible without a fit of everything."""
        hashes = rows.hashes()
        fresh, is_like = hashes[new], np.isin(hashes, hashes[new]) & rows.alive
        if len(self._ties) > 1 or len(np.unique(fresh)) < len(fresh) or is_like.sum() > len(new):
            return False
        y, weight = rows.targets(new)
        codes = self._codes(y)
        if codes is None or self.is_encoded != (in_place(rows.matrix()) is None):
            return False
        if self._keys is not None:
            X = rows.read(new).X
            if not self._is_alike(X):
                return False
            self._keys = _put(self._keys, new, encode(X, self.kinds))
            beside = floats_beside_integers(X, self.kinds, columns=list(self._floats))
            self._floats = {j: _put(known, new, beside[j]) for j, known in self._floats.items()}
        units = self._weights if weight is None else _weight_units(weight, self._most_weight)
        _added(self.totals, codes, units)
        self._y = _put(self._y, new, codes)
        if weight is not None:
            self._weights = _put(self._weights, new, units)
        return True

    def corrected(self, rows: Rows, slots: Slots, table: Table, params: Ints) -> Cells | None:
        """Copies of what :meth:`cells` would be if the rows of the table, last, came for these slots; None if that
        takes a fit of everything."""
        cells, codes = self.cells(rows, params), self._codes(table.y)
        alive = np.concatenate([rows.alive, np.ones(len(table), dtype=bool)])
        alive[slots] = False
        if codes is None or len(self._ties) > 1 or not self.keeps_kinds(alive[: len(rows.alive)]):
            return None
        if self._keys is not None and not self._is_alike(table.X):
            return None
        new = encode(table.X, self.kinds) if self._keys is not None else _bits_like(rows.matrix(), table.X)
        weights, n = cells.weights, len(rows.alive)
        units = self._weights if table.weight is None else _weight_units(table.weight, self._most_weight)
        _added(self.totals, codes, units)
        if table.weight is not None:
            weights = np.concatenate([weights[:n], units])
        return cells._replace(
            X=np.concatenate([cells.X[: n * new.shape[1]], new.reshape(-1)]), y=np.concatenate([cells.y[:n], codes]),
            weights=weights, hashes=np.concatenate([cells.hashes[:n], cells.hashes[slots]]), alive=alive,
        )  # fmt: skip

    @property
    def is_encoded(self) -> bool:
        """Whether keys are kept beside the rows, because the rows cannot be read in place."""
        return self._keys is not None

    def _is_alike(self, X: Any) -> bool:
        """Whether the columns are of the kinds that were learned."""
        return all(kind in (EMPTY, old) for kind, old in zip(column_kinds(X), self.kinds, strict=True))

    def _codes(self, y: npt.NDArray[Any]) -> Ints | None:
        """Targets as the kernels take them; None if a label was never learned."""
        if self._resolution is not None:
            return np.rint(y / self._resolution).astype(np.int64)
        labels = as_labels(y)
        if not len(self.labels) or labels.dtype.kind != self.labels.dtype.kind:
            return None
        at = np.minimum(np.searchsorted(self.labels, labels), len(self.labels) - 1)
        return at if (self.labels[at] == labels).all() else None

    def _weights_of(self, slots: Slots) -> Ints:
        return self._weights[slots] if len(self._weights) > 1 else self._weights

    def totals_after(self, gone: Slots, new: Slots) -> Totals:
        """The totals without the records of some slots and with those of others; nothing changes yet."""
        totals = self.totals
        for slots, sign in ((new, 1), (gone, -1)):
            if len(slots):
                totals = _added(totals, self._y[slots], self._weights_of(slots), sign)
        return totals

    def wipe(self, slots: Slots) -> None:
        """Overwrite what is kept of the records of these slots for good."""
        self._y[slots] = 0
        if self._keys is not None:
            self._keys[slots] = MISSING
        if len(self._weights) > 1:
            self._weights[slots] = 0

    def total(self, weights: npt.NDArray[np.float64]) -> float:
        """What all records weigh, with the weights of their classes."""
        if self.totals.of_class is None:
            return float(self._weights.sum()) if len(self._weights) > 1 else float(len(self._y))
        if len(self._weights) == 1:
            return float(self.totals.of_class @ weights[: len(self.totals.of_class)])
        return float(self._weights @ weights[self._y])

    def columns(self) -> Ints:
        """Which classes have records; all three sums of a regression."""
        of_class = self.totals.of_class
        return np.arange(3) if of_class is None else of_class.nonzero()[0]


def _added(totals: Totals, y: Ints, weights: Ints, sign: int = 1) -> Totals:
    """The totals if these records came (1) or went (-1).

    Raises
    ------
    InvalidDataError
        The sums that a regression keeps would not fit into their integers.
    """
    if totals.of_class is not None:
        return totals._replace(of_class=totals.of_class + sign * np.bincount(y, minlength=len(totals.of_class)))
    weight = int(weights.sum()) if len(weights) == len(y) else len(y) * int(weights[0])
    products = weights * (np.abs(y) >> 31)
    target = (int((products >> 32).sum()) << 32) + int((products & (2**32 - 1)).sum())
    totals = Totals(totals.weight + sign * weight, totals.target + sign * target, None)
    if max(totals.weight << 31, totals.target + totals.weight) >= _LARGEST_SUM:
        raise InvalidDataError(
            "sample_weight and y are too large for their products to be summed exactly.",
            hint="Scale the weights down, or choose a coarser resolution.",
        )
    return totals


def _ranks(rows: Rows, slots: Slots) -> Ints:
    """Ranks of the ids where two records have one hash, which a pair in 2**64 does; else a single zero."""
    ordered = rows.hashes()[slots]
    ordered.sort()
    if not (ordered[1:] == ordered[:-1]).any():
        return np.zeros(1, dtype=np.int64)
    ranks = np.zeros(max(2, len(rows.alive)), dtype=np.int64)
    ranks[rows.in_order(slots)] = np.arange(len(slots))
    return ranks


def _bits_like(matrix: Any, X: Any) -> Ints:
    """The bits of numbers as they would stand in a matrix."""
    return np.ascontiguousarray(X, dtype=matrix.dtype).view(np.int64)


def _put(array: Any, slots: Slots, values: Any) -> Any:
    """The array with values in these slots, longer if need be."""
    need = int(slots[-1]) + 1 if len(slots) else 0
    if need > len(array):
        larger = np.zeros((max(need, len(array) * 3 // 2), *array.shape[1:]), dtype=array.dtype)
        larger[: len(array)] = array
        array = larger
    array[slots] = values
    return array


def refuse_large_targets(y: npt.NDArray[np.float64], resolution: float) -> None:
    """Refuse targets beyond the integers that hold them.

    Raises
    ------
    InvalidDataError
        A target is too large for the resolution.
    """
    if len(y) and float(np.abs(y).max()) / resolution >= 2.0**61:
        raise InvalidDataError(
            f"y holds {float(np.abs(y).max()):g}, too large for a resolution of {resolution:g}.",
            hint="Choose a coarser resolution, a larger power of two.",
        )
