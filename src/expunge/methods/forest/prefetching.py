"""What a change of few records will read, brought near beforehand, all trees abreast: memory is waited for once.

A walk down one tree waits for each node before it knows the next. The walks down a hundred trees do not wait for each
other, and a processor that is shown them side by side fetches many lines at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.compiled import njit
from expunge.methods.forest.growing import FEATURE, LEFT_CHILD, RIGHT_CHILD, TALLY, THRESHOLD, N
from expunge.methods.forest.nearing import near, near_all
from expunge.methods.forest.order import place
from expunge.methods.forest.splits import CATEGORY, MISSING, ROW, key_of, shift_of

__all__ = ["FEW", "fetch"]

#: Changes of more records than this come by every node anyway.
FEW = 16


@njit
def fetch(
    slots: Any, limits: Any, roots: Any, tree_keys: Any, nodes: Any, node_sums: Any, heads: Any, tallies: Any,
    X: Any, kinds: Any, hashes: Any, params: Any,
) -> int:  # fmt: skip
    """Ask for every cache line that :func:`~expunge.methods.forest.changing.prepare` reads on its paths.

    Returns
    -------
    int
        How many lines of 64 bytes that were.
    """
    T = len(roots)
    at, places = np.empty(T, dtype=np.int64), np.empty(T, dtype=np.uint64)
    head, tally = 8 * heads.shape[1], 8 * tallies.shape[1] * tallies.shape[2]
    n_lines = 0
    for s in range(len(slots)):
        slot, waiting = slots[s], 0
        for t in range(T):
            if len(limits) == 0 or place(hashes[slot], tree_keys[t, 1]) <= limits[s]:
                at[waiting], places[waiting] = roots[t], place(hashes[slot], tree_keys[t, 0])
                near(nodes, roots[t], 0)
                near(node_sums, roots[t], 0)
                waiting += 1
        while waiting:
            n_lines += 2 * waiting
            left = 0
            for w in range(waiting):
                i = at[w]
                feature, threshold = nodes[i, FEATURE], nodes[i, THRESHOLD]
                if feature < 0:
                    continue
                kind = kinds[feature]
                x = key_of(X[slot * params[ROW] + feature], kind)
                is_left = (x == threshold) | ((x < threshold) & (kind != CATEGORY) & (threshold != MISSING))
                to = nodes[i, RIGHT_CHILD] - np.int64(is_left) * (nodes[i, RIGHT_CHILD] - nodes[i, LEFT_CHILD])
                near(nodes, to, 0)
                near(node_sums, to, 0)
                row, shift = nodes[i, TALLY], shift_of(nodes[i, N], params)
                if row >= 0 and (shift == 0 or places[w] >> np.uint64(64 - shift) == np.uint64(0)):
                    n_lines += near_all(heads, row, head) + near_all(tallies, row, tally)
                at[left], places[left] = to, places[w]
                left += 1
            waiting = left
    return n_lines
