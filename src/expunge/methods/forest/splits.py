"""Candidates of a node: from its first records, counted in integers, scored by one fixed expression.

A cell is a key of 64 bits: numbers keep their order in it, categories only their equality, and missing is a key of its
own above all others. A candidate is a feature and a key; of each feature they are the first keys, all different, among the
first records of the node. Left of it are: of numbers, those not above; of categories, those equal; of a missing one, the
missing.

A tally holds, for each candidate and last for all records, what is left of it. Of a class it is the sum of
``2**40 + weight`` over its records, so that one integer holds how many they are and what they weigh. Of a regression it
is that sum over all records and the sums of weight times target, the target cut into two halves of 31 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.methods.forest.order import draw, inline, njit

__all__ = [
    "CATEGORY",
    "CLASSES",
    "COUNTED",
    "DEPTH",
    "FLOAT",
    "GROUP",
    "LEAF",
    "LOOKED",
    "MISSING",
    "NUMBER",
    "NUMBERS",
    "PARAMS",
    "RANDOM_TOP",
    "ROW",
    "SAMPLE",
    "SMALL",
    "SPLIT",
    "THRESHOLDS",
    "WEIGHT",
    "add",
    "adjust",
    "best",
    "choose",
    "features_of",
    "goes_left",
    "is_pure",
    "key_of",
    "read_column",
    "shift_of",
    "tally",
]  # fmt: skip

MISSING = np.int64(2**63 - 1)
_INF, _REST, _LOWEST = np.int64(0x7FF0000000000000), np.int64(2**63 - 1), np.int64(-(2**63))
COUNTED = np.int64(1 << 40)
WEIGHT = np.int64((1 << 40) - 1)
_HALF = np.int64(31)
_LOW = np.int64((1 << 31) - 1)

#: Kinds of columns: bits of a float64, an integer or key in order, a category.
FLOAT, NUMBER, CATEGORY = 0, 1, 2

#: Places in the vector of parameters that every kernel takes.
DEPTH, SPLIT, LEAF, GROUP, THRESHOLDS, RANDOM_TOP, CLASSES, SAMPLE, SMALL, ROW, NUMBERS = range(11)
PARAMS = 11
#: The thresholds of a feature are found among so many first records for each threshold of a number.
LOOKED = 4
_MANY = 4096


@njit
def key_of(x: Any, kind: Any) -> Any:
    """The key of a cell. Of float64 bits the order of the numbers: -0.0 is 0.0, any NaN is missing."""
    if kind != FLOAT:
        return x
    key = np.int64(0) if x == _LOWEST else x ^ ((x >> 63) & _REST)
    return MISSING if (x & _REST) > _INF else key


@njit
def read_column(
    X: Any, columns: Any, records: Any, start: int, n: int, feature: Any, kind: Any, params: Any, out: Any
) -> None:  # fmt: skip
    """The keys of a column of n records; the loads by themselves, for they wait for memory side by side.

    Of many records they come from ``columns``, the table column after column, if it is there: one column stays in the
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
    if kind == FLOAT:
        for i in range(n):
            out[i] = key_of(out[i], FLOAT)


@njit
def goes_left(x: Any, threshold: Any, kind: Any) -> Any:
    """Whether a cell is left of a threshold."""
    return x == threshold or (x < threshold and kind != CATEGORY and threshold != MISSING)


@njit
def shift_of(n: int, params: Any) -> int:
    """A node of n records is scored on those whose hash has so many leading zeros: about s to 2 s of them."""
    shift = 0
    while (n >> shift) >= 2 * params[SAMPLE]:
        shift += 1
    return shift


@inline
def add(sums: Any, row: int, y: Any, weight: Any, sign: int, counted: Any, params: Any) -> None:
    """Add a record to a row of sums, or take it away; ``counted`` is COUNTED or 0."""
    if params[CLASSES]:
        sums[row, y] += sign * (weight + counted)
    else:
        sums[row, 0] += sign * (weight + counted)
        sums[row, 1] += sign * weight * (y >> _HALF)
        sums[row, 2] += sign * weight * (y & _LOW)


