"""Paths that are given, refused before a file system is asked. Imports nothing that imports NumPy, for the ledger."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from expunge.errors import FileNotUsableError

__all__ = ["check_path", "lasting_path"]

#: Bytes of a path and of a name in it, above which file systems answer with an error.
_PATH, _NAME = 4096, 255


def check_path(value: Any) -> Path:
    """A path that a file system can be asked about; whether anything lies there is another question.

    Parameters
    ----------
    value : object
        What was given: a text or a path.

    Returns
    -------
    Path

    Raises
    ------
    FileNotUsableError
        It is none, or longer than file systems take.

    Examples
    --------
    >>> check_path(True)
    Traceback (most recent call last):
    expunge.errors.FileNotUsableError: True is no path of a file. Give it as a text.
    """
    if isinstance(value, (str, os.PathLike)) and isinstance(text := os.fspath(value), str):
        try:
            coded = os.fsencode(text)
        except UnicodeEncodeError:
            coded = b"\0"
        if b"\0" not in coded and len(coded) < _PATH and max(map(len, coded.split(b"/"))) <= _NAME:
            return Path(text)
    told = "An integer" if isinstance(value, int) and not isinstance(value, bool) else repr(value)
    told = told if len(told) <= 100 else f"{told[:100]}…"
    raise FileNotUsableError(f"{told} is no path of a file.", hint="Give it as a text.")


def lasting_path(value: str | Path) -> str:
    """A path that names the same file from whatever folder it is read. Links stay, but in front of ``..``.

    Examples
    --------
    >>> lasting_path("/data/2026/../people.csv"), lasting_path("people.csv") == os.path.abspath("people.csv")
    ('/data/people.csv', True)
    """
    path = Path(value)
    return str(path.parent.resolve() / path.name if ".." in path.parts else path.absolute())
