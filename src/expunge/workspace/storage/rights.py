"""Who may read what of a workspace: its owner alone all that tells of the data, everybody what is to give away."""

from __future__ import annotations

import os
from pathlib import Path

from expunge.ledger.secret_files import private_folder
from expunge.workspace.storage.folder import writing
from expunge.workspace.storage.layout import Layout

__all__ = ["make_private", "new_private_file"]

_OTHERS = 0o077


def new_private_file(path: Path) -> None:
    """Make an empty file that only its owner reads, unless there is one: a database opens it as it is.

    Raises
    ------
    FileNotUsableError
        It cannot be made.
    """
    with writing(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def make_private(layout: Layout) -> None:
    """Take others' rights away from what tells of the data, as older versions left them. May be repeated.

    A folder of mode 0700 is done with: its files were looked at before its mode was set.

    Raises
    ------
    FileNotUsableError
        Somebody else's file.
    """
    if os.name != "posix":
        return
    for folder in (layout.chunks, layout.predictions, layout.tmp):
        if folder.is_dir() and not folder.is_symlink() and folder.stat().st_mode & _OTHERS:
            with os.scandir(folder) as items:
                for item in items:
                    if item.is_file(follow_symlinks=False):
                        _tighten(Path(item.path))
            private_folder(folder)
    for name in ("", "-wal", "-shm"):
        path = layout.database.with_name(layout.database.name + name)
        if path.is_file() and not path.is_symlink():
            _tighten(path)


def _tighten(path: Path) -> None:
    if path.stat().st_mode & _OTHERS:
        with writing(path):
            path.chmod(0o600)
