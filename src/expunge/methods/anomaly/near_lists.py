"""For each record the records nearest to it, kept up to date: only lists that a change reaches are searched again.

A list is a function of the rows: the k nearest other records by distance, of equals those that come first in the keyed
order of the ids. Lists stand in that order, and name records by their places in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.compiled import njit
from expunge.maths.boxes import nearest_of_many
from expunge.maths.nearest import METRICS, nearest
from expunge.rows import Rows
from expunge.state import Change, Part

__all__ = ["known_slots", "lists_after", "reached"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]
Places = npt.NDArray[np.int64]


def known_slots(rows: Rows, slots: Slots | None = None) -> Slots:
    """Of these slots, or of all in canonical order, those of positive weight."""
    slots = rows.slots() if slots is None else slots
    weight = rows.targets(slots)[1]
    return slots if weight is None else slots[weight > 0]


def _values_of(rows: Rows, slots: Slots) -> Floats:
    """The values of these records, read and counted; from where they stand if that is an array."""
    held = rows.matrix()
    if held is None:
        return np.ascontiguousarray(rows.read(slots).X, dtype=np.float64)
    rows.count(len(slots))
    return np.ascontiguousarray(held[slots], dtype=np.float64)


def lists_after(old: Part | None, change: Change, k: int, metric: str) -> Part:
    """The lists after a change; with no more than k records of positive weight only their number.

    Parameters
    ----------
    old : Part or None
        None when a fit begins.
    change : Change
    k : int
    metric : str
        One of :data:`expunge.maths.nearest.METRICS`.

    Returns
    -------
    Part
        ``n``; ``near`` int32 (n, k), places of the nearest, the nearest first; ``away`` float64 (n, k), how far they
        are, of "euclidean" squared.
    """
    rows, kind = change.rows, METRICS.index(metric)
    slots = known_slots(rows)
    n = len(slots)
    if n <= k:
        return {"n": n}
    if old is None or "near" not in old:
        near, away = _found(_values_of(rows, slots), np.arange(n), k, kind)
        return {"n": n, "near": near, "away": away}
    gone, new = known_slots(rows, change.removed_slots), known_slots(rows, change.added_slots)
    keys = rows.hashes()
    come = np.sort(np.searchsorted(keys[slots], keys[new]))
    stayed = np.delete(np.arange(n), come)
    left = np.sort(np.searchsorted(keys[slots[stayed]], keys[gone])) + np.arange(len(gone))
    to = np.full(old["n"], -1, dtype=np.int64)
    to[np.delete(np.arange(old["n"]), left)] = stayed
    near, away, is_short = _moved(old["near"], old["away"], to, n)
    again = np.flatnonzero(is_short)  # lists of records that came are among them
    if not len(again):
        return {"n": n, "near": near, "away": away}
    X = _values_of(rows, slots)
    near[again], away[again] = _found(X, again, k, kind)
    whole = np.flatnonzero(~is_short)
    if len(come) and len(whole):
        found, far = nearest(X[come], X[whole], min(k, len(come)), kind)
        _merge(near, away, whole, come[found], far)
    return {"n": n, "near": near, "away": away}


def reached(old: Part, rows: Rows, slots: Slots) -> int:
    """How many lists of other records these records are in."""
    known = known_slots(rows)
    keys = rows.hashes()
    at = np.searchsorted(keys[known], keys[known_slots(rows, slots)])
    is_in = np.zeros(old["n"], dtype=bool)
    is_in[at] = True
    return int((_any_in(old["near"], is_in) & ~is_in).sum())


def _found(X: Floats, queries: Places, k: int, kind: int) -> tuple[npt.NDArray[np.int32], Floats]:
    """The k records nearest to each of these, itself apart."""
    near, away = nearest_of_many(X, X[queries], k + 1, kind)
    found: tuple[npt.NDArray[np.int32], Floats] = _without_self(near, away, queries)
    return found


@njit
def _without_self(near: Any, away: Any, queries: Any) -> tuple[Any, Any]:
    """Lists without the record itself; where equal records left no place for it, without the last."""
    k = near.shape[1] - 1
    out, far = np.empty((len(near), k), dtype=np.int32), np.empty((len(near), k))
    for i in range(len(near)):
        j = 0
        for at in range(k + 1):
            if near[i, at] != queries[i] and j < k:
                out[i, j], far[i, j] = near[i, at], away[i, at]
                j += 1
    return out, far


@njit
def _moved(near: Any, away: Any, to: Any, n: int) -> tuple[Any, Any, Any]:
    """Lists by the places after a change, and which of them are not whole; the order within a list stays."""
    k = near.shape[1]
    out, far = np.empty((n, k), dtype=np.int32), np.empty((n, k))
    is_short = np.ones(n, dtype=np.bool_)
    for i in range(len(near)):
        if to[i] < 0:
            continue
        place, j = to[i], 0
        for at in range(k):
            other = to[near[i, at]]
            if other >= 0:
                out[place, j], far[place, j] = other, away[i, at]
                j += 1
        is_short[place] = j < k
    return out, far, is_short


@njit
def _merge(near: Any, away: Any, lists: Any, others: Any, far: Any) -> None:
    """Put records that came, the nearest first, into these lists."""
    k = near.shape[1]
    for i in range(len(lists)):
        line = lists[i]
        for at in range(others.shape[1]):
            other, distance = others[i, at], far[i, at]
            last = away[line, k - 1]
            if distance > last or (distance == last and other > near[line, k - 1]):
                break
            j = k - 1
            while j > 0 and (
                away[line, j - 1] > distance or (away[line, j - 1] == distance and near[line, j - 1] > other)
            ):
                near[line, j], away[line, j] = near[line, j - 1], away[line, j - 1]
                j -= 1
            near[line, j], away[line, j] = other, distance


@njit
def _any_in(near: Any, is_in: Any) -> Any:
    """Which lists have one of these records."""
    out = np.zeros(len(near), dtype=np.bool_)
    for i in range(len(near)):
        for at in range(near.shape[1]):
            out[i] |= is_in[near[i, at]]
    return out
