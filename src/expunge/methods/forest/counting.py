"""From the records of a node to its candidates and to what is left of each.

Of each feature the thresholds are the first keys, all different, that are found among the first records of the node. A
column is gathered once and compared with all of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.compiled import inline, inner
from expunge.methods.forest.order import draw
from expunge.methods.forest.splits import (
    CATEGORY,
    CLASSES,
    COUNTED,
    FLOAT,
    GROUP,
    LOWER,
    MISSING,
    NUMBERS,
    ROW,
    THRESHOLDS,
    UPPER,
    add,
    add_cached,
    best,
    goes_left,
    key_of,
)

__all__ = ["adjust", "choose", "read_bits", "read_column", "tally"]

#: The thresholds of a feature are looked for among so many first records, for each threshold of a number.
_LOOKED = 4
#: Of so many records a column is read where columns lie, of fewer where rows do.
_MANY = 4096


@inner
def read_bits(X: Any, columns: Any, records: Any, start: int, n: int, feature: Any, params: Any, out: Any) -> None:
    """A column of n records as it stands; the loads by themselves, for they wait for memory side by side.

    Of many records it comes from ``columns``, the table column after column, if it is there: one column stays in the
    cache, while of few records the rows do.
    """
    step = params[ROW]
    if n > _MANY and len(columns) > 1:
        base = feature * (len(columns) // step)
        for i in range(n):
            out[i] = columns[np.uint64(records[start + i] + base)]
    else:
        for i in range(n):
            out[i] = X[np.uint64(records[start + i] * step + feature)]


@inner
def read_column(
    X: Any, columns: Any, records: Any, start: int, n: int, feature: Any, kind: Any, params: Any, out: Any
) -> None:  # fmt: skip
    """The keys of a column of n records."""
    read_bits(X, columns, records, start, n, feature, params, out)
    if kind == FLOAT:
        for i in range(n):
            out[i] = key_of(out[i], FLOAT)


@inner
def _features_of(key: Any, group: int, width: int, order: Any, out: Any) -> int:
    """The features of a group: the next ones of the permutation that belongs to the key of the node. How many."""
    d = len(order)
    start, end = group * width, min(d, (group + 1) * width)
    for i in range(end):
        j = i + draw(key, i, d - i)
        order[i], order[j] = order[j], order[i]
        if i >= start:
            out[i - start] = order[i]
    for i in range(end - 1, -1, -1):  # back to where it was, without writing all of it
        j = i + draw(key, i, d - i)
        order[i], order[j] = order[j], order[i]
    return max(0, end - start)


@inner
def tally(
    X: Any, columns: Any, kinds: Any, y: Any, weights: Any, records: Any, start: int, n: int, features: Any,
    n_features: int, params: Any, keys: Any, counts: Any, sums: Any, room: Any, bounds: Any, bins: Any,
) -> int:  # fmt: skip
    """Candidates of n records in order, and what is left of each.

    Fills ``keys`` (m R), ``counts`` (m: how many of the R each feature has) and ``sums`` (m R + 1, k). ``room`` is for
    three columns of at least n numbers, ``bounds`` (R) and ``bins`` (R + 2, k) for the thresholds of a feature in order
    and the sums between them.

    Returns
    -------
    int
        How many of the first records it looked at; -1 if it would have looked at more.
    """
    R, k = params[THRESHOLDS], sums.shape[1]
    width = len(keys) // R
    sums[:] = 0
    weighted, is_class = len(weights) > 1, params[CLASSES] > 0
    w, looked, is_short = weights[0], 0, False
    targets, column, where = room[0], room[1], room[2]
    for i in range(n):
        targets[i] = y[np.uint64(records[start + i])]
    two = params[CLASSES] == 2 and not weighted
    if two:
        all_ = np.int64(0)
        for i in range(n):
            targets[i] = 1 + (targets[i] << 32)
            all_ += targets[i]
        _put_two(sums, width * R, all_, w)
    else:
        for i in range(n):
            if weighted:
                w = weights[records[start + i]]
            add(sums, width * R, targets[i], w, 1, COUNTED, params)
    for f in range(n_features):
        kind = kinds[features[f]]
        read_column(X, columns, records, start, n, features[f], kind, params, column)
        limit, most = R if kind == CATEGORY else params[NUMBERS], _LOOKED * params[NUMBERS]
        found, seen = 0, 0
        while found < limit and seen < min(n, most):
            j = f * R
            while j < f * R + found and keys[j] != column[seen]:
                j += 1
            if j == f * R + found:
                keys[j] = column[seen]
                found += 1
            seen += 1
        is_short = is_short or (found < limit and seen < most)
        looked, counts[f] = max(looked, seen), found
        for j in range(f * R + found, f * R + R):
            keys[j] = MISSING
        if two:
            _count_two(column, n, targets, kind, keys, f * R, f * R + found, sums, w)
            continue
        q = _bounds(keys, f * R, found, bounds)
        bins[:] = 0
        _bin(column, n, bounds, q, kind, where)
        if is_class and not weighted:
            for i in range(n):
                bins[np.uint64(where[i]), np.uint64(targets[i])] += w + COUNTED
        else:
            for i in range(n):
                if weighted:
                    w = weights[records[start + i]]
                add(bins, where[i], targets[i], w, 1, COUNTED, params)
        if kind != CATEGORY:
            for b in range(1, q):
                for c in range(k):
                    bins[b, c] += bins[b - 1, c]
        for j in range(f * R, f * R + found):
            b = q + 1
            if keys[j] != MISSING:
                b = 0
                while bounds[b] != keys[j]:
                    b += 1
            for c in range(k):
                sums[j, c] = bins[b, c]
    return -1 if is_short else looked


@inner
def _put_two(sums: Any, row: int, counted: Any, w: int) -> None:
    """A row of sums from the records of two classes: all in the lower half of an integer, the second in the upper."""
    sums[row, 1] = (counted >> 32) * (w + COUNTED)
    sums[row, 0] = (counted & 0xFFFFFFFF) * (w + COUNTED) - sums[row, 1]


@inline
def _count_two(
    column: Any, n: int, targets: Any, kind: Any, keys: Any, low: int, high: int, sums: Any, w: int
) -> None:  # fmt: skip
    """What is left of the candidates of a feature, of two classes: for each a pass over the records, some abreast."""
    for j in range(low, high):
        threshold, left = keys[j], np.int64(0)
        if kind == CATEGORY or threshold == MISSING:
            for i in range(n):
                left += targets[i] if column[i] == threshold else 0
        else:
            for i in range(n):
                left += targets[i] if column[i] <= threshold else 0
        _put_two(sums, j, left, w)


@inline
def _bounds(keys: Any, at: int, n: int, bounds: Any) -> int:
    """The keys that are not missing in ascending order; how many."""
    q = 0
    for j in range(at, at + n):
        x = keys[j]
        if x == MISSING:
            continue
        to = q
        while to > 0 and bounds[to - 1] > x:
            bounds[to] = bounds[to - 1]
            to -= 1
        bounds[to] = x
        q += 1
    return q


@inline
def _bin(column: Any, n: int, bounds: Any, q: int, kind: Any, where: Any) -> None:
    """Between which bounds each key is (numbers), or which it equals (categories; q for none); missing is q + 1."""
    for i in range(n):
        where[i] = q if kind == CATEGORY else 0
    for j in range(q):
        bound = bounds[j]
        if kind == CATEGORY:
            for i in range(n):
                where[i] = j if column[i] == bound else where[i]
        else:
            for i in range(n):
                where[i] += np.int64(bound < column[i])
    for i in range(n):
        where[i] = q + 1 if column[i] == MISSING else where[i]


@inner
def adjust(
    X: Any, kinds: Any, slot: Any, y: Any, weight: Any, sign: int, params: Any, heads: Any, row: int, cached: Any
) -> None:
    """Add a record to a cached tally, of which features and keys stand in a row of ``heads``, or take it away."""
    R, m = params[THRESHOLDS], params[GROUP]
    at = m + 1
    for f in range(m):
        feature = heads[row, f] & LOWER
        kind = kinds[feature]
        x = key_of(X[slot * params[ROW] + feature], kind)
        for j in range(f * R, f * R + (heads[row, f] >> UPPER)):
            if goes_left(x, heads[row, at + j], kind):
                add_cached(cached, j, y, weight, sign, params)
    add_cached(cached, m * R, y, weight, sign, params)


@inner
def choose(
    X: Any, columns: Any, kinds: Any, y: Any, weights: Any, records: Any, start: int, n: int, key: Any, depth: int,
    params: Any, class_weight: Any, order: Any, features: Any, keys: Any, counts: Any, sums: Any, room: Any,
    bounds: Any, bins: Any, minimum: Any, scores: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """The split of a node from the records it is scored on: the best of the first group that has a valid candidate.

    Returns
    -------
    candidate : int
        Its place in the tally that is left in ``keys`` and ``sums``; -1 if all groups are without.
    group : int
    looked : int
        How many of the first records its candidates come from; -1 if more would count.
    """
    width, d = params[GROUP], len(order)
    group = 0
    while group * width < d and n > 0:
        count = _features_of(key, group, width, order, features)
        looked = tally(
            X, columns, kinds, y, weights, records, start, n, features, count, params, keys, counts, sums, room, bounds,
            bins,
        )  # fmt: skip
        found = best(sums, counts, count, depth, params, class_weight, minimum, scores)
        if found >= 0:
            return found, group, looked
        group += 1
    return -1, group, -1
