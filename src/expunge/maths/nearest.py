"""The nearest records of each query, by one fixed expression for each pair.

A distance is computed from two rows alone: their differences are added in four running sums by the place of the column
modulo four, and these as (s0 + s1) + (s2 + s3). So it has the same bits whatever other records there are, in whatever
order or portions they are looked at. Among equal distances the earlier row comes first. A pair is given up when its sum
is above the k-th best so far: the terms are not negative, and a rounded sum of these never falls.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_choice, check_count
from expunge.compiled import njit

__all__ = ["METRICS", "check_neighbours", "nearest", "row_sums"]

Floats = npt.NDArray[np.float64]

#: Names of the metrics; the kernel knows them by their place.
METRICS = ("euclidean", "manhattan", "cosine")
_EUCLIDEAN, _COSINE = 0, 2
_QUERIES, _ROWS = 16, 256  # of a portion: rows stay in the cache while some queries look at them


def check_neighbours(n_neighbors: Any, metric: Any) -> None:
    """Refuse a number of neighbours that is no count, and a metric that is not there.

    Raises
    ------
    InvalidParameterError
        It is one of these; it is named.
    """
    check_count("n_neighbors", n_neighbors)
    check_choice("metric", metric, METRICS)


@njit
def _steps(X: Any, i: int, Q: Any, q: int, is_squared: bool, bound: float) -> float:
    """Σ (a - b)², or Σ |a - b|, of a line of X and one of Q; or something above the bound."""
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    d = X.shape[1]
    whole = d - d % 4
    j = 0
    while j < whole:
        end = min(j + 16, whole)
        while j < end:
            t0, t1 = X[i, j] - Q[q, j], X[i, j + 1] - Q[q, j + 1]
            t2, t3 = X[i, j + 2] - Q[q, j + 2], X[i, j + 3] - Q[q, j + 3]
            if is_squared:
                s0 += t0 * t0
                s1 += t1 * t1
                s2 += t2 * t2
                s3 += t3 * t3
            else:
                s0 += abs(t0)
                s1 += abs(t1)
                s2 += abs(t2)
                s3 += abs(t3)
            j += 4
        if (s0 + s1) + (s2 + s3) > bound:
            return np.inf
    for last in range(whole, d):
        t = X[i, last] - Q[q, last]
        s0 += t * t if is_squared else abs(t)
    return (s0 + s1) + (s2 + s3)


@njit
def _products(a: Any, b: Any, by_a: float, by_b: float) -> tuple[float, float, float]:
    """Σ a b, Σ a² and Σ b² of rows that are divided by a number first."""
    ab, aa, bb = 0.0, 0.0, 0.0
    for j in range(len(a)):
        x, y = a[j] / by_a, b[j] / by_b
        ab += x * y
        aa += x * x
        bb += y * y
    return ab, aa, bb


@njit
def _cosine(a: Any, b: Any) -> float:
    """1 - a b / (|a| |b|), from 0 to 2; 1 where a row is zero."""
    ab, aa, bb = _products(a, b, 1.0, 1.0)
    low, high = min(aa, bb), max(aa, bb)
    if low < 1e-200 or high > 1e200:  # squares may have left the range of a float
        most_a, most_b = np.max(np.abs(a)), np.max(np.abs(b))
        if most_a == 0.0 or most_b == 0.0:
            return 1.0
        ab, aa, bb = _products(a, b, most_a, most_b)
    away: float = min(2.0, max(0.0, 1.0 - ab / (np.sqrt(aa) * np.sqrt(bb))))
    return away


@njit
def nearest(X: Any, queries: Any, k: int, metric: int) -> tuple[Any, Any]:
    """The k nearest rows of each query.

    Parameters
    ----------
    X : ndarray of float64, shape (n, d)
    queries : ndarray of float64, shape (m, d)
    k : int
        At most n.
    metric : int
        Place in :data:`METRICS`.

    Returns
    -------
    found : ndarray of int64, shape (m, k)
        Lines of X, the nearest first.
    distance : ndarray of float64, shape (m, k)
        Of "euclidean" squared.

    Notes
    -----
    O(n m d) at most, and O(n m) if columns differ enough for most pairs to be given up early.
    """
    m = len(queries)
    found, distance = np.full((m, k), -1, dtype=np.int64), np.full((m, k), np.inf)
    held = np.zeros(m, dtype=np.int64)
    for first in range(0, m, _QUERIES):
        for start in range(0, len(X), _ROWS):
            for q in range(first, min(m, first + _QUERIES)):
                for i in range(start, min(len(X), start + _ROWS)):
                    is_full = held[q] == k
                    bound = distance[q, k - 1] if is_full else np.inf
                    if metric == _COSINE:
                        away = _cosine(X[i], queries[q])
                    else:
                        away = _steps(X, i, queries, q, metric == _EUCLIDEAN, bound)
                    if is_full and away >= bound:
                        continue
                    at = k - 1 if is_full else held[q]
                    while at > 0 and away < distance[q, at - 1]:
                        found[q, at], distance[q, at] = found[q, at - 1], distance[q, at - 1]
                        at -= 1
                    found[q, at], distance[q, at] = i, away
                    held[q] += not is_full
    return found, distance


def row_sums(values: Floats) -> Floats:
    """Sum of each line, added from the left."""
    out = np.zeros(len(values))
    for column in values.T:
        out += column
    return out
