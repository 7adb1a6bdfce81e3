"""Softmax regressions of all references at once: one masked matrix product a step, in blocks of records."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_count, check_number
from expunge.audit.inputs import Bools
from expunge.errors import InvalidDataError

__all__ = ["softmax_outputs"]

_ROWS = 512  # records of a block: few sums of gradients, and its logits of all models still fit into a cache
_REACH = 60.0  # an exponential of this stays far from what float32 can hold


def softmax_outputs(
    X: Any, y: Any, members: Bools, seeds: Any = (), *, query: Any = None, penalty: float = 1e-3, steps: int = 100,
    n_classes: int | None = None, dtype: Any = np.float32,
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Probabilities of softmax regressions, one for each row of members.

    Parameters
    ----------
    X : array of shape (N, d)
        On a scale of about one; a constant feature is added.
    y : array of int, shape (N,)
    members : ndarray of bool, shape (m, N)
    seeds : ignored
        Training starts at zero; see ``keep`` of :func:`~expunge.audit.references.plan_around`.
    query : array of shape (n, d), optional
        Records to answer on; default: X.
    penalty : float
        Half the squared weights, so many times, are added to the mean loss of a model's records.
    steps : int
        Of Nesterov's gradient descent, with the step that the largest eigenvalue of X'X / N allows.
    n_classes : int, optional
        Default: one more than the largest label.
    dtype : float32 or float64

    Returns
    -------
    ndarray of shape (m, n, k)

    Raises
    ------
    InvalidDataError
        ``members``, rows and labels do not belong together, or a model has no record.
    InvalidParameterError
        No step, or no penalty.

    Notes
    -----
    O(steps N d m k) time. The weights of all models stand side by side, as a matrix of k m columns; of records that a
    model is not trained on the residuals are set to 0.

    References
    ----------
    Y. Nesterov, "Introductory lectures on convex optimization", 2004, constant-step scheme 2.2.22.
    """
    rows = _with_constant(X, dtype)
    labels = np.asarray(y)
    k = int(labels.max()) + 1 if n_classes is None else n_classes
    m, n = members.shape
    if n != len(rows) or len(labels) != n or not members.any(axis=1).all():
        raise InvalidDataError(f"members of shape {members.shape} for {len(rows)} rows, or a model without any.")
    check_count("steps", steps)
    check_number("penalty", penalty, open_low=True)
    counts = members.sum(axis=1)
    # One model's records may be steeper than all records: at most by N / count.
    curvature = 0.5 * _largest_eigenvalue(rows) * (n / counts.min()) + penalty
    ratio = np.sqrt(penalty / curvature)
    momentum = dtype((1 - ratio) / (1 + ratio))
    scale = np.tile(1 / counts, k).astype(dtype)
    mask = np.ascontiguousarray(members.T).astype(dtype)
    longest = float(np.sqrt(np.einsum("ij,ij->i", rows, rows).max()))
    weights = np.zeros((rows.shape[1], m * k), dtype=dtype)
    ahead = weights.copy()
    for _ in range(steps):
        is_small = longest * float(np.sqrt(np.einsum("ij,ij->j", ahead, ahead).max())) < _REACH
        gradient = _gradient(rows, labels, mask, ahead, k, is_small=is_small)
        gradient *= scale
        gradient += dtype(penalty) * ahead
        moved = ahead - dtype(1 / curvature) * gradient
        ahead = moved + momentum * (moved - weights)
        weights = moved
    asked = rows if query is None else _with_constant(query, dtype)
    out = _softmax((asked @ weights).reshape(len(asked), k, m)).astype(np.float64)
    out /= out.sum(axis=1, keepdims=True)
    return np.ascontiguousarray(out.transpose(2, 0, 1))


def _gradient(rows: Any, labels: Any, mask: Any, weights: Any, k: int, *, is_small: bool) -> Any:
    """Sum over each model's records of x (p - e_y)', shape (d, k m): for each class the models side by side.

    So that sums over classes run along whole rows of models, many at a time. Where all logits are small nothing is
    taken off before the exponential.
    """
    m = mask.shape[1]
    total = np.zeros_like(weights)
    for at in range(0, len(rows), _ROWS):
        block, own = rows[at : at + _ROWS], mask[at : at + _ROWS]
        residual = (block @ weights).reshape(len(block), k, m)
        if not is_small:
            residual -= residual.max(axis=1, keepdims=True)
        np.exp(residual, out=residual)
        residual *= (own / residual.sum(axis=1))[:, None, :]
        residual[np.arange(len(block)), labels[at : at + _ROWS]] -= own
        total += block.T @ residual.reshape(len(block), k * m)
    return total


def _softmax(logits: Any) -> Any:
    """Over axis 1, in place."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


def _with_constant(X: Any, dtype: Any) -> Any:
    array = np.asarray(X, dtype=dtype)
    if array.ndim != 2 or not np.isfinite(array).all():
        raise InvalidDataError(f"Rows must be a table of finite numbers, got shape {array.shape}.")
    return np.hstack([np.ones((len(array), 1), dtype=dtype), array])


def _largest_eigenvalue(rows: Any) -> float:
    """Of X'X / N, by the power method; a little too large rather than too small."""
    vector = np.full(rows.shape[1], rows.shape[1] ** -0.5, dtype=rows.dtype)
    value = 0.0
    for _ in range(30):
        image = rows.T @ (rows @ vector) / rows.dtype.type(len(rows))
        value = float(np.linalg.norm(image))
        if value == 0:
            return 1.0
        vector = image / rows.dtype.type(value)
    return 1.05 * value
