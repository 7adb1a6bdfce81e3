"""Steps of a request that its owner takes: to hold, extend or refuse it, to ask for and confirm an identity."""

from __future__ import annotations

from expunge.errors import InvalidRequestError
from expunge.workspace.database.tables import requests
from expunge.workspace.requests import asking, receipting, request_queue
from expunge.workspace.storage import journal
from expunge.workspace.storage.core import Core

__all__ = ["step"]


def step(core: Core, number: int, action: str, reason: str | None) -> asking.Answer:
    """One step of a request that an owner takes.

    Raises
    ------
    InvalidRequestError
        No step of an owner, or the request is being carried out.
    """
    if action not in ("hold", "release", "extend", "refuse", "ask-identity", "confirm-identity"):
        raise InvalidRequestError(f"No owner can {action!r} a request.", hint="Hold, extend or refuse it.")
    with core.write() as connection:
        row, _ = request_queue.fetch(core, connection, number)
        if row["step"]:
            raise InvalidRequestError(f"Request {number} is being carried out.", hint="Wait until it is done.")
        after = request_queue.step(core, connection, number, action, reason=reason)
        name = journal.request_id(core, number)
        if action == "extend":
            fields = {"request": name, "due": str(after.due().day), "reason": after.history[-1].reason}
            journal.append(core, connection, "extension", fields)
        if action == "refuse":
            journal.append(core, connection, "refusal", {"request": name, "reason": after.reason})
            core.db.update(connection, requests, number, key=None)
            receipting.queue_shredding(core, connection)
    receipting.settle_files(core)
    with core.read() as connection:
        return asking.answer(core, connection, number)
