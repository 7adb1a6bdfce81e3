"""Consistency proofs as files, for outsiders who keep heads and cannot read the log.

Canonical JSON, schema 1: ``{"new": size, "old": size, "path": [hashes], "schema": 1}``. Nothing in it is signed, for
nothing needs to be: with the two signed heads it either proves that the log of the new one begins with the entries of
the old one, or nothing.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from expunge.ledger import canonical_json
from expunge.ledger.fields import check_count, check_hashes, reading_fields
from expunge.ledger.log import Log

__all__ = ["ConsistencyProof"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConsistencyProof:
    """That a log of ``new`` entries begins with the first ``old`` ones.

    Parameters
    ----------
    old, new : int
        Numbers of entries.
    path : tuple of bytes
        Hashes (RFC 9162, 2.1.4).
    schema : int
        Of this form of the record.
    """

    old: int
    new: int
    path: tuple[bytes, ...]
    schema: int = 1

    newest: ClassVar[int] = 1

    @classmethod
    def make(cls, log: Log, old: int, new: int | None = None) -> ConsistencyProof:
        """The proof for two sizes of a log; the second is its present one if not given.

        Raises
        ------
        InvalidParameterError
            If the log never had these sizes, or the old one is the larger.
        """
        new = len(log) if new is None else new
        return cls(old=old, new=new, path=tuple(log.tree.consistency_proof(old, new)))

    def to_bytes(self) -> bytes:
        """The file."""
        path = [step.hex() for step in self.path]
        return canonical_json.encode({"new": self.new, "old": self.old, "path": path, "schema": self.schema})

    @classmethod
    def from_bytes(cls, data: bytes) -> ConsistencyProof:
        """Read the file.

        Raises
        ------
        TamperedError
            If the bytes are not those that :meth:`to_bytes` gives.
        NewerFormatError
            If a later version wrote it.
        """
        what = "The consistency proof"
        with reading_fields(data, ("new", "old", "path", "schema"), cls.newest, what) as (value, number):
            return cls(
                old=check_count(value["old"], "old"), new=check_count(value["new"], "new"),
                path=check_hashes(value["path"]), schema=number,
            )  # fmt: skip
