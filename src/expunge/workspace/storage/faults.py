"""Places where a test may stop the process dead, to see that nothing is lost. They do nothing unless asked.

With ``EXPUNGE_FAIL_AT=name`` in the environment the process kills itself (SIGKILL: no handler, no cleanup) when it
comes to that place, with ``name:3`` at the third time. Every place is in :data:`POINTS`, so that a test can go through
them all and say how many it hit.
"""

from __future__ import annotations

import os
import signal

from expunge.errors import InvalidParameterError

__all__ = ["POINTS", "at"]

#: Every place, in the order in which a life of a workspace comes to them.
POINTS: tuple[str, ...] = (
    "init-keys-written",
    "init-configured",
    "init-sealed",
    "data-chunks-written",
    "data-committed",
    "fit-chunks-written",
    "fit-committed",
    "request-accepted",
    "request-started",
    "forget-data-written",
    "forget-model-written",
    "forget-all-written",
    "forget-switched",
    "scrub-chunks-deleted",
    "scrub-rows-deleted",
    "scrub-done",
    "receipt-entered",
    "receipt-keys-shredded",
    "receipt-written",
    "chunk-written",
    "chunk-renamed",
)

_seen: dict[str, int] = {}


def at(name: str) -> None:
    """Say that the process is at a place.

    Raises
    ------
    InvalidParameterError
        There is no such point.
    """
    wanted = os.environ.get("EXPUNGE_FAIL_AT")
    if not wanted:
        return
    if name not in POINTS:
        raise InvalidParameterError(f"There is no fail-point {name!r}.", hint="Enter it into POINTS.")
    place, _, count = wanted.partition(":")
    if place == name:
        _seen[name] = _seen.get(name, 0) + 1
        if _seen[name] == int(count or 1):
            os.kill(os.getpid(), signal.SIGKILL)
