"""Signed heads: how many entries the log has and their root, signed, for outsiders to keep.

Whoever keeps one can later ask for a consistency proof: the entries that it sums up must still be there, unchanged and
in the same order. A log that was rewritten and signed again cannot give one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from expunge.errors import TamperedError
from expunge.ledger import canonical_json, dsse, merkle
from expunge.ledger.fields import check_count, check_hash, check_time, reading_fields
from expunge.ledger.keys import PublicKeys, Signer

__all__ = ["HEAD_TYPE", "SignedHead", "check_extends", "sign_head"]

#: Payload type of a signed head.
HEAD_TYPE = "application/vnd.expunge.head+json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SignedHead:
    """Size and root of the log at a time, and the envelope that says so.

    Parameters
    ----------
    size : int
        Number of entries.
    root : str
        Root of the tree, 64 hexadecimal digits.
    time : str
        When it was signed, by the clock of who signed.
    key_id : str
        Who signed.
    envelope : bytes
        The DSSE envelope: what is stored and handed out.
    schema : int
        Of this form of the record.
    """

    size: int
    root: str
    time: str
    key_id: str
    envelope: bytes
    schema: int = 1

    newest: ClassVar[int] = 1

    @classmethod
    def from_bytes(cls, data: bytes, keys: PublicKeys, *, what: str = "The signed head") -> SignedHead:
        """Read a head and verify its signature.

        Raises
        ------
        TamperedError
            If a byte differs from what was signed, or none of the keys signed it.
        NewerFormatError
            If a later version wrote it.
        """
        payload, (key_id, *_) = dsse.open_envelope(data, keys, kind=HEAD_TYPE, what=what)
        with reading_fields(payload, ("root", "schema", "size", "time"), cls.newest, what) as (value, number):
            return cls(
                size=check_count(value["size"], "size"), root=check_hash(value["root"], "root"),
                time=check_time(value["time"], "time"), key_id=key_id, envelope=bytes(data), schema=number,
            )  # fmt: skip

    def to_bytes(self) -> bytes:
        """The envelope."""
        return self.envelope


def sign_head(size: int, root: bytes, *, time: str, signer: Signer) -> SignedHead:
    """Sign size and root of a log.

    Raises
    ------
    InvalidParameterError
        If one of them is not of its form.
    """
    fields = {
        "size": check_count(size, "size"), "root": check_hash(root.hex(), "root"), "time": check_time(time, "time"),
    }  # fmt: skip
    envelope = dsse.seal(HEAD_TYPE, canonical_json.encode({**fields, "schema": SignedHead.newest}), [signer])
    return SignedHead(size=size, root=root.hex(), time=time, key_id=signer.key_id, envelope=envelope)


def check_extends(old: SignedHead, new: SignedHead, proof: Sequence[bytes]) -> None:
    """Refuse unless the log of the new head begins with the entries of the old one.

    Parameters
    ----------
    old, new : SignedHead
        Verified heads.
    proof : sequence of bytes
        Consistency proof from the size of the old one to that of the new one.

    Raises
    ------
    TamperedError
        If the log has lost entries or an entry below the old size was changed, or the proof is not one.
    """
    if new.size < old.size:
        raise TamperedError(
            f"The log has {new.size} entries, but had {old.size} on {old.time}: entries were taken out.",
            hint="Ask who keeps the log.",
        )
    roots = bytes.fromhex(old.root), bytes.fromhex(new.root)
    if not old.size and roots[0] == merkle.EMPTY_ROOT:
        return
    if not merkle.verify_consistency(old.size, new.size, proof, *roots):
        raise TamperedError(
            f"The first {old.size} entries of the log are not those that were signed on {old.time}.",
            hint="The log was rewritten, or the proof belongs to other heads; ask who keeps it.",
        )
