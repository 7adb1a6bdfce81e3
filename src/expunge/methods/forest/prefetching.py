"""What a change of few records will read, brought near beforehand, all trees abreast: memory is waited for once.

A walk down one tree waits for each node before it knows the next. The walks down a hundred trees do not wait for each
other, and a processor that is shown them side by side fetches many lines at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.methods.forest.growing import FEATURE, LEFT_CHILD, RIGHT_CHILD, TALLY, THRESHOLD, N
from expunge.methods.forest.order import njit, place
from expunge.methods.forest.splits import CATEGORY, MISSING, ROW, key_of, shift_of

__all__ = ["FEW", "fetch"]

#: Changes of more records than this come by every node anyway.
FEW = 16


@njit
def fetch(
    slots: Any, limits: Any, roots: Any, tree_keys: Any, nodes: Any, node_sums: Any, heads: Any, tallies: Any,
    X: Any, kinds: Any, hashes: Any, params: Any,
) -> int:  # fmt: skip
    """Touch every cache line that :func:`~expunge.methods.forest.changing.prepare` reads on its paths.

    Returns
    -------
    int
        How many lines of 64 bytes that were.
    """
    T, k = len(roots), node_sums.shape[1]
    at, places = np.empty(T, dtype=np.int64), np.empty(T, dtype=np.uint64)
    line = max(1, 8 // k)
    n_lines, seen = 0, np.int64(0)
    for s in range(len(slots)):
        slot, waiting = slots[s], 0
        for t in range(T):
            if len(limits) == 0 or place(hashes[slot], tree_keys[t, 1]) <= limits[s]:
                at[waiting], places[waiting] = roots[t], place(hashes[slot], tree_keys[t, 0])
                waiting += 1
        while waiting:
            n_lines += 2 * waiting
            left = 0
            for w in range(waiting):  # first the step of each, then what stands beside
                i = at[w]
                seen += node_sums[i, 0]
                feature, threshold = nodes[i, FEATURE], nodes[i, THRESHOLD]
                is_inner = np.int64(feature >= 0)
                feature *= is_inner
                kind = kinds[feature]
                x = key_of(X[slot * params[ROW] + feature], kind)
                is_left = (x == threshold) | ((x < threshold) & (kind != CATEGORY) & (threshold != MISSING))
                at[w] = nodes[i, RIGHT_CHILD] - np.int64(is_left) * (nodes[i, RIGHT_CHILD] - nodes[i, LEFT_CHILD])
                row, n = nodes[i, TALLY], nodes[i, N]
                if not is_inner:
                    continue
                shift = shift_of(n, params)
                if row >= 0 and (shift == 0 or places[w] >> np.uint64(64 - shift) == np.uint64(0)):
                    for c in range(0, heads.shape[1], 8):
                        seen += heads[row, c]
                        n_lines += 1
                    for c in range(0, tallies.shape[1], line):
                        seen += tallies[row, c, 0]
                        n_lines += 1
                at[left], places[left] = at[w], places[w]
                left += 1
            waiting = left
    return n_lines if seen else 0  # what was read counts, so that a compiler does not leave it out
