"""Values for some cells of a column of a frame, as that column would hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from expunge.errors import InvalidDataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cells_like"]


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

    given = pd.Series(values.array if isinstance(values, pd.Series) else list(values))
    is_missing = given.isna()
    if isinstance(given.dtype, pd.CategoricalDtype) and isinstance(dtype, pd.CategoricalDtype):
        return given
    if isinstance(dtype, np.dtype) and dtype.kind in "iufb":
        return given.astype(np.float64) if is_missing.all() else given
    if (isinstance(dtype, np.dtype) and dtype.kind in "mM") or isinstance(dtype, pd.DatetimeTZDtype):
        return given
    if isinstance(dtype, np.dtype):
        return pd.Series(list(values), dtype=object)
    held = given[~is_missing].tolist()
    is_text_column = isinstance(dtype, pd.StringDtype)
    try:
        if is_text_column and any(not isinstance(value, str) for value in held):
            raise TypeError
        found = given.astype(object).astype(dtype if order is None and not _is_categories(dtype) else _like(order))
    except (TypeError, ValueError):
        raise InvalidDataError(f"Column {name!r} holds {dtype}, and cannot hold what is given.") from None
    if bool((found.isna() & ~is_missing).any()):
        raise InvalidDataError(
            f"Column {name!r} is an ordered category, and a value is in no place of its order.",
            hint="Give it as an ordered category that says where.",
        )
    return found


def _is_categories(dtype: Any) -> bool:
    return str(dtype) == "category"


def _like(order: list[Any] | None) -> Any:
    import pandas as pd

    return pd.CategoricalDtype(order, ordered=order is not None)
