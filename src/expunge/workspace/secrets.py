"""The secrets of a workspace, in files that only the owner reads, outside of the database.

``salt`` (128 bits) makes the places of records unpredictable; ``index.key`` names chunks, makes handles and seals rows;
``tombstone.key`` is for the guard against what was forgotten and comes again; ``subjects.keys`` holds one key for each
subject that ever had a request, until it is shredded. The key that signs stands beside them, unless it is kept elsewhere.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO

from expunge.errors import TamperedError
from expunge.files.whole import write_whole
from expunge.ledger import pseudonyms
from expunge.ledger.secret_files import create_secret, private_folder, read_secret
from expunge.workspace import faults

__all__ = ["KeyPool", "Secrets"]

#: Keys made at a time: so many requests are accepted without another write to the file.
POOL = 4096

_LENGTHS = {"salt": 16, "index.key": 32, "tombstone.key": 32}
_ROW = 8 + 32


class Secrets:
    """Keys of a workspace and what is derived from them.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._held = {name: read_secret(folder / name, length) for name, length in _LENGTHS.items()}
        self.index_key = self._held["index.key"]
        self.pool = KeyPool(folder / "subjects.keys")

    @classmethod
    def make(cls, folder: Path) -> Secrets:
        """New secrets in a new folder; what is there already stays."""
        private_folder(folder)
        for name, length in _LENGTHS.items():
            if not (folder / name).exists():
                create_secret(folder / name, length)
        return cls(folder)

    def derived(self, purpose: str) -> bytes:
        """A key of its own for each purpose, 32 bytes."""
        return hmac.digest(self.index_key, b"purpose\0" + purpose.encode(), "sha256")

    def handle(self, kind: pseudonyms.Kind, value: Any) -> bytes:
        """Keyed hash of an id, 16 bytes: what the database knows instead of it."""
        return pseudonyms.handle(self.index_key, kind, value)

    def tombstone(self, kind: pseudonyms.Kind, value: Any, data: str = "") -> bytes:
        """Keyed hash of an id under the key of tombstones, 32 bytes; of a record within its data set."""
        key = self._held["tombstone.key"]
        return pseudonyms.tombstone(hmac.digest(key, data.encode(), "sha256") if data else key, kind, value)

    def seed(self, purpose: str) -> int:
        """A seed of 128 bits that nobody can guess."""
        return int.from_bytes(hmac.digest(self._held["salt"], purpose.encode(), "sha256")[:16], "big")


class KeyPool:
    """Numbered random keys in one file, made ahead; shredding one rewrites the file without it.

    The database says which number belongs to whom. Only a process that holds the database's write lock writes.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: dict[int, bytes] | None = None
        self._stamp: tuple[int, int] | None = None

    def _all(self) -> dict[int, bytes]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return {}
        stamp = (status.st_mtime_ns, status.st_ino)
        if self._keys is None or stamp != self._stamp:
            data = self._path.read_bytes()
            if len(data) % _ROW:
                raise TamperedError(f"{str(self._path)!r} is cut off.", hint="Restore it from a copy.")
            rows = (data[at : at + _ROW] for at in range(0, len(data), _ROW))
            self._keys = {int.from_bytes(row[:8], "big"): row[8:] for row in rows}
            self._stamp = stamp
        return self._keys

    def key(self, number: int) -> bytes:
        """The key of a number.

        Raises
        ------
        TamperedError
            It was shredded, or the file is not the one that belongs to the database.
        """
        found = self._all().get(number)
        if found is None:
            raise TamperedError(f"{str(self._path)!r} has no key {number}.", hint="Restore it from a copy.")
        return found

    def reserve(self, count: int) -> None:
        """Have the keys 0 to ``count`` - 1, durably; most calls do nothing."""
        held = self._all()
        top = max(held, default=-1) + 1
        if count > top:
            new = range(top, max(count, top + POOL))
            self._write({**held, **{number: secrets.token_bytes(32) for number in new}})

    def shred(self, numbers: Collection[int]) -> None:
        """Destroy keys. May be repeated."""
        held, gone = self._all(), set(numbers)
        keep = {number: key for number, key in held.items() if number not in gone}
        if len(keep) < len(held):
            self._write(keep)

    def numbers(self) -> set[int]:
        """Numbers of the keys there are."""
        return set(self._all())

    def _write(self, keys: dict[int, bytes]) -> None:
        def write(stream: BinaryIO) -> None:
            stream.write(b"".join(number.to_bytes(8, "big") + key for number, key in sorted(keys.items())))

        write_whole(self._path, write)
        faults.at("keys-file-renamed")
        os.chmod(self._path, 0o600)
        self._keys = None
