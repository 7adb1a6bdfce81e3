"""The Merkle tree of RFC 9162: a list of entries that only ever grows, summed up in 32 bytes.

::

    leaf   = SHA-256(0x00 || entry)
    parent = SHA-256(0x01 || left || right)

The root over n leaves splits them at k, the largest power of two below n: the left part is complete, and never changes
again. So two short lists of hashes are proofs: an *inclusion proof* that an entry stands at a place, a *consistency
proof* that an old root sums up the first entries of a newer tree.

Verifying needs hashes alone (:func:`verify_inclusion`, :func:`verify_consistency`). Making proofs needs the tree:
:class:`Tree` reads the hash of every complete subtree from a list (:class:`HashStore`) that holds them in the order in
which they become complete. It tells what to add for new leaves; nothing that was stored is ever written again.

References
----------
RFC 9162 (2021), section 2.1: definitions 2.1.1, inclusion 2.1.3, consistency 2.1.4.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from expunge.errors import InvalidParameterError, TamperedError

__all__ = [
    "EMPTY_ROOT",
    "HashStore",
    "MemoryHashes",
    "Tree",
    "completed",
    "joined",
    "leaf_hash",
    "parent_hash",
    "root",
    "stored",
    "verify_consistency",
    "verify_inclusion",
]

#: Root of a tree without entries: the hash of nothing.
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash of an entry, 32 bytes."""
    return hashlib.sha256(b"\0" + entry).digest()


def parent_hash(left: bytes, right: bytes) -> bytes:
    """Hash of two subtrees side by side, 32 bytes."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes.

    Parameters
    ----------
    leaves : sequence of bytes
        Leaf hashes, 32 bytes each.

    Returns
    -------
    bytes
        32 bytes; :data:`EMPTY_ROOT` for none.

    Notes
    -----
    n - 1 hashes.

    Examples
    --------
    >>> root([leaf_hash(b"a"), leaf_hash(b"b")]).hex()[:16]
    'b137985ff484fb60'
    """
    peaks: list[bytes] = []
    for index, leaf in enumerate(leaves):
        completed(peaks, index, leaf)
    return joined(peaks)


# ---------------------------------------------------------------- the tree


class HashStore(Protocol):
    """What a tree reads its hashes from: a list of hashes of 32 bytes that only grows. Positions count from 0.

    For each leaf in turn it has the leaf hash and, behind it, those of the subtrees that the leaf completes, from small
    to large: what :meth:`Tree.grow` returns.
    """

    def size(self) -> int:
        """How many leaves there are."""

    def hashes(self, positions: Sequence[int]) -> Sequence[bytes]:
        """The hashes at these positions, in this order."""


class MemoryHashes:
    """A list of hashes in memory."""

    def __init__(self) -> None:
        self._hashes: list[bytes] = []

    def size(self) -> int:
        """How many leaves there are."""
        return _size_of(len(self._hashes))

    def hashes(self, positions: Sequence[int]) -> list[bytes]:
        """The hashes at these positions."""
        return [self._hashes[position] for position in positions]

    def append(self, hashes: Sequence[bytes]) -> None:
        """Add what :meth:`Tree.grow` returned."""
        self._hashes.extend(hashes)


def stored(size: int) -> int:
    """How many hashes a tree of that many leaves has stored: one for each complete subtree.

    Examples
    --------
    >>> [stored(size) for size in range(6)]
    [0, 1, 3, 4, 7, 8]
    """
    return 2 * size - size.bit_count()


def _position(level: int, index: int) -> int:
    """Where the hash of a complete subtree stands: ``level`` places behind its last leaf."""
    return stored(((index + 1) << level) - 1) + level


