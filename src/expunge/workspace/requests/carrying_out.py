"""A request from start to receipt: work aside, one switch, scrub, check, receipt; and the same after a kill.

The row of a request says how far it is: ``running`` (to be started over), ``switched`` (to be scrubbed), ``scrubbed``
(its receipt is to come). Each step may be done twice.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from expunge.errors import ExpungeError, FileNotUsableError, InvalidRequestError, TamperedError
from expunge.ledger.blinding import blind
from expunge.workspace.data import datasets, guard
from expunge.workspace.database.tables import models as model_table
from expunge.workspace.database.tables import requests, row_index
from expunge.workspace.models import fitting, models, predictions
from expunge.workspace.requests import finding, receipting, removing, request_queue, scrub
from expunge.workspace.requests.targets import held_by
from expunge.workspace.rules.request_states import WAITING
from expunge.workspace.storage import faults, journal
from expunge.workspace.storage.core import Core

__all__ = ["Done", "after_switch", "carry_out", "finish"]


class Done(NamedTuple):
    """What became of requests, by their numbers: of ``models`` and ``data``, or why they could not be carried out.

    Parameters
    ----------
    outcomes : dict of int to dict
    failed : dict of int to ExpungeError
    """

    outcomes: dict[int, dict[str, Any]]
    failed: dict[int, ExpungeError]


def carry_out(core: Core, numbers: Sequence[int], *, audit: removing.Audit | None = None) -> Done:
    """Carry requests out, those that can be together in one go. The lock is held.

    One that cannot be carried out does not stop the others; it waits on.

    Raises
    ------
    InvalidRequestError
        A request that does not wait to be carried out.
    """
    alone: list[int] = []
    together: list[int] = []
    with core.read() as connection:
        for number in numbers:
            _, request = request_queue.fetch(core, connection, number)
            if request.state not in WAITING:
                raise InvalidRequestError(f"Request {number} is {request.state}.", hint="See `expunge request show`.")
            (alone if request.kind in ("rectify", "feature") else together).append(number)
    done = Done({}, {})
    for batch in ([together] if together else []) + [[number] for number in alone]:
        _carry_batch(core, batch, audit, done)
    return done


def _carry_batch(core: Core, batch: Sequence[int], audit: removing.Audit | None, done: Done) -> None:
    """Carry a batch out. If it fails for what one of its requests asks, each is tried by itself."""
    _start(core, batch)
    try:
        done.outcomes.update(_work(core, batch, audit))
    except (FileNotUsableError, TamperedError):  # of the workspace, whoever asks
        _give_back(core, batch)
        raise
    except ExpungeError as error:
        _give_back(core, batch)
        if len(batch) == 1:
            done.failed[batch[0]] = error
            return
        for number in batch:
            _carry_batch(core, [number], audit, done)
        return
    except BaseException:
        _give_back(core, batch)
        raise
    finish(core)


def _start(core: Core, numbers: Sequence[int]) -> None:
    with core.write() as connection:
        for number in numbers:
            request_queue.step(core, connection, number, "start", step="running")
        ids = [journal.request_id(core, number) for number in numbers]
        journal.append_many(core, connection, [("start", {"request": name}) for name in ids])
        core.db.set_meta(connection, "last-run", journal.moment(core, connection).isoformat())
    faults.at("request-started")


def _work(core: Core, numbers: Sequence[int], audit: removing.Audit | None) -> dict[int, dict[str, Any]]:
    jobs: list[removing.Job] = []
    told: dict[int, dict[str, Any]] = {}
    with core.read() as connection:
        for number in numbers:
            row, request = request_queue.fetch(core, connection, number)
            payload = request_queue.payload_of(core, row)
            jobs.append(removing.Job(number, request.kind, payload, held_by(core, connection, request.kind, payload)))
    new_data = removing.prepare_data(core, jobs)
    new_models = removing.prepare_models(core, jobs, audit)
    core.store.flush()
    faults.at("forget-all-written")
    with core.write() as connection:
        changes = {
            "data": [_switch_data(core, connection, new) for new in new_data.values()],
            "models": [_switch_model(core, connection, new, new_data, jobs) for new in new_models],
        }
        below = {new.before.name: _descendants(core, connection, new) for new in new_models}
        for job in jobs:
            _remember(core, connection, job)
            outcome = _outcome(job, changes, len(jobs))
            gone = _outdate(core, connection, job, new_models)
            outcome["notes"] += predictions.told(gone)
            told[job.number] = {
                "models": _told_of_models(job, outcome), "data": _told_of_data(job, outcome), "predictions": gone,
            }  # fmt: skip
            waiting = dict.fromkeys(name for change in outcome["models"] for name in below[change["model"]])
            core.db.update(
                connection, requests, job.number, step="switched", outcome=json.dumps(outcome),
                waiting=json.dumps(list(waiting)),
            )  # fmt: skip
    with core.read() as connection:
        for new in new_models:
            core.cache[models.open_model(core, connection, new.before.name).version_id] = new.made
    faults.at("forget-switched")
    return told


def _switch_data(core: Core, connection: Any, new: removing.NewData) -> dict[str, Any]:
    """Make a new version of a data set the live one."""
    old = new.before
    datasets.make_live(core, connection, old, new.row, new.card)
    for at in range(0, len(new.handles), 500):
        part = row_index.c.record.in_(new.handles[at : at + 500])
        connection.execute(row_index.delete().where(part & (row_index.c.dataset == old.id)))
    if new.come is not None:
        handles = [core.secrets.handle("record", value) for value in new.come[new.card.record_id].to_pylist()]
        datasets.index_rows(core, connection, old.id, new.card, new.come, handles, came=int(core.now().timestamp()))
    (before, nonce_before), (after, nonce_after) = blind(old.commitment), blind(new.row["commitment"])
    return {
        "data": old.name, "version_before": old.version, "version_after": old.version + 1, "before": before,
        "after": after, "nonces": [nonce_before.hex(), nonce_after.hex()],
    }  # fmt: skip


def _switch_model(
    core: Core, connection: Any, new: removing.NewModel, data: dict[int, removing.NewData], jobs: Sequence[removing.Job]
) -> dict[str, Any]:
    """Make a new version of a model current, or a candidate if its gate failed."""
    old = new.before
    if new.features:
        card = old.card.card.__class__(
            **{**old.card.card.__dict__, "schema": old.card.card.schema.without(new.features)}
        )
        kept = dataclasses.replace(old.card, card=card)
        core.db.update(connection, model_table, old.id, card=kept.to_json())
    fitting.retire(core, connection, old)
    (before, nonce_before), (after, nonce_after) = blind(new.digest_before), blind(new.made.digest)
    fitting.insert_version(
        core, connection, old.id, old.name, old.version + 1, data[new.data.id].before.version + 1, new.made,
        gate=new.gate or ({} if old.state == "current" else dict(old.gate)), request=None, commitment=after,
    )  # fmt: skip
    for number, count in new.counts.items():
        fields = {
            "request": journal.request_id(core, number), "model": old.name, "version": old.version + 1,
            "records": count, "guarantee": new.removal.guarantee.kind,
        }  # fmt: skip
        journal.append(core, connection, "removal", fields)
    return {
        "model": old.name, "version_before": old.version, "version_after": old.version + 1,
        "method": old.card.card.method, "guarantee": new.removal.guarantee.to_dict(), "counts": new.counts,
        "work": new.removal.work, "digest_before": before, "digest_after": after, "configuration": new.configuration,
        "notes": [*new.removal.notes, *_gate_note(new.gate)], "audit": new.audit,
        "taken_from": list(old.card.taken_from),
        "nonces": [nonce_before.hex(), nonce_after.hex()],
    }  # fmt: skip


def _gate_note(gate: dict[str, Any]) -> list[str]:
    if gate.get("passed") is False:
        return [f"not in use: {gate['why']}; a retrain is proposed"]
    return []


def _outcome(job: removing.Job, changes: dict[str, Any], together: int) -> dict[str, Any]:
    """What the receipt of one request will say: of the changes of its batch those that concern it."""
    mine = {held.data.name: len(held.handles) for held in job.held}
    touched = [
        {**change, "records": change["counts"][job.number]}
        for change in changes["models"]
        if job.number in change["counts"]
    ]
    others = "one other request" if together == 2 else f"{together - 1} other requests"
    notes = [f"Carried out together with {others}."] if together > 1 else []
    data = [{**change, "records": mine[change["data"]]} for change in changes["data"] if change["data"] in mine]
    return {"data": data, "models": touched, "notes": notes}


def _told_of_models(job: removing.Job, outcome: dict[str, Any]) -> list[dict[str, Any]]:
    """What is told, but kept nowhere, of models: which columns they forgot."""
    gone = {
        model.name: [name for name in one.features if name in model.card.card.schema.columns]
        for one in job.held
        for model in one.models
    }
    return [{**change, "features": gone[change["model"]]} for change in outcome["models"]]


def _told_of_data(job: removing.Job, outcome: dict[str, Any]) -> list[dict[str, Any]]:
    """What is told, but kept nowhere, of data sets: how many records or which columns, and where else they lie."""
    held = {one.data.name: one for one in job.held}
    return [
        {
            **{name: change[name] for name in ("data", "version_before", "version_after", "records")},
            "copied": held[change["data"]].data.is_copied,
            "sources": held[change["data"]].data.card.sources, "features": held[change["data"]].features,
        }
        for change in outcome["data"]
    ]  # fmt: skip


def _remember(core: Core, connection: Any, job: removing.Job) -> None:
    """Tombstones of what was forgotten; rectifying and forgetting a column leave none."""
    if job.kind in ("rectify", "feature"):
        return
    for held in job.held:
        here = job.payload["data"] is not None
        guard.add_tombstones(core, connection, held.data.name, held.ids, held.subjects, here=here)


def _outdate(core: Core, connection: Any, job: removing.Job, new: Sequence[removing.NewModel]) -> list[str]:
    """Have predictions deleted: of models that the job changed, and about what was forgotten or corrected, by models
    that never learned from it too. Gives their names."""
    return predictions.outdate(
        core, connection, models=[one.before.id for one in new if job.number in one.counts],
        handles=[handle for held in job.held for handle in held.handles],
        numbers=predictions.about(core, connection, job.kind, job.payload["values"]),
    )  # fmt: skip


def _descendants(core: Core, connection: Any, new: removing.NewModel) -> list[str]:
    """What was derived from a changed model, however far down: its requests stay open until each is settled."""
    return [
        f"{one.what}:{one.name}" if one.what in ("data", "model") else one.name
        for one in finding.below(core, connection, new.before)[1:]
        if one.what not in predictions.KINDS
    ]


def _give_back(core: Core, numbers: Sequence[int]) -> None:
    """After a failure everything is as it was: what was made is deleted, the requests wait again."""
    try:
        core.store.discard()
        with core.read() as connection:
            core.store.sweep(scrub.live_chunks(core, connection))
        with core.write() as connection:
            for number in numbers:
                row, request = request_queue.fetch(core, connection, number)
                if request.state == "running" and row["step"] == "running":
                    request_queue.step(core, connection, number, "give-back", step="")
    except ExpungeError:
        return  # the disk is still full, say: opening the workspace does it


# ------------------------------------------------------------------ after the switch


def finish(core: Core) -> list[int]:
    """Scrub what was switched, and give receipts to what was scrubbed. May be repeated."""
    with core.read() as connection:
        switched = [row for row, _ in request_queue.under_way(core, connection) if row["step"] == "switched"]
    entered: list[int] = []
    if switched:
        outcomes = [json.loads(row["outcome"]) for row in switched]
        changed = {change["model"]: change["version_after"] for outcome in outcomes for change in outcome["models"]}
        notes = after_switch(core, changed)

        def scrubbed(connection: Any) -> None:
            for row, outcome in zip(switched, outcomes, strict=True):
                outcome["notes"] += notes
                core.db.update(connection, requests, row["number"], step="scrubbed", outcome=json.dumps(outcome))
            entered.extend(receipting.enter_ready(core, connection))

        scrub.scrub(core, scrubbed)
        faults.at("scrub-done")
        if entered:
            faults.at("receipt-entered")
        else:  # nothing below empties the log of the database
            core.db.truncate_log()
    return entered + receipting.issue(core)


def after_switch(core: Core, changed: dict[str, int]) -> list[str]:
    """Run the command that is to run after a switch: deploy, notify recipients."""
    if not core.config.after_switch or not changed:
        return []
    told = ",".join(f"{name}={version}" for name, version in sorted(changed.items()))
    environment = {**os.environ, "EXPUNGE_WORKSPACE": str(core.layout.root), "EXPUNGE_SWITCHED": told}
    environment.pop("EXPUNGE_FAIL_AT", None)
    try:
        done = subprocess.run(  # noqa: S603 - the command is the owner's, from their own configuration
            list(core.config.after_switch), env=environment, cwd=Path(core.layout.root), check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        return [f"the command after the switch could not be run: {error.strerror}"]
    return [] if done.returncode == 0 else [f"the command after the switch ended with code {done.returncode}"]
