"""One canonical walk over a fitted object, for whoever hashes, compares or searches its state.

:func:`walk` takes a value apart and yields its encoding piece by piece, each with the place it came from. The digest,
the comparison of two fits and the list of reachable arrays (:mod:`expunge.digest`) all consume this one walk, so they
cannot disagree about what the state is. Nothing is skipped: what cannot be encoded is refused with its path.

The encoding
------------
Every value is a tag of one byte and a body. ``n`` is an unsigned integer of 8 bytes, little-endian; *text* is ``n`` and
that many UTF-8 bytes (lone surrogates kept); *value* is a whole encoding. No encoding is a prefix of another.

===== ==================================================================================================================
``N`` None. ``.`` Ellipsis. ``B`` bool: one byte, 0 or 1
``I`` int: ``n`` and ``n = bit_length // 8 + 1`` bytes of two's complement, little-endian
``D`` float: its 8 bytes of IEEE 754, little-endian, NaN payloads kept. ``C`` complex: real and imaginary, 16 bytes
``S`` str: text. ``Y`` bytes: ``n``, bytes. ``y`` bytearray: the same
``L`` list: ``n``, values. ``U`` tuple: the same. ``:`` slice and ``r`` range: three values: start, stop, step
``M`` dict: ``n``, pairs of values sorted by the encoding of the key: insertion order does not matter
``E`` set: ``n``, values sorted by encoding. ``e`` frozenset: the same
``A`` array: value (its dtype), ``n`` dimensions, ``n`` for each length, cells in C order, little-endian. The dtype is
      its NumPy string (``<f8``, ``|b1``, ``<M8[ns]``) or, for records, a list of tuples (name, dtype, shape); records
      are packed, padding is left out. Three dtypes stand for several: ``<U`` and ``|S``, followed by ``n``, the width
      of the longest cell, and cells of that width, so that the declared width does not matter; and ``|O``, followed by
      one value per cell, also for ``StringDType``. The order in memory does not matter
``G`` NumPy scalar: as ``A``, with zero dimensions
``K`` class: text ``module.qualname``. ``X`` function: the same. Their code is not part of the encoding
``O`` object: text (its class), a byte of flags, and what they announce in this order: 1 state (value; an empty dict
      counts as none), 2 arguments of ``__new__`` after the class (tuple), 4 list items (list), 8 dict items (dict; of
      an OrderedDict a list of tuples)
``R`` object: the same, where the text is a function or class that rebuilds it and 2 announces its arguments
``^`` a cycle: ``n`` levels up on the way from the root to here
===== ==================================================================================================================

``O`` and ``R`` follow ``copyreg`` and ``__reduce_ex__(2)``, as pickle does, without calling what rebuilds. The kinds in
:mod:`.objects` (sparse matrices, pandas, random generators, enum members, partials, masked arrays) are ``O`` whose
state is a dict of the parts named there; an object with a method ``canonical_state`` is ``O`` with what that returns. A
value is encoded wherever it appears: sharing, interning and addresses never matter.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, Union

import numpy as np

from expunge.errors import UnsupportedEstimatorError

__all__ = [
    "Child",
    "Chunk",
    "NoEncodingError",
    "Parts",
    "Place",
    "count",
    "dict_parts",
    "encode",
    "path_of",
    "text",
    "walk",
]

Place: TypeAlias = Union["tuple[Place, str]", None]
Chunk: TypeAlias = Union[bytes, "np.ndarray[Any, np.dtype[np.uint8]]"]
Child: TypeAlias = tuple[str, Any, bytes]  # piece of the path, value, bytes that stand before its encoding
Parts: TypeAlias = tuple[bytes, Chunk | None, Iterable[Child]]  # header, cells of an array, children

count: Callable[[int], bytes] = struct.Struct("<Q").pack
_double: Callable[[float], bytes] = struct.Struct("<d").pack


class NoEncodingError(Exception):
    """Why a value has no encoding; :func:`walk` adds where it is."""


def walk(value: Any, name: str = "") -> Iterator[tuple[Place, Any, Chunk]]:
    """Yield the encoding of a value in order, for hashing, comparing or searching.

    Parameters
    ----------
    value : object
        A fitted estimator or any part of one.
    name : str
        What paths begin with.

    Yields
    ------
    place : Place
        Where the piece comes from; :func:`path_of` turns it into text.
    value : object
        The object at that place.
    chunk : bytes or ndarray of uint8
        The next part of the encoding. The cells of an array are a chunk of their own, not copied if contiguous.

    Raises
    ------
    UnsupportedEstimatorError
        At the first value that has no encoding; the message has its path and type.

    Notes
    -----
    Depth is limited by memory alone: there is no recursion, except into keys of dicts and items of sets. A value that
    contains itself is encoded there as a cycle; one that is merely shared is encoded at each place. The cost is linear
    in the bytes of the arrays and in the number of other values, about 1 µs each.
    """
    stack: list[tuple[Iterator[Child], Place, Any]] = []
    open_at: dict[int, int] = {}
    children: Iterator[Child] = iter(((name, value, b""),))
    parent: Place = None
    while True:
        for piece, item, prefix in children:
            place = (parent, piece)
            atom = _ATOMS.get(type(item))
            if atom is not None:
                yield place, item, prefix + atom(item)
                continue
            if id(item) in open_at:
                yield place, item, prefix + b"^" + count(len(stack) - open_at[id(item)])
                continue
            try:
                header, cells, inner = _handler(type(item))(item)
            except NoEncodingError as refusal:
                raise _refused(path_of(place), item, str(refusal)) from refusal.__cause__
            yield place, item, prefix + header
            if cells is not None:
                yield place, item, cells
            if inner:
                open_at[id(item)] = len(stack)
                stack.append((children, parent, item))
                children, parent = iter(inner), place
                break
        else:
            if not stack:
                return
            children, parent, closed = stack.pop()
            del open_at[id(closed)]


def encode(value: Any) -> bytes:
    """Return the whole encoding of a value as bytes; for keys, small values and tests."""
    atom = _ATOMS.get(type(value))
    return atom(value) if atom else b"".join(bytes(chunk) for _, _, chunk in walk(value))


def path_of(place: Place) -> str:
    """Return the attribute path of a place: ``steps[1][1].coef_``, or an empty text for the root."""
    pieces: list[str] = []
    while place is not None:
        place, piece = place
        pieces.append(piece)
    return "".join(reversed(pieces)).removeprefix(".")


def _refused(path: str, value: Any, reason: str) -> UnsupportedEstimatorError:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return UnsupportedEstimatorError(
        f"Cannot encode {path or 'the value'} of type {kind}: {reason}.",
        hint="Remove it from the fitted state, or give its class a __getstate__ that returns arrays, numbers and text.",
    )


def _int(value: int) -> bytes:
    size = value.bit_length() // 8 + 1
    return b"I" + count(size) + value.to_bytes(size, "little", signed=True)


def text(value: str) -> bytes:
    """Return the encoding of a text without its tag."""
    raw = value.encode("utf-8", "surrogatepass")
    return count(len(raw)) + raw


_ATOMS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"N",
    type(...): lambda value: b".",
    bool: lambda value: b"B\1" if value else b"B\0",
    int: _int,
    float: lambda value: b"D" + _double(value),
    complex: lambda value: b"C" + _double(value.real) + _double(value.imag),
    str: lambda value: b"S" + text(value),
    bytes: lambda value: b"Y" + count(len(value)) + value,
    bytearray: lambda value: b"y" + count(len(value)) + bytes(value),
}


def _sequence(value: list[Any] | tuple[Any, ...]) -> Parts:
    tag = b"L" if isinstance(value, list) else b"U"
    return tag + count(len(value)), None, [(f"[{i}]", item, b"") for i, item in enumerate(value)]


def _set(value: set[Any] | frozenset[Any]) -> Parts:
    tag = b"e" if isinstance(value, frozenset) else b"E"
    items = sorted(value, key=encode)
    return tag + count(len(items)), None, [(f"{{{i}}}", item, b"") for i, item in enumerate(items)]


def _bounds(value: slice | range) -> Parts:
    tag = b":" if isinstance(value, slice) else b"r"
    return tag + b"".join(encode(part) for part in (value.start, value.stop, value.step)), None, ()


def dict_parts(value: Mapping[Any, Any], attributes: bool = False) -> Parts:
    """Return the parts of a dict; with attributes, paths show its keys as ``.key``."""
    children: list[Child] = []
    for code, key in sorted(((encode(key), key) for key in value), key=lambda pair: pair[0]):
        piece = f".{key}" if attributes and type(key) is str else f"[{key!r}]"
        if type(key) in _ATOMS:
            children.append((piece, value[key], code))
        else:
            children += [(".keys()" + piece, key, b""), (piece, value[key], b"")]
    return b"M" + count(len(value)), None, children


def _choose(kind: type) -> Callable[[Any], Parts]:
    if kind in _CONTAINERS:
        return _CONTAINERS[kind]
    if issubclass(kind, np.generic):
        return _scalar
    from expunge.canonical.objects import taker  # it builds on this module

    return taker(kind)


_handler: Callable[[type], Callable[[Any], Parts]] = functools.lru_cache(maxsize=4096)(_choose)


@functools.cache
def _layout(dtype: np.dtype[Any]) -> tuple[Any, np.dtype[Any]]:
    """Return the description of a dtype and the packed little-endian dtype of its cells."""
    if dtype.subdtype is not None:
        raise NoEncodingError("a dtype with a shape stands outside a record")
    if dtype.names is not None:
        described, packed = [], []
        for field in dtype.names:
            base, shape = dtype[field].subdtype or (dtype[field], ())
            if base.hasobject or base.kind == "T":
                raise NoEncodingError("records with Python objects have no encoding")
            description, inner = _layout(base)
            described.append((field, description if base.names else inner.str, shape))
            packed.append((field, inner, shape))
        return described, np.dtype(packed)
    if dtype.char in "gG":
        raise NoEncodingError("extended precision differs between platforms; use float64")
    if dtype.kind in "OT":
        return "|O", dtype
    little = dtype.newbyteorder("<")
    return (little.str[:2] if dtype.kind in "US" else little.str), little


def _array(value: Any, tag: bytes = b"A") -> Parts:
    """Return the parts of an array of any dtype that has an encoding."""
    described, packed = _layout(value.dtype)
    header = tag + encode(described) + count(value.ndim) + b"".join(count(length) for length in value.shape)
    if described == "|O":
        places = (f"[{','.join(map(str, index))}]" for index in np.ndindex(value.shape))
        return header, None, [(*cell, b"") for cell in zip(places, value.astype(object).flat, strict=True)]
    cells = np.ascontiguousarray(value if value.dtype == packed and packed.names is None else value.astype(packed))
    if packed.kind in "US":
        unit = np.dtype("<u4" if packed.kind == "U" else "u1")
        width = packed.itemsize // unit.itemsize
        grid = cells.reshape(-1).view(unit).reshape(-1, width) if cells.size and width else np.zeros((0, 0), unit)
        used = np.flatnonzero(grid.any(axis=0))
        width = int(used[-1]) + 1 if len(used) else 0
        header, cells = header + count(width), np.ascontiguousarray(grid[:, :width])
    if not cells.size or not cells.itemsize:
        return header, None, ()
    return header, cells.reshape(-1).view(np.uint8), ()


def _scalar(value: Any) -> Parts:
    header, cells, inner = _array(np.asarray(value), b"G")
    return header + (b"" if cells is None else bytes(cells)), None, inner


_CONTAINERS: dict[type, Callable[[Any], Parts]] = {
    list: _sequence,
    tuple: _sequence,
    dict: dict_parts,
    set: _set,
    frozenset: _set,
    slice: _bounds,
    range: _bounds,
    np.ndarray: _array,
    np.memmap: _array,
}
