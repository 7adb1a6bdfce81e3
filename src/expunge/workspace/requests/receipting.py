"""Receipts of requests that are through: signed, entered into the log, written beside the workspace.

First the database: receipt, entry of the log and the end of the request in one transaction. Then the keys of subjects
without another open request are shredded. Then the files, which are made from the database and can be made again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from expunge.files.whole import write_whole
from expunge.ledger import receipts as ledger_receipts
from expunge.ledger.bundle import Bundle
from expunge.ledger.receipts import NOT_PROVED, DataChange, ModelChange, Receipt
from expunge.ledger.rotation import chain
from expunge.records import STATE_TELLS, Guarantee
from expunge.workspace.data import datasets
from expunge.workspace.database.tables import receipts, requests, subject_keys
from expunge.workspace.requests import finding, request_queue
from expunge.workspace.requests.targets import respelled, unsearched
from expunge.workspace.rules.request_states import OPEN, Request
from expunge.workspace.storage import faults, journal
from expunge.workspace.storage.core import Core, stamp
from expunge.workspace.storage.numerics import fingerprint

__all__ = [
    "audits_of",
    "enter_ready",
    "enter_signed",
    "issue",
    "nothing_held",
    "path_of",
    "queue_shredding",
    "settle_files",
]

#: So many places are named in which something is still held.
_NAMED = 12
_STATE = (
    "That the stored state of the model {!r}, which is not published, shows nothing of the records: until its next "
    "fit, beside the rows that are left, it can show the direction of one that was forgotten, and of several their sum."
)

_UNSEARCHED = (
    "That the data set {!r}, and what learned from it, holds nothing of the person: it has no column of persons, and "
    "was not searched."
)

_RESPELLED = (
    "That nothing is held of the same under another spelling: something was held of an id that differs by a final .0, "
    "by blanks around it, by small letters or capitals, or by how accents are written, alone."
)

_NAMELESS = (
    "That rows of the data set {!r} which name no person, {:,} in all, and what learned from them, hold nothing of the "
    "person: they were not searched."
)

_OUTSIDE = "That anything changed outside the data set {!r}: the request was limited to it."
_HELD_OUTSIDE = (
    "That nothing is held of the person outside the data set {!r}: the request was limited to it, and when this was "
    "signed something was held in {}."
)
_TAKEN = "That the file from which the model {!r} was taken over, which its owner kept, knows nothing of the records."


def path_of(core: Core, number: int) -> Path:
    """Where the bundle of a receipt lies; audits that were attached later count downwards from -1."""
    return core.layout.receipts / (f"{number:04d}.json" if number > 0 else f"audit-{-number:04d}.json")


def issue(core: Core) -> list[int]:
    """Receipts for all requests that were scrubbed and wait for nothing; gives the numbers of these requests."""
    with core.read() as connection:
        is_ready = bool(_ready(core, connection))
    numbers: list[int] = []
    if is_ready:
        with core.write() as connection:
            numbers = enter_ready(core, connection)
        faults.at("receipt-entered")
    settle_files(core)
    return numbers


def enter_ready(core: Core, connection: Any) -> list[int]:
    """As :func:`issue`, in a transaction of the caller, who writes the files then."""
    ready = _ready(core, connection)
    nameless = _nameless(core, connection, [request for _, request in ready])
    for row, request in ready:
        outcome = json.loads(row["outcome"])
        action = "finish" if outcome["data"] or outcome["models"] else "find-nothing"
        _enter(core, connection, row, request, outcome, action, nameless)
    if ready:
        queue_shredding(core, connection)
    return [int(row["number"]) for row, _ in ready]


def _ready(core: Core, connection: Any) -> list[tuple[dict[str, Any], Request]]:
    every = request_queue.under_way(core, connection)
    return [(row, r) for row, r in every if row["step"] == "scrubbed" and not json.loads(row["waiting"] or "[]")]


def _nameless(core: Core, connection: Any, asked: Sequence[Request]) -> dict[str, int]:
    """Rows that name nobody, by the data set, where somebody was looked for."""
    is_anybody = any(request.kind == "subject" for request in asked)
    return datasets.count_nameless(core, connection) if is_anybody else {}


def nothing_held(core: Core, numbers: Sequence[int]) -> None:
    """Answer requests about what nobody holds: with a receipt that says so."""
    if not numbers:
        return
    with core.write() as connection:
        found = [request_queue.fetch(core, connection, number) for number in numbers]
        nameless = _nameless(core, connection, [request for _, request in found])
        for row, request in found:
            _enter(core, connection, row, request, {"models": [], "data": [], "notes": []}, "find-nothing", nameless)
        queue_shredding(core, connection)
    faults.at("receipt-entered")
    settle_files(core)


def _enter(
    core: Core, connection: Any, row: Mapping[str, Any], request: Request, outcome: Mapping[str, Any], action: str,
    nameless: Mapping[str, int],
) -> None:  # fmt: skip
    """Sign a receipt, enter it into the log, and close the request."""
    from expunge import __version__

    payload = request_queue.payload_of(core, row)
    number = _number(connection, request.number)
    last = {c["model"]: core.db.get_meta(connection, f"last-receipt/{c['model']}") for c in outcome["models"]}
    changes = tuple(_model_change(change, last[change["model"]]) for change in outcome["models"])
    taken = [change["model"] for change in outcome["models"] if change.get("taken_from")]
    unread = [_UNSEARCHED.format(name) for name in unsearched(core, connection, request.kind, payload)]
    if request.kind == "subject":
        unread += [_NAMELESS.format(name, n) for name, n in nameless.items() if payload["data"] in (None, name)]
    if respelled(core, connection, request.kind, payload):
        unread.append(_RESPELLED)
    if within := payload["data"]:
        held = [f"{one.what} {one.name!r}" for one in finding.outside(core, connection, request.kind, payload)]
        unread.append(_HELD_OUTSIDE.format(within, _some(held)) if held else _OUTSIDE.format(within))
    receipt = Receipt(
        request=journal.request_id(core, request.number), action=payload["action"],
        outcome="done" if outcome["data"] or changes else "nothing-held", received=stamp(request.received),
        completed=stamp(journal.moment(core, connection)), code_version=__version__, due=str(request.due().day),
        models=changes, data=tuple(_data_change(change) for change in outcome["data"]), numerics=fingerprint(),
        notes=tuple(outcome["notes"]), not_proved=_not_proved(changes, unread, taken), within=within,
    )  # fmt: skip
    nonces = {change["model"]: change["nonces"] for change in outcome["models"]}
    enter_signed(core, connection, receipt, number=number, request=request.number, nonces=nonces, models=sorted(nonces))
    request_queue.step(
        core, connection, request.number, action, step="", outcome=None, waiting=None, key=None, receipt=number
    )


def enter_signed(
    core: Core, connection: Any, receipt: Receipt, *, number: int, request: int, nonces: Mapping[str, Any],
    models: Sequence[str],
) -> None:  # fmt: skip
    """Sign a receipt, and enter it into the log, the chains of its models and the table of receipts."""
    envelope = ledger_receipts.seal(receipt, core.signer)
    digest = ledger_receipts.envelope_hash(envelope)
    entry = journal.append(core, connection, "receipt", {"request": receipt.request, "envelope": digest})
    for name in models:
        core.db.set_meta(connection, f"last-receipt/{name}", digest)
    core.db.insert(connection, receipts, {
        "number": number, "request": request, "entry": entry, "envelope": envelope, "nonces": json.dumps(nonces),
        "models": json.dumps(list(models)),
    })  # fmt: skip


def _number(connection: Any, request: int) -> int:
    """The number of a receipt: that of its request, unless another receipt has it, as in workspaces of old."""
    if connection.execute(sa.select(receipts.c.number).where(receipts.c.number == request)).first() is None:
        return request
    return int(connection.execute(sa.select(sa.func.max(receipts.c.number))).scalar() or 0) + 1


def _model_change(change: Mapping[str, Any], previous: str) -> ModelChange:
    told = (
        "model", "version_before", "version_after", "method", "records", "work", "digest_before", "digest_after",
        "configuration", "audit",
    )  # fmt: skip
    return ModelChange(
        **{name: change[name] for name in told}, guarantee=Guarantee.from_dict(change["guarantee"]),
        previous=previous or None, notes=tuple(change["notes"]),
    )  # fmt: skip


def _not_proved(changes: Sequence[ModelChange], unread: Sequence[str], taken: Sequence[str]) -> tuple[str, ...]:
    """The list of every receipt, and what else is not so for a model whose state has a history, or that was taken over
    from a file, or for data and rows in which nobody could be looked for."""
    told = [change.model for change in changes if STATE_TELLS in change.guarantee.assumptions]
    return (*NOT_PROVED, *unread, *map(_TAKEN.format, taken), *map(_STATE.format, told))


def _some(names: Sequence[str]) -> str:
    """Names, as many as one line of a receipt bears."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _data_change(change: Mapping[str, Any]) -> DataChange:
    return DataChange(**{name: value for name, value in change.items() if name != "nonces"})


