"""What a change of the records makes of a tree, found out without writing to it.

:func:`prepare` walks each tree along the records that go or come, visiting each node once, and writes down one line for
each (:mod:`expunge.methods.forest.lines`). Then :func:`~expunge.methods.forest.growing.grow` grows what is to be
replaced, and :func:`~expunge.methods.forest.committing.commit` carries the lines out.

Of the records of a change those that are alive come and the others go. A corrected record does both under one hash, so
that it keeps its place in the order of every tree.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.compiled import inner, maker, njit
from expunge.methods.forest.counting import adjust, choose
from expunge.methods.forest.growing import (
    ALL,
    BLOCK_DEPTH,
    FEATURE,
    LEFT_CHILD,
    LENGTH,
    RIGHT_CHILD,
    ROOM,
    START,
    TALLY,
    THRESHOLD,
    N,
    keep_tally,
)
from expunge.methods.forest.lines import ADJUST, DROP, IN_LEAF, REFRESH, REPLACE, TALLIED
from expunge.methods.forest.nearing import near
from expunge.methods.forest.order import child_key, place, sort_records
from expunge.methods.forest.splits import (
    DEPTH,
    GROUP,
    LOWER,
    ROW,
    SMALL,
    SPLIT,
    THRESHOLDS,
    UPPER,
    add,
    best,
    goes_left,
    is_pure,
    key_of,
    shift_of,
    unpack,
)

__all__ = ["SHELF", "enter", "prepare", "sign_of"]

#: What is filled so far: lines, scratch nodes, scratch tallies, scratch records, work, records of the change, room that
#: lists will need, and that they will need if all of them are made anew without gaps before.
SHELF = 8
_LINES, _NODES, _TALLIES, _RECORDS, _WORK, _ENTERED, _NEED, _NEED_ANEW = range(SHELF)
#: Of the leaf so many leaves on the first hash is asked for.
_AHEAD = 8


@inner
def sign_of(slot: Any, alive: Any) -> Any:
    """1 of a record that comes, -1 of one that goes."""
    return np.int64(1) if alive[slot] else np.int64(-1)


@njit
def enter(tree: int, slots: Any, limits: Any, hashes: Any, tree_keys: Any, ties: Any, entered: Any, at: int) -> int:
    """List those of the records that are in a tree, from ``at`` on, in its order; how many."""
    n = 0
    for i in range(len(slots)):
        if len(limits) == 0 or place(hashes[slots[i]], tree_keys[tree, 1]) <= limits[i]:
            entered[at + n] = slots[i]
            n += 1
    sort_records(entered, at, n, hashes, tree_keys[tree, 0], ties)
    return n


@maker
def _gather(
    node: int, nodes: Any, lists: Any, alive: Any, shift: int, hashes: Any, tree_key: Any, out: Any, at: int
) -> int:
    """Copy the records below a node that are alive and scored, in no order; how many, or -1 if there is no room.

    Level by level, so that nodes, and then lists, are on their way while those before them are looked at.
    """
    todo = np.empty(64, dtype=np.int64)
    todo[0], done, end, leaves, n = node, 0, 1, 0, 0
    while done < end:
        i = todo[done]
        done += 1
        if nodes[i, FEATURE] < 0:
            near(lists, nodes[i, START], 0)
            todo[leaves] = i  # in the place of a node that was looked at
            leaves += 1
            continue
        if end + 2 > len(todo):
            more = np.empty(4 * len(todo), dtype=np.int64)
            for j in range(end):
                more[j] = todo[j]
            todo = more
        todo[end], todo[end + 1] = nodes[i, LEFT_CHILD], nodes[i, RIGHT_CHILD]
        near(nodes, todo[end], 0)
        near(nodes, todo[end + 1], 0)
        end += 2
    for j in range(leaves):
        if shift and j + _AHEAD < leaves:
            near(hashes, lists[nodes[todo[j + _AHEAD], START]], 0)
        start, count = nodes[todo[j], START], nodes[todo[j], LENGTH]
        if at + n + count > len(out):
            return -1
        for r in range(start, start + count):
            slot = lists[r]
            if shift and place(hashes[slot], tree_key) >> np.uint64(64 - shift) != np.uint64(0):
                break
            if not shift:
                near(hashes, slot, 0)
            out[at + n] = slot
            n += alive[slot]
    return n


@inner
def _reserve(n: int, room: int, shelf: Any) -> None:
    """Note the room that a list of n records will need, which has room for some now."""
    shelf[_NEED_ANEW] += n + n // 2 + 4
    if n > room:
        shelf[_NEED] += n + n // 2 + 4


@njit
def prepare(
    tree: int, roots: Any, tree_keys: Any, nodes: Any, node_sums: Any, heads: Any, tallies: Any, lists: Any,
    X: Any, columns: Any, kinds: Any, y: Any, weights: Any, hashes: Any, ties: Any, alive: Any, params: Any,
    class_weight: Any, slots: Any, limits: Any, shelf: Any, lines: Any, entered: Any, entered_at: Any,
    new_heads: Any, new_tallies: Any, new_lists: Any,
) -> int:  # fmt: skip
    """Find out what a change makes of the trees from ``tree`` on.

    Parameters
    ----------
    slots : ndarray of int32, shape (b,)
        The records of the change: those that are ``alive`` come, those that are not any more go.
    limits : ndarray of uint64, shape (b,) or (0,)
        See :func:`~expunge.methods.forest.order.members`; empty if every record is in every tree.
    shelf : ndarray of int64, shape (SHELF,)
        What is filled; brought up to date.
    lines, entered, entered_at, new_* : ndarrays
        The shelf.

    Returns
    -------
    int
        The tree for which there was no room on the shelf, to go on with when there is more; the number of trees at the
        end.
    """
    m, R, k = params[GROUP], params[THRESHOLDS], node_sums.shape[1]
    order = np.arange(len(kinds))
    features, counts = np.empty(m, dtype=np.int64), np.empty(m, dtype=np.int64)
    keys, sums = np.empty(m * R, dtype=np.int64), np.empty((m * R + 1, k), dtype=np.int64)
    cached = np.empty((m * R + 1, tallies.shape[2]), dtype=np.int64)
    own, scores = np.empty((1, k), dtype=np.int64), np.empty(m * R)
    deepest = np.int64(0)  # a walk that goes down on the left leaves one node waiting on each level
    for t in range(tree, len(roots)):
        deepest = max(deepest, nodes[roots[t], N])
    deepest = min(deepest, params[DEPTH]) + 2
    todo, todo_key = np.empty((deepest, 5), dtype=np.int64), np.empty(deepest, dtype=np.uint64)
    aside, aside_at = np.empty(len(slots), dtype=np.int32), np.empty(len(slots), dtype=np.uint64)
    weighted = len(weights) > 1
    bounds, bins = np.empty(R, dtype=np.int64), np.empty((R + 2, k), dtype=np.int64)
    undo = np.empty(SHELF, dtype=np.int64)
    for t in range(tree, len(roots)):
        undo[:] = shelf
        tree_key = tree_keys[t, 0]
        b0 = shelf[_ENTERED]
        count = enter(t, slots, limits, hashes, tree_keys, ties, entered, b0)
        if not count:
            continue
        for b in range(b0, b0 + count):
            entered_at[b] = place(hashes[entered[b]], tree_key)
        shelf[_ENTERED] += count
        todo[0, 0], todo[0, 1], todo[0, 2], todo[0, 3], todo[0, 4] = roots[t], b0, b0 + count, 0, 0
        todo_key[0], waiting = tree_keys[t, 2], 1
        while waiting:
            waiting -= 1
            i, b0, b1, depth, block = (
                todo[waiting, 0], todo[waiting, 1], todo[waiting, 2], todo[waiting, 3], todo[waiting, 4],
            )  # fmt: skip
            node_key, n_new, n_come = todo_key[waiting], nodes[i, N], 0
            for c in range(k):
                own[0, c] = node_sums[i, c]
            for b in range(b0, b1):
                slot = entered[b]
                sign = sign_of(slot, alive)
                n_new += sign
                n_come += alive[slot]
                add(own, 0, y[slot], weights[slot if weighted else 0], sign, 0, params)
            is_final = n_new < params[SPLIT] or depth >= params[DEPTH] or is_pure(own, 0, params)
            if shelf[_LINES] >= len(lines):
                shelf[:] = undo
                return t
            line = shelf[_LINES]
            lines[line, 0], lines[line, 1], lines[line, 2], lines[line, 3] = ADJUST, i, b0, b1
            lines[line, 4], lines[line, 5], lines[line, 6] = t, block, depth
            shelf[_LINES] += 1
            if nodes[i, FEATURE] < 0 and is_final:
                lines[line, 0] = IN_LEAF
                if n_come:
                    _reserve(nodes[i, LENGTH] + n_come, nodes[i, ROOM], shelf)
                continue
            replace = is_final or nodes[i, FEATURE] < 0 or (nodes[i, TALLY] < 0 and n_new < params[SMALL])
            if not replace:
                shift = shift_of(n_new, params)
                refresh = nodes[i, TALLY] < 0 or shift != shift_of(nodes[i, N], params)
                inside = False
                if not refresh:
                    for b in range(b0, b1):
                        if shift == 0 or entered_at[b] >> np.uint64(64 - shift) == np.uint64(0):
                            inside = True
                            refresh = refresh or entered_at[b] <= np.uint64(heads[nodes[i, TALLY], m])
                if refresh:
                    at = shelf[_RECORDS]
                    scored = _gather(i, nodes, lists, alive, shift, hashes, tree_key, new_lists, at)
                    if scored < 0 or at + scored + b1 - b0 > len(new_lists) or shelf[_TALLIES] >= len(new_tallies):
                        shelf[:] = undo
                        return t
                    for b in range(b0, b1):
                        is_scored = shift == 0 or entered_at[b] >> np.uint64(64 - shift) == np.uint64(0)
                        if alive[entered[b]] and is_scored:
                            new_lists[at + scored] = entered[b]
                            scored += 1
                    shelf[_WORK] += scored
                    sort_records(new_lists, at, scored, hashes, tree_key, ties)
                    room = np.empty((3, scored), dtype=np.int64)
                    found, group, looked = choose(
                        X, columns, kinds, y, weights, new_lists, at, scored, node_key, depth, params, class_weight,
                        order, features, keys, counts, sums, room, bounds, bins, 0.0, scores,
                    )  # fmt: skip
                    replace = found < 0 or features[found // R] != nodes[i, FEATURE]
                    replace = replace or keys[found] != nodes[i, THRESHOLD]
                    if not replace and group == 0:
                        lines[line, 0], lines[line, 7], bound = REFRESH, shelf[_TALLIES], ALL
                        if looked >= 0:
                            bound = place(hashes[new_lists[at + looked - 1]], tree_key)
                        keep_tally(lines[line, 7], new_heads, new_tallies, features, counts, bound, keys, sums, params)
                        shelf[_TALLIES] += 1
                    elif not replace and nodes[i, TALLY] >= 0:
                        lines[line, 0] = DROP
                elif inside:
                    lines[line, 0], row = TALLIED, nodes[i, TALLY]
                    for j in range(m * R + 1):
                        for c in range(cached.shape[1]):
                            cached[j, c] = tallies[row, j, c]
                    for b in range(b0, b1):
                        if shift == 0 or entered_at[b] >> np.uint64(64 - shift) == np.uint64(0):
                            slot = entered[b]
                            w = weights[slot if weighted else 0]
                            sign = sign_of(slot, alive)
                            adjust(X, kinds, slot, y[slot], w, sign, params, heads, row, cached)
                    unpack(cached, weights[0], params, sums)
                    for f in range(m):
                        counts[f] = heads[row, f] >> UPPER
                    found = best(sums, counts, m, depth, params, class_weight, 0.0, scores)
                    replace = found < 0 or heads[row, found // R] & LOWER != nodes[i, FEATURE]
                    replace = replace or heads[row, m + 1 + found] != nodes[i, THRESHOLD]
            if replace:
                at = shelf[_RECORDS]
                count = _gather(i, nodes, lists, alive, 0, hashes, tree_key, new_lists, at)
                if count < 0 or at + count + b1 - b0 > len(new_lists):
                    shelf[:] = undo
                    return t
                for b in range(b0, b1):
                    if alive[entered[b]]:
                        new_lists[at + count] = entered[b]
                        count += 1
                shelf[_WORK] += count
                sort_records(new_lists, at, count, hashes, tree_key, ties)
                lines[line, 0], lines[line, 9], lines[line, 10] = REPLACE, at, count
                lines[line, 13] = np.int64(node_key)
                shelf[_RECORDS] = at + count
                _reserve(count, nodes[i, ROOM], shelf)
                continue
            kept, moved, kind = b0, 0, kinds[nodes[i, FEATURE]]
            for b in range(b0, b1):
                slot = entered[b]
                if goes_left(key_of(X[slot * params[ROW] + nodes[i, FEATURE]], kind), nodes[i, THRESHOLD], kind):
                    entered[kept], entered_at[kept] = slot, entered_at[b]
                    kept += 1
                else:
                    aside[moved], aside_at[moved] = slot, entered_at[b]
                    moved += 1
            for b in range(moved):  # mostly one or none: a slice would take longer to make
                entered[kept + b], entered_at[kept + b] = aside[b], aside_at[b]
            for side in (1, 0):
                low, high = (kept, b1) if side else (b0, kept)
                if low < high:
                    todo[waiting, 0] = nodes[i, RIGHT_CHILD] if side else nodes[i, LEFT_CHILD]
                    todo[waiting, 1], todo[waiting, 2], todo[waiting, 3] = low, high, depth + 1
                    todo[waiting, 4] = 2 * block + side if depth < BLOCK_DEPTH else block
                    todo_key[waiting] = child_key(node_key, side)
                    waiting += 1
    return len(roots)
