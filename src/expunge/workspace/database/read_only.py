"""SQLite where nothing may be written: a folder without that right, a medium that is mounted to be read."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

__all__ = ["is_read_only", "open_to_read"]


def is_read_only(url: sa.URL) -> bool:
    """Whether a database is there and cannot be written: its file, or the folder in which its log would lie."""
    if url.get_backend_name() != "sqlite" or not url.database or not (path := Path(url.database)).is_file():
        return False
    return not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def open_to_read(url: sa.URL) -> sa.Engine:
    """The engine of such a database. Each transaction opens the file anew, since nobody tells when it was replaced."""
    path = Path(str(url.database))
    return sa.create_engine(url, creator=lambda: _connected(path), poolclass=NullPool)


def _connected(path: Path) -> Any:
    """A connection that makes no file. Without a log beside it the database is whole as it is; with one, its owner is
    at work or was killed, and SQLite reads both where it can."""
    log = path.with_name(f"{path.name}-wal")
    as_it_is = "" if log.exists() and log.stat().st_size else "&immutable=1"
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro{as_it_is}", uri=True, check_same_thread=False)
