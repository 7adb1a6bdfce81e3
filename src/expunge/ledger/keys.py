"""Who signs and whom to believe: Ed25519 keys from a file, an environment variable or a key service.

A key's name is the SHA-256 of its public half in DER, so anybody can compute it::

    openssl pkey -pubin -in public.pem -outform DER | sha256sum
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from expunge.errors import InvalidParameterError
from expunge.files.whole import read_whole
from expunge.ledger.secret_files import read_private, write_private

__all__ = ["PublicKeys", "Signer", "generate"]

#: The environment variable that :meth:`Signer.from_env` reads unless told otherwise.
_ENVIRONMENT = "EXPUNGE_SIGNING_KEY"

_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----\s.*?-----END PUBLIC KEY-----", re.DOTALL)
_DER, _PEM_FORM = serialization.Encoding.DER, serialization.Encoding.PEM
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


def _key_id_of(public_key: Ed25519PublicKey) -> str:
    """Name of a key: SHA-256 of its DER (SubjectPublicKeyInfo), 64 hexadecimal digits."""
    return hashlib.sha256(public_key.public_bytes(_DER, _SPKI)).hexdigest()


def _pem_of(public_key: Ed25519PublicKey) -> bytes:
    """The public key as a PEM text."""
    return public_key.public_bytes(_PEM_FORM, _SPKI)


class Signer:
    """Something that signs, and the public key that says whether it did.

    Made by :meth:`from_file`, :meth:`from_env`, :meth:`from_callable` or :func:`generate`. The private key is never
    shown, printed or stored.

    Parameters
    ----------
    public_key : Ed25519PublicKey
    sign : callable (bytes) -> bytes
        Gives the signature, of 64 bytes.

    Attributes
    ----------
    key_id : str
        64 hexadecimal digits: SHA-256 of the public key.
    public_pem : bytes
        The public key as PEM, for outsiders.
    """

    def __init__(self, public_key: Ed25519PublicKey, sign: Callable[[bytes], bytes]) -> None:
        self.key_id = _key_id_of(public_key)
        self.public_pem = _pem_of(public_key)
        self._public_key = public_key
        self._sign = sign

    @classmethod
    def from_file(cls, path: str | Path, *, password: bytes | None = None) -> Signer:
        """A private key in a PEM file (PKCS 8) that only its owner reads.

        Parameters
        ----------
        path : path
        password : bytes, optional
            Of an encrypted file.

        Raises
        ------
        FileNotUsableError
            If it is missing, or others can read it.
        InvalidParameterError
            If it holds no Ed25519 key, or the password is wrong.
        """
        return cls._of_private(_private_key(read_private(path), f"{str(path)!r}", password))

    @classmethod
    def from_env(cls, name: str = _ENVIRONMENT, *, password: bytes | None = None) -> Signer:
        r"""A private key as PEM text in an environment variable; ``\n`` may stand for a new line.

        Raises
        ------
        InvalidParameterError
            If the variable is not set, or holds no Ed25519 key. Its value is never shown.
        """
        text = os.environ.get(name)
        if not text:
            raise InvalidParameterError(f"The environment variable {name} is not set.", hint="Put the PEM text there.")
        data = text.replace("\\n", "\n").encode("utf-8", "surrogateescape")
        return cls._of_private(_private_key(data, f"The environment variable {name}", password))

    @classmethod
    def from_callable(cls, public_key: bytes | str, sign: Callable[[bytes], bytes]) -> Signer:
        """A key that stays elsewhere, in a key service or a token.

        Parameters
        ----------
        public_key : bytes or str
            PEM text of the public key.
        sign : callable
            Takes the message as bytes, returns 64 bytes. Each signature is compared with the public key before use.
        """
        (key,) = _public_keys(public_key, exactly_one=True)
        return cls(key, sign)

    @classmethod
    def _of_private(cls, key: Ed25519PrivateKey) -> Signer:
        return cls(key.public_key(), key.sign)

    @property
    def public_keys(self) -> PublicKeys:
        """The public key alone, for verifying."""
        return PublicKeys(self._public_key)

    def sign(self, message: bytes) -> bytes:
        """Ed25519 signature of a message, 64 bytes.

        Raises
        ------
        InvalidParameterError
            If what was given to :meth:`from_callable` returns something else than a signature by its public key.
        """
        signature = bytes(self._sign(message))
        if not self.public_keys.verify(self.key_id, message, signature):
            raise InvalidParameterError(
                f"What was signed does not fit the public key {self.key_id[:16]}.", hint="Check the key of the service."
            )
        return signature

    def __repr__(self) -> str:
        return f"Signer({self.key_id[:16]})"


def generate(path: str | Path, *, password: bytes | None = None) -> Signer:
    """Make a new private key and write it to a file that only its owner reads.

    Raises
    ------
    FileNotUsableError
        If the file is there already, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    write_private(path, key.private_bytes(_PEM_FORM, serialization.PrivateFormat.PKCS8, lock))
    return Signer._of_private(key)


