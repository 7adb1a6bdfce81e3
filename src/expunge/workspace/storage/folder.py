"""A folder that is written as a whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from expunge.errors import FileNotUsableError

__all__ = ["refuse_taken", "write_folder", "writing"]


def refuse_taken(path: Path, replaceable: frozenset[str]) -> None:
    """Refuse a place for a new folder that is taken, unless it holds nothing but replaceable files.

    Raises
    ------
    FileNotUsableError
        It is a file, holds something, or has no folder above it.
    """
    if not path.parent.is_dir():
        raise FileNotUsableError(f"There is no folder {str(path.parent)!r}.", hint="Create it first.")
    if path.is_dir():
        held = {item.name for item in path.iterdir()}
        if held <= replaceable:
            return
        what, hint = ("other files", "") if replaceable else ("something already", "; --force replaces an export")
        raise FileNotUsableError(f"The folder {str(path)!r} holds {what}.", hint=f"Use another name{hint}.")
    if path.exists():
        raise FileNotUsableError(f"{str(path)!r} is a file.", hint="Give the path of a folder.")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A disk that is full or locked, as one sentence.

    Raises
    ------
    FileNotUsableError
        Nothing can be written there.
    """
    try:
        yield
    except FileNotUsableError:
        raise
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise FileNotUsableError(f"Cannot write {str(path)!r}: {why}.", hint="Nothing has changed.") from error


@contextmanager
def write_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside the place and rename it at the end: the place holds the old one or the new one."""
    with writing(path):
        folder = Path(tempfile.mkdtemp(prefix=".expunge-", suffix=".tmp", dir=path.parent))
    old = folder.with_suffix(".old")
    try:
        yield folder
        if path.is_dir():
            path.rename(old)
        folder.rename(path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if old.is_dir() and not path.exists():
            old.rename(path)
        raise
    if old.is_dir():
        shutil.rmtree(old)  # it holds rows: that it stays must not pass in silence
