"""A search for values in every byte of a folder: as they are, unpacked, decoded, and as sums in fixed point.

A canary is a value that nothing else could produce. It is looked for as text (UTF-8, UTF-16, UTF-32), as float64 and
float32 in either byte order, as decimal text, and as an integer in the limbs of exact sums; in files as they are, in
members of archives, in gzip, in decompressed Parquet, and behind base64 and hexadecimal digits.

Four bytes are too few to be nobody else's: weights, keys and packed data hold them by chance, with n windows of four
bytes and k needles about k n / 2**32 of the time. The workspace with networks has 2 million, so that one search in 540
would have accused it. A float32 counts where it stands beside another cell of its table, by row or by column, or
alone: that is chance once in 2**64 / (2 k n c) searches of c cells, one in 4 * 10**9 there.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from expunge.maths import exact

RESOLUTION = 2.0**-32

SINGLES = {"float32": "<f", "float32, big-endian": ">f"}

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){8,}")


def forms(value: str | float) -> dict[str, bytes]:
    """What bytes a value can have, by the name of the encoding."""
    if isinstance(value, str):
        return {name: value.encode(name) for name in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")}
    text = {f"decimal {name}": repr(value).encode(name) for name in ("utf-8", "utf-16-le", "utf-32-le")}
    short = {"decimal, 9 digits": format(value, ".9g").encode(), "hexadecimal float": value.hex().encode()}
    return {
        "float64": struct.pack("<d", value), "float64, big-endian": struct.pack(">d", value), **text, **short,
    }  # fmt: skip


def cells_as(values: Iterable[float], kind: str) -> set[bytes]:
    """Numbers as float32, without those that stand everywhere: three bytes or more are not trivial."""
    packed = {struct.pack(kind, value) for value in values}
    return {data for data in packed if sum(byte not in (0, 255) for byte in data) >= 3}


def in_singles(layer: bytes, needles: Iterable[bytes], cells: Container[bytes]) -> set[bytes]:
    """Which needles of four bytes stand beside a cell, or make up the layer."""
    found = set()
    for needle in needles:
        at = layer.find(needle)
        while at >= 0 and needle not in found:
            if len(layer) == 4 or layer[max(at - 4, 0) : at] in cells or layer[at + 4 : at + 8] in cells:
                found.add(needle)
            at = layer.find(needle, at + 1)
    return found


def layers(data: bytes, depth: int = 4) -> Iterator[bytes]:
    """The bytes, and everything that can be unpacked or decoded from them."""
    yield data
    if depth == 0:
        return
    if data[:2] == b"PK":
        with suppress(zipfile.BadZipFile, zlib.error), zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from layers(archive.read(name), depth - 1)
    elif data[:2] == b"\x1f\x8b":
        with suppress(OSError, EOFError, zlib.error):
            yield from layers(gzip.decompress(data), depth - 1)
    elif data[:4] == b"PAR1":
        yield from _parquet(data)
    decoded = [bytes.fromhex(match[0].decode()) for match in _HEX.finditer(data)]
    for match in _BASE64.finditer(data):
        text = match[0].replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
        for part in (text[shift:] for shift in range(4)):
            with suppress(binascii.Error, ValueError):
                decoded.append(base64.b64decode(part[: len(part) - (len(part) % 4 == 1)] + b"=="))
    if decoded:
        yield b"\0\0".join(decoded)


def _parquet(data: bytes) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(data))
    for column in table.combine_chunks().columns:
        for chunk in column.chunks:
            array = chunk.dictionary_decode() if pa.types.is_dictionary(chunk.type) else chunk
            yield from (buffer.to_pybytes() for buffer in array.buffers() if buffer is not None)


def in_limbs(layer: bytes) -> set[int]:
    """Integers that an array of limbs holds; none if the layer is no such array."""
    if layer[:6] == b"\x93NUMPY" and b"'<i8'" in layer[:100]:
        with suppress(ValueError, OverflowError):
            array = np.load(io.BytesIO(layer), allow_pickle=False)
            if array.ndim >= 2 and 1 <= len(array) <= 16:
                return {int(found) for found in exact.to_integers(array).ravel()}
    return set()


def search(
    folder: Path, canaries: dict[str, str | float], cells: Iterable[float] = ()
) -> dict[tuple[str, str], set[str]]:
    """Which canary was found in which form, and in which files; ``cells`` are other numbers of their table."""
    found: dict[tuple[str, str], set[str]] = {}
    needles = {(name, form): data for name, value in canaries.items() for form, data in forms(value).items()}
    floats = {name: value for name, value in canaries.items() if isinstance(value, float)}
    numbers = [*cells, *floats.values()]
    single = {
        form: ({struct.pack(kind, value): name for name, value in floats.items()}, cells_as(numbers, kind))
        for form, kind in SINGLES.items()
    }
    scaled = {name: round(value / RESOLUTION) for name, value in floats.items()}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        where = str(path.relative_to(folder))
        for layer in [*layers(path.read_bytes()), where.encode("utf-8", "surrogateescape")]:
            for key, needle in needles.items():
                if needle in layer:
                    found.setdefault(key, set()).add(where)
            for form, (names, others) in single.items():
                for needle in in_singles(layer, names, others):
                    found.setdefault((names[needle], form), set()).add(where)
            held = in_limbs(layer) if scaled else set()
            for name in (name for name, value in scaled.items() if value in held):
                found.setdefault((name, "limbs"), set()).add(where)
    return found
