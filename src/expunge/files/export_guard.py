"""An export knows no row: arrays that hold training rows, as support vectors do, are found and refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from expunge.digest import arrays
from expunge.errors import UnsupportedRequestError
from expunge.rows import Rows

__all__ = ["refuse_rows"]

#: Names under which estimators keep rows: neighbours (``known_rows`` are ours), kernels, support vectors, Gaussian
#: processes.
ROW_KEEPERS = frozenset(
    {"_fit_X", "_tree", "_raw_data", "known_rows", "support_vectors_", "X_fit_", "X_train_", "X_thresholds_"}
)


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
    Three signs are looked for: a method of ours inside, which knows its rows; an attribute in which estimators are
    known to keep rows (:data:`ROW_KEEPERS`), scaled or not; and an array of which a line is a training row,
    compared as float64 bytes. An estimator of your own that keeps changed rows under another name is not found.
    """
    for path, _ in arrays(solution):
        if "._fitted.rows[" in path:
            raise UnsupportedRequestError(
                f"An export would hold training rows, of a method that forgets by itself: {path.partition('.')[0]}.",
                hint="Use an estimator of scikit-learn inside, or save the model instead.",
            )
        if keeper := ROW_KEEPERS.intersection(re.findall(r"\w+", path)):
            raise UnsupportedRequestError(
                f"An export would hold training rows, in {sorted(keeper)[0]}: {path}.",
                hint="Use an estimator that keeps none (no neighbours, kernels or support vectors).",
            )
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