# ------------------------------------------------------------------ after the transaction


def queue_shredding(core: Core, connection: Any) -> None:
    """Write down which keys belong to nobody any more; who they belonged to is deleted."""
    used = sa.select(requests.c.key).where(requests.c.state.in_(OPEN), requests.c.key.is_not(None))
    free = connection.execute(sa.select(subject_keys.c.key).where(subject_keys.c.key.not_in(used))).all()
    numbers = sorted(int(row[0]) for row in free)
    connection.execute(subject_keys.delete().where(subject_keys.c.key.not_in(used)))
    pending = json.loads(core.db.get_meta(connection, "to-shred", "[]"))
    core.db.set_meta(connection, "to-shred", json.dumps(sorted({*pending, *numbers})))


def settle_files(core: Core) -> None:
    """Shred the keys that are due, and write the bundles that are missing. May be repeated."""
    with core.read() as connection:
        due = json.loads(core.db.get_meta(connection, "to-shred", "[]"))
        known = [int(row[0]) for row in connection.execute(sa.select(receipts.c.number))]
    if due:
        with core.write() as connection:  # nobody else takes keys meanwhile
            due = json.loads(core.db.get_meta(connection, "to-shred", "[]"))
            core.secrets.pool.shred(due)
            core.db.set_meta(connection, "to-shred", "[]")
        faults.at("receipt-keys-shredded")
    missing = [number for number in known if not path_of(core, number).is_file()]
    if due or missing:
        core.db.truncate_log()
    if missing:
        write_bundles(core, missing)
        faults.at("receipt-written")


