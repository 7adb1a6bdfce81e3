"""What a workspace tells about itself, as plain data without any value of a record."""

from __future__ import annotations

import json
from typing import Any

from expunge.errors import InvalidRequestError
from expunge.workspace.data import datasets
from expunge.workspace.database.tables import datasets as dataset_table
from expunge.workspace.database.tables import model_versions, requests
from expunge.workspace.models import models
from expunge.workspace.requests import asking, finding, receipting, request_queue
from expunge.workspace.rules.policies import pressing
from expunge.workspace.storage import journal
from expunge.workspace.storage.core import Core

__all__ = ["all_data", "all_requests", "data", "entries", "keys", "model", "promote", "status", "step"]


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


def promote(core: Core, name: str, reason: str) -> dict[str, Any]:
    """Put a candidate into use."""
    if not reason.strip():
        raise InvalidRequestError("Say why the version is put into use.", hint="With --reason.")
    with core.lock.held(), core.write() as connection:
        made = models.open_model(core, connection, name)
        gate = {**made.gate, "promoted": reason}
        core.db.update(connection, model_versions, made.version_id, state="current", gate=json.dumps(gate))
        made = models.open_model(core, connection, name)
    return model(core, made)


def all_requests(core: Core, *, every: bool) -> list[asking.Answer]:
    """All open requests, or all there ever were."""
    with core.read() as connection:
        if every:
            numbers = [row["number"] for row in core.db.rows(connection, requests)]
        else:
            numbers = [request.number for _, request in request_queue.open_requests(core, connection)]
        return [asking.answer(core, connection, number) for number in numbers]


def step(core: Core, number: int, action: str, reason: str | None) -> asking.Answer:
    """One step of a request that an owner takes."""
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


def entries(core: Core) -> list[dict[str, Any]]:
    """All entries of the log."""
    with core.read() as connection:
        return [
            {"index": i, "kind": entry.kind, "time": entry.time, **entry.fields}
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
        held = [
            {"name": made.name, "version": made.version, "state": made.state, "n_records": made.n_records,
             "gate": dict(made.gate)}
            for made in models.live_models(core, connection)
        ]  # fmt: skip
        counts = finding.count_requests(core, connection)
        stopped = [request for _, request in request_queue.stopped(core, connection)]
        n_entries = len(journal.open_log(connection))
    return {
        "path": str(core.layout.root), "data": all_data(core), "models": held, "requests": counts,
        "run_now": list(decision.run), "next": None if decision.wake is None else decision.wake.isoformat(),
        "late": list(decision.late), "pressing": pressing(stopped, core.now()), "why": decision.why, "log": n_entries,
        "policy": core.config.policy,
    }  # fmt: skip
