"""One process changes models and data at a time. A lock dies with its process, however that ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from expunge.errors import FileNotUsableError, WorkspaceBusyError

__all__ = ["Lock"]


class Lock:
    """A lock on a file, for processes and for the threads of this one; the thread that has it may take it again.

    Parameters
    ----------
    path : Path
        Made when first needed; holds the number of the process, for people.
    before : callable
        Called before the lock is taken; raises where nothing may be changed.
    first : callable
        Called when it was taken anew.
    """

    def __init__(self, path: Path, before: Callable[[], None], first: Callable[[], None]) -> None:
        self._path, self._before, self._first = path, before, first
        self._threads = threading.RLock()
        self._depth = 0

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold the lock; yields whether it was taken anew.

        Raises
        ------
        WorkspaceBusyError
            Another process has it.
        """
        with self._threads:
            if self._depth:
                yield False
                return
            self._before()
            handle = self._take()
            self._depth = 1
            try:
                self._first()
                yield True
            finally:
                self._depth = 0
                os.close(handle)  # the system releases it

    def _take(self) -> int:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise FileNotUsableError(
                f"Cannot write {str(self._path)!r}: {error.strerror}.", hint="Nothing has changed."
            ) from error
        try:
            _lock(handle)
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        except OSError as error:
            who = os.pread(handle, 20, 0).decode("ascii", "replace").strip() if hasattr(os, "pread") else ""
            os.close(handle)
            by = f"by process {who}" if who else "by another process"
            raise WorkspaceBusyError(
                f"The workspace is being changed {by}; nothing was taken in here.",
                hint="Try again, or have a request wait: `expunge request add` takes it in at once.",
            ) from error
        return handle


def _lock(handle: int) -> None:
    if os.name == "posix":
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
