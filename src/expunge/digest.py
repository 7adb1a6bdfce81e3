"""SHA-256 over the learned state, for everybody who must say that two models are equal.

A *leaf* is the hash of one block of state, a *root* the hash of named leaves; a model keeps the leaves of the blocks it
did not touch. With the encoding of :mod:`expunge.canonical.encoding`::

    leaf = SHA-256(0x00 || encoding of the value)
    root = SHA-256(0x01 || n || for each name in order: text(name) || leaf)

``n`` is the number of leaves, 8 bytes little-endian; ``text`` is the number of UTF-8 bytes, 8 bytes little-endian, and
those bytes; names are ordered by their UTF-8 bytes. The first byte keeps leaves and roots apart, so a root can
stand among the leaves of another root.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.canonical.encoding import Chunk, count, path_of, text, walk

__all__ = ["arrays", "first_difference", "leaf", "root"]


def leaf(value: Any) -> bytes:
    """Hash one block of state: equal values, and only those, give equal leaves.

    Parameters
    ----------
    value : object
        Numbers, text, containers, arrays, sparse matrices, frames, fitted estimators; see
        :mod:`expunge.canonical.encoding`.

    Returns
    -------
    bytes
        32 bytes. The same in every process and on every platform, for the same versions of the libraries whose objects
        it holds.

    Raises
    ------
    UnsupportedEstimatorError
        If a part has no encoding; the message has its path and type.

    Notes
    -----
    Functions count by name, not by their code, and memory layout, sharing and the order of dicts do not count at all.
    The cost is that of SHA-256 over the arrays (about 1 GB/s) and 1 µs for each other value.

    Examples
    --------
    >>> leaf({"a": 1, "b": 2.0}) == leaf({"b": 2.0, "a": 1})
    True
    >>> leaf([0.0]) == leaf([-0.0])
    False
    """
    state = hashlib.sha256(b"\0")
    for _, _, chunk in walk(value):
        state.update(chunk if isinstance(chunk, bytes) else chunk.data)
    return state.digest()


def root(leaves: Mapping[str, bytes]) -> bytes:
    """Hash named leaves to one digest.

    Parameters
    ----------
    leaves : mapping of str to bytes
        Name of each block and its leaf (or the root of blocks below it), 32 bytes.

    Returns
    -------
    bytes
        32 bytes; ``.hex()`` for people.

    Raises
    ------
    ValueError
        If a leaf does not have 32 bytes.

    Examples
    --------
    >>> root({"trees": leaf([1, 2]), "classes": leaf(["no", "yes"])}).hex()[:16]
    'e9263796fc28aa3b'
    """
    chunks = [b"\1", count(len(leaves))]
    for name in sorted(leaves):  # texts stand in the order of their UTF-8
        if len(leaves[name]) != 32:
            raise ValueError(f"The leaf of {name!r} must have 32 bytes, got {len(leaves[name])}.")
        chunks += [_named(name), leaves[name]]
    return hashlib.sha256(b"".join(chunks)).digest()


_named = functools.lru_cache(maxsize=4096)(text)


def first_difference(a: Any, b: Any) -> str | None:
    """Say where two values first differ, for messages about fits that cannot be repeated.

    Parameters
    ----------
    a, b : object
        Values of any encodable kind.

    Returns
    -------
    str or None
        The attribute path in ``a``, down to the cell of an array; ``"the value itself"`` at the root; None if the
        leaves are equal.

    Raises
    ------
    UnsupportedEstimatorError
        As :func:`leaf`, if an earlier difference does not end the comparison.

    Examples
    --------
    >>> first_difference({"coef_": np.array([[1.0, 2.0]])}, {"coef_": np.array([[1.0, 3.0]])})
    "['coef_'][0,1]"
    """
    for left, right in zip_longest(walk(a), walk(b)):
        if left is None or right is None or not _same(left[2], right[2]):
            place, value, chunk = left or right
            path = path_of(place)
            if left and right and isinstance(chunk, np.ndarray) and isinstance(right[2], np.ndarray):
                path += _cell(value, chunk, right[2])
            return path or "the value itself"
    return None


def arrays(value: Any) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield every array whose cells enter the leaf, for checks that flip bits or search for leaked rows.

    Parameters
    ----------
    value : object
        Anything :func:`leaf` takes.

    Yields
    ------
    path : str
        The attribute path.
    array : ndarray
        The array itself where the object holds one, or the copy that ``__getstate__`` made. Arrays of Python objects
        are not yielded, the arrays in their cells are; empty arrays have no cells.
    """
    for place, part, chunk in walk(value):
        if isinstance(chunk, np.ndarray):
            yield path_of(place), part


def _same(a: Chunk, b: Chunk) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    return type(a) is type(b) and a == b


def _cell(array: npt.NDArray[Any], a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> str:
    if not array.ndim or len(a) != len(b):
        return ""
    byte = int(np.flatnonzero(a != b)[0])
    index = np.unravel_index(byte * array.size // len(a), array.shape)
    return f"[{','.join(str(int(i)) for i in index)}]"
