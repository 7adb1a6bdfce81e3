"""Files that are read or written whole or not at all; for everybody who must not lose the old one."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from expunge.errors import FileNotUsableError
from expunge.paths import check_path

__all__ = ["read_whole", "sync_folder", "write_whole"]


def read_whole(path: str | Path, *, or_input: bool = False) -> bytes:
    """All bytes of a file.

    Parameters
    ----------
    path : path
    or_input : bool
        Whether ``-`` is standard input.

    Raises
    ------
    FileNotUsableError
        It cannot be read.
    """
    path = check_path(path)
    try:
        return sys.stdin.buffer.read() if or_input and str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise FileNotUsableError(f"Cannot read {str(path)!r}: {error.strerror}.", hint="Check the path.") from error


def write_whole(path: Path, write: Callable[[BinaryIO], object], *, for_others: bool = False) -> Path:
    """Write a file whole or not at all: a temporary one beside it, flushed to the disk, then renamed.

    Where a link stands, what it leads to is written. A pipe or a terminal is written into: it cannot be replaced.

    Parameters
    ----------
    path : path
    write : callable
        Called with a stream of bytes.
    for_others : bool
        Whether others may read it, as far as the system lets them read new files; else its owner alone.

    Raises
    ------
    FileNotUsableError
        The disk is full or locked; what was there before is unchanged.
    """
    temporary: Path | None = None
    try:
        target = path.resolve() if path.is_symlink() else path
        if target.exists() and not target.is_file() and not target.is_dir():
            with target.open("wb") as stream:
                write(stream)
            return path
        aside = target.with_name(f".expunge-{secrets.token_hex(8)}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        temporary = aside  # first, so that whoever interrupts leaves none
        handle = os.open(aside, flags, 0o666 if for_others else 0o600)
        with os.fdopen(handle, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(aside, target)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FileNotUsableError(
                f"Cannot write {str(path)!r}: {error.strerror or error}.", hint="What was there before is unchanged."
            ) from error
        raise
    sync_folder(target.parent)
    return path


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
