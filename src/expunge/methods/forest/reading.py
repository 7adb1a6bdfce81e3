"""Trees as plain arrays: for files and predictions node after node from the root on, for digests block by block."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from expunge.compiled import inline, njit
from expunge.errors import TamperedError
from expunge.methods.forest.growing import (
    BLOCK_DEPTH,
    FEATURE,
    LEFT_CHILD,
    RIGHT_CHILD,
    ROOM,
    START,
    TALLY,
    THRESHOLD,
    N,
)
from expunge.methods.forest.splits import CATEGORY, LOWER, MISSING, UPPER, key_of

__all__ = ["Paths", "flatten", "keys_of", "landing", "paths", "refuse_others", "serialize", "unflatten", "vote"]


@njit
def flatten(
    roots: Any, nodes: Any, node_sums: Any, columns: Any, feature: Any, threshold: Any, right: Any, count: Any,
    sums: Any, starts: Any, todo: Any,
) -> None:  # fmt: skip
    """Write all trees in order, each from its root on, the left child behind its parent.

    Parameters
    ----------
    columns : ndarray of int64
        Which columns of the sums.
    right : ndarray of int64
        Place of the right child, counted over all trees; -1 in a leaf.
    starts : ndarray of int64, shape (T + 1,)
        Where each tree begins.
    todo : ndarray of int64, shape (N, 2)
        A stack.
    """
    at = 0
    for t in range(len(roots)):
        starts[t] = at
        todo[0, 0], todo[0, 1], waiting = roots[t], -1, 1
        while waiting:
            waiting -= 1
            i, parent = todo[waiting, 0], todo[waiting, 1]
            if parent >= 0:
                right[parent] = at
            feature[at], threshold[at], right[at], count[at] = nodes[i, FEATURE], nodes[i, THRESHOLD], -1, nodes[i, N]
            for c in range(len(columns)):
                sums[at, c] = node_sums[i, columns[c]]
            if nodes[i, FEATURE] >= 0:
                todo[waiting, 0], todo[waiting, 1] = nodes[i, RIGHT_CHILD], at
                todo[waiting + 1, 0], todo[waiting + 1, 1] = nodes[i, LEFT_CHILD], -1
                waiting += 2
            at += 1
    starts[len(roots)] = at


@njit
def unflatten(feature: Any, threshold: Any, count: Any, sizes: Any, nodes: Any, roots: Any) -> bool:
    """Nodes from plain arrays; whether these are trees at all."""
    at = 0
    todo = np.empty(len(feature) + 1, dtype=np.int64)
    for t in range(len(sizes)):
        end = at + sizes[t]
        if sizes[t] < 1 or end > len(feature):
            return False
        roots[t] = at
        waiting = 0  # parents whose right child is still to come
        for i in range(at, end):
            node = nodes[i]
            node[FEATURE], node[THRESHOLD], node[N] = feature[i], threshold[i], count[i]
            node[LEFT_CHILD], node[RIGHT_CHILD], node[START], node[ROOM], node[TALLY] = -1, -1, 0, 0, -1
            if feature[i] >= 0:
                node[LEFT_CHILD] = i + 1
                todo[waiting] = i
                waiting += 1
            elif waiting and i + 1 < end:
                waiting -= 1
                nodes[todo[waiting], RIGHT_CHILD] = i + 1
            elif waiting or i + 1 < end:
                return False
        if waiting or feature[end - 1] >= 0:
            return False
        at = end
    return at == len(feature)


@njit
def serialize(wanted: Any, roots: Any, nodes: Any, node_sums: Any, columns: Any, out: Any, ends: Any) -> bool:
    """Write blocks of trees as integers behind each other: the nodes from the root of the block on.

    Parameters
    ----------
    wanted : ndarray of int64, shape (b, 2)
        Tree and block: 0 for the top of the tree, 1 + path for a subtree at ``BLOCK_DEPTH``.
    out : ndarray of int64
        Of each node its feature, threshold, number of records and sums. In the top a subtree that is a block is -2 and
        the number of the block.
    ends : ndarray of int64, shape (b,)
        Where each block ends.

    Returns
    -------
    bool
        Whether ``out`` was long enough; if not, ``ends`` says how long it has to be.
    """
    at = 0
    todo = np.empty((len(nodes) + 2, 3), dtype=np.int64)
    for w in range(len(wanted)):
        i, is_there = roots[wanted[w, 0]], True
        top = wanted[w, 1] == 0
        if not top:
            for level in range(BLOCK_DEPTH):
                if is_there and nodes[i, FEATURE] >= 0:
                    side = (wanted[w, 1] - 1) >> (BLOCK_DEPTH - 1 - level) & 1
                    i = nodes[i, RIGHT_CHILD] if side else nodes[i, LEFT_CHILD]
                else:
                    is_there = False
        waiting = 0
        if is_there:
            todo[0, 0], todo[0, 1], todo[0, 2], waiting = i, 0, 0, 1
        while waiting:
            waiting -= 1
            i, depth, path = todo[waiting, 0], todo[waiting, 1], todo[waiting, 2]
            if top and depth == BLOCK_DEPTH:
                if at + 2 <= len(out):
                    out[at], out[at + 1] = -2, path
                at += 2
                continue
            if at + 3 + len(columns) <= len(out):
                out[at], out[at + 1], out[at + 2] = nodes[i, FEATURE], nodes[i, THRESHOLD], nodes[i, N]
                for c in range(len(columns)):
                    out[at + 3 + c] = node_sums[i, columns[c]]
            at += 3 + len(columns)
            if nodes[i, FEATURE] >= 0:
                todo[waiting, 0], todo[waiting, 1], todo[waiting, 2] = nodes[i, RIGHT_CHILD], depth + 1, 2 * path + 1
                todo[waiting + 1, 0], todo[waiting + 1, 1], todo[waiting + 1, 2] = (
                    nodes[i, LEFT_CHILD], depth + 1, 2 * path,
                )  # fmt: skip
                waiting += 2
        ends[w] = at
    return at <= len(out)


@njit
def keys_of(X: Any, kinds: Any, out: Any) -> None:
    """The keys of all cells."""
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            out[i, j] = key_of(X[i, j], kinds[j])


def refuse_others(solution: dict[str, Any], d: int, beside: tuple[str, ...]) -> None:
    """Refuse nodes out of a file that are no trees over d columns: a walk along them would leave the arrays.

    Parameters
    ----------
    solution : dict of str to ndarray
        As the file holds it.
    d : int
        Columns.
    beside : tuple of str
        Names of arrays that have an entry for each node, last if they have several axes.

    Raises
    ------
    TamperedError
        The nodes are no trees.
    """
    feature, right, starts = solution["feature"], solution["right"], solution["starts"]
    n = len(feature)
    is_even = all(solution[name].shape[-1] == n for name in ("right", *beside)) and len(starts) > 0 and starts[-1] == n
    if not is_even or not _can_be_walked(feature, right, starts, d):
        raise TamperedError("The file holds nodes that are no trees.", hint="Restore it from a copy.")


@njit
def _can_be_walked(feature: Any, right: Any, starts: Any, d: int) -> bool:
    """Whether each step from a root leads on, to nodes of the same tree, until a leaf."""
    for t in range(len(starts) - 1):
        start, end = starts[t], starts[t + 1]
        if start < 0 or start >= end or end > len(feature):
            return False
        for i in range(start, end):
            if feature[i] >= 0 and (feature[i] >= d or right[i] <= i or right[i] >= end or i + 1 >= end):
                return False
    return True


class Paths(NamedTuple):
    """Trees as they are walked, 16 bytes a node, so that four stand in a cache line.

    Parameters
    ----------
    nodes : ndarray of int64, shape (N, 2)
        Threshold and step: feature (from bit 33 on), whether only equality counts (bit 32), and how far away the right
        child is; the left one is the next node. In a leaf the number of the leaf, and -1.
    starts : ndarray of int64, shape (T + 1,)
        Where each tree begins.
    value : ndarray of float64, shape (leaves, k)
    """

    nodes: Any
    starts: Any
    value: Any


def paths(solution: dict[str, Any], kinds: Any, d: int) -> Paths:
    """The trees of a solution as they are walked.

    Raises
    ------
    TamperedError
        As :func:`refuse_others`.
    """
    refuse_others(solution, d, ("threshold", "count", "value"))
    nodes = np.empty((len(solution["feature"]), 2), dtype=np.int64)
    _steps(solution["feature"], solution["threshold"], solution["right"], kinds, nodes)
    value = np.ascontiguousarray(solution["value"][:, solution["feature"] < 0].T)
    return Paths(nodes, solution["starts"], value)


@njit
def _steps(feature: Any, threshold: Any, right: Any, kinds: Any, out: Any) -> None:
    leaves = 0
    for i in range(len(feature)):
        if feature[i] < 0:
            out[i, 0], out[i, 1] = leaves, -1
            leaves += 1
        else:
            equality = kinds[feature[i]] == CATEGORY or threshold[i] == MISSING
            out[i, 0] = threshold[i]
            out[i, 1] = (2 * feature[i] + (1 if equality else 0) << UPPER) + right[i] - i


#: So many rows walk abreast, each waiting for its own node, and so many are led through one tree after another.
_ABREAST, _ROWS = 8, 1 << 16


@inline
def _walk(keys: Any, first: int, m: int, nodes: Any, root: int, at: Any) -> None:
    """Lead m rows from a root to their leaves: a step of each in turn, until none moves."""
    for g in range(m):
        at[g] = root
    moves = True
    while moves:
        moves = False
        for g in range(m):
            i = np.uint64(at[g])
            step = nodes[i, 1]
            is_inner = step >= 0
            feature = np.uint64(step >> (UPPER + 1)) if is_inner else np.uint64(0)
            x, threshold = keys[np.uint64(first + g), feature], nodes[i, 0]
            is_left = (x == threshold) | ((x < threshold) & ((step >> UPPER) & 1 == 0))
            further = 1 if is_left else step & LOWER
            at[g] += further if is_inner else 0
            moves |= is_inner


@njit
def landing(keys: Any, nodes: Any, starts: Any, out: Any) -> None:
    """The leaf of each row in each tree, counted within the tree; shape (n, T)."""
    at = np.empty(_ABREAST, dtype=np.int64)
    for t in range(len(starts) - 1):
        for first in range(0, keys.shape[0], _ABREAST):
            m = min(_ABREAST, keys.shape[0] - first)
            _walk(keys, first, m, nodes, starts[t], at)
            for g in range(m):
                out[first + g, t] = at[g] - starts[t]


@njit
def vote(keys: Any, nodes: Any, starts: Any, value: Any, out: Any) -> None:
    """Add the values of the leaves of each row, tree after tree.

    Parameters
    ----------
    value : ndarray of float64, shape (leaves, k)
    out : ndarray of float64, shape (n, k)
    """
    k, n, at = value.shape[1], keys.shape[0], np.empty(_ABREAST, dtype=np.int64)
    for low in range(0, n, _ROWS):
        end = min(n, low + _ROWS)
        for t in range(len(starts) - 1):
            for first in range(low, end, _ABREAST):
                m = min(_ABREAST, end - first)
                _walk(keys, first, m, nodes, starts[t], at)
                for g in range(m):
                    leaf = nodes[np.uint64(at[g]), 0]
                    for c in range(k):
                        out[first + g, c] += value[leaf, c]