@njit
def is_pure(sums: Any, row: int, params: Any) -> bool:
    """Whether at most one class weighs anything. A regression finds out by its candidates."""
    if not params[CLASSES]:
        return False
    found = 0
    for c in range(sums.shape[1]):
        found += sums[row, c] > 0
    return found < 2


@njit
def features_of(key: Any, group: int, width: int, order: Any, out: Any) -> int:
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


@njit
def tally(
    X: Any, columns: Any, kinds: Any, y: Any, weights: Any, records: Any, start: int, n: int, features: Any,
    n_features: int, params: Any, keys: Any, counts: Any, sums: Any, room: Any,
) -> int:  # fmt: skip
    """Candidates of n records in order, and what is left of each.

    Fills ``keys`` (m R), ``counts`` (m: how many of the R each feature has) and ``sums`` (m R + 1, k). ``room`` is for
    three columns of at least n numbers.

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
    bounds = np.empty(R, dtype=np.int64)
    bins = np.empty((R + 2, k), dtype=np.int64)
    for f in range(n_features):
        kind = kinds[features[f]]
        read_column(X, columns, records, start, n, features[f], kind, params, column)
        limit, most = R if kind == CATEGORY else params[NUMBERS], LOOKED * params[NUMBERS]
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


@njit
def _put_two(sums: Any, row: int, counted: Any, w: int) -> None:
    """A row of sums from the records of two classes: all in the lower half of an integer, the second in the upper."""
    sums[row, 1] = (counted >> 32) * (w + COUNTED)
    sums[row, 0] = (counted & 0xFFFFFFFF) * (w + COUNTED) - sums[row, 1]


@njit
def _count_two(
    column: Any, n: int, targets: Any, kind: Any, keys: Any, low: int, high: int, sums: Any, w: int
) -> None:  # fmt: skip
    """What is left of the candidates of a feature, of two classes; a pass over the records for each, several abreast."""
    for j in range(low, high):
        threshold, left = keys[j], np.int64(0)
        if kind == CATEGORY or threshold == MISSING:
            for i in range(n):
                left += targets[i] if column[i] == threshold else 0
        else:
            for i in range(n):
                left += targets[i] if column[i] <= threshold else 0
        _put_two(sums, j, left, w)


@njit
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


@njit
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


@njit
def adjust(
    X: Any, kinds: Any, slot: Any, y: Any, weight: Any, sign: int, params: Any, heads: Any, row: int, sums: Any
) -> None:
    """Add a record to a tally, of which features and keys stand in a row of ``heads``, or take it away."""
    R, m = params[THRESHOLDS], params[GROUP]
    at = 2 * m + 1
    for f in range(m):
        feature = heads[row, f]
        kind = kinds[feature]
        x = key_of(X[slot * params[ROW] + feature], kind)
        for j in range(f * R, f * R + heads[row, m + f]):
            if goes_left(x, heads[row, at + j], kind):
                add(sums, j, y, weight, sign, COUNTED, params)
    add(sums, m * R, y, weight, sign, COUNTED, params)


@njit
def best(
    sums: Any, counts: Any, n_features: int, depth: int, params: Any, class_weight: Any, minimum: Any, scores: Any
) -> int:
    """The best candidate of a tally, of equals the first; in random levels the first valid one. -1 if none is valid.

    Valid is one of which each side has the records it needs, weighs something, and at least ``minimum``.
    """
    R = params[THRESHOLDS]
    if params[CLASSES] == 2:
        _gini_two(sums, n_features * R, params, class_weight, minimum, scores)
    else:
        for f in range(n_features):
            for c in range(f * R, f * R + counts[f]):
                if params[CLASSES]:
                    scores[c] = _gini(sums, c, params, class_weight, minimum)
                else:
                    scores[c] = _spread(sums, c, params, minimum)
    chosen, highest = -1, -1.0
    for f in range(n_features):
        for c in range(f * R, f * R + counts[f]):
            if scores[c] > highest:
                if depth < params[RANDOM_TOP]:
                    return c
                chosen, highest = c, scores[c]
    return chosen


@njit
def _gini_two(sums: Any, n: int, params: Any, class_weight: Any, minimum: Any, scores: Any) -> None:
    """:func:`_gini` of two classes, for n candidates at once: without a branch, so that they are worked out abreast."""
    total, least = sums.shape[0] - 1, params[LEAF]
    all_0, all_1, weight_0, weight_1 = sums[total, 0], sums[total, 1], class_weight[0], class_weight[1]
    n_all = (all_0 >> 40) + (all_1 >> 40)
    for c in range(n):
        left_0, left_1 = sums[c, 0], sums[c, 1]
        n_left = (left_0 >> 40) + (left_1 >> 40)
        l_0, l_1 = float(left_0 & WEIGHT) * weight_0, float(left_1 & WEIGHT) * weight_1
        r_0 = float((all_0 & WEIGHT) - (left_0 & WEIGHT)) * weight_0
        r_1 = float((all_1 & WEIGHT) - (left_1 & WEIGHT)) * weight_1
        sum_l, sum_r = l_0 + l_1, r_0 + r_1
        score = (l_0 * l_0 + l_1 * l_1) / sum_l + (r_0 * r_0 + r_1 * r_1) / sum_r
        is_valid = (n_left >= least) & (n_all - n_left >= least) & (sum_l > 0.0) & (sum_r > 0.0)
        scores[c] = score if is_valid & (sum_l >= minimum) & (sum_r >= minimum) else -1.0


@inline
def _gini(sums: Any, c: int, params: Any, class_weight: Any, minimum: Any) -> float:
    """Sum of squares over sum, of both sides: what is left of the Gini impurity when constants are taken out."""
    n_left, n_all, total = np.int64(0), np.int64(0), sums.shape[0] - 1
    sum_l, sum_r, square_l, square_r = 0.0, 0.0, 0.0, 0.0
    for y in range(sums.shape[1]):
        left, whole = sums[c, y], sums[total, y]
        n_left += left >> 40
        n_all += whole >> 40
        a, b = left & WEIGHT, whole & WEIGHT
        weight_l, weight_r = float(a) * class_weight[y], float(b - a) * class_weight[y]
        sum_l += weight_l
        sum_r += weight_r
        square_l += weight_l * weight_l
        square_r += weight_r * weight_r
    if n_left < params[LEAF] or n_all - n_left < params[LEAF] or sum_l <= 0.0 or sum_r <= 0.0:
        return -1.0
    if sum_l < minimum or sum_r < minimum:
        return -1.0
    return square_l / sum_l + square_r / sum_r


@inline
def _spread(sums: Any, c: int, params: Any, minimum: Any) -> float:
    """Reduction of the sum of squares, from the means of both sides; none where these are equal up to rounding."""
    total = sums.shape[0] - 1
    n_left, n_all = sums[c, 0] >> 40, sums[total, 0] >> 40
    a = float(sums[c, 0] & WEIGHT)
    b = float((sums[total, 0] & WEIGHT) - (sums[c, 0] & WEIGHT))
    if n_left < params[LEAF] or n_all - n_left < params[LEAF] or a <= 0.0 or b <= 0.0:
        return -1.0
    if a < minimum or b < minimum:
        return -1.0
    mean_l = (float(sums[c, 1]) * 2147483648.0 + float(sums[c, 2])) / a
    mean_r = (float(sums[total, 1] - sums[c, 1]) * 2147483648.0 + float(sums[total, 2] - sums[c, 2])) / b
    gap = mean_l - mean_r
    if abs(gap) <= 4e-15 * max(abs(mean_l), abs(mean_r)):
        return -1.0
    return a * b / (a + b) * gap * gap


@njit
def choose(
    X: Any, columns: Any, kinds: Any, y: Any, weights: Any, records: Any, start: int, n: int, key: Any, depth: int,
    params: Any, class_weight: Any, order: Any, features: Any, keys: Any, counts: Any, sums: Any, room: Any, minimum: Any,
    scores: Any,
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
        count = features_of(key, group, width, order, features)
        looked = tally(
            X, columns, kinds, y, weights, records, start, n, features, count, params, keys, counts, sums, room
        )
        found = best(sums, counts, count, depth, params, class_weight, minimum, scores)
        if found >= 0:
            return found, group, looked
        group += 1
    return -1, group, -1
