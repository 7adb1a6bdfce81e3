"""Who asks, and who changes: two open workspaces, so that what changes a model in memory is not what answers from it.

Changes take turns in one thread, in the order in which they came. It is no thread of a call, so a client that goes
away stops nothing, and the end of the process waits for the change that is under way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from expunge.errors import ExpungeError, WorkspaceBusyError
from expunge.service.notes import Notes
from expunge.workspace import Workspace

__all__ = ["Desk"]

T = TypeVar("T")
Verb = Callable[[Workspace], T]

#: So many changes may wait for their turn; each holds a thread of those that answer.
MOST_WAITING = 16


class Desk:
    """A workspace for many callers at once.

    What was begun and not finished, by a process that was killed say, is carried out when it is opened.

    Parameters
    ----------
    path : path, optional
        As for :meth:`expunge.Workspace.open`.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._changes = Workspace.open(path)
        self._asks = Workspace.open(self._changes.path)
        self._turn = ThreadPoolExecutor(1, thread_name_prefix="expunge-change")
        self._guard = threading.Lock()
        self._about: set[Any] = set()
        self._n_waiting = 0
        self._notes = Notes()

    @property
    def path(self) -> Path:
        """The folder."""
        return self._asks.path

    def ask(self, verb: Verb[T]) -> tuple[T, list[str]]:
        """What a verb gives that changes no model and no data, and the notes beside it."""
        return self._noted(verb, self._asks)

    def change(self, verb: Verb[T], *, about: Iterable[Any] = ()) -> tuple[T, list[str]]:
        """What a verb gives that changes models or data, when its turn has come.

        Parameters
        ----------
        verb : callable
        about : iterable
            What it is about: numbers of requests. No two changes about the same wait or are under way.

        Raises
        ------
        WorkspaceBusyError
            One is about the same, too many wait, or the service ends. Nothing has been done.
        """
        mine = set(about)
        with self._guard:
            if twice := sorted(mine & self._about, key=str):
                raise WorkspaceBusyError(f"{twice[0]} is being carried out already.", hint="GET /requests lists it.")
            if self._n_waiting >= MOST_WAITING:
                raise WorkspaceBusyError(
                    "Too many changes wait.", hint="Try again; POST /requests takes a request in at once."
                )
            self._about |= mine
            self._n_waiting += 1
        try:
            return self._in_turn(verb).result()
        except CancelledError as error:
            raise _ending() from error
        finally:
            with self._guard:
                self._about -= mine
                self._n_waiting -= 1

    def _in_turn(self, verb: Verb[T]) -> Future[tuple[T, list[str]]]:
        try:
            return self._turn.submit(self._alone, verb)
        except RuntimeError as error:  # it takes no more
            raise _ending() from error

    def _alone(self, verb: Verb[T]) -> tuple[T, list[str]]:
        resumed = self._changes.resume()  # what another process left behind since this one was started
        try:
            given, notes = self._noted(verb, self._changes)
        finally:
            with suppress(ExpungeError):
                self._asks.model_list()  # lets go of what models were before, and knew
        return given, [f"Finished interrupted request {number}." for number in resumed] + notes

    def _noted(self, verb: Verb[T], workspace: Workspace) -> tuple[T, list[str]]:
        with self._notes.heard() as notes:
            return verb(workspace), notes

    def end(self) -> None:
        """Refuse the changes that wait for their turn, and all that come; the one that is under way goes on."""
        self._turn.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Wait for the change that is under way, and close both."""
        self._turn.shutdown(wait=True)
        self._changes.close()
        self._asks.close()


def _ending() -> WorkspaceBusyError:
    return WorkspaceBusyError(
        "The service ends, and this was not begun.", hint="A request that was taken in waits for the next start."
    )
