"""Envelopes: a text, what kind of text it is, and signatures over both (DSSE, version 1).

What is signed is not the JSON around it but the *pre-authentication encoding* of kind and text::

    "DSSEv1" SP length(kind) SP kind SP length(text) SP text

so that a signed head can never be taken for a receipt. The envelope itself is canonical JSON: its payload and its
signatures in base64, and for each signature the key id.

References
----------
"DSSE: Dead Simple Signing Envelope", protocol.md and envelope.md of secure-systems-lab/dsse, version 1.0.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Sequence

from expunge.errors import TamperedError
from expunge.ledger import canonical_json
from expunge.ledger.fields import check_hash, reading
from expunge.ledger.keys import PublicKeys, Signer

__all__ = ["Envelope", "open_envelope", "pae", "seal"]


def pae(kind: str, payload: bytes) -> bytes:
    """The bytes that are signed.

    Examples
    --------
    >>> pae("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    name = kind.encode("utf-8")
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Envelope:
    """An envelope that was read, its signatures not yet compared.

    Parameters
    ----------
    kind : str
        The payload type.
    payload : bytes
        Canonical JSON.
    signatures : tuple of (str, bytes)
        Key id and Ed25519 signature, 64 bytes.
    """

    kind: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    def to_bytes(self) -> bytes:
        """The envelope as canonical JSON."""
        signatures = [{"keyid": key_id, "sig": _base64(signature)} for key_id, signature in self.signatures]
        return canonical_json.encode(
            {"payload": _base64(self.payload), "payloadType": self.kind, "signatures": signatures}
        )

    @classmethod
    def from_bytes(cls, data: bytes, *, kind: str, what: str = "This envelope") -> Envelope:
        """Read an envelope of a kind.

        Raises
        ------
        TamperedError
            If the bytes are not those that :meth:`to_bytes` gives, or of another kind.
        """
        value = canonical_json.decode(data, what=what)
        with reading(what):
            if set(value) != {"payload", "payloadType", "signatures"} or not value["signatures"]:
                raise TamperedError(f"{what} is no signed envelope.", hint=_HINT)
            signatures = []
            for entry in value["signatures"]:
                if set(entry) != {"keyid", "sig"}:
                    raise TamperedError(f"{what} has a signature with other fields than keyid and sig.", hint=_HINT)
                name = check_hash(entry["keyid"], "the id of a key")
                signatures.append((name, _unbase64(entry["sig"], f"A signature of {what}")))
            if len({name for name, _ in signatures}) < len(signatures):
                raise TamperedError(f"{what} has two signatures of one key.", hint=_HINT)
            payload = _unbase64(value["payload"], f"The payload of {what}")
            found = cls(kind=str(value["payloadType"]), payload=payload, signatures=tuple(signatures))
        if found.kind != kind:
            raise TamperedError(f"{what} is of the kind {found.kind!r}, not {kind!r}.", hint=_HINT)
        if found.to_bytes() != data:
            raise TamperedError(f"{what} is not in canonical form.", hint=_HINT)
        return found


def seal(kind: str, payload: bytes, signers: Sequence[Signer]) -> bytes:
    """Sign a payload with each signer; the envelope as canonical JSON."""
    message = pae(kind, payload)
    signatures = tuple((signer.key_id, signer.sign(message)) for signer in signers)
    return Envelope(kind=kind, payload=payload, signatures=signatures).to_bytes()


def open_envelope(data: bytes, keys: PublicKeys, *, kind: str, what: str = "This envelope") -> tuple[bytes, list[str]]:
    """Payload of an envelope, after every signature on it was found good.

    Returns
    -------
    payload : bytes
    key_ids : list of str
        Keys that signed it.

    Raises
    ------
    TamperedError
        If a byte differs from what was signed, or a key signed that was not given; the sentence says which. A
        signature that cannot be compared is refused too: nobody would notice if its bytes changed.
    """
    envelope = Envelope.from_bytes(data, kind=kind, what=what)
    message = pae(kind, envelope.payload)
    for key_id, signature in envelope.signatures:
        if key_id not in keys:
            raise TamperedError(
                f"{what} is signed with the key {key_id[:16]}, which is not among those given.",
                hint="Give the public key of who issued it. Signed with an earlier key? See public-*.pem. If it is "
                "that key, the file was changed.",
            )
        if not keys.verify(key_id, message, signature):
            raise TamperedError(
                f"{what} was changed: its text and the signature of the key {key_id[:16]} do not fit.", hint=_HINT
            )
    return envelope.payload, [key_id for key_id, _ in envelope.signatures]


_HINT = "Take the file as it was issued."


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unbase64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise TamperedError(f"{what} is no base64.", hint=_HINT) from error
