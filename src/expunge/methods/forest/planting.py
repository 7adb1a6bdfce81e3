"""Trees of a fit, grown one behind the other into the pools that they live in.

Nothing is grown aside and copied: the pools are the largest thing a forest has, and a second copy would be the peak of
a fit. They are made as long as the first trees let expect; what is never written to takes no memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.methods.forest.changing import enter
from expunge.methods.forest.growing import FEATURE, LEFT_CHILD, NODE, RIGHT_CHILD, START, TALLY, grow
from expunge.methods.forest.lines import LINE, REPLACE
from expunge.methods.forest.order import members
from expunge.methods.forest.splits import CLASSES, DEPTH, GROUP, PACKED, SMALL, THRESHOLDS

__all__ = ["Cells", "Plan", "Pools", "limits_of", "longer", "planted"]

Ints = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]


class Plan(NamedTuple):
    """How trees are grown: parameters as the kernels take them; weights of the classes and, last, the least weight of a
    side of a split; keys of the trees (order, membership, root; shape (T, 3)); how many trees a record enters.

    Parameters
    ----------
    params, class_weight : ndarray
    keys : ndarray of uint64, shape (T, 3)
    share : int
    """

    params: Ints
    class_weight: npt.NDArray[np.float64]
    keys: U64
    share: int


class Cells(NamedTuple):
    """What the trees read, by slot: keys or bits of cells, row after row, in a fit also column after column; kinds of
    columns, targets, weights (one, or one each), hashes, ranks among equal hashes (or none), slots in use.

    Parameters
    ----------
    X, columns, kinds, y, weights, hashes, ties, alive : ndarray
        As far as they are arrays of rows, by slot.
    """

    X: Ints
    columns: Ints
    kinds: Ints
    y: Ints
    weights: Ints
    hashes: U64
    ties: Ints
    alive: npt.NDArray[np.bool_]


class Pools:
    """Nodes with their sums, cached tallies with their heads, and lists of records; how much of each is in use.

    Parameters
    ----------
    plan : Plan
    n_nodes, n_tallies, n_lists : int
    """

    def __init__(self, plan: Plan, n_nodes: int, n_tallies: int, n_lists: int) -> None:
        params = plan.params
        m, R, k = int(params[GROUP]), int(params[THRESHOLDS]), int(params[CLASSES]) or 3
        width = (k + 1) // 2 if params[PACKED] else k
        self.nodes, self.sums = _lined((n_nodes, NODE)), _lined((n_nodes, k))
        self.heads, self.tallies = _lined((n_tallies, m + 1 + m * R)), _lined((n_tallies, m * R + 1, width))
        self.lists = _lined((n_lists,), np.int32)
        self.used, self.roots = np.zeros(3, dtype=np.int64), list[int]()

    def lengthen(self, n_nodes: int, n_tallies: int, n_lists: int) -> None:
        """Make room for so many in all, where there is less."""
        for names, used, n in zip(_POOLS, self.used, (n_nodes, n_tallies, n_lists), strict=True):
            for name in names:
                if len(getattr(self, name)) < n:
                    setattr(self, name, longer(getattr(self, name), n, used))

    def take(self, other: Pools) -> None:
        """Put the trees of other pools behind; there is room."""
        n, s, r = self.used
        for names, at, more in zip(_POOLS, self.used, other.used, strict=True):
            for name in names:
                getattr(self, name)[at : at + more] = getattr(other, name)[:more]
        nodes = self.nodes[n : n + other.used[0]]
        inner = nodes[:, FEATURE] >= 0
        nodes[inner, LEFT_CHILD] += n
        nodes[inner, RIGHT_CHILD] += n
        nodes[nodes[:, TALLY] >= 0, TALLY] += s
        nodes[:, START] += r
        self.roots += [int(n) + root for root in other.roots]
        self.used += other.used


_POOLS = ("nodes", "sums"), ("heads", "tallies"), ("lists",)


def limits_of(plan: Plan, cells: Cells, slots: npt.NDArray[np.int32]) -> U64:
    """See :func:`~expunge.methods.forest.order.members`; empty if every record is in every tree."""
    if plan.share == len(plan.keys):
        return np.empty(0, dtype=np.uint64)
    limits: U64 = members(cells.hashes, slots, np.ascontiguousarray(plan.keys[:, 1]), plan.share)
    return limits


def planted(plan: Plan, cells: Cells, slots: npt.NDArray[np.int32], n_jobs: int) -> Pools:
    """All trees from the records in these slots; each thread grows some that follow each other."""
    limits, T = limits_of(plan, cells, slots), len(plan.keys)
    if min(n_jobs, T) == 1:
        return _grown(plan, cells, slots, limits, range(T))
    with ThreadPoolExecutor(n_jobs) as threads:
        parts = np.array_split(np.arange(T), min(n_jobs, T))
        done = list(threads.map(lambda part: _grown(plan, cells, slots, limits, part.tolist()), parts))
    out, done = done[0], done[1:]
    out.lengthen(*(_with_spare(out.used + sum(pools.used for pools in done))))
    while done:
        out.take(done.pop(0))
    return out


def _grown(plan: Plan, cells: Cells, slots: npt.NDArray[np.int32], limits: U64, trees: Sequence[int]) -> Pools:
    """Some of the trees, one after another."""
    params, keys, n = plan.params, plan.keys, len(slots)
    most = 2 ** (min(int(params[DEPTH]), 40) + 1) - 1
    entries = n * len(trees) * plan.share // len(keys)  # what to expect; exactly, if all records are in all trees
    pools = Pools(plan, min(2 * n + 1, most, n // 8 + 512), n // int(params[SMALL]) + 16, entries + entries // 16 + 256)
    entered, line = np.empty(n, dtype=np.int32), np.zeros((1, LINE), dtype=np.int64)
    for t in trees:
        count = enter(t, slots, limits, cells.hashes, keys, cells.ties, entered, 0)
        n_nodes, n_tallies, start = (int(used) for used in pools.used)
        pools.lengthen(0, 0, start + count)
        line[0, 0], line[0, 4], line[0, 9], line[0, 10] = REPLACE, t, start, count
        line[0, 13] = keys[t, 2].view(np.int64)
        while True:
            pools.lists[start : start + count] = entered[:count]
            _, lacking = grow(
                *cells[:6], keys, params, plan.class_weight, pools.lists, line, 0, 1,
                pools.nodes, pools.sums, pools.heads, pools.tallies, pools.used,
            )  # fmt: skip
            if not lacking:
                break
            room, cached = len(pools.nodes) - n_nodes, len(pools.heads) - n_tallies  # may be none
            more = (2 * room + 256, cached) if lacking == 1 else (room, 2 * cached + 256)
            pools.lengthen(n_nodes + more[0], n_tallies + more[1], 0)
        pools.roots.append(n_nodes)
        pools.used[2] = start + count
        done = len(pools.roots)
        if done & (done - 1) == 0:  # after 1, 2, 4, 8 ... of them: what all will take is known better and better
            pools.lengthen(*_with_spare(pools.used * len(trees) // done))
    return pools


def _with_spare(used: Any) -> Any:
    return used + used // 16 + 256


def longer(array: Any, length: Any, used: Any) -> Any:
    """A longer copy of which the first ``used`` lines are kept."""
    out = _lined((int(length), *array.shape[1:]), array.dtype)
    out[: int(used)] = array[: int(used)]
    return out


def _lined(shape: tuple[int, ...], dtype: Any = np.int64) -> Any:
    """An empty array that begins with a cache line: a node, of 64 bytes, is one line then and not a part of two."""
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.empty(n_bytes + 63, dtype=np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + n_bytes].view(dtype).reshape(shape)
