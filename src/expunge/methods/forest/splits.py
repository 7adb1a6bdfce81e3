"""Candidates of a node: what is left of them in integers, scored by one fixed expression.

A cell is a key of 64 bits: numbers keep their order in it, categories only their equality, and missing is a key of its
own above all others. A candidate is a feature and a key. Left of it are: of numbers, those not above; of categories,
those equal; of a missing one, the missing. See :mod:`expunge.methods.forest.counting` for which they are.

A tally holds, for each candidate and last for all records, what is left of it. Of a class it is the sum of
``2**40 + weight`` over its records, so that one integer holds how many they are and what they weigh. Of a regression it
is that sum over all records and the sums of weight times target, the target cut into two halves of 31 bits.

A tally that is cached takes half of the room where classes are told apart and all records weigh alike: how many records
there are says it all, and the numbers of two classes stand in one integer, the first of them in its lower half.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.compiled import inline, inner

__all__ = [
    "CATEGORY",
    "CLASSES",
    "COUNTED",
    "DEPTH",
    "FLOAT",
    "GROUP",
    "LEAF",
    "LOWER",
    "MISSING",
    "NUMBER",
    "NUMBERS",
    "PACKED",
    "PARAMS",
    "RANDOM_TOP",
    "ROW",
    "SAMPLE",
    "SMALL",
    "SPLIT",
    "THRESHOLDS",
    "UPPER",
    "WEIGHT",
    "add",
    "add_cached",
    "best",
    "float_of",
    "goes_left",
    "is_pure",
    "key_of",
    "packed",
    "shift_of",
    "unpack",
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
DEPTH, SPLIT, LEAF, GROUP, THRESHOLDS, RANDOM_TOP, CLASSES, SAMPLE, SMALL, ROW, NUMBERS, PACKED = range(12)
PARAMS = 12

#: Halves of an integer: in the head of a cached tally the number of thresholds of a feature stands above it, in the
#: upper one, and in a packed tally the number of every second class.
UPPER, LOWER = np.int64(32), np.int64(2**32 - 1)


@inner
def key_of(x: Any, kind: Any) -> Any:
    """The key of a cell. Of float64 bits the order of the numbers: -0.0 is 0.0, any NaN is missing."""
    if kind != FLOAT:
        return x
    key = np.int64(0) if x == _LOWEST else x ^ ((x >> 63) & _REST)
    return MISSING if (x & _REST) > _INF else key


@inner
def float_of(key: Any) -> Any:
    """The number of which this is the key in a column of floats."""
    return np.int64(key if key >= 0 else key ^ _REST).view(np.float64)


@inner
def goes_left(x: Any, threshold: Any, kind: Any) -> Any:
    """Whether a cell is left of a threshold."""
    return x == threshold or (x < threshold and kind != CATEGORY and threshold != MISSING)


@inner
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


@inline
def add_cached(tally: Any, row: int, y: Any, weight: Any, sign: Any, params: Any) -> None:
    """The same in a tally as it is cached."""
    if params[PACKED]:
        tally[row, y >> 1] += sign << (UPPER * (y & 1))
    else:
        add(tally, row, y, weight, sign, COUNTED, params)


@inline
def packed(sums: Any, row: int, column: int) -> Any:
    """A number of a packed tally: of the classes 2 ``column`` and the next, if there is one."""
    first = 2 * column
    count = sums[row, first] >> 40
    return count + ((sums[row, first + 1] >> 40) << UPPER) if first + 1 < sums.shape[1] else count


@inline
def unpack(tally: Any, weight: Any, params: Any, sums: Any) -> None:
    """The sums of a tally as it is cached; ``weight`` is that of every record, if it is packed."""
    for row in range(sums.shape[0]):
        for c in range(sums.shape[1]):
            if params[PACKED]:
                sums[row, c] = ((tally[row, c >> 1] >> (UPPER * (c & 1))) & LOWER) * (weight + COUNTED)
            else:
                sums[row, c] = tally[row, c]


@inner
def is_pure(sums: Any, row: int, params: Any) -> bool:
    """Whether at most one class weighs anything. A regression finds out by its candidates."""
    if not params[CLASSES]:
        return False
    found = 0
    for c in range(sums.shape[1]):
        found += sums[row, c] > 0
    return found < 2


@inner
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


@inline
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
