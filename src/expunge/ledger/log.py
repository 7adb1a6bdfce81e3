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
from expunge.ledger.heads import SignedHead, check_extends, sign_head
from expunge.ledger.keys import Signer

__all__ = ["Log", "LogStore", "MemoryStore"]


class LogStore(Protocol):
    """Two lists that only grow: entries, and the hashes of complete subtrees.

    How the second is ordered says :class:`expunge.ledger.merkle.HashStore`; the store need not know.

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
        """Add entries and hashes; what an interrupted call has left behind is none of them, and is overwritten."""
        self.hash_list[merkle.stored(self.size()) :] = hashes
        self.entry_list.extend(entries)

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
        data = b"".join(self._store.entries(index, index + 1))
        if merkle.leaf_hash(data) != leaf:
            raise TamperedError(f"Entry {index} of the log was changed, or is missing.", hint=_HINT)
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
        size = len(self)
        by_size = sorted(heads, key=lambda head: head.size)
        peaks: list[bytes] = []
        good, done = self._check_roots(by_size, peaks, 0, 0), 0
        for start in range(0, size, _BLOCK):
            for data in self._block(start, min(start + _BLOCK, size)):
                done = self._check_entry(data, peaks, done)
                good = self._check_roots(by_size, peaks, done, good)
        if done != size:
            raise TamperedError(f"Entry {done} of the log is missing.", hint=_HINT)
        if by_size:
            last, count = by_size[-1], "1 entry" if size == 1 else f"{size} entries"
            raise TamperedError(
                f"The log has {count}, but had {last.size} on {last.time}: it is shorter now.",
                hint=_SHORT,
            )

    def has_receipt(self, envelope: str, *, before: int) -> bool:
        """Whether an entry before a place tells of a receipt, given by the SHA-256 of its envelope."""
        for start in range(0, before, _BLOCK):
            for data in self._store.entries(start, min(start + _BLOCK, before)):
                if envelope.encode("ascii") in data:
                    entry = Entry.from_bytes(data)
                    if (entry.kind, entry.fields.get("envelope")) == ("receipt", envelope):
                        return True
        return False

    def _block(self, start: int, stop: int) -> Iterator[tuple[bytes, list[bytes]]]:
        """Entries, each with the hashes that are stored for it."""
        low, high = merkle.stored(start), merkle.stored(stop)
        try:
            hashes = list(self._store.hashes(range(low, high)))
        except LookupError as error:
            raise TamperedError(f"A hash of the entries {start} to {stop - 1} is missing.", hint=_HINT) from error
        for index, data in enumerate(self._store.entries(start, stop), start=start):
            first, end = merkle.stored(index) - low, merkle.stored(index + 1) - low
            yield data, hashes[first:end]

    @staticmethod
    def _check_entry(stored: tuple[bytes, list[bytes]], peaks: list[bytes], index: int) -> int:
        data, hashes = stored
        new = merkle.completed(peaks, index, merkle.leaf_hash(data))
        if len(hashes) != len(new):
            raise TamperedError(f"A hash of entry {index} of the log is missing.", hint=_HINT)
        if hashes[0] != new[0]:
            raise TamperedError(f"Entry {index} of the log was changed: its text and its hash do not fit.", hint=_HINT)
        for level, (kept, computed) in enumerate(zip(hashes, new, strict=True)):
            if kept != computed:
                first = index + 1 - (1 << level)
                raise TamperedError(f"The stored hash over entries {first} to {index} was changed.", hint=_HINT)
        return index + 1

    @staticmethod
    def _check_roots(heads: list[SignedHead], peaks: list[bytes], size: int, good: int) -> int:
        """Compare with the heads of this size, which leave the list; up to which size the log is known to be good."""
        root = merkle.joined(peaks).hex() if heads and heads[0].size == size else ""
        while heads and heads[0].size == size:
            head = heads.pop(0)
            if head.root != root:
                part = f"Entries {good} to {size - 1}" if size - good > 1 else f"Entry {good}"
                raise TamperedError(
                    f"{part} of the log, or their number, are not what was signed on {head.time}.", hint=_HINT
                )
            good = size
        return good

    def check_since(self, old: SignedHead, new: SignedHead) -> None:
        """Refuse unless the entries that an old head sums up are still there under a new one.

        Raises
        ------
        TamperedError
            If entries were taken out, changed or put in before the end of the old ones.
        """
        if new.size > len(self):
            raise TamperedError(f"The log has {len(self)} entries, its head says {new.size}.", hint=_SHORT)
        proof = self.tree.consistency_proof(old.size, new.size) if old.size <= new.size else []
        check_extends(old, new, proof)


_HINT = "Restore the log from a copy, and ask who could write to it."
_SHORT = (
    "Either the folder is an older copy, which lacks what came later (docs/restoring.md), or somebody took entries "
    "out: ask who could write to it."
)
_BLOCK = 1024
