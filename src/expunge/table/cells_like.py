"""Values for some cells of a column, as that column would hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cells_like", "numbers_like"]


def cells_like(values: Any, dtype: Any, name: object, order: list[Any] | None = None) -> pd.Series[Any]:
    """Values as a series that can stand in a column of this dtype; no value becomes another one on the way.

    Parameters
    ----------
    values : sequence of length k
    dtype : dtype of the column
    name : str or int
        Of the column, for the error sentence.
    order : list, optional
        The categories of an ordered column, in their order.

    Raises
    ------
    InvalidDataError
        A value that the column cannot hold, or a category without a place in the order.

    Examples
    --------
    >>> import pandas as pd
    >>> cells_like(["b", None], pd.CategoricalDtype(["a", "b"]), "size").tolist()
    ['b', nan]
    """
    import pandas as pd

    if isinstance(dtype, np.dtype) and dtype.kind in "iufb":
        return pd.Series(numbers_like(values, dtype, name))
    is_typed = isinstance(values, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray))
    if isinstance(dtype, np.dtype) and dtype.kind == "O":
        return pd.Series(list(values), dtype=object)
    is_time = (isinstance(dtype, np.dtype) and dtype.kind in "mM") or isinstance(dtype, pd.DatetimeTZDtype)
    # Left to itself pandas makes floats of integers beside a missing one.
    given = pd.Series(values if is_typed else list(values), dtype=None if is_typed or is_time else object)
    given = given.reset_index(drop=True)
    if isinstance(given.dtype, pd.CategoricalDtype) and isinstance(dtype, pd.CategoricalDtype):
        return given
    if is_time:
        return given
    held = given[~given.isna()].tolist()
    if order is not None and any(value not in order for value in held):
        raise InvalidDataError(
            f"Column {name!r} is an ordered category, and a value is in no place of its order.",
            hint="Give it as an ordered category that says where.",
        )
    is_text_column = isinstance(dtype, pd.StringDtype)
    try:
        if is_text_column and any(not isinstance(value, str) for value in held):
            raise TypeError
        is_category = isinstance(dtype, pd.CategoricalDtype)
        like = pd.CategoricalDtype(order, ordered=order is not None) if is_category else dtype
        return given.astype(object).astype(like)
    except (TypeError, ValueError):
        raise InvalidDataError(
            f"Column {name!r} holds {dtype}, and cannot hold what is given.", hint="Correct the value."
        ) from None


def numbers_like(values: Any, dtype: np.dtype[Any], name: object) -> npt.NDArray[Any]:
    """Numbers in the type of an array: whole ones keep their digits, fractions are rounded as the array rounds them.

    Parameters
    ----------
    values : sequence of length k
        None stands for a missing one.
    dtype : dtype of numbers or booleans
    name : str or int
        Of the column, for the error sentence.

    Raises
    ------
    InvalidDataError
        What is no number, or does not fit.

    Examples
    --------
    >>> numbers_like([2.0, 3], np.dtype(np.int64), "rooms")
    array([2, 3])
    """
    given = [None if value is None or repr(value) in ("<NA>", "NaT") else value for value in values]
    if all(value is None or isinstance(value, (bool, int, float, np.number, np.bool_)) for value in given):
        known = np.array([np.nan if value is None else value for value in given])
        if known.dtype.kind in "iufb":  # of integers beyond 64 bits it is "O"
            with np.errstate(invalid="ignore", over="ignore"):
                out = known.astype(dtype)
                is_whole = known.dtype.kind in "iub"
                fits = np.array_equal(out.astype(known.dtype), known) if is_whole else dtype.kind == "f"
            if fits or np.array_equal(out, known):
                return out
    raise InvalidDataError(f"Column {name!r} holds {dtype}, and cannot hold what is given.", hint="Correct the value.")
