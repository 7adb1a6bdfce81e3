"""A subtree from its records in order: the one definition of a tree, for a fit and for every rebuilding.

A node is a row of eight integers: feature (-1 in a leaf), threshold key, left and right child, number of records, where
its stretch of records begins, how much room that stretch has, and the place of its cached tally (-1 for none). Its sums
are its records' weights by class, or weight and the two halves of the target.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.compiled import inline, inner, njit
from expunge.methods.forest.counting import choose, read_bits, read_column
from expunge.methods.forest.lines import REPLACE
from expunge.methods.forest.order import LEFT, RIGHT, mix, place
from expunge.methods.forest.splits import (
    CATEGORY,
    CLASSES,
    DEPTH,
    FLOAT,
    GROUP,
    MISSING,
    PACKED,
    SMALL,
    SPLIT,
    THRESHOLDS,
    UPPER,
    WEIGHT,
    add,
    float_of,
    is_pure,
    packed,
    shift_of,
)

__all__ = [
    "ALL",
    "BLOCK_DEPTH",
    "FEATURE",
    "LEFT_CHILD",
    "LENGTH",
    "NODE",
    "RIGHT_CHILD",
    "ROOM",
    "START",
    "TALLY",
    "THRESHOLD",
    "N",
    "grow",
    "within",
]

FEATURE, THRESHOLD, LEFT_CHILD, RIGHT_CHILD, N, START, ROOM, TALLY = range(8)
#: In a leaf, which has no children: how long its list of records is, with those that were forgotten since.
LENGTH = LEFT_CHILD
NODE = 8
#: Subtrees at this depth are blocks of the digest.
BLOCK_DEPTH = 6
ALL = np.uint64(2**64 - 1)


@inline
def within(records: Any, start: int, n: int, shift: int, hashes: Any, tree_key: Any) -> int:
    """How many of n records in order have a hash with ``shift`` leading zeros."""
    if shift == 0:
        return n
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if place(hashes[records[start + middle]], tree_key) >> np.uint64(64 - shift) == np.uint64(0):
            low = middle + 1
        else:
            high = middle
    return low


@njit
def grow(
    X: Any, columns: Any, kinds: Any, y: Any, weights: Any, hashes: Any, tree_keys: Any, params: Any, class_weight: Any,
    records: Any, lines: Any, first: int, n_lines: int, nodes: Any, node_sums: Any, heads: Any, tallies: Any, used: Any,
) -> tuple[int, int]:  # fmt: skip
    """Grow the subtrees of lines, from the first on, from their records in order, which are permuted where they stand.

    Parameters
    ----------
    lines : ndarray of int64, shape (L, LINE)
        See :mod:`expunge.methods.forest.lines`; those that replace are filled in.
    nodes, node_sums : ndarrays of int64, shapes (N, 8) and (N, k)
        The root of a subtree comes first.
    heads : ndarray of int64, shape (S, m + 1 + m R)
        Features of cached tallies, each with how many thresholds it has above it, up to where in the order records bear
        on these, and their keys.
    tallies : ndarray of int64, shape (S, m R + 1, k), or (S, m R + 1, ceil(k / 2)) if they are packed
    used : ndarray of int64, shape (2,)
        How many nodes and tallies there are before and afterwards; those of a subtree count when it is complete.

    Returns
    -------
    line, lacking : int
        The line for which there was no room, of nodes (1) or of tallies (2): to go on with when there is more and its
        records are in order again. The number of lines, and 0, at the end.
    """
    width, R, k = params[GROUP], params[THRESHOLDS], node_sums.shape[1]
    order = np.arange(len(kinds))
    features, counts = np.empty(width, dtype=np.int64), np.empty(width, dtype=np.int64)
    keys, sums = np.empty(width * R, dtype=np.int64), np.empty((width * R + 1, k), dtype=np.int64)
    scores, bounds, bins = np.empty(width * R), np.empty(R, dtype=np.int64), np.empty((R + 2, k), dtype=np.int64)
    most = np.int64(0)  # all room is made here: an array that is made anew in a loop is counted again in every round
    for at_line in range(first, n_lines):
        if lines[at_line, 0] == REPLACE:
            most = max(most, lines[at_line, 10])
    deepest = min(most, params[DEPTH]) + 2
    todo, todo_key = np.empty((deepest, 4), dtype=np.int64), np.empty(deepest, dtype=np.uint64)
    aside, room = np.empty(most, dtype=np.int32), np.empty((3, most), dtype=np.int64)
    column = room[0]
    for at_line in range(first, n_lines):
        if lines[at_line, 0] != REPLACE:
            continue
        tree_key, n_nodes, n_tallies = tree_keys[lines[at_line, 4], 0], used[0], used[1]
        start, n = lines[at_line, 9], lines[at_line, 10]
        todo[0, 0], todo[0, 1], todo[0, 2], todo[0, 3] = n_nodes, start, n, lines[at_line, 6]
        todo_key[0] = np.uint64(lines[at_line, 13])
        n_nodes, waiting = n_nodes + 1, 1
        if n_nodes > len(nodes):
            return at_line, 1
        _sum_up(node_sums, n_nodes - 1, y, weights, records, start, n, params)
        while waiting:
            waiting -= 1
            i, at, count, level, node_key = (
                todo[waiting, 0], todo[waiting, 1], todo[waiting, 2], todo[waiting, 3], todo_key[waiting],
            )  # fmt: skip
            nodes[i, FEATURE], nodes[i, THRESHOLD], nodes[i, LENGTH], nodes[i, RIGHT_CHILD] = -1, 0, count, -1
            nodes[i, N], nodes[i, START], nodes[i, ROOM], nodes[i, TALLY] = count, at, count, -1
            if count < params[SPLIT] or level >= params[DEPTH] or is_pure(node_sums, i, params):
                continue
            shift = shift_of(count, params)
            scored = within(records, at, count, shift, hashes, tree_key)
            minimum = class_weight[len(class_weight) - 1] / float(np.int64(1) << shift)
            found, group, looked = choose(
                X, columns, kinds, y, weights, records, at, scored, node_key, level, params, class_weight, order,
                features, keys, counts, sums, room, bounds, bins, minimum, scores,
            )  # fmt: skip
            if found < 0:
                continue
            feature, threshold = features[found // R], keys[found]
            kind, keeps_tally, bound = kinds[feature], group == 0 and count >= params[SMALL], ALL
            if keeps_tally and looked >= 0:
                bound = place(hashes[records[at + looked - 1]], tree_key)
            kept = _part(X, columns, records, at, count, feature, threshold, kind, params, aside, column)
            moved = at + count - kept
            if n_nodes + 2 > len(nodes):
                return at_line, 1
            nodes[i, FEATURE], nodes[i, THRESHOLD], nodes[i, LEFT_CHILD], nodes[i, RIGHT_CHILD] = (
                feature,
                threshold,
                n_nodes,
                n_nodes + 1,
            )
            if keeps_tally:
                if n_tallies >= len(tallies):
                    return at_line, 2
                nodes[i, TALLY] = n_tallies
                keep_tally(n_tallies, heads, tallies, features, counts, bound, keys, sums, params)
                n_tallies += 1
            left, right = n_nodes, n_nodes + 1
            if shift == 0:
                for c in range(k):
                    node_sums[left, c] = sums[found, c] & WEIGHT if c == 0 or params[CLASSES] else sums[found, c]
            elif kept - at < moved:
                _sum_up(node_sums, left, y, weights, records, at, kept - at, params)
            else:
                _sum_up(node_sums, right, y, weights, records, kept, moved, params)
                left, right = right, left
            for c in range(k):
                node_sums[right, c] = node_sums[i, c] - node_sums[left, c]
            for side in (1, 0):
                todo[waiting, 0], todo[waiting, 3] = n_nodes + side, level + 1
                todo[waiting, 1], todo[waiting, 2] = (kept, moved) if side else (at, kept - at)
                todo_key[waiting] = mix(node_key + (RIGHT if side else LEFT))
                waiting += 1
            n_nodes += 2
        lines[at_line, 7], lines[at_line, 8] = used[0], n_nodes
        lines[at_line, 11], lines[at_line, 12] = used[1], n_tallies
        used[0], used[1] = n_nodes, n_tallies
    return n_lines, 0


@inline
def _part(
    X: Any, columns: Any, records: Any, at: Any, count: int, feature: Any, threshold: Any, kind: Any, params: Any,
    aside: Any, column: Any,
) -> Any:  # fmt: skip
    """Bring the records of a node that go left before the others, stably; where the others begin."""
    kept, moved = at, np.int64(0)
    # A record is written to both sides and counts on one: no branch to foresee.
    if kind == FLOAT and threshold != MISSING:  # as numbers, of which nothing is at most as large as NaN
        bound, numbers = float_of(threshold), column.view(np.float64)
        read_bits(X, columns, records, at, count, feature, params, column)
        for r in range(count):
            slot = records[at + r]
            is_left = np.int64(numbers[r] <= bound)
            records[kept] = slot
            aside[moved] = slot
            kept += is_left
            moved += 1 - is_left
    else:
        ordered = kind != CATEGORY and threshold != MISSING
        read_column(X, columns, records, at, count, feature, kind, params, column)
        for r in range(count):
            slot, x = records[at + r], column[r]
            is_left = np.int64((x == threshold) | ((x < threshold) & ordered))
            records[kept] = slot
            aside[moved] = slot
            kept += is_left
            moved += 1 - is_left
    for r in range(moved):
        records[kept + r] = aside[r]
    return kept


@inner
def _sum_up(node_sums: Any, i: int, y: Any, weights: Any, records: Any, start: int, n: int, params: Any) -> None:
    """The sums of a node from n of the records."""
    node_sums[i] = 0
    if params[CLASSES] == 2 and len(weights) == 1:
        second = np.int64(0)
        for r in range(start, start + n):
            second += y[np.uint64(records[r])]
        node_sums[i, 0], node_sums[i, 1] = (n - second) * weights[0], second * weights[0]
        return
    if params[CLASSES] and len(weights) == 1:
        for r in range(start, start + n):
            node_sums[i, y[records[r]]] += weights[0]
        return
    weighted = len(weights) > 1
    for r in range(start, start + n):
        slot = records[r]
        add(node_sums, i, y[slot], weights[slot if weighted else 0], 1, 0, params)


@inner
def keep_tally(
    to: Any, heads: Any, tallies: Any, features: Any, counts: Any, bound: Any, keys: Any, sums: Any, params: Any
) -> None:
    """Put a tally into the cache."""
    m, n = len(features), len(keys)
    for f in range(m):
        heads[to, f] = features[f] + (counts[f] << UPPER)
    heads[to, m] = np.int64(bound)
    for j in range(n):
        heads[to, m + 1 + j] = keys[j]
    for j in range(n + 1):
        for c in range(tallies.shape[2]):
            tallies[to, j, c] = packed(sums, j, c) if params[PACKED] else sums[j, c]