class PublicKeys:
    """Keys whose signatures are believed, by name.

    Parameters
    ----------
    *keys : Ed25519PublicKey

    Examples
    --------
    >>> keys = PublicKeys.from_pem('''-----BEGIN PUBLIC KEY-----
    ... MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
    ... -----END PUBLIC KEY-----''')
    >>> [name[:16] for name in keys]
    ['06e3fd8fda29bb60']
    """

    def __init__(self, *keys: Ed25519PublicKey) -> None:
        self._keys = {_key_id_of(key): key for key in keys}

    @classmethod
    def from_pem(cls, *texts: bytes | str) -> PublicKeys:
        """Keys from PEM texts, each of which may hold several.

        Raises
        ------
        InvalidParameterError
            If a text holds no public key, or one that is not Ed25519.
        """
        return cls(*(key for text in texts for key in _public_keys(text)))

    @classmethod
    def from_file(cls, path: str | Path) -> PublicKeys:
        """Keys from a PEM file; anybody may read it.

        Raises
        ------
        FileNotUsableError
            If it cannot be read.
        InvalidParameterError
            As :meth:`from_pem`.
        """
        return cls(*_public_keys(read_whole(path), repr(str(path))))

    def verify(self, key_id: str, message: bytes, signature: bytes) -> bool:
        """Whether a signature of a message is by the key of that name; False for a key that is not here."""
        if key_id not in self._keys:
            return False
        try:
            self._keys[key_id].verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def pem(self, key_id: str) -> bytes:
        """One key as PEM."""
        return _pem_of(self._keys[key_id])

    def __or__(self, other: PublicKeys) -> PublicKeys:
        return PublicKeys(*self._keys.values(), *other._keys.values())

    def __contains__(self, key_id: object) -> bool:
        return key_id in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def _private_key(data: bytes, what: str, password: bytes | None) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(data, password)
    except TypeError as error:  # encrypted without a password, or the other way round
        hint = "Give the password." if password is None else "Give no password."
        raise InvalidParameterError(f"{what} is {'' if password is None else 'not '}encrypted.", hint=hint) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidParameterError(
            f"{what} holds no private key that can be read.", hint="It must be PEM (PKCS 8); check the password."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidParameterError(f"{what} holds a key of another kind.", hint="Only Ed25519 keys sign.")
    return key


def _public_keys(text: bytes | str, what: str = "This text", *, exactly_one: bool = False) -> list[Ed25519PublicKey]:
    data = text.encode("utf-8") if isinstance(text, str) else bytes(text)
    if b"PRIVATE KEY" in data:
        raise InvalidParameterError(
            "This is a private key.", hint="Give the public one, and keep this one to yourself."
        )
    keys = []
    for block in _PEM.findall(data):
        try:
            key = serialization.load_pem_public_key(block)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise InvalidParameterError("A public key cannot be read.", hint="It must be PEM.") from error
        if not isinstance(key, Ed25519PublicKey):
            raise InvalidParameterError("A public key is of another kind.", hint="Only Ed25519 keys verify.")
        keys.append(key)
    if not keys or (exactly_one and len(keys) != 1):
        count = f"{len(keys)} public keys, and not one" if keys else "no public key"
        raise InvalidParameterError(f"{what} holds {count}.", hint="Give PEM of Ed25519 keys, as public.pem is.")
    return keys
