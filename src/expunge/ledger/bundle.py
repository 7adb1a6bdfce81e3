"""Bundles: a receipt as it travels, with its place in the log and a signed head beside it.

One file of canonical JSON, schema 1::

    {"entry": the log's entry, "envelope": the signed receipt, "head": the signed head,
     "proof": {"index": place of the entry, "path": [hashes]}, "rotations": [envelopes], "schema": 1}

The hash of the entry is a leaf of the tree, and the entry holds the SHA-256 of the envelope; the proof leads from the
leaf to the root in the head. So every byte hangs on a signature.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from expunge.errors import InvalidParameterError
from expunge.ledger import canonical_json
from expunge.ledger.fields import check_count, check_hashes, reading_fields
from expunge.ledger.heads import SignedHead
from expunge.ledger.log import Log
from expunge.ledger.receipts import envelope_hash

__all__ = ["Bundle"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bundle:
    """A receipt with its proof, not yet verified: see :func:`expunge.ledger.verify.verify_bundle`.

    Parameters
    ----------
    envelope : bytes
        What :func:`expunge.ledger.receipts.seal` returned.
    entry : bytes
        The log's entry of kind ``receipt``.
    index : int
        Its place in the log, from 0.
    path : tuple of bytes
        Inclusion proof for the size of the head.
    head : bytes
        Envelope of the signed head.
    rotations : tuple of bytes
        Envelopes that lead from older keys to the one that signed, oldest first.
    schema : int
        Of this form of the record.
    """

    envelope: bytes
    entry: bytes
    index: int
    path: tuple[bytes, ...]
    head: bytes
    rotations: tuple[bytes, ...] = ()
    schema: int = 1

    newest: ClassVar[int] = 1

    @classmethod
    def make(cls, envelope: bytes, log: Log, index: int, head: SignedHead, rotations: Sequence[bytes] = ()) -> Bundle:
        """The bundle of an envelope whose entry stands at a place of the log that a head sums up.

        Raises
        ------
        InvalidParameterError
            If the entry at that place is not that of the envelope, or the head is older than the entry.
        """
        entry = log.entry(index)
        if (entry.kind, entry.fields.get("envelope")) != ("receipt", envelope_hash(envelope)):
            raise InvalidParameterError(
                f"Entry {index} of the log is not that of this receipt.", hint="See Log.append."
            )
        path = tuple(log.tree.inclusion_proof(index, head.size))
        return cls(
            envelope=envelope, entry=entry.to_bytes(), index=index, path=path, head=head.envelope,
            rotations=tuple(rotations),
        )  # fmt: skip

    def to_bytes(self) -> bytes:
        """The file."""
        return canonical_json.encode(
            {
                "entry": canonical_json.decode(self.entry),
                "envelope": canonical_json.decode(self.envelope),
                "head": canonical_json.decode(self.head),
                "proof": {"index": self.index, "path": [step.hex() for step in self.path]},
                "rotations": [canonical_json.decode(rotation) for rotation in self.rotations],
                "schema": self.schema,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Bundle:
        """Read the file; nothing is verified but its form.

        Raises
        ------
        TamperedError
            If the bytes are not those that :meth:`to_bytes` gives.
        NewerFormatError
            If a later version wrote it.
        """
        with reading_fields(data, _FIELDS, cls.newest, "The bundle") as (value, number):
            bundle = cls(
                envelope=canonical_json.encode(value["envelope"]),
                entry=canonical_json.encode(value["entry"]),
                index=check_count(value["proof"]["index"], "index"),
                path=check_hashes(value["proof"]["path"]),
                head=canonical_json.encode(value["head"]),
                rotations=tuple(canonical_json.encode(rotation) for rotation in value["rotations"]),
                schema=number,
            )
            if bundle.to_bytes() != data:
                raise InvalidParameterError("a field is not of its form.")
            return bundle


_FIELDS = {"entry", "envelope", "head", "proof", "rotations", "schema"}
