"""Labels of one kind: texts, booleans, integers, numbers or dates, none of them missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import column_or_1d

from expunge.errors import InvalidDataError, InvalidDataTypeError
from expunge.table.faults import refuse_lost_digits

__all__ = ["as_labels", "labels_of"]

#: Kinds of arrays that hold no labels, in words.
_NO_LABELS = {"S": "bytes", "c": "complex", "V": "record of an array with fields"}

_KINDS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("text", (str,)),
    ("boolean", (bool, np.bool_)),  # before the integers, of which Python takes it for one
    ("integer", (int, np.integer)),
    ("number", (float, np.floating)),
)


def labels_of(y: Any) -> npt.NDArray[Any]:
    """Labels as an array of shape (n,): of numbers, booleans or dates, or of objects that are texts.

    Parameters
    ----------
    y : array, series, list or frame of one column

    Raises
    ------
    InvalidDataError
        A missing or infinite label, texts beside numbers, booleans beside integers, integers beyond 64 bits, or more
        than one column.
    InvalidDataTypeError
        Labels that are nothing of this: bytes, lists, complex numbers.

    Examples
    --------
    >>> labels_of([True, False]).dtype, labels_of(np.array([3, 1], dtype=object)).dtype
    (dtype('bool'), dtype('int64'))
    """
    is_array = any(hasattr(y, name) for name in ("dtype", "dtypes", "__array__"))
    array = np.asarray(y) if is_array else np.array(y, dtype=object)  # of a list NumPy would make texts of a mix
    labels: npt.NDArray[Any] = column_or_1d(array, warn=True)
    _refuse_missing(labels)
    if labels.dtype.kind in _NO_LABELS:
        raise _no_label(0, _NO_LABELS[labels.dtype.kind])
    return _of_objects(labels) if labels.dtype == object and len(labels) else labels


def _refuse_missing(labels: npt.NDArray[Any]) -> None:
    kind = labels.dtype.kind
    if kind == "O":
        missing = np.array([_is_missing(value) for value in labels.tolist()], dtype=bool)
    else:
        missing = ~np.isfinite(labels) if kind == "f" else np.isnat(labels) if kind in "mM" else np.zeros(0, dtype=bool)
    if missing.any():
        raise InvalidDataError(
            f"Input y contains NaN, None or infinity: row {int(missing.argmax())}.", hint="Drop or label it."
        )


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and not np.isfinite(value)


def _of_objects(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    values = labels.tolist()
    kinds: dict[str, int] = {}  # the first row of each
    for row, value in enumerate(values):
        name = next((name for name, types in _KINDS if isinstance(value, types)), None)
        if name is None:
            raise _no_label(row, type(value).__name__)
        kinds.setdefault(name, row)
    if set(kinds) == {"text"}:
        return labels
    if len(kinds) > 1 and set(kinds) != {"integer", "number"}:
        (one, row), (other, at) = list(kinds.items())[:2]
        raise InvalidDataError(
            f"y mixes kinds of labels: row {row} has a label of kind {one}, row {at} of kind {other}.",
            hint="Make all of them texts, or all integers.",
        )
    if "number" in kinds:
        floats = np.array(values, dtype=np.float64)
        refuse_lost_digits(labels, floats, "y")
        return floats
    out = np.array(values)
    if out.dtype.kind not in "biu":
        raise InvalidDataError("y holds integers beyond 64 bits.", hint="Write the labels as texts.")
    return out


def _no_label(row: int, kind: str) -> InvalidDataTypeError:
    return InvalidDataTypeError(
        f"y, row {row} holds a label of type {kind}.", hint="Labels are texts, integers or booleans."
    )


def as_labels(y: Any) -> Any:
    """Targets as scikit-learn likes them: texts as a text array of their own width, other values unchanged."""
    if isinstance(y, np.ndarray) and y.dtype == object and len(y) and all(isinstance(v, str) for v in y.ravel()):
        return y.astype(str)
    return y
