"""Digests that say nothing until they are opened: H(nonce || digest).

Whoever knows all records but one could guess that one, refit, and compare digests. So receipts and log entries hold a
*commitment* to each digest, SHA-256 of a random nonce and the digest, 32 bytes each. Nonce and digest are kept for an
auditor, to whom they open the commitment; once the nonce is destroyed, nobody can test a guess any more.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

from expunge.errors import InvalidParameterError

__all__ = ["blind", "digest_of_set", "opens"]


def blind(digest: str | bytes, nonce: bytes | None = None) -> tuple[str, bytes]:
    """Commit to a digest.

    Parameters
    ----------
    digest : str or bytes
        32 bytes, or 64 hexadecimal digits.
    nonce : bytes, optional
        32 random bytes; made if not given.

    Returns
    -------
    commitment : str
        64 hexadecimal digits, for receipts.
    nonce : bytes
        To keep, or to destroy.

    Raises
    ------
    InvalidParameterError
        The nonce has not 32 bytes.
    """
    raw = _raw(digest)
    nonce = secrets.token_bytes(32) if nonce is None else nonce
    if len(nonce) != 32:
        raise InvalidParameterError(f"A nonce has 32 bytes, got {len(nonce)}.", hint="Leave it out to have one made.")
    return hashlib.sha256(nonce + raw).hexdigest(), nonce


def opens(commitment: str, nonce: bytes, digest: str | bytes) -> bool:
    """Whether nonce and digest are those of a commitment."""
    return blind(digest, nonce)[0] == commitment


def digest_of_set(handles: Iterable[bytes]) -> bytes:
    """Digest of a set of pseudonyms of records, in whatever order they come; to be blinded before it is shown.

    ``SHA-256(number of handles, 8 bytes little-endian || the handles, sorted)``; all handles have one length. 32 bytes.

    Raises
    ------
    InvalidParameterError
        The handles have several lengths.
    """
    found = sorted(handles)
    if len({len(one) for one in found}) > 1:
        raise InvalidParameterError("Handles of several lengths.", hint="Take all of one kind.")
    return hashlib.sha256(len(found).to_bytes(8, "little") + b"".join(found)).digest()


def _raw(digest: str | bytes) -> bytes:
    try:
        raw = bytes.fromhex(digest) if isinstance(digest, str) else bytes(digest)
    except ValueError as error:
        raise InvalidParameterError("This digest is not hexadecimal.", hint="Give 64 digits.") from error
    if len(raw) != 32:
        raise InvalidParameterError(f"A digest has 32 bytes, got {len(raw)}.", hint="Give a SHA-256.")
    return raw
