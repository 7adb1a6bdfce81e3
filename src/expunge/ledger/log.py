"""The log: entries that are added and never changed, and the tree over them.

The log does not care where it is kept. :class:`LogStore` is all that it asks for; :class:`MemoryStore` keeps it in
memory, a workspace in its database, in the same transaction as the state that an entry tells of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from expunge.errors import TamperedError
from expunge.ledger import merkle
from expunge.ledger.entries import Entry
from expunge.ledger.heads import SignedHead, sign_head
from expunge.ledger.keys import Signer

__all__ = ["Log", "LogStore", "MemoryStore"]


class LogStore(Protocol):
    """Two lists that only grow: entries, and the hashes of complete subtrees (see :class:`expunge.ledger.merkle.HashStore`).

    A store may buffer :meth:`append` in a transaction of its caller, as long as the other methods see what was added.
    """

    def size(self) -> int:
        """How many entries there are."""

    def append(self, entries: Sequence[bytes], hashes: Sequence[bytes]) -> None:
        """Add entries and hashes at the ends of the two lists, all of them or none."""

    def entries(self, start: int, stop: int) -> Sequence[bytes]:
        """The entries from start up to, not including, stop."""

    def hashes(self, positions: Sequence[int]) -> Sequence[bytes]:
        """The hashes at these positions, in this order."""


class MemoryStore:
    """A log in memory."""

    def __init__(self) -> None:
        self.entry_list: list[bytes] = []
        self.hash_list: list[bytes] = []

    def size(self) -> int:
        """How many entries there are."""
        return len(self.entry_list)

    def append(self, entries: Sequence[bytes], hashes: Sequence[bytes]) -> None:
        """Add entries and hashes."""
        self.entry_list.extend(entries)
        self.hash_list.extend(hashes)

    def entries(self, start: int, stop: int) -> list[bytes]:
        """Some of the entries."""
        return self.entry_list[start:stop]

    def hashes(self, positions: Sequence[int]) -> list[bytes]:
        """Some of the hashes."""
        return [self.hash_list[position] for position in positions]


class Log:
    """An append-only log.

    Parameters
    ----------
    store : LogStore

    Notes
    -----
    Adding k entries costs fewer than 2k hashes and log n reads; a head log n reads; :meth:`check` reads everything.

    Examples
    --------
    >>> log = Log(MemoryStore())
    >>> log.append([Entry(kind="start", time="2026-11-25T23:00:00Z", fields={"request": "r-1"})])
    [0]
    >>> len(log)
    1
    """

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self.tree = merkle.Tree(store)

    def __len__(self) -> int:
        return self._store.size()

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """Add entries at the end; their places, from 0."""
        size = len(self)
        data = [entry.to_bytes() for entry in entries]
        self._store.append(data, self.tree.grow([merkle.leaf_hash(entry) for entry in data]))
        return list(range(size, size + len(data)))

    def entry(self, index: int) -> Entry:
        """One entry.

        Raises
        ------
        InvalidParameterError
            If there is none at this place.
        TamperedError
            If its bytes are not those whose hash is in the tree.
        """
        leaf = self.tree.leaf(index)
        (data,) = self._store.entries(index, index + 1)
        if merkle.leaf_hash(data) != leaf:
            raise TamperedError(f"Entry {index} of the log was changed.", hint="Restore it from a copy.")
        return Entry.from_bytes(data, what=f"Entry {index} of the log")

    def __iter__(self) -> Iterator[Entry]:
        return (self.entry(index) for index in range(len(self)))

    def sign_head(self, signer: Signer, *, time: str) -> SignedHead:
        """Sign the size and root of now."""
        return sign_head(len(self), self.tree.root(), time=time, signer=signer)

    def check(self, heads: Sequence[SignedHead] = ()) -> None:
        """Read every entry, compute every hash again, and compare with the store and with signed heads.

        Parameters
        ----------
        heads : sequence of SignedHead
            Verified heads from any time: those in bundles, those that outsiders kept.

        Raises
        ------
        TamperedError
            At the first thing that differs; the sentence says which entry, or between which.
        """
        raise NotImplementedError

    def check_since(self, old: SignedHead, new: SignedHead) -> None:
        """Refuse unless the entries that an old head sums up are still there under a new one."""
        raise NotImplementedError
