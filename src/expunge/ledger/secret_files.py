"""Files that only their owner reads: keys and salts, made once, written whole, refused when others can read them."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from expunge.errors import FileNotUsableError, TamperedError
from expunge.files.whole import sync_folder

__all__ = ["create_secret", "private_folder", "read_private", "read_secret", "write_private"]

_POSIX = os.name == "posix"


def private_folder(path: str | Path) -> Path:
    """Make a folder that only its owner enters (mode 0700), or tighten one that is there.

    Raises
    ------
    FileNotUsableError
        If it cannot be made or is something else.
    """
    path = Path(path)
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        if _POSIX:
            path.chmod(0o700)
    except OSError as error:
        raise FileNotUsableError(
            f"Cannot make the folder {str(path)!r}: {error.strerror}.", hint="Check it."
        ) from error
    return path


def write_private(path: str | Path, data: bytes) -> Path:
    """Make a file that only its owner reads (mode 0600 from its first byte), flushed to the disk.

    Raises
    ------
    FileNotUsableError
        If it is there already: a secret is never overwritten. Or if it cannot be written; nothing is left then.
    """
    path = Path(path)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError as error:
        raise FileNotUsableError(f"{str(path)!r} is there already.", hint="A key is never overwritten.") from error
    except OSError as error:
        raise FileNotUsableError(f"Cannot write {str(path)!r}: {error.strerror}.", hint="Check the folder.") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        sync_folder(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise FileNotUsableError(f"Cannot write {str(path)!r}: {error.strerror}.", hint="Nothing was left.") from error
    return path


def read_private(path: str | Path) -> bytes:
    """Bytes of a file that nobody but its owner can read.

    Raises
    ------
    FileNotUsableError
        If it is missing, or its mode lets the group or others in (where the system has modes).
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            check_mode(path, os.fstat(stream.fileno()).st_mode)
            return stream.read()
    except FileNotUsableError:
        raise
    except OSError as error:
        raise FileNotUsableError(f"Cannot read {str(path)!r}: {error.strerror}.", hint="Check the path.") from error


def check_mode(path: Path, mode: int) -> None:
    """Refuse a file whose mode lets others in."""
    if _POSIX and mode & 0o077:
        raise FileNotUsableError(
            f"{str(path)!r} holds a secret and has mode {stat.S_IMODE(mode):04o}.", hint=f"Run: chmod 600 {str(path)!r}"
        )


def create_secret(path: str | Path, n_bytes: int = 32) -> bytes:
    """Make a file of random bytes, as hexadecimal text; the bytes."""
    secret = secrets.token_bytes(n_bytes)
    write_private(path, secret.hex().encode("ascii") + b"\n")
    return secret


def read_secret(path: str | Path, n_bytes: int = 32) -> bytes:
    """The bytes that :func:`create_secret` made.

    Raises
    ------
    FileNotUsableError
        As :func:`read_private`.
    TamperedError
        If the file is not of that form.
    """
    text = read_private(path)
    try:
        secret = bytes.fromhex(text.decode("ascii").strip())
    except ValueError as error:
        raise TamperedError(f"{str(path)!r} is no secret of ours.", hint="Restore it from a copy.") from error
    if len(secret) != n_bytes or text != secret.hex().encode("ascii") + b"\n":
        raise TamperedError(f"{str(path)!r} is no secret of {n_bytes} bytes.", hint="Restore it from a copy.")
    return secret
