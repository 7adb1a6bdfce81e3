"""Requests that several callers bring at one time: taken in together, with one flush of the disk."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from expunge.workspace.requests.request_queue import Wish, accept
from expunge.workspace.storage import faults
from expunge.workspace.storage.core import Core

__all__ = ["GroupCommit"]


class GroupCommit:
    """Callers that wait together are committed together: one flush of the disk for all of them.

    Parameters
    ----------
    core : Core
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._guard, self._turn = threading.Lock(), threading.Lock()
        self._waiting: list[_Ticket] = []

    def accept(self, wishes: Iterable[Wish]) -> list[int]:
        """Take requests in; returns when they are durable.

        Raises
        ------
        ExpungeError
            What went wrong when this request was written down.
        """
        ticket = _Ticket(list(wishes))
        with self._guard:
            self._waiting.append(ticket)
        with self._turn:
            if not ticket.is_done:
                with self._guard:
                    together, self._waiting = self._waiting, []
                self._commit(together)
        if ticket.error is not None:
            raise ticket.error
        return ticket.numbers

    def _commit(self, tickets: list[_Ticket]) -> None:
        try:
            with self._core.write() as connection:
                numbers = accept(self._core, connection, [wish for ticket in tickets for wish in ticket.wishes])
            faults.at("request-accepted")
        except Exception as error:
            if len(tickets) == 1:
                tickets[0].finish([], error)
            else:  # the fault of one is not that of the others
                for ticket in tickets:
                    self._commit([ticket])
            return
        for ticket in tickets:
            mine, numbers = numbers[: len(ticket.wishes)], numbers[len(ticket.wishes) :]
            ticket.finish(mine, None)


class _Ticket:
    def __init__(self, wishes: list[Wish]) -> None:
        self.wishes, self.numbers, self.is_done = wishes, list[int](), False
        self.error: Exception | None = None

    def finish(self, numbers: list[int], error: Exception | None) -> None:
        self.numbers, self.error, self.is_done = numbers, error, True
