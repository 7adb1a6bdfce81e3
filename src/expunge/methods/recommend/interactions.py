"""Interactions as recommenders take them: frames of user, item, value and time, or a sparse matrix of users by items.

A record is one interaction. Its user is its subject, unless another one is told, and its item is its class; so a person
and a thing are forgotten by the words that the contract has for them. When it happened is not kept: no method here
learns from it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError
from expunge.table.ids import check_ids

__all__ = ["NAMES", "Interactions", "read_interactions", "read_users"]

#: Columns that a frame of interactions may have.
NAMES = ("user", "item", "value", "time")


class Interactions(NamedTuple):
    """Interactions, a line for each.

    Parameters
    ----------
    frame : DataFrame of shape (n, 1) or (n, 2)
        Columns ``user`` and, if there is one, ``value``; the index is that of the input.
    items : ndarray of shape (n,), or None
        Integers, or texts; so are the users.
    subjects : array of shape (n,)
    """

    frame: Any
    items: Any
    subjects: Any


def read_interactions(X: Any, items: Any, subjects: Any) -> Interactions:
    """What a caller gives, as :class:`Interactions`.

    Parameters
    ----------
    X : DataFrame or sparse matrix
        A frame with columns of :data:`NAMES`; or users by items, where each cell that is not zero is an interaction,
        line by line.
    items : array of shape (n,), optional
        In place of the column ``item``.
    subjects : array of ids, optional
        Default: the users. Of a matrix they are the users, one for each line; else the users are the line numbers.

    Raises
    ------
    InvalidDataError
        X is of another kind, has other columns, or names items or users twice, differently; an interaction has no user.

    Examples
    --------
    >>> from scipy import sparse
    >>> read_interactions(sparse.csr_array([[0, 1], [2, 3]]), None, None).frame
       user  value
    0     0    1.0
    1     1    2.0
    2     1    3.0
    """
    import pandas as pd

    if hasattr(X, "to_pandas") and not hasattr(X, "iloc"):
        X = X.to_pandas()
    if hasattr(X, "tocsr"):
        X, subjects = _cells(X, subjects)
    if not (hasattr(X, "iloc") and hasattr(X, "columns")):
        raise InvalidDataError(
            f"Interactions come as a frame or as a sparse matrix, got {type(X).__name__}.",
            hint="Make a frame with the columns user and item, and value if there is one.",
        )
    if strange := [name for name in X.columns if name not in NAMES]:
        raise InvalidDataError(
            f"A frame of interactions has no column {strange[0]!r}.", hint=f"Its columns are {', '.join(NAMES)}."
        )
    if "item" in X.columns:
        if items is not None and np.asarray(X["item"]).tolist() != np.asarray(items).tolist():
            raise InvalidDataError("The items are named twice, and differ.", hint="Leave out y, or the column.")
        items = X["item"]
    if items is not None:
        items = _names(items, "items", "An interaction has no item.")
    users = read_users(X)
    frame = pd.DataFrame({"user": pd.Series(users, index=X.index, dtype=users.dtype)})
    if "value" in X.columns:
        try:
            frame["value"] = np.asarray(X["value"], dtype=np.float64)
        except (ValueError, TypeError):
            raise InvalidDataError("The column value holds something that is no number.", hint="Use numbers.") from None
        if not np.isfinite(frame["value"].to_numpy()).all():
            raise InvalidDataError("The column value holds NaN or infinity.", hint="Leave such interactions out.")
    return Interactions(frame, items, users if subjects is None else subjects)


def read_users(users: Any) -> npt.NDArray[Any]:
    """Names of users: integers or texts, one for each; a frame's column is read by its name.

    A column of whole floats is taken for integers, since that is what tables with a gap make of these.

    Raises
    ------
    InvalidDataError
        There is no column of users.
    """
    if hasattr(users, "columns"):
        if "user" not in users.columns:
            raise InvalidDataError("There is no column user.", hint="Name the users, or give a frame with this column.")
        users = users["user"]
    return _names(users, "users", "An interaction has no user.")


def _names(given: Any, what: str, lack: str) -> npt.NDArray[Any]:
    values = given.to_numpy() if hasattr(given, "to_numpy") else np.asarray(given)
    if not values.size:
        return values
    if values.ndim == 0:
        values = values.reshape(1)
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.rint(values)).all():
        values = values.astype(np.int64)
    if values.dtype.kind in "fO" and any(value is None or value == "" or value != value for value in values.tolist()):
        raise InvalidDataError(lack, hint="Leave such lines out.")
    return check_ids(values, what=what)


def _cells(X: Any, subjects: Any) -> tuple[Any, Any]:
    """The cells of a matrix that are not zero as a frame, and their users if these have names."""
    import pandas as pd

    matrix = X.tocsr().copy()
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    line = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    if subjects is not None:
        names = read_users(subjects)
        if len(names) != matrix.shape[0]:
            raise InvalidDataError(
                f"The matrix has {matrix.shape[0]} lines, and there are {len(names)} users.", hint="Name each line."
            )
        subjects = names[line]
    users = line if subjects is None else subjects
    return pd.DataFrame({"user": users, "item": matrix.indices.astype(np.int64), "value": matrix.data}), subjects
