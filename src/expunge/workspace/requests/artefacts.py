"""What was derived from models: predictions that the workspace keeps, files and models elsewhere that it knows of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidRequestError
from expunge.workspace.database.tables import artefacts, requests
from expunge.workspace.models import models
from expunge.workspace.requests import request_queue
from expunge.workspace.rules.names import check_own_name
from expunge.workspace.storage.core import Core, stamp
from expunge.workspace.tabular.tables import write_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KINDS", "keep_predictions", "register", "settle"]

#: Kinds of what lies elsewhere.
KINDS = ("file", "model elsewhere")


def register(core: Core, name: str, *, model: str, place: str, kind: str) -> dict[str, Any]:
    """Enter something that was derived from a model and lies elsewhere: a file, a distilled or downstream model."""
    if kind not in KINDS:
        raise InvalidRequestError(f"There is no artefact of the kind {kind!r}.", hint=f"It is one of {KINDS}.")
    return _enter(core, name, model, kind, place)


def _enter(core: Core, name: str, model: str, kind: str, place: str) -> dict[str, Any]:
    check_own_name(name, "derived artefact" if kind != "prediction" else "file of predictions")
    with core.write() as connection:
        source = models.open_model(core, connection, model)
        if core.db.rows(connection, artefacts, artefacts.c.name == name):
            raise InvalidRequestError(f"There is an artefact {name!r} already.", hint="Choose another name.")
        row = {"name": name, "model": source.id, "kind": kind, "place": place, "created": stamp(core.now())}
        core.db.insert(connection, artefacts, row)
    return {"name": name, "model": model, "kind": kind, "place": place}


def keep_predictions(core: Core, name: str, frame: pd.DataFrame, *, model: str) -> Path:
    """Keep predictions in the workspace; they are deleted when their model forgets.

    Parameters
    ----------
    core : Core
        The lock is held.
    name : str
        Of a new file, ending in ``.csv`` or ``.parquet``, without folders.
    """
    if Path(name).name != name or name.startswith("."):
        raise InvalidRequestError(f"{name!r} is no plain name of a file.", hint="As scores.csv.")
    core.layout.predictions.mkdir(exist_ok=True)
    _enter(core, name, model, "prediction", name)  # first: a file that nothing names would never be deleted
    return write_table(frame, core.layout.predictions / name)


def settle(core: Core, number: int, name: str) -> list[str]:
    """Note that something derived, which a request waits for, has been deleted or made anew; gives what is left."""
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
