"""Everything that a file holds inside: unpacked archives and streams, decoded Parquet columns, pages of databases.

Nothing is executed and nothing is written. What cannot be opened (encrypted, damaged, too large when unpacked) is
named, so that a search never calls clean what it did not see.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import contextlib
import io
import lzma
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["MAGIC", "Budget", "inner"]

#: Bytes inside of something, with what they are; or None with why they could not be had.
Part = tuple[str, bytes | None]

_RUN = re.compile(rb"[A-Za-z0-9+/_-]+")
_HEX = re.compile(rb"[0-9a-fA-F]+")
_LONG_RUN = 24
_LETTERS = np.zeros(256, dtype=bool)
_LETTERS[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")] = True
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
#: How things begin that hold others.
MAGIC = (b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"PAR1", b"SQLite format 3\0")
_PACKED = (*MAGIC, b"\x78\x9c", b"\x78\xda", b"\x78\x01")


#: What readers raise over bytes that are not what they claim to be. (Arrow's errors are built on the familiar ones.)
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, sqlite3.Error, struct.error, OSError, EOFError, ValueError,
    LookupError, ArithmeticError, RuntimeError, MemoryError, SystemError, TypeError,
)  # fmt: skip


class Budget:
    """How many unpacked bytes are still looked at; what would be more is named as not searched.

    Parameters
    ----------
    n_bytes : int
    """

    def __init__(self, n_bytes: int) -> None:
        self.left = n_bytes

    def take(self, data: bytes) -> bytes | None:
        """The bytes, if they are within the budget."""
        self.left -= len(data)
        return data if self.left >= 0 else None


def inner(data: bytes, budget: Budget) -> Iterator[Part]:
    """What is directly inside some bytes. Apply it to what it yields to go deeper."""
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06") or b"PK\x05\x06" in data[-70_000:]:
        yield from _zip(data, budget)
    elif data[:4] == b"PAR1" and data[-4:] == b"PAR1":
        yield from _parquet(data)
    elif data[:6] == b"ARROW1":
        yield from _arrow(data)
    elif data[:16] == b"SQLite format 3\0":
        yield from _sqlite(data)
    elif data[:4] in (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"):
        yield "pages of the write-ahead log", _log_pages(data)
    elif data[:3] == b"BZh":
        yield from _stream("bzip2", data, bz2.BZ2Decompressor, budget)
    elif data[:6] == b"\xfd7zXZ\x00":
        yield from _stream("xz", data, lzma.LZMADecompressor, budget)
    elif data[:4] == b"\x28\xb5\x2f\xfd":
        yield from _through_arrow("zstd", data, budget)
    elif data[:4] == b"\x04\x22\x4d\x18":
        yield from _through_arrow("lz4", data, budget)
    else:
        yield from _embedded(data, budget)
        runs = list(_runs(data))
        yield from _decoded_runs(data, runs)
        if any(data[end : end + 1] in (b"\r", b"\n") for _, end in runs):  # base64 or hex in lines
            yield "without line breaks", data.translate(None, b"\r\n\t ")


def _zip(data: bytes, budget: Budget) -> Iterator[Part]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGED:
        yield "a damaged zip", None
        return
    with archive:
        for info in archive.infolist():
            yield f"name of {info.filename!r}", info.filename.encode() + b"\n" + info.comment + info.extra
            if info.file_size > budget.left:
                yield f"member {info.filename!r}, too large", None
                continue
            try:
                yield f"member {info.filename!r}", budget.take(archive.read(info))
            except _DAMAGED:
                yield f"member {info.filename!r}, encrypted or damaged", None


def _embedded(data: bytes, budget: Budget) -> Iterator[Part]:
    """Gzip and zlib streams, wherever they begin."""
    start = data.find(b"\x1f\x8b\x08")
    while start >= 0:
        yield from _unzipped("gzip", memoryview(data)[start:], 31, budget, said=start == 0)
        start = data.find(b"\x1f\x8b\x08", start + 3)
    for found in _ZLIB.finditer(data):
        yield from _unzipped("zlib", memoryview(data)[found.start() :], 15, budget, said=False)


def _unzipped(name: str, data: memoryview, bits: int, budget: Budget, *, said: bool) -> Iterator[Part]:
    """A stream as far as it goes; one that breaks off yields what came before. ``said``: the bytes claim to be one."""
    unpacker, out = zlib.decompressobj(bits), []
    try:
        chunk = unpacker.decompress(data[: 2**16], budget.left + 1)
        out.append(chunk)
        if len(data) > 2**16 and not unpacker.eof:
            out.append(unpacker.decompress(unpacker.unconsumed_tail + bytes(data[2**16 :]), budget.left + 1))
    except zlib.error:
        if said:
            yield f"a damaged {name} stream", None
    unpacked = b"".join(out)
    if len(unpacked) > 2:
        yield f"{name} stream", budget.take(unpacked)


def _stream(name: str, data: bytes, make: Callable[[], Any], budget: Budget) -> Iterator[Part]:
    try:
        yield f"{name} stream", budget.take(make().decompress(data, budget.left + 1))
    except _DAMAGED:
        yield f"a damaged {name} stream", None


def _through_arrow(name: str, data: bytes, budget: Budget) -> Iterator[Part]:
    import pyarrow as pa

    try:
        with pa.CompressedInputStream(pa.BufferReader(data), name) as stream:
            yield f"{name} stream", budget.take(stream.read(budget.left + 1))
    except _DAMAGED:
        yield f"a damaged {name} stream", None


def _parquet(data: bytes) -> Iterator[Part]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(data))
        texts = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
        # Texts also as dictionaries: a dictionary may hold what no row has any more.
        coded = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts)
        for i in range(file.num_row_groups):
            yield from _columns(file.read_row_group(i))
            yield from _dictionaries(coded.read_row_group(i))
        yield "footer", data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
    except _DAMAGED:
        yield "a damaged Parquet file", None


def _arrow(data: bytes) -> Iterator[Part]:
    import pyarrow as pa

    try:
        table = pa.ipc.open_file(pa.BufferReader(data)).read_all()
        table.validate(full=True)
        yield from _columns(table)
    except _DAMAGED:
        yield "a damaged Arrow file", None


def _dictionaries(table: Any) -> Iterator[Part]:
    import pyarrow.types as types

    for name, column in zip(table.column_names, table.columns, strict=True):
        if types.is_dictionary(column.type):
            cells = [cell for chunk in column.chunks for cell in chunk.dictionary.to_pylist() if cell is not None]
            yield f"dictionary of column {name!r}", b"\n".join(str(cell).encode() for cell in cells)


def _columns(table: Any) -> Iterator[Part]:
    """Columns as bytes: texts one after the other, numbers as they lie in memory and as texts."""
    import pyarrow as pa
    import pyarrow.types as types

    for name, column in zip(table.column_names, table.columns, strict=True):
        if types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        kind = column.type
        if types.is_floating(kind) or types.is_integer(kind):
            values = column.drop_null().to_numpy()
            yield f"column {name!r}", np.ascontiguousarray(values).tobytes()
        try:
            texts = column if types.is_large_binary(kind) or types.is_binary(kind) else column.cast(pa.large_string())
            cells = texts.to_pylist()
        except pa.ArrowException:
            cells = [repr(cell) for cell in column.to_pylist()]
        cells = [cell for cell in cells if cell is not None]
        yield f"column {name!r}", b"\n".join(c if isinstance(c, bytes) else str(c).encode() for c in cells)
        for cell in cells:
            if isinstance(cell, bytes) and cell.startswith(MAGIC):
                yield f"cell of column {name!r}", cell


def _sqlite(data: bytes) -> Iterator[Part]:
    """Live cells, and the pages without the numbers that join them, where deleted cells may still lie."""
    size = int.from_bytes(data[16:18], "big")
    yield "joined pages", _joined(data, 65536 if size == 1 else size, 0, 0)
    try:
        cells = list(_cells(data))
    except _DAMAGED:
        yield "a damaged database", None
        return
    yield "cells", b"\n".join(cells)
    for cell in cells:
        if cell.startswith(MAGIC):
            yield "cell", cell


def _cells(data: bytes) -> Iterator[bytes]:
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(data[:18] + b"\x01\x01" + data[20:])  # as if it had no write-ahead log
        connection.text_factory = bytes
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            quoted = '"' + name.decode("utf-8", "surrogateescape").replace('"', '""') + '"'
            for row in connection.execute(f"SELECT * FROM {quoted}"):  # noqa: S608 - a name out of this database
                for value in row:
                    if isinstance(value, bytes):
                        yield value
                    elif isinstance(value, float):
                        yield struct.pack("<d", value) + repr(value).encode()
                    elif isinstance(value, int):
                        yield struct.pack("<q", value) + str(value).encode()
    finally:
        connection.close()


def _log_pages(data: bytes) -> bytes:
    """Pages of a write-ahead log, whose frames begin with 24 bytes of their own."""
    size = int.from_bytes(data[8:12], "big")
    return _joined(data, size, 32, 24)


def _joined(data: bytes, size: int, start: int, frame: int) -> bytes:
    """Pages one after the other, without the four bytes that join pages over which a long cell runs."""
    if size < 512:
        return b""
    places = range(start, len(data), size + frame)
    return b"".join(data[place + frame + 4 : place + frame + size] for place in places)


def _runs(data: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of all stretches of 24 letters of base64 or more, padding not included."""
    raw, start = np.frombuffer(data, dtype=np.uint8), 0
    while start < len(raw):
        block = raw[start : start + 2**22]
        others = np.flatnonzero(~_LETTERS[block])
        ends = others if start + len(block) < len(raw) else np.append(others, len(block))
        begins = np.concatenate([[0], others + 1])[: len(ends)]
        for at in np.flatnonzero(ends - begins >= _LONG_RUN).tolist():
            yield start + int(begins[at]), start + int(ends[at])
        if start + len(block) == len(raw):
            return
        if len(others):
            start += int(others[-1]) + 1  # what came after the last other byte goes on in the next block
        else:  # one run longer than a block
            found = _RUN.match(data, start)
            end = start + len(block) if found is None else found.end()
            yield start, end
            start = end


def _decoded_runs(data: bytes, runs: list[tuple[int, int]]) -> Iterator[Part]:
    """Long runs of base64 or hex, decoded: of what was packed before, and of short numbers, no needle occurs there.

    Other letters may stand directly before, so base64 is decoded from each of its first four places.
    """
    decoded = []
    for begin, end in runs:
        run = data[begin:end]
        texts = [run[skip:].replace(b"-", b"+").replace(b"_", b"/") for skip in range(4)]
        parts = [_of_base64(text[: len(text) - (len(text) % 4 == 1)]) for text in texts]  # one letter alone is no byte
        if _HEX.fullmatch(run):
            parts += [binascii.unhexlify(run[skip : len(run) - (len(run) - skip) % 2]) for skip in range(2)]
        decoded += parts
        for part in parts:
            for magic in _PACKED:
                if (at := part.find(magic, 0, 64)) >= 0:
                    yield "base64 or hex", part[at:]
    if decoded:
        yield "base64 or hex", b"\n\0\n".join(decoded)


def _of_base64(text: bytes) -> bytes:
    with contextlib.suppress(binascii.Error, ValueError):
        return base64.b64decode(text + b"=" * (-len(text) % 4))
    return b""
