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
                if library.user_api == "openmp":
                    own.append((library, threads))
                else:
                    self.shared.setdefault(library.filepath, (library, threads))
                if threads != 1:
                    library.set_num_threads(1)
            return own

    def leave(self, own: list[tuple[Any, int]]) -> None:
        with self.lock:
            self.inside -= 1
            restored = own
            if not self.inside:
                restored = own + list(self.shared.values())
                self.shared = {}
            for library, threads in restored:
                if threads != 1:
                    library.set_num_threads(threads)


_limits = _Limits()
