"""A list of texts as an array, whatever holds them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError, InvalidDataTypeError

__all__ = ["texts_of"]


def texts_of(X: Any, least: int) -> npt.NDArray[Any]:
    """Texts as an object array: from a list, an array, a series or a stream of them, or a table of one column.

    Raises
    ------
    InvalidDataError
        A single text instead of a list, several columns, fewer texts than ``least``, or something that is no text; of a
        value the sentence names the row and the type.
    """
    if isinstance(X, (str, bytes)):
        raise InvalidDataError("X is a single text, not a list of texts.", hint="Put it into a list.")
    if hasattr(X, "to_pandas") and not hasattr(X, "iloc"):
        X = X.to_pandas()
    if hasattr(X, "tocsr") or isinstance(X, (dict, set, frozenset)) or not isinstance(X, Iterable):
        raise InvalidDataError(f"Expected a list of texts, got a {type(X).__name__}.", hint="One text per record.")
    if (shape := getattr(X, "shape", None)) is not None and len(shape) != 1:
        if len(shape) != 2 or shape[1] != 1:
            raise InvalidDataError(f"Texts have one column, X has shape {shape}.", hint="Join the columns first.")
        X = X.iloc[:, 0] if hasattr(X, "iloc") else np.asarray(X)[:, 0]
    values = list(X)
    if len(values) < least:
        raise InvalidDataError(f"Found {len(values)} texts while a minimum of {least} is required.")
    for row, value in enumerate(values):
        if isinstance(value, bytes):
            raise InvalidDataTypeError(
                f"X, row {row} holds bytes, which are no text before they are decoded.",
                hint="Decode them: value.decode('utf-8', errors='replace').",
            )
        if not isinstance(value, str):
            raise InvalidDataTypeError(
                f"X, row {row} holds a value of type {type(value).__name__} where a text belongs.",
                hint="Make it a text, if need be an empty one.",
            )
    texts = np.empty(len(values), dtype=object)
    texts[:] = [str(value) for value in values]
    return texts
