"""Texts and mixed cells as two plain arrays: all bytes behind each other, and where each cell ends.

A cell is a tag byte and a payload: ``s`` UTF-8 text, ``i`` decimal integer, ``f`` eight bytes of a little-endian
float64, ``t``/``u`` true and false, ``n`` None, ``a`` pandas' NA. Nothing else can be a cell: data never becomes code.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError, TamperedError

__all__ = ["decode_cells", "encode_cells"]


def encode_cells(values: npt.NDArray[Any], *, column: object = None) -> dict[str, npt.NDArray[Any]]:
    """Encode an object array of any shape.

    Returns
    -------
    dict with ``bytes`` (uint8, all cells in C order) and ``ends`` (int64, one per cell)

    Raises
    ------
    InvalidDataError
        A cell that is not text, number, boolean or missing; the sentence names its column, place and type.
    """
    cells, encoded = values.ravel().tolist(), []
    if set(map(type, cells)) == {str}:  # as nearly always
        encoded, cells = [f"s{text}".encode("utf-8", "surrogatepass") for text in cells], []
    for i, value in enumerate(cells):
        cell = _encode(value)
        if cell is None:
            where = f"Column {column!r}, row {i}" if column is not None else f"Row {i // max(1, values[:1].size)}"
            raise InvalidDataError(
                f"{where}: a value of type {type(value).__name__} cannot be kept.", hint="Convert it to text or number."
            )
        encoded.append(cell)
    ends = np.cumsum([len(cell) for cell in encoded], dtype="<i8") if encoded else np.zeros(0, dtype="<i8")
    return {"bytes": np.frombuffer(b"".join(encoded), dtype=np.uint8), "ends": ends}


def _encode(value: object) -> bytes | None:
    if isinstance(value, str):
        return b"s" + value.encode("utf-8", "surrogatepass")
    if value is None:
        return b"n"
    if type(value).__name__ in ("NAType", "NaTType"):
        return b"a"
    if isinstance(value, (bool, np.bool_)):
        return b"t" if value else b"u"
    if isinstance(value, (int, np.integer)):
        return b"i" + str(int(value)).encode("ascii")
    if isinstance(value, (float, np.floating)):
        return b"f" + struct.pack("<d", float(value))
    return None


def decode_cells(arrays: dict[str, npt.NDArray[Any]], width: tuple[int, ...]) -> npt.NDArray[Any]:
    """The inverse of :func:`encode_cells`: an object array of shape (n, *width).

    Raises
    ------
    TamperedError
        The cells do not fit their bytes.
    """
    data, ends = arrays["bytes"].tobytes(), arrays["ends"].tolist()
    out = np.empty(len(ends), dtype=object)
    start = 0
    for i, end in enumerate(ends):
        if not start < end <= len(data):
            raise TamperedError("A text column's cells do not fit its bytes.")
        out[i] = _decode(data[start : start + 1], data[start + 1 : end])
        start = end
    return out.reshape(-1, *width) if width else out


def _decode(tag: bytes, payload: bytes) -> object:
    if tag == b"s":
        return payload.decode("utf-8", "surrogatepass")
    if tag == b"i":
        return int(payload)
    if tag == b"f":
        return float(struct.unpack("<d", payload)[0])
    if tag == b"a":
        import pandas as pd

        return pd.NA
    try:
        return {b"n": None, b"t": True, b"u": False}[tag]
    except KeyError:
        raise TamperedError(f"A cell has the unknown tag {tag!r}.") from None
