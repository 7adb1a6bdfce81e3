"""Isolation trees: from a few records to nodes, and from rows to the lengths of their paths."""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.compiled import njit
from expunge.methods.forest.order import LEFT, RIGHT, draw, mix, place

__all__ = ["expected_length", "fits", "isolate", "path_lengths", "smallest", "standing"]


@njit
def standing(hashes: Any, weights: Any, slots: Any, key: Any) -> Any:
    """Where records stand in a tree: the hash over the weight, so that a weight of two is drawn like two records."""
    out = np.empty(len(slots))
    for i in range(len(slots)):
        weight = weights[slots[i] if len(weights) > 1 else 0]
        out[i] = float(place(hashes[slots[i]], key)) / weight if weight > 0.0 else np.inf
    return out


def smallest(hashes: Any, weights: Any, slots: Any, key: Any, limit: float, most: int) -> tuple[Any, float]:
    """The records that stand first, ``most`` at the most and none above ``limit``; equal ones by their place in slots.

    Returns
    -------
    positions : ndarray of int64
        In ``slots``, in the order of the tree.
    bound : float
        Who stands above it is in the tree in no case.
    """
    at = standing(hashes, weights, slots, key)
    n = int((at <= limit).sum())
    if most < n:
        limit, n = float(np.partition(at, most - 1)[most - 1]), most
    found = np.concatenate([np.flatnonzero(at < limit), np.flatnonzero(at == limit)])[:n]
    return found[np.argsort(at[found], kind="stable")], limit


def fits(hashes: Any, weights: Any, slots: Any, key: Any, limit: float, most: int) -> bool:
    """Whether a tree takes everybody who does not stand above ``limit``: the bound of :func:`smallest` is that then."""
    return bool((standing(hashes, weights, slots, key) <= limit).sum() <= most)


def isolate(X: Any, key: Any, deepest: int) -> tuple[Any, Any, Any, Any]:
    """The tree of these records: features (-1 in leaves), thresholds, right children and numbers of records."""
    n, d = X.shape
    feature, right, size = (np.full(2 * n + 1, -1, dtype=np.int64) for _ in range(3))
    threshold = np.zeros(2 * n + 1)
    nodes = _isolate(X, key, deepest, np.arange(n), np.arange(d), feature, threshold, right, size)
    return feature[:nodes].copy(), threshold[:nodes].copy(), right[:nodes].copy(), size[:nodes].copy()


@njit
def _isolate(
    X: Any, key: Any, deepest: int, records: Any, order: Any, feature: Any, threshold: Any, right: Any, size: Any
) -> int:  # fmt: skip
    """Write the nodes of the tree; how many they are. ``records`` and ``order`` count from 0 on and are permuted."""
    d, aside = len(order), np.empty(len(records), dtype=np.int64)
    todo, todo_key = np.empty((deepest + 2, 4), dtype=np.int64), np.empty(deepest + 2, dtype=np.uint64)
    todo[0, 0], todo[0, 1], todo[0, 2], todo[0, 3], todo_key[0] = 0, len(records), 0, -1, key
    waiting, nodes = 1, 0
    while waiting:
        waiting -= 1
        start, count, depth, parent, node_key = (
            todo[waiting, 0], todo[waiting, 1], todo[waiting, 2], todo[waiting, 3], todo_key[waiting],
        )  # fmt: skip
        i = nodes
        nodes += 1
        size[i] = count
        if parent >= 0:
            right[parent] = i
        if depth >= deepest or count < 2:
            continue
        chosen, low, high = -1, 0.0, 0.0
        for j in range(d):  # the first feature, in an order that belongs to the node, that varies
            to = j + draw(node_key, j, d - j)
            order[j], order[to] = order[to], order[j]
            low, high = X[records[start], order[j]], X[records[start], order[j]]
            for r in range(start, start + count):
                low, high = min(low, X[records[r], order[j]]), max(high, X[records[r], order[j]])
            if low < high:
                chosen = order[j]
                break
        for j in range(d):
            order[j] = j
        if chosen < 0:
            continue
        share = float(mix(node_key) >> np.uint64(11)) * 2.0**-53
        at = low * (1.0 - share) + high * share
        at = low if not at < high else at  # both sides are never empty, whatever the rounding
        kept, moved = start, 0
        for r in range(start, start + count):
            if X[records[r], chosen] <= at:
                records[kept] = records[r]
                kept += 1
            else:
                aside[moved] = records[r]
                moved += 1
        for r in range(moved):
            records[kept + r] = aside[r]
        feature[i], threshold[i] = chosen, at
        todo[waiting, 0], todo[waiting, 1], todo[waiting, 2], todo[waiting, 3] = kept, moved, depth + 1, i
        todo_key[waiting] = mix(node_key + RIGHT)
        todo[waiting + 1, 0], todo[waiting + 1, 1], todo[waiting + 1, 2] = start, kept - start, depth + 1
        todo[waiting + 1, 3], todo_key[waiting + 1] = -1, mix(node_key + LEFT)
        waiting += 2
    return nodes


@njit
def expected_length(n: int) -> Any:
    """Mean length of an unsuccessful search among n records: equation 1 of the paper."""
    if n < 2:
        return 0.0
    if n == 2:
        return 1.0
    return 2.0 * (np.log(n - 1.0) + 0.5772156649015329) - 2.0 * (n - 1.0) / n


@njit
def path_lengths(X: Any, feature: Any, threshold: Any, right: Any, size: Any, starts: Any, out: Any) -> Any:
    """Add up the path lengths of each row over all trees; what they would be for a record like any other."""
    scale = 0.0
    for t in range(len(starts) - 1):
        scale += expected_length(size[starts[t]])
        for row in range(X.shape[0]):
            i, depth = starts[t], 0.0
            while feature[i] >= 0:
                i = i + 1 if X[row, feature[i]] <= threshold[i] else right[i]
                depth += 1.0
            out[row] += depth + expected_length(size[i])
    return max(scale, 1e-9)
