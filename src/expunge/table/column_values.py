"""One column of a table as an array of one kind: numbers with NaN, or texts with NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["column_count", "column_values", "distinct_values", "is_text", "numbers_of"]


def column_count(X: Any) -> int:
    """Number of columns of an array or frame."""
    return int(X.shape[1])


def column_values(X: Any, position: int, name: Any = None) -> npt.NDArray[Any]:
    """The values of a column, shape (n,).

    Parameters
    ----------
    X : array or frame of shape (n, d)
    position : int
    name : str or int, optional
        For the error. Default: the frame's, or the position.

    Returns
    -------
    ndarray of int64, bool, float64 (NaN where missing) or object (texts, NaN where missing)
        Numbers and booleans in a column of objects are read as float64. A column of objects that are all missing has no
        kind; it comes as float64.

    Raises
    ------
    InvalidDataError
        Texts and numbers in one column, or values that are neither.
    """
    if hasattr(X, "iloc"):
        name = X.columns[position] if name is None else name
        series = X.iloc[:, position]
        values = series.to_numpy() if isinstance(series.dtype, np.dtype) else series.to_numpy(dtype=object)
    else:
        name = position if name is None else name
        values = np.asarray(X)[:, position]
    kind = values.dtype.kind
    if kind in "ib":
        return np.asarray(values, dtype=np.int64 if kind == "i" else bool)
    if kind in "fu":
        return np.array(values, dtype=np.float64)
    if kind in "US":
        return np.asarray(values.astype(str), dtype=object)
    if kind != "O":
        raise InvalidDataError(
            f"Column {name!r} holds values of dtype {values.dtype}.", hint="Make it numbers or text."
        )
    return _of_objects(values, name)


def _of_objects(values: npt.NDArray[Any], name: Any) -> npt.NDArray[Any]:
    import pandas as pd

    missing = np.asarray(pd.isna(values), dtype=bool)
    kinds = {type(value) for value in values[~missing]}
    if all(issubclass(kind, str) for kind in kinds) and kinds:
        if any(value.endswith("\0") for value in values[~missing]):
            raise InvalidDataError(f"Column {name!r} holds a text that ends in a NUL.", hint="Strip it.")
        out = np.full(len(values), np.nan, dtype=object)
        out[~missing] = [str(value) for value in values[~missing]]
        return out
    if all(issubclass(kind, (bool, int, float, np.bool_, np.number)) for kind in kinds):
        numbers = np.full(len(values), np.nan)
        numbers[~missing] = values[~missing].astype(np.float64)
        return numbers
    raise InvalidDataError(
        f"Column {name!r} holds {' and '.join(sorted(kind.__name__ for kind in kinds))}.",
        hint="Make all its values texts, or all numbers.",
    )


def is_text(values: npt.NDArray[Any]) -> bool:
    """Whether a column holds texts."""
    return values.dtype.kind in "OU"


def numbers_of(values: npt.NDArray[Any], name: Any, who: str) -> npt.NDArray[np.float64]:
    """The values as float64, or a refusal in the name of ``who``.

    Raises
    ------
    InvalidDataError
        The column holds texts.
    """
    if is_text(values):
        raise InvalidDataError(
            f"{who} learns from numbers, and column {name!r} holds texts.",
            hint="Encode it, with OneHotEncoder for example.",
        )
    return values.astype(np.float64, copy=False)


def distinct_values(values: npt.NDArray[Any], name: Any) -> tuple[npt.NDArray[np.intp], npt.NDArray[Any]]:
    """The number of each record's value, -1 where it is missing, and the distinct values in no order.

    Raises
    ------
    InvalidDataError
        An infinity.
    """
    import pandas as pd

    codes, found = pd.factorize(values)
    distinct = np.array(found.tolist(), dtype=str) if values.dtype.kind == "O" else np.asarray(found)
    if distinct.dtype.kind == "f":
        distinct = distinct + 0.0  # of the two zeros one
        if not np.isfinite(distinct).all():
            raise InvalidDataError(f"Column {name!r} holds an infinity.", hint="Correct or drop it.")
    return codes, distinct
