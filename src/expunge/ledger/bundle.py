"""Bundles: a receipt as it travels, with its place in the log and a signed head beside it.

One file of canonical JSON, schema 1::

    {"entry": the log's entry, "envelope": the signed receipt, "head": the signed head,
     "proof": {"index": place of the entry, "path": [hashes]}, "rotations": [envelopes], "schema": 1}

The hash of the entry is a leaf of the tree; the entry holds the SHA-256 of the envelope; the proof leads from the leaf to
the root in the head. So every byte hangs on a signature.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from expunge.ledger.heads import SignedHead
from expunge.ledger.log import Log

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
        Its place in the log.
    path : tuple of bytes
        Inclusion proof for the size of the head.
    head : bytes
        Envelope of the signed head.
    rotations : tuple of bytes
        Envelopes that lead from older keys to the one that signed, oldest first.
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
        """The bundle of an envelope whose entry stands at a place of the log that a head sums up."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """The file."""
        raise NotImplementedError

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
        raise NotImplementedError
