"""After a kill: what was begun is started over, what was switched is scrubbed on, what lacks its receipt gets it."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from expunge.workspace.database.tables import intents, receipts
from expunge.workspace.requests import carrying_out, receipting, request_queue, scrub
from expunge.workspace.storage.core import Core

__all__ = ["interrupted", "is_needed", "recover"]


def is_needed(core: Core) -> bool:
    """Whether something was left by a process that did not end well (or is at work now)."""
    with core.read() as connection:
        if connection.execute(sa.select(sa.func.count()).select_from(intents)).scalar():
            return True
        if any(row["step"] and not _waits(row) for row, _ in request_queue.under_way(core, connection)):
            return True
        if core.db.get_meta(connection, "to-shred", "[]") != "[]":
            return True
        numbers = [int(row[0]) for row in connection.execute(sa.select(receipts.c.number))]
    return any(not receipting.path_of(core, number).is_file() for number in numbers) or _has_work_aside(core)


def _waits(row: Any) -> bool:
    return row["step"] == "scrubbed" and bool(json.loads(row["waiting"] or "[]"))


def _has_work_aside(core: Core) -> bool:
    return core.layout.tmp.is_dir() and any(core.layout.tmp.iterdir())


def interrupted(core: Core) -> dict[bytes, int]:
    """Numbers of the requests that were begun, by what they are about; they forget it when they are final."""
    with core.read() as connection:
        return {bytes(row["handle"]): int(row["number"]) for row, _ in request_queue.under_way(core, connection)}


def recover(core: Core) -> tuple[list[int], list[int]]:
    """Bring a workspace to order. The lock is held.

    Returns
    -------
    begun : list of int
        Requests that had been begun and wait again: they are to be started over.
    finished : list of int
        Requests that had been carried out and lacked their receipt; now they have it.
    """
    with core.write() as connection:
        begun = []
        for row, request in request_queue.under_way(core, connection):
            if row["step"] == "running":
                request_queue.step(core, connection, request.number, "give-back", step="")
                begun.append(request.number)
    with core.read() as connection:
        switched = any(row["step"] == "switched" for row, _ in request_queue.under_way(core, connection))
    if not switched:  # a switched one is scrubbed by finish, which knows what changed
        scrub.scrub(core)
    return begun, carrying_out.finish(core)
