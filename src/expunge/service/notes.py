"""What verbs warn of, told to the call in whose thread it was, and to nobody else: it may name a person."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Notes"]


class Notes:
    """Hears warnings for several threads at once, and leaves them as they were when the last one is done."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._mine = threading.local()
        self._n_inside = 0
        self._aside: Any = None
        self._others: Any = None

    @contextmanager
    def heard(self) -> Iterator[list[str]]:
        """A list of what this thread is warned of while inside."""
        with self._guard:
            if not self._n_inside:
                self._aside = warnings.catch_warnings()
                self._aside.__enter__()
                self._others = warnings.showwarning
                warnings.simplefilter("always", UserWarning)
                warnings.showwarning = self._tell
            self._n_inside += 1
        notes = self._mine.notes = list[str]()
        try:
            yield notes
        finally:
            self._mine.notes = None
            with self._guard:
                self._n_inside -= 1
                if not self._n_inside:
                    self._aside.__exit__(None, None, None)

    def _tell(self, message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        note, notes = " ".join(str(message).split()), getattr(self._mine, "notes", None)
        if notes is None:
            self._others(message, category, *where, **more)
        elif issubclass(category, UserWarning) and note not in notes:
            notes.append(note)
