"""One file of named entries: a zip without compression, without dates, with a checksum for each entry.

The same entries always give the same bytes. Nothing is compressed, so that a search of the file's bytes is a search of
what it holds. Writing is atomic: a reader sees the old file or the new one, never half of one.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import FileNotUsableError, NewerFormatError, TamperedError
from expunge.files.migrations import migrated
from expunge.files.whole import read_whole, write_whole
from expunge.paths import check_path

__all__ = [
    "FORMAT",
    "archive_bytes",
    "archive_contents",
    "array_bytes",
    "array_from_bytes",
    "canonical_json",
    "read_archive",
    "write_archive",
]

#: Number of the file format. Files of every earlier number stay readable.
FORMAT = 1

_MANIFEST, _SEAL = "manifest.json", "manifest.sha256"


def write_archive(path: str | Path, manifest: Mapping[str, Any], entries: Mapping[str, bytes]) -> Path:
    """Write an archive atomically: a temporary file beside it, flushed to the disk, then renamed.

    Parameters
    ----------
    path : path
    manifest : dict
        JSON; the format number and the entries' checksums are added.
    entries : dict of str to bytes

    Raises
    ------
    FileNotUsableError
        There is no folder to write into, or a folder stands in the place.
    """
    path = check_path(path)
    data = archive_bytes(manifest, entries)
    if not path.parent.is_dir():
        raise FileNotUsableError(f"There is no folder {str(path.parent)!r}.", hint="Create it first.")
    if path.is_dir():
        raise FileNotUsableError(f"{str(path)!r} is a folder.", hint="Give the path of a file.")
    return write_whole(path, lambda stream: stream.write(data))


def archive_bytes(manifest: Mapping[str, Any], entries: Mapping[str, bytes]) -> bytes:
    """An archive as bytes; equal arguments give equal bytes."""
    checksums = {name: hashlib.sha256(data).hexdigest() for name, data in entries.items()}
    head = canonical_json({**manifest, "format": FORMAT, "entries": checksums})
    seal = hashlib.sha256(head).hexdigest().encode("ascii")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, data in [(_MANIFEST, head), (_SEAL, seal), *sorted(entries.items())]:
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), data)
    return stream.getvalue()


def read_archive(path: str | Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Read an archive, compare every checksum, and bring what an earlier version wrote to the form of today.

    Raises
    ------
    FileNotUsableError
        No such file.
    TamperedError
        Not such an archive, or an entry that is missing, added or changed; the sentence names it.
    NewerFormatError
        Written by a later version.
    """
    return archive_contents(read_whole(path), str(path))


def archive_contents(raw: bytes, path: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """As :func:`read_archive`, of bytes; ``path`` is for the sentence of an error.

    Raises
    ------
    TamperedError
        The bytes are no model file, or damaged ones.
    NewerFormatError
        A later version wrote it.
    """
    try:
        if not raw.startswith(b"PK\x03\x04") or raw[-22:-18] != b"PK\x05\x06" or raw[-2:] != b"\0\0":
            raise ValueError("something stands before or behind the archive")
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            names = archive.namelist()
            if min(entry.header_offset for entry in archive.infolist()):
                raise ValueError("the archive does not begin where the file does")
            if any(entry.compress_type or entry.file_size > len(raw) for entry in archive.infolist()):
                raise ValueError("an entry is compressed")  # we never compress; who does may hide a flood
            entries = {name: archive.read(name) for name in names}
        head, seal = entries.pop(_MANIFEST), entries.pop(_SEAL)
        manifest = json.loads(head)
        checksums: dict[str, str] = manifest.pop("entries")
        number = manifest.pop("format")
    except Exception as error:  # zipfile raises many kinds for a damaged file
        raise TamperedError(
            f"{path!r} is not a model file, or is damaged ({type(error).__name__}).",
            hint="Restore it from a copy.",
        ) from error
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise TamperedError(f"{path!r} has format {number!r}, which never was.", hint="Restore it from a copy.")
    if number > FORMAT:
        raise NewerFormatError(f"{path!r} has format {number}; this version reads up to {FORMAT}.", hint="Update.")
    wrong = [
        name
        for name in {*checksums, *entries}
        if name not in entries or hashlib.sha256(entries[name]).hexdigest() != checksums.get(name)
    ]
    if hashlib.sha256(head).hexdigest().encode("ascii") != seal:
        wrong.append(_MANIFEST)
    if wrong or len(names) != len(entries) + 2:
        what = sorted(wrong)[0] if wrong else "a repeated entry"
        raise TamperedError(f"{path!r} was changed: {what} is not what was written.", hint="Restore it from a copy.")
    return migrated(number, FORMAT, manifest, entries)


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and no spaces; floats keep every bit."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def array_bytes(array: npt.NDArray[Any]) -> bytes:
    """An array in NumPy's own file format, version 1, C order, without pickle."""
    stream = io.BytesIO()
    array = np.ascontiguousarray(array).reshape(array.shape)
    np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def array_from_bytes(data: bytes) -> npt.NDArray[Any]:
    """The inverse of :func:`array_bytes`; a pickle is never read.

    Raises
    ------
    TamperedError
        The bytes are no array of a type that is read.
    """
    try:
        array: npt.NDArray[Any] = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except ValueError as error:
        raise TamperedError(f"An array entry cannot be read: {error}.") from error
    return array
