"""Why a table is no table of numbers: the column, the row and the type of the first fault.

The sentences end in logs, so none of them holds a value of a record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError, InvalidDataTypeError

__all__ = [
    "fault_of_numbers",
    "fault_of_shape",
    "is_frame",
    "refuse_lost_digits",
    "refuse_masked",
    "refuse_names",
    "refuse_times",
]

EXACT = 2.0**53  # floats hold every integer up to here

_WHERE_FROM = {"M": ("dates", "days since a date"), "m": ("durations", "hours")}
_MISSING = {
    "X": "Fill it in, with SimpleImputer for instance, or drop the row.",
    "y": "Give it a target, or drop the row.",
}


class _Column(NamedTuple):
    """A column as it was given: its place in the sentence, its kind as NumPy's letter, and its values."""

    where: str
    kind: str
    values: Any

    def cells(self, rows: npt.NDArray[np.intp] | None = None) -> list[Any]:
        """Values as Python objects, of these rows or all."""
        values = self.values
        if hasattr(values, "iloc"):
            values = (values if rows is None else values.iloc[rows]).to_numpy(dtype=object)
            return list(values.tolist())
        return list((values if rows is None else values[rows]).tolist())


def is_frame(X: Any) -> bool:
    """Whether this is a pandas frame, or looks like one."""
    return hasattr(X, "iloc") and hasattr(X, "columns")


def _name(name: Any) -> str:
    shown = repr(name)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."


def _columns(X: Any) -> Iterator[_Column]:
    if is_frame(X):
        for j, name in enumerate(X.columns):
            series = X.iloc[:, j]
            yield _Column(f"column {_name(name)}", getattr(series.dtype, "kind", "O"), series)
        return
    array = X if isinstance(X, np.ndarray) else np.asarray(X, dtype=object)
    for j in range(array.shape[1]):
        yield _Column(f"column {j}", array.dtype.kind, array[:, j])


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


# ------------------------------------------------------------------------------------------------ before it is read


def refuse_names(frame: Any) -> None:
    """Refuse a frame of which two columns have one name, or whose names are of several types.

    Raises
    ------
    InvalidDataError
        Two columns share a name.
    InvalidDataTypeError
        The names are no texts, or not all.
    """
    if not frame.columns.is_unique:
        name, times = Counter(frame.columns.tolist()).most_common(1)[0]
        raise InvalidDataError(f"{times} columns are named {_name(name)}.", hint="Rename all but one.")
    kinds = sorted({type(name).__name__ for name in frame.columns})
    if len(kinds) > 1 and "str" in kinds:
        raise InvalidDataTypeError(
            f"Columns are named by {' and '.join(kinds)}.", hint="Name all by texts: X.columns = X.columns.astype(str)."
        )


