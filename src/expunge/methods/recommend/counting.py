"""Loops over pairs of items that some user had to do with both of."""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.compiled import njit

__all__ = ["best_neighbours", "count_pairs", "places_of_pairs", "put_among_neighbours", "scores_by_neighbours"]


@njit
def count_pairs(starts: Any, codes: Any, n: int) -> tuple[Any, Any, Any]:
    """For each item the others of its users, ascending, and how many users had both.

    Parameters
    ----------
    starts, codes : ndarray of int64
        Histories: items of user u are ``codes[starts[u]:starts[u + 1]]``, each once.
    n : int
        Number of items.

    Returns
    -------
    begins : ndarray of int64, shape (n + 1,)
    others, counts : ndarray of int32, shape (begins[-1],)

    Notes
    -----
    O(Σ |history|²), with one counter for each item.
    """
    of_item = np.zeros(n + 1, dtype=np.int64)
    for code in codes:
        of_item[code + 1] += 1
    of_item = np.cumsum(of_item)
    users, at = np.empty(len(codes), dtype=np.int64), of_item[:-1].copy()
    for u in range(len(starts) - 1):
        for place in range(starts[u], starts[u + 1]):
            users[at[codes[place]]] = u
            at[codes[place]] += 1
    begins = np.zeros(n + 1, dtype=np.int64)
    others, counts = np.empty(1024, dtype=np.int32), np.empty(1024, dtype=np.int32)
    held, counter, seen = 0, np.zeros(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    for i in range(n):
        n_seen = 0
        for at_user in range(of_item[i], of_item[i + 1]):
            u = users[at_user]
            for place in range(starts[u], starts[u + 1]):
                j = codes[place]
                if counter[j] == 0:
                    seen[n_seen] = j
                    n_seen += 1
                counter[j] += 1
        if counter[i]:
            n_seen -= 1  # an item does not stand beside itself
        if held + n_seen > len(others):
            size = max(2 * len(others), held + n_seen)
            more, most = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
            more[:held], most[:held] = others[:held], counts[:held]
            others, counts = more, most
        counter[i] = 0
        if 8 * n_seen > n:
            for j in range(n):
                if counter[j]:
                    others[held], counts[held], counter[j] = j, counter[j], 0
                    held += 1
        else:
            for j in np.sort(seen[: n_seen + 1]):
                if counter[j]:
                    others[held], counts[held], counter[j] = j, counter[j], 0
                    held += 1
        begins[i + 1] = held
    return begins, others[:held].copy(), counts[:held].copy()


@njit
def places_of_pairs(begins: Any, others: Any, before: Any, is_gone: Any) -> Any:
    """Where the pairs of a history stand that are no pairs any more.

    Parameters
    ----------
    begins, others : as :func:`count_pairs` gives them
    before : ndarray of int64, ascending
        Items of the history.
    is_gone : ndarray of bool
        Which of them it loses.
    """
    n = len(before)
    out, held = np.empty(n * n, dtype=np.int64), 0
    for a in range(n):
        i = before[a]
        place, end = begins[i], begins[i + 1]
        for b in range(n):
            if a == b or not (is_gone[a] or is_gone[b]):
                continue
            place += np.searchsorted(others[place:end], before[b])
            out[held] = place
            held += 1
    return out[:held]


@njit
def _put(found: Any, best: Any, j: int, code: int, value: float) -> None:
    """Put an item among the neighbours of item j, or move it up; of equals the smaller number comes first."""
    k = found.shape[1]
    at = k
    for place in range(k):
        if found[j, place] == code:
            at = place
            break
    if at == k:
        last = found[j, k - 1]
        if last >= 0 and (value < best[j, k - 1] or (value == best[j, k - 1] and code > last)):
            return
        at = k - 1
    while at > 0 and (
        found[j, at - 1] < 0 or value > best[j, at - 1] or (value == best[j, at - 1] and code < found[j, at - 1])
    ):
        found[j, at], best[j, at] = found[j, at - 1], best[j, at - 1]
        at -= 1
    found[j, at], best[j, at] = code, value


@njit
def _similarity(both: int, first: int, second: int, shrinkage: float) -> float:
    out: float = both / (np.sqrt(float(first) * float(second)) + shrinkage)
    return out


@njit
def best_neighbours(
    begins: Any, others: Any, counts: Any, users: Any, which: Any, shrinkage: float, found: Any, best: Any
) -> None:
    """Make the lists of these items anew: their most similar items, in place; -1 where there are fewer.

    Parameters
    ----------
    begins, others, counts : as :func:`count_pairs` gives them; pairs with a count of zero are none
    users : ndarray of int64, shape (n,)
        Users of each item.
    which : ndarray of int64
    shrinkage : float
    found : ndarray of int32, shape (n, k)
    best : ndarray of float64, shape (n, k)
    """
    for i in which:
        found[i], best[i] = -1, 0.0
        for place in range(begins[i], begins[i + 1]):
            if counts[place]:
                value = _similarity(counts[place], users[i], users[others[place]], shrinkage)
                if found[i, -1] < 0 or value > best[i, -1]:  # others come ascending, so an equal one is behind
                    _put(found, best, i, others[place], value)


@njit
def put_among_neighbours(
    begins: Any, others: Any, counts: Any, users: Any, which: Any, is_anew: Any, shrinkage: float, found: Any, best: Any
) -> None:
    """Items that lost users, but no user of the other item: they are more similar to it now, and move up in its list.

    The parameters are those of :func:`best_neighbours`; items where ``is_anew`` have a new list already.
    """
    for i in which:
        for place in range(begins[i], begins[i + 1]):
            j = others[place]
            if counts[place] and not is_anew[j]:
                value = _similarity(counts[place], users[j], users[i], shrinkage)
                if found[j, -1] < 0 or value >= best[j, -1]:
                    _put(found, best, j, i, value)


@njit
def scores_by_neighbours(found: Any, best: Any, starts: Any, codes: Any) -> Any:
    """For each history and each item the sum of similarities over those neighbours of the item that are in it."""
    n, k = found.shape
    out = np.zeros((len(starts) - 1, n))
    has = np.zeros(n, dtype=np.bool_)
    for u in range(len(starts) - 1):
        has[codes[starts[u] : starts[u + 1]]] = True
        for j in range(n):
            total = 0.0
            for place in range(k):
                i = found[j, place]
                if i < 0:
                    break
                if has[i]:
                    total += best[j, place]
            out[u, j] = total
        has[codes[starts[u] : starts[u + 1]]] = False
    return out
