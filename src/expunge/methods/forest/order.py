"""The order of records in a tree and the draws of a node: numbers that follow from keys and from nothing else.

Every record has one keyed hash (:mod:`expunge.seeds`). A tree has a key for the order of its records, one for
membership and one for its root; a node has a key that follows from that of its parent and the side it stands on. All
are mixed by the finalizer of SplitMix64 (Steele, Lea, Flood 2014), a bijection of 64 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.compiled import inner, njit

__all__ = [
    "LEFT",
    "RIGHT",
    "before",
    "child_key",
    "draw",
    "members",
    "mix",
    "place",
    "sort_records",
]

LEFT, RIGHT = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_A, _B, _GOLD = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(0xD1B54A32D192ED03)
_27, _30, _31, _32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)


@inner
def mix(z: Any) -> Any:
    """A bijection of 64 bits in which every bit of the input changes half of the output."""
    z = (z ^ (z >> _30)) * _A
    z = (z ^ (z >> _27)) * _B
    return z ^ (z >> _31)


@inner
def child_key(key: Any, is_right: Any) -> Any:
    """Key of a child from that of its parent."""
    return mix(key + (RIGHT if is_right else LEFT))


@inner
def draw(key: Any, i: int, n: int) -> Any:
    """The i-th number in 0..n-1 that belongs to a key."""
    return np.int64(((mix(key + _GOLD * np.uint64(i + 1)) >> _32) * np.uint64(n)) >> _32)


@inner
def place(hash_: Any, key: Any) -> Any:
    """Where a record of this hash stands in the order of a tree."""
    return mix(hash_ + key)


@inner
def before(a: Any, slot_a: Any, b: Any, slot_b: Any, ties: Any) -> bool:
    """Whether one record stands before another; equal hashes go by the rank of their ids, where there are ranks."""
    return a < b or (a == b and len(ties) > 1 and ties[slot_a] < ties[slot_b])


@njit
def members(hashes: Any, slots: Any, keys: Any, share: int) -> Any:
    """For each record the largest hash with which it is in a tree: the ``share``-th smallest of its hashes.

    Parameters
    ----------
    hashes : ndarray of uint64, one per slot
    slots : ndarray of int32, shape (k,)
    keys : ndarray of uint64, shape (T,)
        Membership key of each tree.
    share : int
        Trees that each record enters.

    Returns
    -------
    ndarray of uint64, shape (k,)
    """
    out = np.empty(len(slots), dtype=np.uint64)
    T = len(keys)
    few = min(share, T - share + 1)  # the smallest, or the largest as complements; sorted
    flip = np.uint64(0) if few == share else np.uint64(2**64 - 1)
    kept = np.empty(few, dtype=np.uint64)
    for i in range(len(slots)):
        n = 0
        for t in range(T):
            own = place(hashes[slots[i]], keys[t]) ^ flip
            if n == few and own >= kept[n - 1]:
                continue
            n = min(n + 1, few)
            to = n - 1
            while to > 0 and kept[to - 1] > own:
                kept[to] = kept[to - 1]
                to -= 1
            kept[to] = own
        out[i] = kept[few - 1] ^ flip
    return out


@njit
def sort_records(records: Any, start: int, n: int, hashes: Any, key: Any, ties: Any) -> None:
    """Bring n records into the order of a tree, in place.

    The hashes are uniform, so records go into about n buckets by their leading bits and an insertion sort moves each by
    a step or two: O(n).
    """
    if n < 2:
        return
    at = np.empty(n, dtype=np.uint64)
    largest = np.uint64(0)
    for i in range(n):
        at[i] = place(hashes[records[start + i]], key)
        largest = max(largest, at[i])
    bits = 1
    while (1 << bits) < n:
        bits += 1
    shift = np.uint64(0)
    while (largest >> shift) >= np.uint64(1 << bits):
        shift += np.uint64(1)
    ends = np.zeros((1 << bits) + 1, dtype=np.int32)
    for i in range(n):
        ends[np.int64(at[i] >> shift) + 1] += 1
    for b in range(1 << bits):
        ends[b + 1] += ends[b]
    out, out_at = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.uint64)
    for i in range(n):
        bucket = np.int64(at[i] >> shift)
        out[ends[bucket]], out_at[ends[bucket]] = records[start + i], at[i]
        ends[bucket] += 1
    for i in range(n):
        slot, h = out[i], out_at[i]
        j = i
        while j > 0 and before(h, slot, out_at[j - 1], records[start + j - 1], ties):
            out_at[j], records[start + j] = out_at[j - 1], records[start + j - 1]
            j -= 1
        out_at[j], records[start + j] = h, slot
