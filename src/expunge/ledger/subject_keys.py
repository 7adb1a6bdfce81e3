"""The file of one key per person: made ahead, given out by number, shredded one by one.

Keys are random and do not depend on the person, so they are made in blocks before anybody needs them: a request costs
no write here. Which person has which number stands in the database of the workspace, in the transaction of the
request, and is deleted there when the person is forgotten. To shred a key is to overwrite its place in the file and to
flush that to the disk; every pseudonym and sealed text made with it is noise from then on.

The file is a header of 64 bytes and 64 bytes for each number: the key, and the SHA-256 of ``number (8 bytes,
little-endian) || key``. A key of zeros, with its SHA-256, is a shredded one. No place crosses a sector of a disk, so
each is written whole or not at all. 64 zeros are a place whose block was being made when the power went: nobody had it
yet, and :meth:`SubjectKeys.reserve` fills it.

Overwriting reaches the file, not what the storage keeps behind it: file systems that copy on write, snapshots, spare
flash cells and backups may hold the old bytes. Keep the file on plain storage, and out of backups that outlive it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Literal

from expunge.errors import FileNotUsableError, InvalidParameterError, NewerFormatError, ShreddedKeyError, TamperedError
from expunge.ledger.secret_files import check_mode, write_private

__all__ = ["SubjectKeys"]

_PLACE = 64
_BLOCK = 1024
_ZEROS = bytes(32)
_HEADER = re.compile(rb"expunge subject keys (\d+)\n\0+")


class SubjectKeys:
    """Keys of persons, by number.

    Parameters
    ----------
    path : path
        The file; :meth:`create` makes it. One process at a time may write to it.

    Raises
    ------
    FileNotUsableError
        If it is missing, or others can read it.
    TamperedError, NewerFormatError
        If it is no such file, or one of a later version.

    Notes
    -----
    Making costs 64 bytes for each key and one flush for each 1,024; shredding one flush for all keys of a call.

    Examples
    --------
    >>> import tempfile
    >>> keys = SubjectKeys.create(Path(tempfile.mkdtemp()) / "subjects.keys")
    >>> keys.reserve(2)
    >>> len(keys.key(0)), keys.key(0) == keys.key(1)
    (32, False)
    >>> keys.shred([0])
    >>> keys.is_shredded(0), keys.is_shredded(1)
    (True, False)
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._whole = False  # whether the last block was looked at
        self._there = 0  # so many keys at least
        with self._open("rb") as stream:
            header = stream.read(_PLACE)
        found = _HEADER.fullmatch(header)
        if not found or len(header) != _PLACE:
            raise TamperedError(f"{str(path)!r} holds no keys of persons.", hint="Restore it from a copy.")
        if found[1] != b"1":
            raise NewerFormatError(
                f"{str(path)!r} has format {found[1].decode()}; this version reads 1.", hint="Update expunge."
            )

    @classmethod
    def create(cls, path: str | Path) -> SubjectKeys:
        """Make a file without keys that only its owner reads.

        Raises
        ------
        FileNotUsableError
            If it is there already or cannot be written.
        """
        write_private(path, b"expunge subject keys 1\n".ljust(_PLACE, b"\0"))
        return cls(path)

    def __len__(self) -> int:
        """How many numbers there are, from 0, those of shredded keys included."""
        with self._open("rb") as stream:
            return _count(stream)

    def reserve(self, count: int) -> None:
        """Make sure that there are keys for the numbers below a count, in blocks of 1,024; most calls do nothing.

        Raises
        ------
        FileNotUsableError
            If the disk is full; the keys that were there are unchanged.
        """
        if self._whole and count <= self._there:
            return  # the file never gets shorter
        with self._open("r+b") as stream:
            there = _count(stream)
            if not self._whole and there:
                first = max(0, there - _BLOCK)
                block = _read(stream, first, there)
                empty = [n for n in range(first, there) if not any(block[(n - first) * _PLACE :][:_PLACE])]
                for number in empty:
                    _write(stream, number, _place(number, secrets.token_bytes(32)))
                _flush(stream)
            self._whole = True
            while there < count:
                keys = secrets.token_bytes(32 * _BLOCK)
                places = [_place(there + i, keys[32 * i : 32 * i + 32]) for i in range(_BLOCK)]
                self._whole = False
                _write(stream, there, b"".join(places))
                _flush(stream)
                self._whole = True
                there += _BLOCK
            self._there = there

    def key(self, number: int) -> bytes:
        """A key, 32 bytes.

        Raises
        ------
        InvalidParameterError
            If there is no such number.
        ShreddedKeyError
            If it was shredded.
        TamperedError
            If its bytes were changed.
        """
        return self.keys([number])[0]

    def keys(self, numbers: Sequence[int]) -> list[bytes]:
        """Some keys, each as :meth:`key` gives it; the file is opened once.

        Raises
        ------
        ShreddedKeyError
            One of the keys was shredded.
        """
        found = self._raw(numbers)
        for number, key in zip(numbers, found, strict=True):
            if key == _ZEROS:
                raise ShreddedKeyError(f"The key {number} was shredded.", hint="What it named is unlinked for good.")
        return found

    def is_shredded(self, number: int) -> bool:
        """Whether a key was shredded. Errors as :meth:`key`, but for that one."""
        return self._raw([number])[0] == _ZEROS

    def shred(self, numbers: Iterable[int]) -> None:
        """Destroy keys: they are overwritten and the disk has it when this returns. May be repeated.

        Raises
        ------
        InvalidParameterError
            If there is no such number; nothing is shredded then.
        FileNotUsableError
            If it cannot be written; some may be shredded then, and the call must be repeated.
        """
        chosen = list(numbers)
        with self._open("r+b") as stream:
            there = _count(stream)
            for number in chosen:
                _check_number(number, there)
            for number in sorted(set(chosen)):
                _write(stream, number, _place(number, _ZEROS))
            _flush(stream)

    def _raw(self, numbers: Sequence[int]) -> list[bytes]:
        with self._open("rb") as stream:
            there = _count(stream)
            for number in numbers:
                _check_number(number, there)
            places = [_read(stream, number, number + 1) for number in numbers]
        for number, place in zip(numbers, places, strict=True):
            if place != _place(number, place[:32]):
                raise TamperedError(
                    f"The key {number} in {str(self.path)!r} was changed.", hint="Restore it from a copy."
                )
        return [place[:32] for place in places]

    @contextlib.contextmanager
    def _open(self, mode: Literal["rb", "r+b"]) -> Iterator[BinaryIO]:
        try:
            with open(self.path, mode, buffering=0) as stream:
                check_mode(self.path, os.fstat(stream.fileno()).st_mode)
                yield stream
        except FileNotUsableError:
            raise
        except OSError as error:
            verb = "read" if mode == "rb" else "write"
            raise FileNotUsableError(
                f"Cannot {verb} {str(self.path)!r}: {error.strerror or error}.", hint="Check the disk and the folder."
            ) from error


def _place(number: int, key: bytes) -> bytes:
    return key + hashlib.sha256(number.to_bytes(8, "little") + key).digest()


def _count(stream: BinaryIO) -> int:
    return (os.fstat(stream.fileno()).st_size - _PLACE) // _PLACE


def _read(stream: BinaryIO, first: int, end: int) -> bytes:
    stream.seek(_PLACE * (1 + first))
    return stream.read(_PLACE * (end - first))


def _write(stream: BinaryIO, number: int, data: bytes) -> None:
    stream.seek(_PLACE * (1 + number))
    while data:
        written = stream.write(data)
        if not written:
            raise OSError("nothing was written")
        data = data[written:]


def _flush(stream: BinaryIO) -> None:
    os.fsync(stream.fileno())


def _check_number(number: int, there: int) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < there:
        raise InvalidParameterError(f"There is no key {number!r}; there are {there}.", hint="See reserve.")
