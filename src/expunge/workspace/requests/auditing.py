"""Audits in receipts: as a step between forgetting and scrubbing, or of a model that has forgotten, afterwards.

An audit asks the model about the rows that it forgot, so it needs them. While a request is carried out they are still
there: the audit reads them, and what it writes aside lies in ``tmp/``, which is emptied before the receipt is issued.
Afterwards only somebody who kept the rows elsewhere can audit; the figures go into a receipt of their own, which
repeats what the receipt of the request says of the model and follows it in its chain.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from expunge.errors import ExpungeError, InvalidParameterError, InvalidRequestError
from expunge.ledger import receipts as ledger_receipts
from expunge.ledger.rotation import chain
from expunge.table.ids import listed
from expunge.workspace.data import buckets, datasets, guard
from expunge.workspace.database.tables import receipts
from expunge.workspace.models import models
from expunge.workspace.requests import receipting, request_queue
from expunge.workspace.storage import journal
from expunge.workspace.storage.core import Core, stamp
from expunge.workspace.storage.numerics import fingerprint
from expunge.workspace.tabular.columns import parse_label
from expunge.workspace.tabular.preparing import live_schema
from expunge.workspace.tabular.schema import Schema

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["attach", "audited", "refuse_attaching", "refuse_audit", "refuse_known", "refuse_other_records"]

_LATER = "the figures of an audit that was made after the receipt of the request; the rest repeats that receipt"


def refuse_audit(core: Core, n_references: int, held_out: str | None, *, of_columns: bool) -> None:
    """Refuse an audit that could not be made, before a request is taken in.

    Raises
    ------
    InvalidParameterError
        Too few references.
    InvalidRequestError
        The request names columns.
    """
    if not n_references:  # held-out records without an audit are no wish
        return
    if of_columns:
        raise InvalidRequestError("An audit asks about records, not columns.", hint="Forget columns without --audit.")
    from expunge.audit.evidence import LEAST_RETRAINS

    if n_references < LEAST_RETRAINS:
        raise InvalidParameterError(
            f"An audit needs {LEAST_RETRAINS} references or more, got {n_references}.", hint="39 can accuse at 5 %."
        )
    if held_out is not None:
        with core.read() as connection:
            datasets.open_data(core, connection, held_out)


def refuse_known(core: Core, held_out: str, learned_from: Sequence[datasets.DataSet]) -> None:
    """Refuse held-out records with ids of a data set whose models are to be audited: they were, or might be, learned.

    Raises
    ------
    InvalidRequestError
        Before a request is taken in: an audit that cannot be made would be noticed only once the rows are gone.
    """
    with core.read() as connection:
        other = datasets.open_data(core, connection, held_out)
    given = set(buckets.ids_of(datasets.read(core, other), other.card.record_id))
    for data in learned_from:
        mine = buckets.ids_of(datasets.read(core, data), data.card.record_id)
        if (twice := next((value for value in mine if value in given), None)) is not None:
            raise InvalidRequestError(
                f"Record {twice!r} of the held-out data {held_out!r} stands in {data.name!r}, too.",
                hint="Held out is what no model has seen: give it ids of its own, or leave the option out.",
            )


def audited(
    core: Core, model: models.Model, data: datasets.DataSet, live: Any, gone: Sequence[Any], *, n_references: int,
    held_out: str | None,
) -> dict[str, Any]:  # fmt: skip
    """Audit a model that has just forgotten, against models that are trained without the records.

    Parameters
    ----------
    core : Core
    model : Model
        As it was before.
    data : DataSet
        The version that still has the forgotten rows.
    live : Unlearner
        The model that has forgotten.
    gone : sequence
        Ids of the records that it forgot.
    n_references : int
    held_out : str or None
        A data set with records that the model never learned. Default: those of its own that it did not learn.

    Returns
    -------
    dict
        Figures for the receipt. Where no audit can be made that is said, with the code of the error: its sentence may
        name a record.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from expunge.workspace.models.audits import audit_model

    schema = live_schema(model.card.card, live)
    path = core.layout.tmp / "audit.parquet"
    try:
        others = _held_out(core, schema, held_out)
        table = datasets.read(core, data).select(_columns(schema))
        whole = table if others is None else pa.concat_tables([table, others], promote_options="permissive")
        core.layout.tmp.mkdir(mode=0o700, exist_ok=True)
        with core.working_aside():
            pq.write_table(whole, path)
            report = audit_model(
                live, schema, path, forgotten=list(gone), n_references=n_references,
                held_out=None if others is None else others[schema.record_id].to_pylist(),
            )  # fmt: skip
    except ExpungeError as error:
        return {"verdict": "cannot tell", "sentence": f"No audit could be made ({error.code})."}
    finally:
        path.unlink(missing_ok=True)
    return report.figures()


def _columns(schema: Schema) -> list[str]:
    named = (schema.record_id, schema.subject_id, *schema.columns, schema.target)
    return [name for name in named if name is not None]


