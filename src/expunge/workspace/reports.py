"""What a workspace tells about itself, as plain data without any value of a record."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from expunge.workspace.data import datasets
from expunge.workspace.database.tables import datasets as dataset_table
from expunge.workspace.database.tables import requests
from expunge.workspace.models import models
from expunge.workspace.requests import asking, receipting, request_queue
from expunge.workspace.rules.policies import is_overdue, pressing
from expunge.workspace.storage import journal
from expunge.workspace.storage.core import Core

__all__ = ["all_data", "all_models", "all_requests", "data", "entries", "keys", "model", "status"]


def data(made: datasets.DataSet) -> dict[str, Any]:
    """A data set."""
    card = made.card
    return {
        "name": made.name, "kind": "copied" if made.is_copied else "referenced", "version": made.version,
        "n_records": made.n_records, "record_id": card.record_id, "subject_id": card.subject_id,
        "columns": list(card.columns), "source": card.source.shown, "keep": card.keep, "time_column": card.time_column,
        "derived_from": list(card.derived_from), "created": made.created,
    }  # fmt: skip


def all_data(core: Core) -> list[dict[str, Any]]:
    """All data sets."""
    with core.read() as connection:
        names = [row["name"] for row in core.db.rows(connection, dataset_table)]
        return [data(datasets.open_data(core, connection, name)) for name in names]


def model(core: Core, made: models.Model) -> dict[str, Any]:
    """A model."""
    with core.read() as connection:
        name = datasets.open_data(core, connection, number=made.dataset).name
    card, live = made.card.card, models.load(core, made).model
    return {
        "name": made.name, "version": made.version, "state": made.state, "data": name, "method": card.method,
        "estimator": card.estimator, "task": card.schema.task, "target": card.schema.target,
        "columns": dict(card.schema.columns), "options": card.options, "n_records": made.n_records,
        "guarantee": live._guarantee().to_dict(), "gate": dict(made.gate), "learned": made.learned,
    }  # fmt: skip


def all_models(core: Core) -> list[dict[str, Any]]:
    """All models, without reading one."""
    with core.read() as connection:
        return [_listed(core, connection, made) for made in models.live_models(core, connection)]


def _listed(core: Core, connection: Any, made: models.Model) -> dict[str, Any]:
    learned_from = datasets.open_data(core, connection, number=made.dataset)
    return {
        "name": made.name, "version": made.version, "state": made.state, "n_records": made.n_records,
        "data": learned_from.name, "n_data": learned_from.n_records, "gate": dict(made.gate),
    }  # fmt: skip


def all_requests(core: Core, *, every: bool) -> list[asking.Answer]:
    """All open requests, or all there ever were."""
    with core.read() as connection:
        if every:
            numbers = [row["number"] for row in core.db.rows(connection, requests)]
        else:
            numbers = [request.number for _, request in request_queue.open_requests(core, connection)]
        return [asking.answer(core, connection, number) for number in numbers]


def entries(core: Core) -> list[dict[str, Any]]:
    """All entries of the log; those about a request with its number here beside the name that is signed."""
    with core.read() as connection:
        numbers = {journal.request_id(core, row["number"]): row["number"] for row in core.db.rows(connection, requests)}
        return [
            {"index": i, "kind": entry.kind, "time": entry.time, **entry.fields}
            | ({"number": numbers[entry.fields["request"]]} if entry.fields.get("request") in numbers else {})
            for i, entry in enumerate(journal.open_log(connection))
        ]


def keys(core: Core) -> dict[str, Any]:
    """Who signs, and where the secrets lie."""
    with core.read() as connection:
        n_rotations = len(receipting.rotations_of(core, connection))
    return {
        "key_id": core.signer.key_id, "signing_key": core.config.signing_key, "folder": str(core.layout.keys),
        "public_key": str(core.layout.public_key), "rotations": n_rotations, "tombstones": core.config.tombstones,
    }  # fmt: skip


def status(core: Core) -> dict[str, Any]:
    """What there is, what is open, and what is to be done next."""
    decision = asking.due_now(core)
    with core.read() as connection:
        counts = _count_requests(connection)
        stopped = [request for _, request in request_queue.stopped(core, connection)]
        every = [request for _, request in request_queue.open_requests(core, connection)]
        n_entries = len(journal.open_log(connection))
    return {
        "path": str(core.layout.root), "data": all_data(core), "models": all_models(core), "requests": counts,
        "run_now": list(decision.run), "next": None if decision.wake is None else decision.wake.isoformat(),
        "late": list(decision.late), "pressing": pressing(stopped, core.now()), "why": decision.why, "log": n_entries,
        "policy": core.config.policy,
        "overdue": {one.number: str(one.due().day) for one in every if is_overdue(one, core.now())},
        "outlived": {name: len(ids) for name, ids in asking.outlived(core).items()},
    }  # fmt: skip


def _count_requests(connection: Any) -> dict[str, int]:
    """Number of requests in each state."""
    found = connection.execute(sa.select(requests.c.state, sa.func.count()).group_by(requests.c.state))
    return {str(state): int(count) for state, count in found}
