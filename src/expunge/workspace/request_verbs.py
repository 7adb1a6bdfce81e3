"""The verbs of a workspace that are about its queue of requests; the facade is built on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from expunge.errors import InvalidRequestError
from expunge.table.ids import listed
from expunge.workspace import reports
from expunge.workspace.requests import artefacts, asking, auditing, carrying_out, receipting, stepping
from expunge.workspace.requests.group_commit import GroupCommit
from expunge.workspace.requests.naming import numbered
from expunge.workspace.requests.request_queue import Wish
from expunge.workspace.rules.request_file import read_requests
from expunge.workspace.storage.core import Core

__all__ = ["RequestVerbs"]


class RequestVerbs:
    """Requests: taken in, listed, held, carried out.

    Parameters
    ----------
    core : Core
        An open workspace.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._commits = GroupCommit(core)
        #: Requests that were interrupted and finished at opening, by what they are about, until asked for again.
        self._finished: dict[bytes, int] = {}

    def request_add(self, wishes: Iterable[Wish]) -> list[int]:
        """Take requests in, durably; callers that wait together are committed together. Gives their numbers.

        Raises
        ------
        InvalidRequestError
            One of them is no wish.
        """
        given = listed(wishes)
        if wrong := [one for one in given if not isinstance(one, Wish)]:
            raise InvalidRequestError(f"{wrong[0]!r} is no Wish.", hint="request_ask takes ids.")
        asking.refuse_ambiguous(self._core, given)
        return self._commits.accept(given)

    def request_ask(self, *, audit: int = 0, held_out: str | None = None, **asked: Any) -> list[int]:
        """Take in requests by the arguments of :meth:`forget`; one for each person. Gives their numbers.

        Raises
        ------
        InvalidParameterError, InvalidRequestError
            Nothing is named, a record of several data sets, or an audit that could not be made. Nothing was taken in.
        """
        wishes = asking.wishes_of(audit=audit, held_out=held_out, **asked)
        auditing.refuse_audit(self._core, audit, held_out, of_columns=any(one.kind == "feature" for one in wishes))
        asking.refuse_ambiguous(self._core, wishes)
        return self._commits.accept(wishes)

    def request_add_file(self, path: str | Path) -> list[int]:
        """Take in the requests of a file, all in one transaction, or none of them."""
        asked = read_requests(path, now=self._core.now(), zone=self._core.config.zone)
        return self._commits.accept(
            Wish(kind=one.kind, values=(one.target,), received=one.received, regime=one.regime, caller=one.caller,
                 key=one.key) for one in asked
        )  # fmt: skip

    def request_list(self, *, every: bool = False) -> list[asking.Answer]:
        """All open requests, or all there ever were."""
        return reports.all_requests(self._core, every=every)

    def request_show(self, number: int) -> asking.Answer:
        """One request, with what audits said of its models."""
        with self._core.read() as connection:
            answer = asking.answer(self._core, connection, number)
            audits = receipting.audits_of(self._core, connection, number)
        return dataclasses.replace(answer, audits=tuple(audits))

    def request_step(self, number: int, action: str, *, reason: str | None = None) -> asking.Answer:
        """Hold, release, extend or refuse a request, or ask for and confirm an identity."""
        return stepping.step(self._core, number, action, reason)

    def request_run(self, numbers: Sequence[int] | None = None) -> list[asking.Answer]:
        """Carry out requests of these numbers, or those that the policy says are to be carried out now."""
        with self._core.lock.held():
            chosen = [] if numbers is None else [numbered(one) for one in listed(numbers)]
            chosen = chosen or list(asking.due_now(self._core).run)
            return asking.run(self._core, chosen)

    def request_settle(self, number: int, name: str) -> asking.Answer:
        """Say that something derived, which a request waits for, has been deleted or made anew elsewhere."""
        with self._core.lock.held():
            if not artefacts.settle(self._core, number, name):
                carrying_out.finish(self._core)
        return self.request_show(number)
