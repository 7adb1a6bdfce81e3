"""An export knows no row: arrays that hold training rows, as support vectors do, are found and refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.digest import arrays
from expunge.errors import UnsupportedRequestError
from expunge.rows import Rows

__all__ = ["refuse_rows"]


def refuse_rows(solution: Any, rows: Rows) -> None:
    """Refuse a solution of which some two-dimensional array holds a training row of at least two columns.

    Parameters
    ----------
    solution : Part
    rows : Rows

    Raises
    ------
    UnsupportedRequestError
        The sentence names the array.

    Notes
    -----
    Rows are compared as float64 bytes. A pipeline that scales its input keeps scaled rows, which this cannot see;
    methods that keep rows must not be exported whatever they do before.
    """
    known = _row_bytes(rows.peek(rows.slots()).X)
    if not known:
        return
    for path, array in arrays(solution):
        if array.ndim == 2 and array.dtype.kind in "fiu" and array.shape[1] >= 2 and len(array):
            found = _row_bytes(array) & known
            if found and np.count_nonzero(np.frombuffer(next(iter(found)))) > 1:
                raise UnsupportedRequestError(
                    f"An export would hold training rows: {path}.",
                    hint="Use an estimator that keeps none (no neighbours, no support vectors).",
                )


def _row_bytes(X: Any) -> set[bytes]:
    if hasattr(X, "tocsr"):
        return set()
    try:
        values = np.ascontiguousarray(np.asarray(X, dtype=np.float64))
    except (TypeError, ValueError):
        return set()
    return {row.tobytes() for row in values} if values.ndim == 2 and values.shape[1] >= 2 else set()