def refuse_masked(values: Any, what: str) -> None:
    """Refuse an array that hides values: what is under the mask would be learned.

    Raises
    ------
    InvalidDataError
        A cell is masked.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        hidden = np.atleast_1d(np.ma.getmaskarray(values))
        row = int(np.flatnonzero(hidden.reshape(len(hidden), -1).any(axis=1))[0])
        raise InvalidDataError(f"{what} is masked in row {row}.", hint="Fill it in with filled(), or drop the row.")


def refuse_times(X: Any, what: str = "X") -> None:
    """Refuse dates and durations, which NumPy would turn into counts of some unit.

    Raises
    ------
    InvalidDataError
        A column holds dates or durations.
    """
    if is_frame(X):
        kinds = [getattr(dtype, "kind", "O") for dtype in X.dtypes]
        at = next((j for j, kind in enumerate(kinds) if kind in _WHERE_FROM), None)
        if at is None:
            return
        where, kind = f"Column {_name(X.columns[at])}", kinds[at]
    else:
        kind = getattr(getattr(X, "dtype", None), "kind", "O")
        if kind not in _WHERE_FROM:
            return
        where = what
    name, instead = _WHERE_FROM[kind]
    raise InvalidDataError(f"{where} holds {name}.", hint=f"Turn them into numbers, as {instead}, or into text.")


# ------------------------------------------------------------------------------------------------- after it was read


def refuse_lost_digits(given: Any, read: Any, what: str = "") -> None:
    """Refuse integers that are others when read as floats, ids for instance.

    Parameters
    ----------
    given : frame, array, sparse matrix or lists, as the caller gave them
    read : ndarray or sparse matrix of float64, the same shape
    what : str
        How to call targets of one dimension; empty for a table.

    Raises
    ------
    InvalidDataError
        An integer is no float.
    """
    kinds = {getattr(d, "kind", "O") for d in getattr(given, "dtypes", [])} if is_frame(given) else set()
    kinds = kinds or {getattr(getattr(given, "dtype", None), "kind", "O")}
    values = read.data if hasattr(read, "tocsr") else read
    if kinds <= set("fb") or not values.size or max(values.max(), -values.min()) < EXACT:
        return
    if hasattr(given, "tocoo"):
        given, read = (sparse.tocoo() for sparse in (given, read))
        lost = _first_lost(given.data.tolist(), range(given.nnz))
        if lost is not None:
            raise _lost(f"Column {given.col[lost]}", int(given.row[lost]))
        return
    if read.ndim == 1:
        rows = np.flatnonzero(np.abs(read) >= EXACT)
        cells = np.asarray(given, dtype=object).ravel()[rows].tolist()
        if (lost := _first_lost(cells, rows)) is not None:
            raise _lost(what, lost)
        return
    for column, floats in zip(_columns(given), read.T, strict=True):
        rows = np.flatnonzero(np.abs(floats) >= EXACT)
        if column.kind not in "fb" and len(rows) and (lost := _first_lost(column.cells(rows), rows)) is not None:
            raise _lost(_upper(column.where), lost)


def _first_lost(cells: list[Any], rows: Any) -> int | None:
    """The row of the first integer, or text of one, that no float is equal to."""
    for cell, row in zip(cells, rows, strict=True):
        try:
            exact = int(cell) if isinstance(cell, (int, str, np.integer)) else None
        except ValueError:
            continue
        if exact is not None and int(float(exact)) != exact:
            return int(row)
    return None


def _lost(where: str, row: int) -> InvalidDataError:
    return InvalidDataError(
        f"{where}, row {row} holds an integer beyond 2**53, which loses digits as a number.",
        hint="Leave ids out, or make them text; divide quantities.",
    )


# ------------------------------------------------------------------------------------------ when it could not be read


def fault_of_shape(X: Any, who: str, *, sparse: bool) -> InvalidDataError | None:
    """The error if this has not the form of a table: sparse where dense is needed, not of two dimensions, ragged."""
    if hasattr(X, "tocsr"):
        if sparse:
            return None
        return InvalidDataTypeError(f"X is a sparse matrix, and {who} learns from dense data.", hint="Use X.toarray().")
    if isinstance(X, np.matrix):
        return InvalidDataTypeError("np.matrix is not supported.", hint="Use np.asarray(X).")
    n_dims = getattr(X, "ndim", None)
    if n_dims is None:
        try:
            rows = [np.asarray(row, dtype=object) for row in X] if isinstance(X, (list, tuple)) else []
            n_dims = np.asarray(X, dtype=object).ndim
        except ValueError:
            return InvalidDataError("X is ragged: its rows have different lengths.", hint="Give shape (n, d).")
        uneven = [i for i, row in enumerate(rows) if row.shape != rows[0].shape]
        if uneven:
            return InvalidDataError(
                f"X is ragged: row {uneven[0]} is not as long as row 0.", hint="Give every row as many values."
            )
    if n_dims == 0:
        return InvalidDataError(
            f"Expected 2D array, got {type(X).__name__} instead.", hint="Reshape your data to (n, d)."
        )
    if n_dims == 1:
        one = "X.to_frame()" if hasattr(X, "to_frame") else "X.reshape(-1, 1)"
        return InvalidDataError(
            "Expected 2D array, got 1D array instead.",
            hint=f"Reshape your data: {one} for a single feature, X.reshape(1, -1) for a single record.",
        )
    if n_dims > 2:
        return InvalidDataError(
            f"Found array with dim {n_dims}, while dim <= 2 is required.", hint="Reshape your data to (n, d)."
        )
    return None


def fault_of_numbers(
    X: Any, who: str, *, hint: str, allow_nan: bool = False, categories: bool = False, what: str = "X"
) -> InvalidDataError | None:
    """The error for the first column with a cell that is no finite number; None if there is none.

    Parameters
    ----------
    X : frame, array or lists of shape (n, d), or sparse matrix
    who : str
        What learns from the numbers, for the sentence.
    hint : str
        What to do about text.
    allow_nan, categories : bool
        Whether missing numbers, or columns of pandas' categories, are taken.
    what : {"X", "y"}
        The argument.
    """
    rows, table = None, _columns(X)
    if hasattr(X, "tocsr"):
        held = X.tocoo()
        rows, table = held.row, iter([_Column("", held.data.dtype.kind, held.data)])
    for column in table:
        if categories and hasattr(getattr(column.values, "dtype", None), "categories"):
            continue
        row, fault = _first_fault(column, allow_nan)
        if fault is None:
            continue
        row = row if rows is None else int(rows[row])
        named = column.where and what == "X"
        place = f"{column.where}, row {row}" if named else f"row {row}"
        subject = _upper(place) if named else f"{what}, {place}"
        if fault == "NaN":
            return InvalidDataError(f"Input {what} contains NaN: {place}.", hint=_MISSING[what])
        if fault == "infinity":
            return InvalidDataError(f"Input {what} contains infinity: {place}.", hint="Correct it, or drop the row.")
        if fault == "complex":
            return InvalidDataError(f"Complex data not supported: {place}.", hint="Give real and imaginary parts.")
        if fault == "str":
            return InvalidDataError(f"{subject} holds text, and {who} learns from numbers.", hint=hint)
        return InvalidDataTypeError(
            f"{subject} holds a value of type {fault}: the argument must be a number, or a string of a number.",
            hint="Convert it, or leave the column out." if what == "X" else "Convert it.",
        )
    return None


def _first_fault(column: _Column, allow_nan: bool) -> tuple[int, str | None]:
    """Row of the first cell that is no finite number, and what it is: NaN, infinity, complex, or its type."""
    if column.kind == "c":
        return 0, "complex"
    with suppress(TypeError, ValueError, OverflowError), np.errstate(over="ignore"):  # at once, if all can be read
        floats = _floats(column.values)
        bad = ~np.isfinite(floats) & ~(np.isnan(floats) & allow_nan)
        at = int(bad.argmax()) if len(bad) else 0
        return at, (None if not bad.any() else "NaN" if np.isnan(floats[at]) else "infinity")
    for row, cell in enumerate(column.cells()):
        fault = _fault_of_cell(cell)
        if fault is not None and not (fault == "NaN" and allow_nan):
            return row, fault
    return 0, None


def _floats(values: Any) -> npt.NDArray[np.float64]:
    if hasattr(values, "to_numpy") and not isinstance(values.dtype, np.dtype):
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    return np.asarray(values, dtype=np.float64)


def _fault_of_cell(cell: Any) -> str | None:
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return "NaN"
    if isinstance(cell, (complex, np.complexfloating)):
        return "complex"
    try:
        number = float(cell)
    except OverflowError:
        return "infinity"
    except (TypeError, ValueError):
        return "str" if isinstance(cell, str) else type(cell).__name__
    return "NaN" if number != number else "infinity" if abs(number) == float("inf") else None