def _peaks(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Level and index of the complete subtrees that make up the leaves low to high, from left to right."""
    while low < high:
        level = (high - low).bit_length() - 1
        yield level, low >> level
        low += 1 << level


class Tree:
    """A Merkle tree over a store of hashes; proofs about it, and about each tree that it was.

    Parameters
    ----------
    store : HashStore
        Read anew at each call, so that others may add to it.

    Notes
    -----
    n new leaves cost fewer than 2n hashes, a root log n, a proof (log n)² / 2 reads at most.

    Examples
    --------
    >>> store = MemoryHashes()
    >>> tree = Tree(store)
    >>> store.append(tree.grow([leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")]))
    >>> verify_inclusion(leaf_hash(b"b"), 1, 3, tree.inclusion_proof(1), tree.root())
    True
    """

    def __init__(self, store: HashStore) -> None:
        self._store = store

    def __len__(self) -> int:
        return self._store.size()

    def grow(self, leaves: Sequence[bytes]) -> list[bytes]:
        """The hashes that must be added to the store for new leaves at the end; nothing changes yet.

        Raises
        ------
        InvalidParameterError
            If a leaf hash does not have 32 bytes.
        """
        if wrong := [leaf for leaf in leaves if len(leaf) != 32]:
            raise InvalidParameterError(f"A leaf hash has 32 bytes, got {len(wrong[0])}.", hint="See leaf_hash.")
        size = len(self)
        peaks = self._read(_peaks(0, size))
        return [new for index, leaf in enumerate(leaves, start=size) for new in completed(peaks, index, leaf)]

    def root(self, size: int | None = None) -> bytes:
        """Root of the tree, or of the tree that it was when it had ``size`` leaves."""
        size = self._checked(size)
        return self._range(0, size)

    def leaf(self, index: int) -> bytes:
        """The leaf hash at a place."""
        self._checked(index + 1, least=1)
        return self._read([(0, index)])[0]

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Hashes beside the way from a leaf up to the root, from the leaf on (RFC 9162, 2.1.3.1).

        Parameters
        ----------
        index : int
            Place of the leaf, from 0.
        size : int, optional
            Number of leaves of the tree that the proof is for; the present one.

        Raises
        ------
        InvalidParameterError
            If there is no such leaf, or never was such a tree.
        """
        size = self._checked(size)
        if not 0 <= index < size:
            raise InvalidParameterError(f"A tree of {size} entries has no entry {index}.", hint="Entries count from 0.")
        path, low, high = [], 0, size
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        return path[::-1]

    def consistency_proof(self, old: int, size: int | None = None) -> list[bytes]:
        """Hashes from which both the root over the first ``old`` leaves and that over ``size`` follow (2.1.4.1).

        Raises
        ------
        InvalidParameterError
            If there never was a tree of one of the sizes, or the old one is the larger.
        """
        size = self._checked(size)
        if not 0 <= old <= size:
            raise InvalidParameterError(f"The first {old} of {size} entries: there are not as many.")
        if old in (0, size):
            return []
        path, low, high, complete = [], 0, size, True
        while old != high:
            middle = low + _split(high - low)
            if old <= middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low, complete = middle, False
        if not complete:
            path.append(self._range(low, high))
        return path[::-1]

    def _range(self, low: int, high: int) -> bytes:
        return joined(self._read(_peaks(low, high)))

    def _read(self, subtrees: Iterable[tuple[int, int]]) -> list[bytes]:
        positions = [_position(level, index) for level, index in subtrees]
        try:
            found = list(self._store.hashes(positions))
        except LookupError:
            found = []
        if len(found) != len(positions):
            raise TamperedError("Hashes of the tree are missing.", hint="Restore the log from a copy.")
        return found

    def _checked(self, size: int | None, least: int = 0) -> int:
        now = len(self)
        if size is None:
            return now
        if not least <= size <= now:
            raise InvalidParameterError(f"The tree has {now} entries, and never had {size}.", hint="Ask for fewer.")
        return size


def completed(peaks: list[bytes], index: int, leaf: bytes) -> list[bytes]:
    """Add a leaf to the roots of complete subtrees; the hashes of the subtrees that it completes, itself first."""
    new = [leaf]
    while index & 1:
        new.append(parent_hash(peaks.pop(), new[-1]))
        index >>= 1
    peaks.append(new[-1])
    return new


def joined(peaks: Sequence[bytes]) -> bytes:
    """Root over complete subtrees, from left to right; :data:`EMPTY_ROOT` for none."""
    if not peaks:
        return EMPTY_ROOT
    return functools.reduce(lambda right, left: parent_hash(left, right), reversed(peaks))


def _split(width: int) -> int:
    """The largest power of two below a width of at least 2."""
    return 1 << ((width - 1).bit_length() - 1)


def _size_of(count: int) -> int:
    size = (count + 1) // 2
    while stored(size) < count:
        size += 1
    if stored(size) != count:
        raise TamperedError(f"No tree has {count} hashes: some are missing, or too many.", hint="Restore a copy.")
    return size


# ---------------------------------------------------------------- verifying


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root_: bytes) -> bool:
    """Whether a proof shows that a leaf hash stands at a place of the tree with that root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or any(len(step) != 32 for step in (leaf, *path)):
        return False
    place, last, result = index, size - 1, leaf
    for other in path:
        if not last:
            return False
        if place & 1 or place == last:
            result = parent_hash(other, result)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            result = parent_hash(result, other)
        place, last = place >> 1, last >> 1
    return not last and result == root_


def verify_consistency(old: int, size: int, path: Sequence[bytes], old_root: bytes, root_: bytes) -> bool:
    """Whether a proof shows that the first ``old`` entries of a tree have the root ``old_root`` (RFC 9162, 2.1.4.2).

    There is no proof for ``old`` = 0: every tree begins with the empty one, and nothing follows from that.
    """
    if not 0 < old <= size or any(len(step) != 32 for step in path):
        return False
    if old == size:
        return not path and old_root == root_
    hashes = list(path) if old & (old - 1) else [old_root, *path]
    if not hashes:
        return False
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = hashes[0]
    for other in hashes[1:]:
        if not last:
            return False
        if place & 1 or place == last:
            first, second = parent_hash(other, first), parent_hash(other, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = parent_hash(second, other)
        place, last = place >> 1, last >> 1
    return not last and first == old_root and second == root_
