"""What was derived from models and lies elsewhere: files and models that the workspace knows of."""

from __future__ import annotations

import json
from typing import Any

from expunge.errors import InvalidRequestError
from expunge.workspace.database.tables import requests
from expunge.workspace.models import predictions
from expunge.workspace.requests import request_queue
from expunge.workspace.storage.core import Core

__all__ = ["KINDS", "register", "settle"]

#: Kinds of what lies elsewhere.
KINDS = ("file", "model elsewhere")


def register(core: Core, name: str, *, model: str, place: str, kind: str) -> dict[str, Any]:
    """Enter something that was derived from a model and lies elsewhere: a file, a distilled or downstream model.

    Raises
    ------
    InvalidRequestError
        There is no such kind.
    """
    if kind not in KINDS:
        raise InvalidRequestError(f"There is no artefact of the kind {kind!r}.", hint=f"It is one of {KINDS}.")
    with core.write() as connection:
        predictions.enter(core, connection, name, model=model, kind=kind, place=place)
    return {"name": name, "model": model, "kind": kind, "place": place}


def settle(core: Core, number: int, name: str) -> list[str]:
    """Note that something derived, which a request waits for, has been deleted or made anew; gives what is left.

    Raises
    ------
    InvalidRequestError
        The request does not wait for it.
    """
    with core.write() as connection:
        row, _ = request_queue.fetch(core, connection, number)
        waiting = json.loads(row["waiting"] or "[]")
        if name not in waiting:
            hint = f"It waits for {', '.join(waiting)}." if waiting else "It waits for nothing."
            raise InvalidRequestError(f"Request {number} does not wait for {name!r}.", hint=hint)
        waiting.remove(name)
        outcome = json.loads(row["outcome"])
        outcome["notes"].append(f"settled by the owner: {name}")
        core.db.update(connection, requests, number, waiting=json.dumps(waiting), outcome=json.dumps(outcome))
    return list(waiting)
