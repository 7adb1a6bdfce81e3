"""Files of earlier formats, brought to the form of today: one step from each format to the next, none skipped.

A step is a function of the manifest (without format number and checksums, which are checked before) and of the entries.
It returns both in the form of the next format. What a step cannot know from the file it computes from the rows, which
every model file holds; an export has none, so a new form of a solution must be computable from the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["CHANGED", "MIGRATIONS", "migrated"]

Contents = tuple[dict[str, Any], dict[str, bytes]]

#: Put for the digest by a step after which the model has another digest than its file says. No file can hold it.
CHANGED = object()

#: Number of a format -> the step from it to the next. Empty: there is one format so far.
MIGRATIONS: Mapping[int, Callable[[dict[str, Any], dict[str, bytes]], Contents]] = {}


def migrated(number: int, wanted: int, manifest: dict[str, Any], entries: dict[str, bytes]) -> Contents:
    """Manifest and entries of a file of format ``number``, in the form of format ``wanted``."""
    for step in range(number, wanted):
        manifest, entries = MIGRATIONS[step](manifest, entries)
    return manifest, entries
