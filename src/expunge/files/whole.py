"""Files that are written whole or not at all; for everybody who must not lose the old one, with or without arrays."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from expunge.errors import FileNotUsableError

__all__ = ["sync_folder", "write_whole"]


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> Path:
    """Write a file whole or not at all: a temporary one beside it, flushed to the disk, then renamed.

    Raises
    ------
    FileNotUsableError
        The disk is full or locked; what was there before is unchanged.
    """
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=".expunge-", suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FileNotUsableError(
                f"Cannot write {str(path)!r}: {error.strerror or error}.", hint="What was there before is unchanged."
            ) from error
        raise
    sync_folder(path.parent)
    return path


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
