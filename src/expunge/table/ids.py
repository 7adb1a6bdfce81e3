"""Ids of records and subjects: checked at the edge, looked up fast, never confused with positions.

An id is an integer (64 bits) or a text; all ids of one model are of one kind. The integer 17 and the text "17" are
different ids. Booleans, floats and a mix of kinds are refused, because they compare equal to something else.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from expunge.errors import (
    DuplicateRecordError,
    InvalidDataError,
    InvalidIdError,
    InvalidRequestError,
    UnknownRecordError,
)

__all__ = [
    "IdIndex", "check_ids", "check_labels", "check_one_kind", "check_subjects", "check_unique", "default_ids", "grown",
    "listed",
]  # fmt: skip

Ids = npt.NDArray[Any]  # int64, or object holding str
Slots = npt.NDArray[np.intp]

_BUFFERS = (bytes, bytearray, memoryview)  # of bytes, which are no ids though they are integers one by one
_LABELS = (str, int, float, np.generic)
_HINT = "Use all integers or all texts; in pandas read the column with dtype=str."


def check_ids(ids: object, *, what: str = "record_ids", n: int | None = None) -> Ids:
    """Ids as a fresh int64 array, or as a fresh object array of str.

    Parameters
    ----------
    ids : scalar id, or iterable of ids of length n
    what : str
        Name of the argument, for the error sentence.
    n : int, optional
        Expected number of ids.

    Raises
    ------
    InvalidIdError
        An id that is a boolean, a float, missing or of another type, or a mix of integers and texts.
    InvalidDataError
        The wrong number of ids.
    """
    if isinstance(ids, (str, int, np.integer)) and not isinstance(ids, bool):
        ids = [ids]
    if not isinstance(ids, Iterable) or isinstance(ids, (*_BUFFERS, dict, set, frozenset)):
        raise InvalidIdError(f"{what} must be a list of ids, got {type(ids).__name__}.", hint=_HINT)
    values: Any = ids
    for convert in ("to_pylist", "to_numpy"):  # of Arrow, of pandas
        if callable(getattr(ids, convert, None)):
            values = getattr(ids, convert)()
            break
    values = values if isinstance(values, np.ndarray) else list(values)
    out = _from_array(values, what) if isinstance(values, np.ndarray) else _from_list(values, what)
    if n is not None and len(out) != n:
        raise InvalidDataError(f"{what} has {len(out)} entries for {n} records.", hint="Give one id per record.")
    return out


def listed(values: Any) -> list[Any]:
    """One value or several, as a list: labels, names of columns, what is asked for. A text is one, never its letters.

    Examples
    --------
    >>> listed("age"), listed(3), listed(("age", "size"))
    (['age'], [3], ['age', 'size'])
    """
    if (
        isinstance(values, (str, bytes, memoryview))
        or not isinstance(values, Iterable)
        or getattr(values, "ndim", 1) == 0
    ):
        return [values]
    return list(values)


def check_labels(classes: Any) -> list[Any]:
    """The labels that a request names: one, or several.

    Raises
    ------
    InvalidRequestError
        One of them is no label.
    """
    labels = listed(classes)
    if wrong := [label for label in labels if not isinstance(label, _LABELS) or isinstance(label, np.void)]:
        raise InvalidRequestError(f"A class cannot be a {type(wrong[0]).__name__}.", hint="Name labels of y.")
    return labels


def _from_array(values: npt.NDArray[Any], what: str) -> Ids:
    if values.ndim != 1:
        raise InvalidIdError(f"{what} must be one-dimensional, got shape {values.shape}.", hint=_HINT)
    if values.dtype.kind == "i":
        return values.astype(np.int64)
    if values.dtype.kind in "mM":
        raise InvalidIdError(f"{what} holds dates or durations ({values.dtype}).", hint=_HINT)
    return _from_list(values.tolist(), what)


def _from_list(values: Sequence[Any], what: str) -> Ids:
    kinds = set(map(type, values))
    texts = {kind for kind in kinds if issubclass(kind, str)}
    numbers = {kind for kind in kinds if issubclass(kind, (int, np.integer)) and not issubclass(kind, bool)}
    wrong = kinds - texts - numbers
    if wrong:
        bad = next(v for v in values if type(v) in wrong)
        raise InvalidIdError(f"{what} holds {bad!r} of type {type(bad).__name__}.", hint=_HINT)
    if texts and numbers:
        raise InvalidIdError(f"{what} mixes integers and texts.", hint=_HINT)
    if numbers:
        try:
            return np.array(values, dtype=np.int64)
        except OverflowError:
            raise InvalidIdError(f"{what} holds an integer beyond 64 bits.", hint="Write it as text.") from None
    out = np.empty(len(values), dtype=object)
    out[:] = [str.__str__(v) for v in values]
    return out


def check_subjects(subjects: object, n: int) -> Ids:
    """Subject of each record, shape (n,): as :func:`check_ids`, but a record without a subject holds None.

    Missing values (None, NaN, NA) mean that the record is about nobody.

    Raises
    ------
    InvalidIdError
        They are no ids.
    InvalidDataError
        Not one for each record.
    """
    array = getattr(subjects, "to_numpy", None)
    values = array(dtype=object).tolist() if callable(array) else subjects
    if isinstance(values, np.ndarray) and values.dtype.kind == "i":
        return check_ids(values, what="subject_ids", n=n)
    if (
        not isinstance(values, Iterable)
        or isinstance(values, (str, dict, *_BUFFERS))
        or getattr(values, "ndim", 1) == 0
    ):
        raise InvalidIdError("subject_ids must be one id per record.", hint=_HINT)
    values = [None if _is_missing(v) else v for v in values]
    present = [v for v in values if v is not None]
    checked = check_ids(present, what="subject_ids")
    if len(values) != n:
        raise InvalidDataError(f"subject_ids has {len(values)} entries for {n} records.")
    if len(present) == n and checked.dtype == np.int64:
        return checked
    out = np.full(n, None, dtype=object)
    out[[i for i, v in enumerate(values) if v is not None]] = checked.astype(object)
    return out


def check_one_kind(held: Ids, new: Ids) -> None:
    """Refuse new subjects of another kind than the held ones; None is of every kind.

    Raises
    ------
    InvalidIdError
        One are integers and the others texts.
    """
    kinds = [next((isinstance(v, str) for v in ids.tolist() if v is not None), None) for ids in (held, new)]
    if None not in kinds and kinds[0] != kinds[1]:
        raise InvalidIdError("subject_ids mixes integers and texts with what the model knows.", hint=_HINT)


def _is_missing(value: object) -> bool:
    return (
        value is None
        or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))
        or repr(value)
        in (
            "<NA>",
            "NaT",
        )
    )


def default_ids(X: object, n: int) -> Ids:
    """Ids of records nobody named: the index of a data frame if it is unique and not a RangeIndex, else 0..n-1.

    Warns if the index is not unique: whoever forgets by it would name other records, or none.
    """
    index = getattr(X, "index", None)
    if index is None or callable(index) or type(index).__name__ == "RangeIndex":
        return np.arange(n, dtype=np.int64)
    if not index.is_unique:
        warnings.warn(
            f"The index of the data frame has duplicates, so its records are named 0 to {n - 1} by their place in this "
            "call, and forget(...) goes by that. Pass record_ids.",
            stacklevel=4,
        )
        return np.arange(n, dtype=np.int64)
    return check_ids(index.to_numpy(), what="The index of the data frame", n=n)


class IdIndex:
    """From ids to slots (places in the arrays of a row store). Lookup tables are made when first needed.

    Parameters
    ----------
    values : ndarray of int64, or object holding str, shape (n,)
    """

    def __init__(self, values: Ids) -> None:
        self._buffer = values
        self._n = len(values)
        self._is_range = values.dtype == np.int64 and bool(np.array_equal(values, np.arange(len(values))))
        self._slots: dict[Any, int] | None = None
        self._sorted: tuple[Ids, Slots] | None = None

    @property
    def values(self) -> Ids:
        """The ids in slot order, shape (n,)."""
        return self._buffer[: self._n]

    @property
    def kind(self) -> Literal["int", "str"]:
        """Kind of the ids."""
        return "int" if self._buffer.dtype == np.int64 else "str"

    def find(
        self, ids: Ids, alive: npt.NDArray[np.bool_], *, listed: str = "model.record_ids_ lists what the model knows."
    ) -> Slots:
        """Slots of ids, shape (k,). Refuses an id that is named twice, unknown or no longer alive, and says where those
        that there are stand ``listed``.

        Raises
        ------
        UnknownRecordError
            One is not known.
        DuplicateRecordError
            One is named twice.
        """
        if len(ids) == 1 and self._is_range and ids.dtype == np.int64 and 0 <= ids[0] < self._n and alive[ids[0]]:
            return ids.astype(np.intp)  # one of 0..n-1, the commonest request
        if len(ids) and alive.any() and (ids.dtype == np.int64) != (self.kind == "int"):
            first, kinds = ids[:1].tolist()[0], "integers" if self.kind == "int" else "texts"
            raise UnknownRecordError(
                f"No record {first!r}: this model's ids are {kinds}.",
                hint="The integer 17 and the text '17' are different ids.",
            )
        slots = self._lookup(ids)
        known = slots >= 0
        known[known] = alive[slots[known]]
        if not known.all():
            unknown = ids[~known].tolist()
            more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
            raise UnknownRecordError(
                f"No record {unknown[0]!r}{more}: never learned, or forgotten already.",
                hint=listed,
            )
        if len(slots) > 1:
            ordered = np.sort(slots)
            twice = ordered[1:] == ordered[:-1]
            if twice.any():
                name = self.values[ordered[1:][twice][:1]].tolist()[0]
                raise DuplicateRecordError(f"Record {name!r} is named twice in one request.", hint="Name each once.")
        return slots

    def known(self, ids: Ids, alive: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which of the ids are alive, shape (k,)."""
        if (ids.dtype == np.int64) != (self.kind == "int"):
            return np.zeros(len(ids), dtype=bool)
        slots = self._lookup(ids)
        out = slots >= 0
        out[out] = alive[slots[out]]
        return out

    def _lookup(self, ids: Ids) -> Slots:
        if not self._n or (ids.dtype == np.int64) != (self.kind == "int"):
            return np.full(len(ids), -1, dtype=np.intp)
        if self._is_range:
            return np.where((ids >= 0) & (ids < self._n), ids, -1).astype(np.intp)
        if self._slots is None and self.kind == "int" and self._n:
            if self._sorted is None:
                order = np.argsort(self.values, kind="stable")
                self._sorted = self.values[order], order
            values, order = self._sorted
            at = np.maximum(np.searchsorted(values, ids, side="right") - 1, 0)  # of equal ids the latest slot
            return np.where(values[at] == ids, order[at], -1).astype(np.intp)
        if self._slots is None:
            self._slots = {value: slot for slot, value in enumerate(self.values.tolist())}
        get = self._slots.get
        return np.fromiter((get(i, -1) for i in ids.tolist()), dtype=np.intp, count=len(ids))

    def append(self, ids: Ids) -> None:
        """Give the ids the next slots. Ids of another kind are refused, unless there were none.

        Raises
        ------
        InvalidIdError
            The new ids are of the other kind.
        """
        if not len(ids):
            return
        if not self._n:
            self.__init__(ids.copy())  # type: ignore[misc]
            return
        if ids.dtype != self._buffer.dtype:
            raise InvalidIdError(f"The model's ids are of kind {self.kind}, the new ones are not.", hint=_HINT)
        start = self._n
        self._buffer = grown(self._buffer, start, ids)
        self._n += len(ids)
        self._is_range = self._is_range and bool(np.array_equal(ids, np.arange(start, self._n)))
        self._sorted = None
        if self._slots is not None:
            self._slots.update((value, start + i) for i, value in enumerate(ids.tolist()))

    def truncate(self, n: int) -> None:
        """Take the slots from n on back."""
        self.__init__(self._buffer[:n].copy())  # type: ignore[misc]


def grown(buffer: npt.NDArray[Any], n: int, more: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A buffer whose first n entries stay and whose next ones are ``more``; grows by half, so appending is cheap."""
    need = n + len(more)
    if need > len(buffer):
        larger = np.zeros((max(need, n + n // 2), *buffer.shape[1:]), dtype=buffer.dtype)
        larger[:n] = buffer[:n]
        buffer = larger
    buffer[n:need] = more
    return buffer


def check_unique(ids: Ids) -> None:
    """Refuse ids of which two are equal, naming the first such.

    Raises
    ------
    DuplicateRecordError
        One stands twice.
    """
    ordered = np.sort(ids)
    twice = ordered[1:] == ordered[:-1]
    if twice.any():
        raise DuplicateRecordError(
            f"Record id {ordered[1:][twice].tolist()[0]!r} stands for more than one record.", hint="Ids must be unique."
        )
