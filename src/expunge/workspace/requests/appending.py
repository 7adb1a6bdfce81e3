"""New records of a data set: the set grows by a version, and models learn them where that is wanted and they can."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from expunge.errors import DuplicateRecordError, InvalidDataError, InvalidRequestError
from expunge.workspace.data import buckets, datasets, guard
from expunge.workspace.data.new_rows import in_form
from expunge.workspace.data.odd_ids import warn_of_points
from expunge.workspace.database.tables import row_index
from expunge.workspace.models import fitting, gates, models, predictions
from expunge.workspace.requests import carrying_out, scrub
from expunge.workspace.rules.retention import read_times
from expunge.workspace.storage import faults, journal
from expunge.workspace.storage.core import Core
from expunge.workspace.tabular.preparing import live_schema, told_as_invalid_data
from expunge.workspace.tabular.reading import read_rows, with_target
from expunge.workspace.tabular.sources import Source, read_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from expunge.workspace.models.versions import Manifest

__all__ = ["append"]


@dataclasses.dataclass(frozen=True)
class _Learned:
    """The next version of a model, which knows the new records."""

    before: models.Model
    made: Manifest
    gate: dict[str, Any]


def append(
    core: Core, name: str, source: Source, *, learn: bool, skip_forgotten: bool, override: str
) -> dict[str, Any]:
    """Take new records into a data set; see :meth:`expunge.workspace.Workspace.data_append`. The lock is held.

    Returns
    -------
    dict
        ``version``, ``n_records``, ``appended``, ``skipped``, ``nameless``, names of models that ``learned``, models
        to be fitted again (``refit``), files of kept ``predictions`` that were deleted, ``notes``.

    Raises
    ------
    InvalidRequestError
        The data set is only referred to.
    """
    with core.read() as connection:
        data = datasets.open_data(core, connection, name)
        known = models.live_models(core, connection, dataset=data.id)
    if not data.is_copied:
        raise InvalidRequestError(
            f"{name!r} is only referred to and grows where it lies.", hint="Add it again, under another name."
        )
    table, skipped = _new_rows(core, data, source, skip_forgotten=skip_forgotten, override=override)
    ids = table[data.card.record_id].to_pylist()
    handles = [core.secrets.handle("record", value) for value in ids]
    card = dataclasses.replace(data.card, appended=tuple(dict.fromkeys((*data.card.appended, source.lasting().shown))))
    made, _ = datasets.replace_rows(core, data, [], table)
    _, row = datasets.write_version(core, card, made)
    able = [model for model in known if learn and models.load(core, model).model._learns]
    learned = [_learned(core, model, table) for model in able]
    core.store.flush()
    faults.at("data-chunks-written")
    with core.write() as connection:
        datasets.make_live(core, connection, data, row, card)
        came = int(core.now().timestamp())
        nameless = datasets.index_rows(core, connection, data.id, card, table, handles, came=came)
        gone = predictions.outdate(core, connection, models=[new.before.id for new in learned])
        for new in learned:
            old = new.before
            fitting.retire(core, connection, old)
            fitting.insert_version(
                core, connection, old.id, old.name, old.version + 1, data.version + 1, new.made,
                gate=new.gate or ({} if old.state == "current" else dict(old.gate)), request=None,
            )  # fmt: skip
        fields = {"data": name, "version": data.version + 1, "records": len(ids)}
        journal.append(core, connection, "append", fields)
        guard.log_override(core, connection, name, override)
    faults.at("data-committed")
    scrub.scrub(core)
    changed = {new.before.name: new.before.version + 1 for new in learned}
    notes = carrying_out.after_switch(core, changed)
    notes += predictions.told(gone)
    notes += [f"{new.before.name} is not in use: {new.gate['why']}" for new in learned if "why" in new.gate]
    return {
        "name": name, "version": data.version + 1, "n_records": data.n_records + len(ids), "appended": len(ids),
        "skipped": skipped, "nameless": nameless, "learned": list(changed), "notes": notes,
        "predictions": gone,
        "refit": [model.name for model in known if model.name not in changed],
    }  # fmt: skip


def _new_rows(
    core: Core, data: datasets.DataSet, source: Source, *, skip_forgotten: bool, override: str
) -> tuple[pa.Table, int]:
    """Rows in the form of the data set, none of which it has already; and how many were left out."""
    card, table = data.card, read_source(source)
    if missing := [name for name in card.columns if name not in table.column_names]:
        raise InvalidDataError(f"The new rows lack the column {missing[0]!r}.", hint="Give whole rows.")
    table = in_form(core, data, table).select(card.columns)
    ids = buckets.ids_of(table, card.record_id)
    subjects = None if card.subject_id is None else buckets.ids_of(table, card.subject_id, may_miss=True)
    _refuse_known(core, data, ids)
    warn_of_points(card.record_id, ids)
    warn_of_points(card.subject_id or "", subjects or ())
    if card.keep is not None and card.time_column is not None:
        what = f"Column {card.time_column!r}"
        read_times(table[card.time_column].to_pylist(), what=what, zone=core.config.zone)
    return datasets.admitted(core, data.name, table, ids, subjects, skip_forgotten=skip_forgotten, override=override)


def _refuse_known(core: Core, data: datasets.DataSet, ids: Sequence[Any]) -> None:
    by_handle = {core.secrets.handle("record", value): value for value in ids}
    every, known = list(by_handle), []
    with core.read() as connection:
        for at in range(0, len(every), 500):
            where = row_index.c.record.in_(every[at : at + 500]) & (row_index.c.dataset == data.id)
            known += connection.execute(sa.select(row_index.c.record).where(where)).scalars().all()
    if known:
        held = {bytes(handle) for handle in known}
        first = next(value for handle, value in by_handle.items() if handle in held)
        count = "" if len(held) == 1 else f", and {len(held) - 1:,} more of the {len(every):,} given"
        raise DuplicateRecordError(
            f"{data.name!r} has record {first!r} already{count}.",
            hint="Correct what is there with `expunge rectify`, or give a new record an id of its own.",
        )


def _learned(core: Core, model: models.Model, table: pa.Table) -> _Learned:
    from expunge.class_notes import warn_of_new_classes
    from expunge.workspace.models.versions import save_version

    manifest, settings, card = models.load(core, model), model.card.gate, model.card.card
    live = manifest.model
    schema = live_schema(card, live)
    rows = read_rows(with_target(table, schema) if card.drop_missing_target else table, schema)
    before = gates.figures_before(core, settings, card, live)
    core.cache.pop(model.version_id, None)  # it is about to change in memory, and may fail
    with core.working_aside(), told_as_invalid_data(list(rows.X.columns)):
        labels = None if rows.y is None else np.array([*rows.y, None], dtype=object)[:-1]
        warn_of_new_classes(live, live._rows(), labels)
        live.learn(rows.X, rows.y, record_ids=rows.ids, subject_ids=rows.subjects)
    return _Learned(model, save_version(core.store, live, manifest), gates.judged(core, settings, card, before, live))
