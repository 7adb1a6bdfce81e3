"""Names for persons and records that mean nothing without a key, and nothing at all once the key is gone.

Everything here is a keyed hash (HMAC-SHA-256) of the *typed id*, which keeps 17 and ``"17"`` apart, with a word for the
purpose in front, so that no value made for one purpose can be compared with one made for another:

=================== =================================== ==============================================================
:func:`handle`      index key of the workspace          finds rows; stands in the database, never in the log
:func:`pseudonym`   key of the person, shredded later   stands in log entries
:func:`tombstone`   tombstone key of the workspace      says "forgotten, do not let in again"; in one sorted table
:func:`caller_key`  index key of the workspace          recognises a repeated idempotency key
=================== =================================== ==============================================================

:func:`seal` keeps what must be read again while a request is open (the id itself), under the key of the person, so that
shredding the key destroys it too.
"""

from __future__ import annotations

import hashlib
import hmac
import operator
import secrets
from typing import Any, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from expunge.errors import InvalidIdError, InvalidParameterError, TamperedError

__all__ = ["Kind", "caller_key", "handle", "pseudonym", "seal", "tombstone", "typed_id", "unseal"]

Kind = Literal["record", "subject"]

_NONCE = 12


def typed_id(value: Any) -> bytes:
    """An id with its type in front.

    Parameters
    ----------
    value : int or str
        Integers of NumPy count as integers.

    Raises
    ------
    InvalidIdError
        For booleans, floats, integers beyond 64 bits and everything else.

    Examples
    --------
    >>> typed_id(17), typed_id("17")
    (b'i17', b's17')
    """
    if isinstance(value, str):
        return b"s" + value.encode("utf-8", "surrogatepass")
    if not isinstance(value, (bool, float)) and "bool" not in type(value).__name__ and hasattr(value, "__index__"):
        number = operator.index(value)
        if -(2**63) <= number < 2**63:
            return b"i%d" % number
    raise InvalidIdError(f"{value!r} of type {type(value).__name__} is no id.", hint="Use an integer or a text.")


def handle(index_key: bytes, kind: Kind, value: Any) -> bytes:
    """What the database knows a record or person by, 16 bytes. Whoever has the index key can try ids."""
    return _keyed(index_key, b"handle", kind, value)[:16]


def pseudonym(subject_key: bytes, kind: Kind, value: Any) -> str:
    """What the log knows a record or person by, 64 hexadecimal digits: nothing, once the key is shredded."""
    return _keyed(subject_key, b"pseudonym", kind, value).hex()


def tombstone(tombstone_key: bytes, kind: Kind, value: Any) -> bytes:
    """What keeps a forgotten record or person from coming back, 32 bytes. Whoever has the key can try ids."""
    return _keyed(tombstone_key, b"tombstone", kind, value)


def caller_key(index_key: bytes, caller: str, key: str) -> bytes:
    """An idempotency key of a caller, as it is stored, 32 bytes."""
    name = caller.encode("utf-8", "surrogatepass")
    text = b"caller\0%d\0%s%s" % (len(name), name, key.encode("utf-8", "surrogatepass"))
    return hmac.digest(_checked(index_key), text, hashlib.sha256)


def seal(subject_key: bytes, text: bytes, *, context: bytes = b"") -> bytes:
    """Encrypt a text under the key of a person (ChaCha20-Poly1305, random nonce).

    Parameters
    ----------
    subject_key : bytes
        32 bytes.
    text : bytes
    context : bytes
        Where the text belongs, the request's id say; unsealing elsewhere fails.
    """
    nonce = secrets.token_bytes(_NONCE)
    return nonce + ChaCha20Poly1305(_sealing(subject_key)).encrypt(nonce, text, context)


def unseal(subject_key: bytes, sealed: bytes, *, context: bytes = b"") -> bytes:
    """The text that was sealed.

    Raises
    ------
    TamperedError
        If a byte was changed, or the key or the context is another.
    """
    try:
        return ChaCha20Poly1305(_sealing(subject_key)).decrypt(sealed[:_NONCE], sealed[_NONCE:], context)
    except (InvalidTag, ValueError) as error:
        raise TamperedError("A sealed text was changed, or sealed with another key.", hint="Restore a copy.") from error


def _keyed(key: bytes, purpose: bytes, kind: str, value: Any) -> bytes:
    if kind not in ("record", "subject"):
        raise InvalidParameterError(f"There is no id of a {kind!r}.", hint="It is of a record or a subject.")
    text = b"%s\0%s\0%s" % (purpose, kind.encode("ascii"), typed_id(value))
    return hmac.digest(_checked(key), text, hashlib.sha256)


def _sealing(subject_key: bytes) -> bytes:
    return hmac.digest(_checked(subject_key), b"sealing key", hashlib.sha256)


def _checked(key: bytes) -> bytes:
    if len(key) != 32:
        raise InvalidParameterError(f"A key has 32 bytes, got {len(key)}.", hint="See secret_files.create_secret.")
    return key
