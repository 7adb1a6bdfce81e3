"""Writing a prepared change into the trees: every line is carried out, none can fail.

Everything it needs was made room for beforehand, so that nothing is allocated here. It is one call of compiled code, in
which no interruption is raised; and whether it was carried out is its last write, not the next step of its caller: an
interruption that came meanwhile is raised when the call returns. So the same change, begun again, is left alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.compiled import inline, inner, njit
from expunge.methods.forest.changing import sign_of
from expunge.methods.forest.counting import adjust
from expunge.methods.forest.growing import (
    BLOCK_DEPTH,
    FEATURE,
    LEFT_CHILD,
    LENGTH,
    NODE,
    RIGHT_CHILD,
    ROOM,
    START,
    TALLY,
    N,
)
from expunge.methods.forest.lines import DROP, IN_LEAF, REFRESH, REPLACE, TALLIED
from expunge.methods.forest.order import before, place
from expunge.methods.forest.splits import add, shift_of

__all__ = ["commit", "repack"]

#: What of the pools is in use: nodes, tallies and list entries so far, and how many nodes and tallies were given back.
_POOL = 5
_NODES, _TALLIES, _LISTS, _FREE_NODES, _FREE_TALLIES = range(_POOL)


@inline
def _give_back(node: int, nodes: Any, free_nodes: Any, free_tallies: Any, pool: Any, todo: Any) -> None:
    """Take back everything below a node, and its tally."""
    todo[0], waiting = node, 1
    while waiting:
        waiting -= 1
        i = todo[waiting]
        if nodes[i, TALLY] >= 0:
            free_tallies[pool[_FREE_TALLIES]] = nodes[i, TALLY]
            pool[_FREE_TALLIES] += 1
            nodes[i, TALLY] = -1
        if nodes[i, FEATURE] >= 0:
            todo[waiting], todo[waiting + 1] = nodes[i, LEFT_CHILD], nodes[i, RIGHT_CHILD]
            waiting += 2
        if i != node:
            free_nodes[pool[_FREE_NODES]] = i
            pool[_FREE_NODES] += 1


@inner
def _take(free: Any, pool: Any, n_free: int, n_used: int) -> Any:
    """The place of a new node or tally: one that was given back, or the next one."""
    if pool[n_free]:
        pool[n_free] -= 1
        return free[pool[n_free]]
    pool[n_used] += 1
    return pool[n_used] - 1


@inner
def _room(n: int, pool: Any) -> Any:
    """A new stretch of the lists for n records, with some room to grow; where it begins."""
    start = pool[_LISTS]
    pool[_LISTS] += n + n // 2 + 4
    return start


@inner
def _put_tally(to: int, heads: Any, tallies: Any, j: int, new_heads: Any, new_tallies: Any) -> None:
    """A tally that was made anew takes its place."""
    for c in range(heads.shape[1]):
        heads[to, c] = new_heads[j, c]
    for row in range(tallies.shape[1]):
        for c in range(tallies.shape[2]):
            tallies[to, row, c] = new_tallies[j, row, c]


@inline
def _in_leaf(
    node: Any, n_come: int, entered: Any, entered_at: Any, b0: int, b1: int, lists: Any, hashes: Any, tree_key: Any,
    ties: Any, alive: Any, pool: Any,
) -> None:  # fmt: skip
    """Put those records into the list of a leaf that come, in order; the others stay in it, passed over, until it is
    made anew."""
    start, n = node[START], node[LENGTH]
    n_new = n + n_come
    if n_new > node[ROOM]:
        moved = _room(n_new, pool)
        for r in range(n):
            lists[moved + r] = lists[start + r]
        node[START], node[ROOM] = moved, n_new + n_new // 2 + 4
        start = moved
    node[LENGTH] = n_new
    r, b = start + n - 1, b1 - 1
    for to in range(start + n_new - 1, start - 1, -1):
        while b >= b0 and not alive[entered[b]]:
            b -= 1
        if b < b0 or (
            r >= start and before(entered_at[b], entered[b], place(hashes[lists[r]], tree_key), lists[r], ties)
        ):
            lists[to] = lists[r]
            r -= 1
        else:
            lists[to] = entered[b]
            b -= 1


@njit
def commit(
    roots: Any, tree_keys: Any, nodes: Any, node_sums: Any, heads: Any, tallies: Any, lists: Any,
    X: Any, kinds: Any, y: Any, weights: Any, hashes: Any, ties: Any, alive: Any, params: Any,
    lines: Any, n_lines: int, entered: Any, entered_at: Any, new_nodes: Any, new_sums: Any, new_heads: Any,
    new_tallies: Any, new_lists: Any, free_nodes: Any, free_tallies: Any, pool: Any, dirty: Any, todo: Any, done: Any,
) -> None:  # fmt: skip
    """Carry out the lines of :func:`~expunge.methods.forest.changing.prepare`, once.

    Parameters
    ----------
    free_nodes, free_tallies : ndarrays of int64
        Stacks of places that were given back.
    pool : ndarray of int64, shape (5,)
        What is in use.
    dirty : ndarray of uint8, shape (T, 1 + 2**BLOCK_DEPTH)
        Set where a block of the digest (first the top of the tree) is to be hashed again.
    todo : ndarray of int64
        A stack, as long as there are nodes.
    done : ndarray of int64, shape (1,)
        Not zero once they are carried out: then there is nothing to do.
    """
    if done[0]:
        return
    weighted = len(weights) > 1
    for at in range(n_lines):
        what, i, b0, b1, t = lines[at, 0], lines[at, 1], lines[at, 2], lines[at, 3], lines[at, 4]
        block, depth = lines[at, 5], lines[at, 6]
        dirty[t, 0] = 1
        if depth >= BLOCK_DEPTH:
            dirty[t, 1 + block] = 1
        if what == REPLACE:
            if depth < BLOCK_DEPTH:
                width = 1 << (BLOCK_DEPTH - depth)
                for below in range(block * width, (block + 1) * width):
                    dirty[t, 1 + below] = 1
            _replace(
                i, lines[at], nodes, node_sums, heads, tallies, lists, new_nodes, new_sums, new_heads, new_tallies,
                new_lists, free_nodes, free_tallies, pool, todo,
            )  # fmt: skip
            continue
        n_new, n_come = nodes[i, N], 0
        for b in range(b0, b1):
            n_new += sign_of(entered[b], alive)
            n_come += alive[entered[b]]
        if what == IN_LEAF and n_come:
            _in_leaf(
                nodes[i], n_come, entered, entered_at, b0, b1, lists, hashes, tree_keys[t, 0], ties, alive, pool
            )  # fmt: skip
        elif what == DROP:
            free_tallies[pool[_FREE_TALLIES]] = nodes[i, TALLY]
            pool[_FREE_TALLIES] += 1
            nodes[i, TALLY] = -1
        elif what == REFRESH:
            if nodes[i, TALLY] < 0:
                nodes[i, TALLY] = _take(free_tallies, pool, _FREE_TALLIES, _TALLIES)
            _put_tally(nodes[i, TALLY], heads, tallies, lines[at, 7], new_heads, new_tallies)
        elif what == TALLIED:
            shift = shift_of(n_new, params)
            for b in range(b0, b1):
                if shift == 0 or entered_at[b] >> np.uint64(64 - shift) == np.uint64(0):
                    slot = entered[b]
                    w = weights[slot if weighted else 0]
                    sign = sign_of(slot, alive)
                    adjust(X, kinds, slot, y[slot], w, sign, params, heads, nodes[i, TALLY], tallies[nodes[i, TALLY]])
        nodes[i, N] = n_new
        for b in range(b0, b1):
            slot = entered[b]
            add(node_sums, i, y[slot], weights[slot if weighted else 0], sign_of(slot, alive), 0, params)
    done[0] = 1


@inline
def _replace(
    i: int, line: Any, nodes: Any, node_sums: Any, heads: Any, tallies: Any, lists: Any, new_nodes: Any, new_sums: Any,
    new_heads: Any, new_tallies: Any, new_lists: Any, free_nodes: Any, free_tallies: Any, pool: Any, todo: Any,
) -> None:  # fmt: skip
    """Put a new subtree in the place of an old one; its root keeps the place of the old root."""
    n0, n1, at, count = line[7], line[8], line[9], line[10]
    _give_back(i, nodes, free_nodes, free_tallies, pool, todo)
    start, room = nodes[i, START], nodes[i, ROOM]
    if count > room:
        start, room = _room(count, pool), count + count // 2 + 4
    for r in range(count):
        lists[start + r] = new_lists[at + r]
    todo[0] = i
    for j in range(n0 + 1, n1):
        todo[j - n0] = _take(free_nodes, pool, _FREE_NODES, _NODES)
    for j in range(n0, n1):
        to = todo[j - n0]
        node = nodes[to]
        for c in range(NODE):
            node[c] = new_nodes[j, c]
        for c in range(node_sums.shape[1]):
            node_sums[to, c] = new_sums[j, c]
        node[START] = start + node[START] - at
        if node[FEATURE] >= 0:
            node[LEFT_CHILD], node[RIGHT_CHILD] = todo[node[LEFT_CHILD] - n0], todo[node[RIGHT_CHILD] - n0]
        if node[TALLY] >= 0:
            place_ = _take(free_tallies, pool, _FREE_TALLIES, _TALLIES)
            _put_tally(place_, heads, tallies, node[TALLY], new_heads, new_tallies)
            node[TALLY] = place_
    nodes[i, ROOM] = room


@njit
def repack(roots: Any, nodes: Any, lists: Any, alive: Any, pool: Any, aside: Any, todo: Any) -> None:
    """Close the gaps between the lists of all leaves, and tell leaves and pool; ``aside`` is as long as the lists."""
    at = 0
    for t in range(len(roots)):
        todo[0], waiting = roots[t], 1
        while waiting:
            waiting -= 1
            i = todo[waiting]
            node = nodes[i]
            if node[FEATURE] >= 0:
                todo[waiting], todo[waiting + 1] = node[RIGHT_CHILD], node[LEFT_CHILD]
                waiting += 2
                node[ROOM] = 0
                continue
            start = at
            for r in range(node[START], node[START] + node[LENGTH]):
                aside[at] = lists[r]
                at += alive[lists[r]]
            node[START], node[ROOM], node[LENGTH] = start, at - start, at - start
    for r in range(at):
        lists[r] = aside[r]
    pool[_LISTS] = at
