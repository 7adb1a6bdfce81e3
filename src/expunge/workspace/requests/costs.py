"""What waiting requests are expected to cost, so that a policy that waits knows how long it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from expunge.errors import ExpungeError
from expunge.workspace.requests import removing, request_queue
from expunge.workspace.requests.targets import held_by
from expunge.workspace.rules.request_states import WAITING, Request
from expunge.workspace.storage.core import Core

__all__ = ["SAMPLE", "planned_costs"]

#: So many requests, the most urgent ones, are planned; the others count as their mean.
SAMPLE = 16


def planned_costs(
    core: Core, connection: Any, waiting: Sequence[tuple[Mapping[str, Any], Request]]
) -> dict[int, float]:
    """Seconds for each request that waits, one by one; together they cost less.

    One that cannot be planned counts nothing: it will not be carried out either.
    """
    queue = sorted((one for one in waiting if one[1].state in WAITING), key=lambda one: one[1].due().instant)
    known = {request.number: _planned(core, connection, row, request) for row, request in queue[:SAMPLE]}
    mean = sum(known.values()) / len(known) if known else 0.0
    return {request.number: known.get(request.number, mean) for _, request in queue}


def _planned(core: Core, connection: Any, row: Mapping[str, Any], request: Request) -> float:
    try:
        payload = request_queue.payload_of(core, row)
        held = held_by(core, connection, request.kind, payload)
        return sum(plan.expected_s or 0.0 for _, plan in removing.planned(core, request.kind, payload, held))
    except ExpungeError:
        return 0.0
