"""The nearest records of many queries at once: those of :func:`nearest`, to the bit, with most rows left out unseen.

Rows are cut into boxes, in the middle of their widest column, until few are left in each. What a query and a box have
between them is computed by the very expression of a distance, with the side of the box that is nearer in the place of
the row. Every step of it, rounding included, never falls when a difference grows, so no row of the box is nearer than
that, and a box that is farther than the k-th best so far is left out. The boxes live as long as the call: their sides
are values of records.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.compiled import njit
from expunge.maths.nearest import METRICS, _steps, nearest

__all__ = ["nearest_of_many"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

_LEAF = 24  # rows of a box that is not cut
_WIDE = 10  # with more columns too few boxes are left out
_MANY = 2**22  # pairs below which boxes do not pay
_DEEPEST = 64
_EUCLIDEAN, _COSINE = METRICS.index("euclidean"), METRICS.index("cosine")


def nearest_of_many(X: Floats, queries: Floats, k: int, metric: int) -> tuple[Places, Floats]:
    """The k nearest rows of each query, as :func:`nearest` gives them.

    Parameters
    ----------
    X, queries, k, metric
        As of :func:`nearest`.

    Notes
    -----
    O((n + m) log n) where columns are few. On 20,000 records 70 times as fast as :func:`nearest` with three columns, 12
    times with six, 2.6 times with ten; with more the boxes are not used.
    """
    if metric == _COSINE or X.shape[1] > _WIDE or len(X) * len(queries) < _MANY or len(queries) < len(X) // 64:
        found, away = nearest(X, queries, k, metric)
        return found, away
    order, *boxes = _boxes(X)
    answer: tuple[Places, Floats] = _ask(X[order], order, *boxes, queries, k, metric == _EUCLIDEAN)
    return answer


@njit
def _boxes(X: Any) -> Any:
    """Rows in an order in which every box is a run of them; of each box its sides, run, right child and earliest row.

    A left child comes right after its parent.
    """
    n, d = X.shape
    most = 4 * (n // _LEAF + 1) + 1
    low, high = np.empty((most, d)), np.empty((most, d))
    start, end = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    right, earliest = np.full(most, -1, dtype=np.int64), np.empty(most, dtype=np.int64)
    order, aside = np.arange(n), np.empty(n, dtype=np.int64)
    todo = np.empty((_DEEPEST, 3), dtype=np.int64)
    todo[0, 0], todo[0, 1], todo[0, 2] = 0, n, -1
    waiting, boxes = 1, 0
    while waiting:
        waiting -= 1
        first, last, parent = todo[waiting, 0], todo[waiting, 1], todo[waiting, 2]
        b = boxes
        boxes += 1
        start[b], end[b], earliest[b] = first, last, order[first]  # rows of a run stand as they did, until it is cut
        if parent >= 0:
            right[parent] = b
        widest, width = 0, -1.0
        for j in range(d):
            a = z = X[order[first], j]
            for r in range(first + 1, last):
                a, z = min(a, X[order[r], j]), max(z, X[order[r], j])
            low[b, j], high[b, j] = a, z
            if z / 2 - a / 2 > width:
                widest, width = j, z / 2 - a / 2
        if last - first <= _LEAF:
            continue
        middle = (last - first) // 2
        at = np.partition(X[order[first:last], widest], middle)[middle]
        below = 0
        for r in range(first, last):
            below += X[order[r], widest] < at
        equal, kept, moved = middle - below, first, 0  # of those on the cut the earliest go to the left
        for r in range(first, last):
            value = X[order[r], widest]
            if value < at or (value == at and equal > 0):
                equal -= value == at
                order[kept] = order[r]
                kept += 1
            else:
                aside[moved] = order[r]
                moved += 1
        order[kept:last] = aside[:moved]
        todo[waiting, 0], todo[waiting, 1], todo[waiting, 2] = kept, last, b
        todo[waiting + 1, 0], todo[waiting + 1, 1], todo[waiting + 1, 2] = first, kept, -1
        waiting += 2
    return order, low[:boxes], high[:boxes], start[:boxes], end[:boxes], right[:boxes], earliest[:boxes]


@njit
def _between(low: Any, high: Any, b: int, Q: Any, q: int, is_squared: bool) -> float:
    """No more than the distance of a query to any row of a box: its terms are added as those of a distance are."""
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    d = Q.shape[1]
    whole = d - d % 4
    for j in range(d):
        t = max(low[b, j] - Q[q, j], Q[q, j] - high[b, j], 0.0)
        if is_squared:
            t *= t
        if j >= whole or j % 4 == 0:
            s0 += t
        elif j % 4 == 1:
            s1 += t
        elif j % 4 == 2:
            s2 += t
        else:
            s3 += t
    return (s0 + s1) + (s2 + s3)


@njit
def _ask(
    X: Any, order: Any, low: Any, high: Any, start: Any, end: Any, right: Any, earliest: Any, Q: Any, k: int,
    is_squared: bool,
) -> tuple[Any, Any]:  # fmt: skip
    m = len(Q)
    found, distance = np.full((m, k), -1, dtype=np.int64), np.full((m, k), np.inf)
    todo, apart = np.empty(_DEEPEST, dtype=np.int64), np.empty(_DEEPEST)
    for q in range(m):
        held, waiting = 0, 1
        todo[0], apart[0] = 0, 0.0
        while waiting:
            waiting -= 1
            b, gap = todo[waiting], apart[waiting]
            last = distance[q, k - 1]
            if held == k and (gap > last or (gap == last and earliest[b] > found[q, k - 1])):
                continue
            if right[b] >= 0:
                one, other = b + 1, right[b]
                gap_one = _between(low, high, one, Q, q, is_squared)
                gap_other = _between(low, high, other, Q, q, is_squared)
                if gap_other < gap_one:
                    one, other, gap_one, gap_other = other, one, gap_other, gap_one
                todo[waiting], apart[waiting] = other, gap_other
                todo[waiting + 1], apart[waiting + 1] = one, gap_one
                waiting += 2
                continue
            for r in range(start[b], end[b]):
                i, is_full = order[r], held == k
                bound = distance[q, k - 1] if is_full else np.inf
                away = _steps(X, r, Q, q, is_squared, bound)
                if is_full and (away > bound or (away == bound and i > found[q, k - 1])):
                    continue
                at = k - 1 if is_full else held
                while at > 0 and (away < distance[q, at - 1] or (away == distance[q, at - 1] and i < found[q, at - 1])):
                    found[q, at], distance[q, at] = found[q, at - 1], distance[q, at - 1]
                    at -= 1
                found[q, at], distance[q, at] = i, away
                held += not is_full
    return found, distance
