"""The secrets of a workspace, in files that only the owner reads, outside of the database.

``salt`` (128 bits) makes the places of records unpredictable; ``index.key`` names chunks, makes handles and seals rows;
``tombstone.key`` is for the guard against what was forgotten and comes again; ``subjects.keys`` holds one key for each
subject with an open request, until it is shredded. The key that signs stands beside them, unless it is kept elsewhere.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Any

from expunge.ledger import pseudonyms
from expunge.ledger.secret_files import create_secret, private_folder, read_secret
from expunge.ledger.subject_keys import SubjectKeys

__all__ = ["Secrets"]

_LENGTHS = {"salt": 16, "index.key": 32, "tombstone.key": 32}


class Secrets:
    """Keys of a workspace and what is derived from them.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._held = {name: read_secret(folder / name, length) for name, length in _LENGTHS.items()}
        self.index_key = self._held["index.key"]
        self._derived: dict[str, bytes] = {}
        self.pool = SubjectKeys(folder / "subjects.keys")

    @classmethod
    def make(cls, folder: Path) -> Secrets:
        """New secrets in a new folder; what is there already stays."""
        private_folder(folder)
        for name, length in _LENGTHS.items():
            if not (folder / name).exists():
                create_secret(folder / name, length)
        if not (folder / "subjects.keys").exists():
            SubjectKeys.create(folder / "subjects.keys")
        return cls(folder)

    def derived(self, purpose: str) -> bytes:
        """A key of its own for each purpose, 32 bytes."""
        made = self._derived.get(purpose)
        if made is None:
            made = hmac.digest(self.index_key, b"purpose\0" + purpose.encode(), "sha256")
            self._derived[purpose] = made
        return made

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
