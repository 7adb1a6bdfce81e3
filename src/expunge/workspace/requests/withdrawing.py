"""Taking a model or a data set out of the workspace: everything of it is deleted, and the log says so."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from expunge.errors import InvalidRequestError, UnknownNameError
from expunge.workspace.data import datasets
from expunge.workspace.data.data_card import DataCard
from expunge.workspace.database.tables import artefacts, meta, model_versions, requests, row_index, versions
from expunge.workspace.database.tables import datasets as dataset_table
from expunge.workspace.database.tables import models as model_table
from expunge.workspace.models import models, predictions
from expunge.workspace.requests import scrub
from expunge.workspace.rules.names import asked_name
from expunge.workspace.rules.request_states import FINAL
from expunge.workspace.storage import journal
from expunge.workspace.storage.core import Core

__all__ = ["remove_data", "remove_model"]


def remove_model(core: Core, name: str) -> dict[str, Any]:
    """Delete a model, its versions and the predictions that are kept of it. The lock is held.

    Raises
    ------
    InvalidRequestError
        Something derives from it, or a request is open.
    """
    with core.read() as connection:
        model = models.open_model(core, connection, name)
        _refuse_open(connection, name)
        held = core.db.rows(connection, artefacts, artefacts.c.model == model.id)
        derived = [row["name"] for row in held if row["kind"] not in predictions.KINDS]
        derived += [
            row["name"] for row in core.db.rows(connection, dataset_table)
            if name in DataCard.from_json(row["card"]).derived_from
        ]  # fmt: skip
    if derived:
        raise InvalidRequestError(
            f"{derived[0]!r} was derived from {name!r}.", hint=f"First: expunge data remove {derived[0]}."
        )
    with core.write() as connection:
        predictions.outdate(core, connection, models=[model.id])
        connection.execute(model_versions.delete().where(model_versions.c.model == model.id))
        connection.execute(model_table.delete().where(model_table.c.id == model.id))
        connection.execute(meta.delete().where(meta.c.name == f"last-receipt/{name}"))
        core.db.set_meta(connection, f"last-version/{name}", str(model.version))  # receipts name versions
        journal.append(core, connection, "withdrawal", {"what": "model", "name": name, "version": model.version})
    core.cache.pop(model.version_id, None)
    scrub.scrub(core)
    return {"what": "model", "name": name, "version": model.version, "predictions": len(held)}


def remove_data(core: Core, name: str) -> dict[str, Any]:
    """Delete a data set, or the entry of something derived that lies elsewhere. The lock is held.

    What was forgotten in it may not come in again all the same: tombstones stay.

    Raises
    ------
    InvalidRequestError
        A model learned from it, a gate looks at it, or a request is open.
    """
    with core.read() as connection:
        _refuse_open(connection, name)
        known = artefacts.c.kind.not_in(predictions.KINDS)
        entered = core.db.rows(connection, artefacts, artefacts.c.name == asked_name(name), known)
        data = None if entered else _free_data(core, connection, name)
    if data is None:
        return _remove_entry(core, entered[0])
    with core.write() as connection:
        connection.execute(row_index.delete().where(row_index.c.dataset == data.id))
        connection.execute(versions.delete().where(versions.c.dataset == data.id))
        connection.execute(dataset_table.delete().where(dataset_table.c.id == data.id))
        journal.append(core, connection, "withdrawal", {"what": "data", "name": name, "version": data.version})
    scrub.scrub(core)
    return {"what": "data", "name": name, "version": data.version, "n_records": data.n_records}


def _free_data(core: Core, connection: Any, name: str) -> datasets.DataSet:
    """The data set of this name, if nothing needs it."""
    try:
        data = datasets.open_data(core, connection, name)
    except UnknownNameError as error:
        raise UnknownNameError(
            f"There is no data set and nothing derived of the name {name!r}.", hint=error.hint
        ) from error
    for model in models.live_models(core, connection):
        if model.dataset == data.id:
            raise InvalidRequestError(
                f"Model {model.name!r} learned from {name!r}.", hint=f"First: expunge model remove {model.name}."
            )
        if model.card.gate.get("data") == name:
            raise InvalidRequestError(
                f"The gate of {model.name!r} looks at {name!r}.", hint="Fit it again without, with --force."
            )
    return data


def _remove_entry(core: Core, row: dict[str, Any]) -> dict[str, Any]:
    with core.write() as connection:
        connection.execute(artefacts.delete().where(artefacts.c.id == row["id"]))
        journal.append(core, connection, "withdrawal", {"what": "derived", "name": row["name"], "version": 0})
    return {"what": "derived", "name": row["name"], "place": row["place"]}


def _refuse_open(connection: Any, name: str) -> None:
    """Refuse while a request is open: it may be about this, and its receipt has to say what became of it."""
    first = sa.select(sa.func.min(requests.c.number)).where(requests.c.state.not_in(FINAL))
    number = connection.execute(first).scalar()
    if number is not None:
        raise InvalidRequestError(
            f"Request {number} is open and may be about {name!r}.", hint="See `expunge request list`; finish it first."
        )
