"""Ridge-like references from exact sums: the sums of all records once, and what each model lacks taken out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from expunge.audit.inputs import Bools
from expunge.errors import InvalidDataError
from expunge.maths import exact

__all__ = ["ridge_outputs"]

Floats = npt.NDArray[np.float64]


def ridge_outputs(
    X: Any, y: Any, members: Bools, seeds: Any = (), *, query: Any = None, alpha: float = 1.0, sharpness: float = 4.0,
    n_classes: int | None = None,
) -> Floats:  # fmt: skip
    """Probabilities from ridge regressions on classes, one for each row of members.

    Parameters
    ----------
    X : array of shape (N, d)
    y : array of int, shape (N,)
    members : ndarray of bool, shape (m, N)
    seeds : ignored
        Ridge regression has no randomness; see ``keep`` of :func:`~expunge.audit.references.plan_around`.
    query : array of shape (n, d), optional
        Records to answer on; default: X.
    alpha : float
        Penalty; the intercept is not penalised.
    sharpness : float
        Probabilities are a softmax of so many times the regression's value for each class.
    n_classes : int, optional
        Default: one more than the largest label.

    Returns
    -------
    ndarray of shape (m, n, k)

    Raises
    ------
    InvalidDataError
        ``members``, rows and labels do not belong together.

    Notes
    -----
    The sums are integers, so that taking records out gives the bits of summing the others: a model costs O(r d²) for
    the r records it lacks (or has, if these are fewer), and O(d³) to solve.
    """
    rows = np.hstack([np.ones((len(X), 1)), np.asarray(X, dtype=np.float64)])
    labels = np.asarray(y)
    k = int(labels.max()) + 1 if n_classes is None else n_classes
    if members.ndim != 2 or members.shape[1] != len(rows) or len(labels) != len(rows):
        raise InvalidDataError(f"members of shape {members.shape} for {len(rows)} rows and {len(labels)} labels.")
    joint = np.hstack([rows, np.eye(k)[labels]])
    asked = rows if query is None else np.hstack([np.ones((len(query), 1)), np.asarray(query, dtype=np.float64)])
    d = rows.shape[1]
    total = exact.gram(joint, exact.DEFAULT_RESOLUTION)
    penalty = np.diag(np.concatenate([[0.0], np.full(d - 1, alpha)]))
    out = np.empty((len(members), len(asked), k))
    for i, member in enumerate(members):
        if 2 * member.sum() >= len(rows):
            sums = exact.subtract(total, exact.gram(joint[~member], exact.DEFAULT_RESOLUTION))
        else:
            sums = exact.gram(joint[member], exact.DEFAULT_RESOLUTION)
        moments = exact.to_float(sums, exact.DEFAULT_RESOLUTION**2)
        weights = np.linalg.solve(moments[:d, :d] + penalty, moments[:d, d:])
        out[i] = softmax(sharpness * (asked @ weights), axis=1)
    return out
