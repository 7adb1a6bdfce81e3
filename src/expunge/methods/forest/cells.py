"""Cells as keys of 64 bits: numbers in their order, categories by a hash of their value, missing above all.

No vocabulary is kept: the key of a category follows from its value alone, so that nothing but the records has to be
forgotten. Numbers compare as numbers, whatever their types: an integer is never rounded to a float.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError
from expunge.methods.forest.reading import keys_of
from expunge.methods.forest.splits import CATEGORY, FLOAT, MISSING, NUMBER
from expunge.seeds import uniform64

__all__ = [
    "EMPTY", "column_kinds", "describe", "encode", "floats_beside_integers", "in_place", "kernel_kinds", "number_of",
    "refuse_infinite",
]  # fmt: skip

Keys = npt.NDArray[np.int64]

#: Kind of a column in which nothing is there: what comes may be of any kind.
EMPTY = "empty"


def in_place(X: Any) -> Keys | None:
    """The bits of an array of float64 or int64, not copied; None for what has to be encoded."""
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype in (np.float64, np.int64) and X.flags.c_contiguous:
        return X.view(np.int64)
    return None


def column_kinds(X: Any) -> list[str]:
    """Of each column "float", "int", "category" or "empty".

    Raises
    ------
    InvalidDataError
        A column in which texts and numbers stand side by side, or something that is neither; an infinite number.
    """
    if isinstance(X, np.ndarray) and X.dtype != object:
        refuse_infinite(X, "X")
        return ["float" if X.dtype.kind == "f" else "int"] * X.shape[1]
    return [_kind(*_column(X, j)) for j in range(X.shape[1])]


def kernel_kinds(kinds: list[str], *, raw: bool) -> Keys:
    """The kinds as the kernels know them; ``raw`` if they read the bits of the table itself."""
    number = {"float": FLOAT if raw else NUMBER, "category": CATEGORY}
    return np.array([number.get(kind, NUMBER) for kind in kinds], dtype=np.int64)


def encode(X: Any, kinds: list[str]) -> Keys:
    """Keys of all cells, shape (n, d), for columns of these kinds.

    Raises
    ------
    InvalidDataError
        Texts in a column of numbers; see :func:`column_kinds`.
    """
    raw = in_place(X)
    kind = "float" if raw is not None and X.dtype == np.float64 else "int"
    out = np.empty(X.shape, dtype=np.int64)
    if raw is not None and all(k == kind for k in kinds):
        refuse_infinite(X, "X")
        keys_of(raw, kernel_kinds(kinds, raw=True), out)
        return out
    for j, wanted in enumerate(kinds):
        values, name, is_category = _column(X, j)
        found = _kind(values, name, is_category)
        if found == EMPTY:
            out[:, j] = MISSING
        elif wanted in ("category", EMPTY):
            out[:, j] = _hashed(values)
        elif found == "category" and values.dtype == object and not _all_numbers(values):
            raise InvalidDataError(f"Column {name!r} holds texts; the model learned numbers.", hint="Encode it alike.")
        else:
            out[:, j] = _number_keys(values, wanted)
    return out


def floats_beside_integers(
    X: Any, kinds: list[str], *, columns: list[int] | None = None
) -> dict[int, npt.NDArray[np.bool_]]:
    """Where the floats are in columns that hold integers too; given ``columns``, in these, whatever they hold."""
    out = {}
    for j in [j for j, kind in enumerate(kinds) if kind == "float"] if columns is None else columns:
        values = _column(X, j)[0]
        if values.dtype == object:
            there = ~_missing(values)
            is_float = there & [isinstance(value, (float, np.floating)) for value in values.tolist()]
        else:
            there = is_float = ~np.isnan(values)
        if columns is not None or (there & ~is_float).any():
            out[j] = is_float
    return out


def number_of(key: int, kind: str) -> float | int:
    """The number behind a key."""
    if kind == "int":
        return key
    bits = np.array(key if key >= 0 else key ^ (2**63 - 1), dtype=np.int64)
    return float(bits.view(np.float64))


def describe(X: Any, position: int, wanted: set[int]) -> dict[int, str]:
    """Of a column of categories the values behind some keys, as text."""
    values = _column(X, position)[0]
    keys = _hashed(values)
    return {int(key): repr(value) for key, value in zip(keys, values.tolist(), strict=True) if int(key) in wanted}


# ------------------------------------------------------------------------------------------------------ one column


def _column(X: Any, j: int) -> tuple[npt.NDArray[Any], Any, bool]:
    """Values of a column (float64, int64 or objects), its name, and whether it is declared as categories."""
    if hasattr(X, "iloc"):
        series, name = X.iloc[:, j], X.columns[j]
        if isinstance(series.dtype, np.dtype):
            values = series.to_numpy()
        else:
            values = series.to_numpy(dtype=object, na_value=None)
        is_category = str(series.dtype) == "category"
    else:
        values, name, is_category = np.asarray(X)[:, j], j, False
    kind = values.dtype.kind
    if kind in "ib" or (kind == "u" and values.dtype.itemsize < 8):
        return values.astype(np.int64), name, is_category
    if kind == "f":
        return values.astype(np.float64), name, is_category
    return values.astype(object), name, is_category


def _kind(values: npt.NDArray[Any], name: Any, is_category: bool) -> str:
    if values.dtype.kind == "f":
        refuse_infinite(values, f"Column {name!r}")
        return "category" if is_category else "float"
    if values.dtype.kind == "i":
        return "category" if is_category else "int"
    there = values[~_missing(values)].tolist()
    kinds = set(map(type, there))
    if not kinds:
        return EMPTY
    if all(issubclass(kind, str) for kind in kinds):
        return "category"
    if all(issubclass(kind, (bool, int, float, np.bool_, np.number)) for kind in kinds):
        if any(isinstance(v, (float, np.floating)) and np.isinf(v) for v in there):
            refuse_infinite(np.array([np.inf]), f"Column {name!r}")
        if any(not isinstance(v, (float, np.floating)) and not -(2**63) <= int(v) < 2**63 for v in there):
            raise InvalidDataError(f"Column {name!r} holds an integer beyond 64 bits.", hint="Make it text or float.")
        if is_category:
            return "category"
        return "float" if any(issubclass(kind, (float, np.floating)) for kind in kinds) else "int"
    raise InvalidDataError(
        f"Column {name!r} holds {' and '.join(sorted(kind.__name__ for kind in kinds))}.",
        hint="Make all its values texts, or all numbers.",
    )


def _missing(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    import pandas as pd

    return np.asarray(pd.isna(values), dtype=bool)


def _all_numbers(values: npt.NDArray[Any]) -> bool:
    return all(not isinstance(v, str) for v in values[~_missing(values)].tolist())


def _number_keys(values: npt.NDArray[Any], wanted: str) -> Keys:
    """Keys of numbers in a column of floats or integers."""
    convert = _as_floats if wanted == "float" else _as_integers
    if values.dtype.kind in "fi":
        return convert(values)
    out, there = np.full(len(values), MISSING), ~_missing(values)
    is_float = np.array([isinstance(value, (float, np.floating)) for value in values.tolist()], dtype=bool)
    out[there & is_float] = convert(values[there & is_float].astype(np.float64))
    out[there & ~is_float] = convert(np.array([int(v) for v in values[there & ~is_float].tolist()], dtype=np.int64))
    return out


def _hashed(values: npt.NDArray[Any]) -> Keys:
    """Keys of categories: a hash of the value, one key for all that are missing."""
    import pandas as pd

    codes, distinct = pd.factorize(values.astype(object), use_na_sentinel=True)
    texts = np.empty(len(distinct), dtype=object)
    texts[:] = [_tagged(value) for value in distinct]
    keys = (uniform64(0, "category", texts) >> np.uint64(1)).astype(np.int64)
    keys = np.minimum(keys, MISSING - 1)
    out: Keys = np.append(keys, MISSING)[codes]  # the last for -1, which is what is missing
    return out


def _tagged(value: Any) -> str:
    if isinstance(value, str):
        return f"s{value}"
    return f"i{int(value)}" if float(value).is_integer() else f"f{float(value)!r}"


def _as_floats(values: npt.NDArray[Any]) -> Keys:
    """Keys in a column of floats; an integer between two floats counts as the upper one, which no comparison sees."""
    if values.dtype.kind == "i":
        numbers = values.astype(np.float64)
        is_inside = numbers < 2.0**63
        is_below = is_inside & (np.where(is_inside, numbers, 0.0).astype(np.int64) < values)
        values = np.where(is_below, np.nextafter(numbers, np.inf), numbers)
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.int64).reshape(-1, 1)
    out = np.empty(bits.shape, dtype=np.int64)
    keys_of(bits, np.array([FLOAT]), out)
    return out[:, 0]


def _as_integers(values: npt.NDArray[Any]) -> Keys:
    """Keys in a column of integers; a float counts as the integer below, which no comparison sees."""
    if values.dtype.kind == "i":
        below: Keys = np.minimum(values, MISSING - 1)
        return below
    low, high = values < -(2.0**63), values >= 2.0**63
    inside = np.floor(np.where(np.isnan(values) | low | high, 0.0, values)).astype(np.int64)
    return np.where(np.isnan(values), MISSING, np.where(high, MISSING - 1, np.where(low, -(2**63), inside)))


def refuse_infinite(values: Any, what: str) -> None:
    """Refuse infinite numbers in an array of floats.

    Raises
    ------
    InvalidDataError
        A number is infinite.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "f" and np.isinf(values).any():
        raise InvalidDataError(f"{what} holds infinity.", hint="Make it missing (NaN), or a large number.")
