"""The batch of an interaction and what it is set against, in each pass: from names, so that none moves another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.seeds import uniform64

__all__ = ["Pass", "passes"]

Hashes = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]

_ODD = np.uint64(0x9E3779B97F4A7C15)


class Pass(NamedTuple):
    """One pass over m interactions.

    Parameters
    ----------
    order : ndarray of int64, shape (m,)
        Places of the interactions, batch by batch.
    cuts : ndarray of int64, shape (number of batches + 1,)
        Batch b is ``order[cuts[b]:cuts[b + 1]]``; it may be empty.
    others : ndarray of int64, shape (m,)
        For each interaction, by its place, the number of an item that it is set against.
    """

    order: Integers
    cuts: Integers
    others: Integers


def passes(
    seed: int, users: npt.NDArray[Any], items: npt.NDArray[Any], starts: Integers, codes: Integers, *, epochs: int,
    batch_size: int,
) -> Iterator[Pass]:  # fmt: skip
    """Passes over interactions, each drawn anew by keyed hashes of the names of user and item.

    Parameters
    ----------
    seed : int
    users, items : ndarray of shape (n_users,) and (n_items,)
        Names: int64, or objects that are texts.
    starts, codes : ndarray of int64
        Items of user u: ``codes[starts[u]:starts[u + 1]]``.
    epochs : int
    batch_size : int
        Interactions of a batch, on average. There are as many batches as it takes, so when one interaction goes, all
        others stay in theirs but where one batch less is needed.

    Notes
    -----
    Each item has one of two to four times as many slots, by its keyed hash; where two would have the same, the smaller
    hash has it and the other one tries on. An interaction tries slots that follow from its own hash until one is taken:
    so all items are drawn alike, in each pass. When an item goes, what was set against it is set against another one,
    and so is what met an item that takes over its slot; all else stays.

    Examples
    --------
    >>> users, items = np.arange(2), np.arange(3)
    >>> (only,) = passes(0, users, items, np.array([0, 2, 3]), np.array([0, 1, 2]), epochs=1, batch_size=2)
    >>> sorted(only.order.tolist()), only.cuts.tolist(), only.others.shape
    ([0, 1, 2], [0, 1, 3], (3,))
    """
    of_user = uniform64(seed, "user of a pass", users)[np.repeat(np.arange(len(users)), np.diff(starts))]
    of_item = uniform64(seed, "item of a pass", items)
    pairs = (of_user + _ODD * of_item[codes]).view(np.int64)
    count = max(1, -(-len(codes) // batch_size))
    bounds = (np.arange(1, count, dtype=np.float64) / count * 2.0**64).astype(np.uint64)
    for number in range(epochs):
        places = uniform64(seed, f"place in pass {number}", pairs)
        order = np.argsort(places, kind="stable")
        cuts = np.concatenate([[0], np.searchsorted(places[order], bounds), [len(codes)]]).astype(np.int64)
        slots = _slots(uniform64(seed, f"item of pass {number}", of_item.view(np.int64)))
        yield Pass(order, cuts, _tried(slots, uniform64(seed, f"other in pass {number}", pairs)))


def _slots(hashes: Hashes) -> Integers:
    """The number of the item in each slot, or -1."""
    slots = np.full(1 << (2 * max(1, len(hashes)) - 1).bit_length(), -1, dtype=np.int64)
    left, last = np.argsort(hashes, kind="stable")[::-1], np.uint64(len(slots) - 1)  # what is written last stays
    tries = hashes.copy()
    while len(left):
        at = _mixed(tries[left]) & last
        is_free = slots[at] < 0
        slots[at[is_free]] = left[is_free]
        left = left[slots[at] != left]
        tries[left] += _ODD
    return slots


def _tried(slots: Integers, hashes: Hashes) -> Integers:
    """The item in the first slot that is taken, of those that each hash tries."""
    out, left, last = np.full(len(hashes), -1, dtype=np.int64), np.arange(len(hashes)), np.uint64(len(slots) - 1)
    while len(left):
        found = slots[_mixed(hashes) & last]
        out[left] = found
        is_empty = found < 0
        left, hashes = left[is_empty], hashes[is_empty] + _ODD
    return out


def _mixed(hashes: Hashes) -> Hashes:
    """Other numbers whose low bits depend on all bits of these (splitmix64)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))
