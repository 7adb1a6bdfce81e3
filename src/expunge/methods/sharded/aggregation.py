"""From the answers of the shards to one answer: mean probability, votes, medians, or weights by skill.

A class that a shard never saw has probability zero there.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.methods.sharded.training import repeatable
from expunge.rows import Table
from expunge.table.label_kinds import as_labels

__all__ = ["combine_values", "judges", "mean_probabilities", "skill", "vote_shares", "weights_of"]

Floats = npt.NDArray[np.float64]


def mean_probabilities(
    models: Sequence[Any], X: Any, classes: npt.NDArray[Any], weights: Floats | None = None
) -> Floats:
    """Weighted mean of the shards' probabilities.

    Parameters
    ----------
    models : list of fitted classifiers, at least one
    X : rows as the classifiers take them
    classes : ndarray of shape (c,)
        Sorted; each classifier knows some of them.
    weights : ndarray of shape (number of models,), optional
        Non-negative, not all zero. Default: all one.

    Returns
    -------
    ndarray of shape (n, c)
    """
    factors = np.ones(len(models)) if weights is None else weights
    total: Floats = np.zeros((0, len(classes)))
    with repeatable():
        for i, (model, factor) in enumerate(zip(models, factors.tolist(), strict=True)):
            found = model.predict_proba(X)
            if i == 0:
                total = np.zeros((len(found), len(classes)))
            total[:, np.searchsorted(classes, model.classes_)] += factor * found
    return total / math.fsum(factors.tolist())


def vote_shares(models: Sequence[Any], X: Any, classes: npt.NDArray[Any]) -> Floats:
    """Share of the shards that vote for each class; shape (n, c)."""
    votes: npt.NDArray[np.int64] = np.zeros((0, len(classes)), dtype=np.int64)
    with repeatable():
        for i, model in enumerate(models):
            at = np.searchsorted(classes, as_labels(np.asarray(model.predict(X))))
            if i == 0:
                votes = np.zeros((len(at), len(classes)), dtype=np.int64)
            votes[np.arange(len(at)), at] += 1
    shares: Floats = votes / len(models)
    return shares


def combine_values(models: Sequence[Any], X: Any, how: str, weights: Floats | None = None) -> Floats:
    """Mean, median or weighted mean of the shards' predictions; shape (n,), or (n, t) for several targets."""
    with repeatable():
        values = np.array([np.asarray(model.predict(X), dtype=np.float64) for model in models])
    if how == "median":
        return np.asarray(np.median(values, axis=0))
    factors = np.ones(len(models)) if weights is None else weights
    total = np.zeros(values.shape[1:])
    for factor, value in zip(factors.tolist(), values, strict=True):
        total += factor * value
    return np.asarray(total / math.fsum(factors.tolist()))


def skill(model: Any, table: Table, *, classifier: bool) -> dict[str, Any]:
    """How well a shard's model does on records it did not learn from.

    Parameters
    ----------
    model : fitted estimator or None
    table : Table
        The records, in canonical order.
    classifier : bool

    Returns
    -------
    dict
        ``hits`` and ``of`` (two integers: accuracy) for a classifier; else ``skill``, the coefficient of determination,
        zero if negative. Sums are correctly rounded, so that the order of the records does not matter.
    """
    if model is None:
        return {"hits": 0, "of": len(table)} if classifier else {"skill": 0.0}
    with repeatable():
        predicted = np.asarray(model.predict(table.X))
    if classifier:
        return {"hits": int(np.count_nonzero(as_labels(predicted) == as_labels(table.y))), "of": len(table)}
    y = np.asarray(table.y, dtype=np.float64)
    error = math.fsum(((y - predicted.reshape(y.shape)) ** 2).ravel().tolist())
    means = np.array([math.fsum(column.tolist()) for column in y.reshape(len(y), -1).T]) / len(y)
    spread = math.fsum(((y.reshape(len(y), -1) - means) ** 2).ravel().tolist())
    if not spread:
        return {"skill": 1.0 if not error else 0.0}
    return {"skill": max(0.0, 1.0 - error / spread)}


def judges(occupied: Sequence[int], touched: Collection[int], n_shards: int) -> dict[int, int]:
    """Whose weight may have changed, and who judges it: the next shard with records, after the last one the first.

    Parameters
    ----------
    occupied : list of int
        Shards with records, sorted.
    touched : collection of int
        Shards whose records changed; of these some may be empty now.
    n_shards : int

    Returns
    -------
    dict of int to int
        Of each shard with records that was touched, or of which a shard up to its judge was: the judge. A lone shard
        judges itself.

    Examples
    --------
    >>> judges([0, 2, 3], {1}, 4), judges([0, 2, 3], {0}, 4)
    ({0: 2}, {0: 2, 3: 0})
    """
    out = {}
    for shard, judge in zip(occupied, [*occupied[1:], *occupied[:1]], strict=True):
        last = judge if judge > shard else judge + n_shards
        if any(k % n_shards in touched for k in range(shard, last + 1)):
            out[shard] = judge
    return out


def weights_of(parts: Sequence[dict[str, Any]]) -> Floats:
    """Weights from what :func:`skill` returned; equal ones if none of the shards has any skill."""
    values = [p["skill"] if "skill" in p else p["hits"] / p["of"] for p in parts]
    return np.array(values) if any(values) else np.ones(len(values))