def write_bundles(core: Core, numbers: Sequence[int]) -> None:
    """Write receipts with their place in the log and a head signed now."""
    core.layout.receipts.mkdir(exist_ok=True)
    with core.read() as connection:
        log = journal.checked_log(core, connection)
        head = log.sign_head(core.signer, time=stamp(journal.moment(core, connection)))
        rotations = rotations_of(core, connection)
        for number in numbers:
            row = core.db.one(connection, receipts, receipts.c.number == number)
            data = Bundle.make(bytes(row["envelope"]), log, row["entry"], head, rotations).to_bytes()
            write_whole(path_of(core, number), lambda stream, data=data: stream.write(data), for_others=True)  # type: ignore[misc]


def audits_of(core: Core, connection: Any, request: int) -> list[dict[str, Any]]:
    """What audits said of the models of a request, in its receipt and in those that were attached, oldest first."""
    rows = core.db.rows(connection, receipts, receipts.c.request == request)
    keys = chain(core.signer.public_keys, rotations_of(core, connection))
    return [
        {"model": change.model, "figures": dict(change.audit),
         "receipt": str(path_of(core, row["number"])) if row["number"] < 0 else None}
        for row in sorted(rows, key=lambda row: int(row["entry"]))
        for change in ledger_receipts.open_envelope(bytes(row["envelope"]), keys).models
        if change.audit
    ]  # fmt: skip


def rotations_of(core: Core, connection: Any) -> list[bytes]:
    """Envelopes in which one signing key handed over to the next, oldest first."""
    return [text.encode() for text in json.loads(core.db.get_meta(connection, "rotations", "[]"))]