def _held_out(core: Core, schema: Schema, name: str | None) -> pa.Table | None:
    if name is None:
        return None
    with core.read() as connection:
        other = datasets.open_data(core, connection, name)
    wanted = _columns(schema)
    if missing := [column for column in wanted if column not in other.card.columns]:
        raise InvalidRequestError(f"The data set {name!r} has no column {missing[0]!r}.", hint="Take another one.")
    return datasets.read(core, other).select(wanted)


# ------------------------------------------------------------------ afterwards


def refuse_attaching(
    core: Core, connection: Any, number: int, model: models.Model
) -> tuple[ledger_receipts.Receipt, ledger_receipts.ModelChange]:
    """The receipt of a request and what it says of a model, if an audit of the model as it is can follow it.

    Raises
    ------
    InvalidRequestError
        The request has no receipt, its receipt is not about the model, or the model has changed since.
    """
    row, _ = request_queue.fetch(core, connection, number)
    if row["receipt"] is None:
        raise InvalidRequestError(f"Request {number} has no receipt yet.", hint="Forget with --audit instead.")
    held = core.db.one(connection, receipts, receipts.c.number == row["receipt"])
    keys = chain(core.signer.public_keys, receipting.rotations_of(core, connection))
    told = ledger_receipts.open_envelope(bytes(held["envelope"]), keys)
    change = next((change for change in told.models if change.model == model.name), None)
    if change is None:
        raise InvalidRequestError(f"The receipt of request {number} is not about {model.name!r}.", hint="Name another.")
    if change.version_after != model.version:
        raise InvalidRequestError(
            f"{model.name!r} has version {model.version} now, the receipt of request {number} is about version "
            f"{change.version_after}.",
            hint="Attach to the receipt of the version that was audited.",
        )
    return told, change


def refuse_other_records(
    core: Core, told: ledger_receipts.Receipt, change: ledger_receipts.ModelChange, model: models.Model, kind: str,
    forgotten: Sequence[Any],
) -> str:  # fmt: skip
    """What is known of the ids that an audit is about, for its receipt, unless they are not those of the request.

    The workspace has destroyed what a request was about. What is left is how many records the receipt says the model
    forgot, and the keyed hashes of all that may not come again, without times and links. So as many other records of
    one other request are not told from those of this one, and the receipt says so.

    Parameters
    ----------
    core : Core
    told, change : Receipt, ModelChange
        As :func:`refuse_attaching` gives them.
    model : Model
    kind : str
        Of the ids of records.
    forgotten : sequence
        Ids that the audit takes for forgotten.

    Raises
    ------
    InvalidRequestError
        More or fewer than the receipt says, or one that was never forgotten.
    """
    ids = list(dict.fromkeys(parse_label(value, kind, "record id") for value in listed(forgotten)))
    if len(ids) != change.records:
        raise InvalidRequestError(
            f"By its receipt {model.name!r} forgot {change.records:,} records, and {len(ids):,} ids are given.",
            hint="Give the ids of that request, all of them and no others.",
        )
    if not core.config.tombstones or told.action == "rectify":
        return f"about {len(ids)} records named by the auditor, as many as the model forgot: nothing else was compared"
    with core.read() as connection:
        data = datasets.open_data(core, connection, number=model.dataset)
    found = set(guard.forgotten_among(core, data.name, ids, None))
    if strange := [value for i, value in enumerate(ids) if i not in found]:
        raise InvalidRequestError(
            f"No request made {model.name!r} forget record {strange[0]!r}.", hint="Give the ids of that request."
        )
    return (
        f"about {len(ids)} records named by the auditor: as many as the model forgot, and each of them was forgotten "
        "here, by this request or another"
    )


def attach(core: Core, number: int, name: str, figures: Mapping[str, Any], *, about: str) -> Path:
    """Sign the figures of an audit in a receipt that follows that of a request. The lock is held.

    Parameters
    ----------
    core : Core
    number : int
        Of the request.
    name : str
        Of the model, which must still be as the receipt says.
    figures : mapping
    about : str
        Which records they are about; see :func:`refuse_other_records`.

    Returns
    -------
    Path
        Of the new receipt.

    Raises
    ------
    InvalidRequestError
        As :func:`refuse_attaching`.
    """
    from expunge import __version__

    with core.write() as connection:
        model = models.open_model(core, connection, name)
        told, change = refuse_attaching(core, connection, number, model)
        now = stamp(journal.moment(core, connection))
        last = core.db.get_meta(connection, f"last-receipt/{name}")
        receipt = ledger_receipts.Receipt(
            request=told.request, action="audit", outcome="done", received=now, completed=now,
            code_version=__version__, models=(dataclasses.replace(change, audit=figures, previous=last or None),),
            numerics=fingerprint(), notes=(_LATER, about),
        )  # fmt: skip
        place = min(0, int(connection.execute(sa.select(sa.func.min(receipts.c.number))).scalar() or 0)) - 1
        receipting.enter_signed(core, connection, receipt, number=place, request=number, nonces={}, models=[name])
    receipting.settle_files(core)
    return receipting.path_of(core, place)
