"""How many users had to do with both of two items: integers, and so a sum that forgets exactly.

It is a function of the histories alone. A removal lowers counts where they stand; a pair that nobody has any more stays
as a zero in memory, and is neither hashed nor written. Items are numbered by their sorted labels; one that nobody has
any more leaves with its number, and what is left is numbered anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.digest import leaf
from expunge.methods.recommend.counting import (
    best_neighbours,
    count_pairs,
    places_of_pairs,
    put_among_neighbours,
)
from expunge.methods.recommend.histories import Changed, Histories, numbered
from expunge.state import Living, Part, Patch

__all__ = ["Fewer", "Pairs"]

Integers = npt.NDArray[np.int64]
Neighbours = tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]


class Pairs(Living):
    """Counts of pairs of items.

    Attributes
    ----------
    items : ndarray of shape (n_items,)
        Labels, sorted. Each has a user.
    users : ndarray of int64, shape (n_items,)
        Users of each item.
    begins, others, counts : ndarray
        As :func:`~expunge.methods.recommend.counting.count_pairs` gives them.

    Notes
    -----
    Eight bytes for each two items that have a user in common, in each direction.
    """

    def __init__(self, items: Any, users: Any, begins: Any, others: Any, counts: Any) -> None:
        self.items, self.users = items, users
        self.begins, self.others, self.counts = begins, others, counts
        self.lists: tuple[tuple[int, float], Neighbours] | None = None
        self.leaves: list[bytes | None] = [None] * len(items)

    @classmethod
    def of(cls, histories: Histories) -> Pairs:
        """Count them once."""
        n = len(histories.items)
        users = np.bincount(histories.codes, minlength=n).astype(np.int64, copy=False)
        return cls(histories.items, users, *count_pairs(histories.starts, histories.codes, n))

    # ------------------------------------------------------------------ changes

    def changed(self, histories: Sequence[Changed]) -> Pairs | Patch:
        """What a change of histories makes of the counts: a patch if they only fall and no item leaves."""
        if all(after <= before for before, after in histories):
            fewer = Fewer(self, histories)
            if fewer.users.all():
                return fewer
        return self._anew(histories)

    def _anew(self, histories: Sequence[Changed]) -> Pairs:
        """A copy with other counts, and perhaps other items; O(pairs)."""
        every = sorted({*self.items.tolist(), *(item for change in histories for item in change.after)})
        items = np.array(every) if every else np.empty(0)
        n = len(items)
        at = np.searchsorted(items, self.items) if len(self.items) else np.empty(0, dtype=np.int64)
        rows, columns, values = [at[self._rows()]], [at[self.others]], [self.counts]
        users = np.zeros(n, dtype=np.int64)
        users[at] = self.users
        for sign, which in ((-1, 0), (1, 1)):
            for change in histories:
                codes = numbered(items, change[which])
                users[codes] += sign
                size = len(codes)
                apart = ~np.eye(size, dtype=bool)
                grid = np.broadcast_to(codes, (size, size))
                rows.append(grid.T[apart])
                columns.append(grid[apart])
                values.append(np.full(size * (size - 1), sign, dtype=np.int32))
        matrix = _matrix(np.concatenate(rows), np.concatenate(columns), np.concatenate(values), n)
        kept = np.flatnonzero(users)
        matrix = matrix[kept][:, kept].tocsr()
        matrix.eliminate_zeros()
        matrix.sort_indices()
        items = number_type(items[kept])
        begins, others, counts = matrix.indptr.astype(np.int64), matrix.indices, matrix.data
        return Pairs(items, users[kept], begins, others.astype(np.int32), counts.astype(np.int32))

    def _rows(self) -> Integers:
        return np.repeat(np.arange(len(self.items)), np.diff(self.begins))

    # ------------------------------------------------------------------ what follows from them

    def neighbours(self, k: int, shrinkage: float) -> Neighbours:
        """The k most similar items of each, and how similar; kept until an argument changes, and up to date."""
        if self.lists is None or self.lists[0] != (k, shrinkage):
            n = len(self.items)
            lists = np.full((n, k), -1, dtype=np.int32), np.zeros((n, k))
            best_neighbours(self.begins, self.others, self.counts, self.users, np.arange(n), shrinkage, *lists)
            self.lists = (k, shrinkage), lists
        return self.lists[1]

    def gram(self) -> npt.NDArray[np.float64]:
        """Users of both items as one dense matrix, shape (n_items, n_items), its diagonal the users of each."""
        out = np.zeros((len(self.items), len(self.items)))
        out[self._rows(), self.others] = self.counts
        out[np.diag_indices_from(out)] = self.users
        return out

    # ------------------------------------------------------------------ state

    def leaf(self) -> bytes:
        for i, known in enumerate(self.leaves):
            if known is None:
                self.leaves[i] = self._leaf_of(i)
        head = leaf({"items": self.items, "users": self.users})
        return hashlib.sha256(b"".join([head, *(known for known in self.leaves if known is not None)])).digest()

    def _leaf_of(self, i: int) -> bytes:
        part = slice(int(self.begins[i]), int(self.begins[i + 1]))
        live = self.counts[part] > 0
        return leaf({"others": self.others[part][live], "counts": self.counts[part][live]})

    def plain(self) -> Part:
        rows = self._rows()
        kept = (self.counts > 0) & (rows < self.others)
        n_of = np.bincount(rows[kept], minlength=len(self.items)).astype(np.int64, copy=False)
        return {
            "items": self.items, "users": self.users, "pairs": n_of, "others": self.others[kept],
            "counts": self.counts[kept],
        }  # fmt: skip

    @classmethod
    def restored(cls, part: Part) -> Pairs:
        """The inverse of :meth:`plain`."""
        n = len(part["items"])
        rows, others, counts = np.repeat(np.arange(n), part["pairs"]), part["others"], part["counts"]
        matrix = _matrix(np.append(rows, others), np.append(others, rows), np.append(counts, counts), n)
        matrix.sort_indices()
        begins, found = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)
        return cls(part["items"], part["users"], begins, found, matrix.data.astype(np.int32))

    def __getstate__(self) -> Part:
        return self.plain()

    def __setstate__(self, part: Part) -> None:
        self.__dict__.update(Pairs.restored(part).__dict__)


class Fewer(Patch):
    """Histories that lost items: the counts of their pairs as they will be, and where they stand.

    Parameters
    ----------
    pairs : Pairs
    histories : sequence of Changed
    """

    def __init__(self, pairs: Pairs, histories: Sequence[Changed]) -> None:
        self._pairs, self.users = pairs, pairs.users.copy()
        places, lost, held = [np.empty(0, dtype=np.int64)], [], []
        for change in histories:
            before = numbered(pairs.items, change.before)
            is_gone = np.isin(before, numbered(pairs.items, change.before - change.after))
            places.append(places_of_pairs(pairs.begins, pairs.others, before, is_gone))
            self.users[before[is_gone]] -= 1
            lost.append(before[is_gone])
            held.append(before)
        self._places, times = np.unique(np.concatenate(places), return_counts=True)
        self._counts = (pairs.counts[self._places] - times).astype(np.int32)
        self._lost = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *lost]))
        self._held = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *held]))

    def apply(self) -> None:
        pairs = self._pairs
        pairs.counts[self._places], pairs.users[:] = self._counts, self.users
        for i in self._held.tolist():
            pairs.leaves[i] = None
        if pairs.lists is None:
            return
        (_, shrinkage), lists = pairs.lists
        table = (pairs.begins, pairs.others, pairs.counts, pairs.users)
        best_neighbours(*table, self._held, shrinkage, *lists)
        is_anew = np.zeros(len(pairs.items), dtype=bool)
        is_anew[self._held] = True
        put_among_neighbours(*table, self._lost, is_anew, shrinkage, *lists)


def number_type(items: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels in the form that counting them gives: texts no wider than needed, and float64 for none."""
    return np.array(items.tolist()) if len(items) else np.empty(0)


def _matrix(rows: Any, columns: Any, values: Any, n: int) -> Any:
    from scipy import sparse

    return sparse.coo_array((values, (rows, columns)), shape=(n, n)).tocsr()
