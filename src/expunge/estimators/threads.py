"""One thread for BLAS and OpenMP while an estimator is fitted: sums are then taken in one order."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS and OpenMP to one thread, so that sums are taken in one order.

    Notes
    -----
    May be nested and entered by several Python threads: the limit of BLAS, which the process shares, ends when the last
    one leaves; that of OpenMP belongs to each thread. Libraries are looked up again when modules were imported since
    the last time (some milliseconds, else some microseconds). A library first loaded inside is not limited until the
    next time.
    """
    own = _limits.enter()
    try:
        yield
    finally:
        _limits.leave(own)


class _Limits:
    """The thread counts that stood before :func:`one_thread`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.libraries: list[Any] = []
        self.modules_seen = -1
        self.inside = 0
        self.shared: dict[str, tuple[Any, int]] = {}

    def enter(self) -> list[tuple[Any, int]]:
        with self.lock:
            if len(sys.modules) != self.modules_seen:
                from threadpoolctl import ThreadpoolController

                self.libraries = ThreadpoolController().lib_controllers
                self.modules_seen = len(sys.modules)
            self.inside += 1
            own = []
            for library in self.libraries:
                threads = library.get_num_threads()
                if _belongs_to_a_thread(library):
                    own.append((library, threads))
                else:
                    self.shared.setdefault(library.filepath, (library, threads))
                if threads != 1:
                    _set(library, 1)
            return own

    def leave(self, own: list[tuple[Any, int]]) -> None:
        with self.lock:
            self.inside -= 1
            for library, threads in reversed(
                own
            ):  # one OpenMP may stand behind two libraries: the first knew it unlimited
                if threads != 1:
                    _set(library, threads)
            if self.inside:
                return
            for library, threads in self.shared.values():
                if threads != 1:
                    _set(library, threads)
                _release(library)
            self.shared = {}


def _belongs_to_a_thread(library: Any) -> bool:
    openmp = library.user_api == "openmp" or getattr(library, "threading_layer", None) == "openmp"
    return openmp or library.internal_api == "mkl"


def _set(library: Any, threads: int) -> None:
    _release(library)
    library.set_num_threads(threads)


def _release(library: Any) -> None:
    """Let this thread set the limit: threadpoolctl 3.8 gives OpenBLAS to the thread that set one first."""
    release = getattr(library, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)


_limits = _Limits()
