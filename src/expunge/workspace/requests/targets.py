"""What a request is about, found out: in which data sets, which records, which models know them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa

from expunge.errors import ExpungeError, InvalidIdError, InvalidRequestError, UnknownRecordError
from expunge.workspace.data import datasets
from expunge.workspace.data.data_card import DataCard
from expunge.workspace.database.statements import Prepared
from expunge.workspace.database.tables import datasets as dataset_table
from expunge.workspace.database.tables import row_index
from expunge.workspace.models import models
from expunge.workspace.rules.near_ids import other_spellings
from expunge.workspace.storage.core import Core
from expunge.workspace.tabular.columns import parse_label

__all__ = [
    "NOTHING_HELD", "SPELLED", "Held", "held_by", "not_searched", "refuse_several", "refuse_unsearchable",
    "respelled", "told_as_respelled", "unsearched",
]  # fmt: skip

_What: TypeAlias = Literal["record", "subject"]

#: In all data sets: SQLite, asked for one, reads through all its records instead of those of the person.
_OF_SUBJECT = Prepared(
    sa.select(row_index.c.dataset, row_index.c.record, row_index.c.bucket).where(
        row_index.c.subject == sa.bindparam("subject")
    )
)

#: How ids are compared, for who misses somebody.
SPELLED = "Ids are compared as they are written: 7 is not 007."
#: What people are told where nothing is held of what they ask about.
NOTHING_HELD = (
    "Nothing is held of it: forgotten before, or never known here under this id. If it should be, check the spelling. "
    f"{SPELLED}"
)
_INSTEAD = "Forget records of it by --record, or add it anew with --subject-id COLUMN, and fit its models on that."


@dataclasses.dataclass
class Held:
    """What one data set, and the models that learned from it, hold of a request.

    Attributes
    ----------
    data : DataSet
    ids : list
        Records; of data that is only referred to, those that models can name.
    handles : list of bytes
        Of all of them, by the index.
    subjects : list
        Persons, with ids of the kind of the data set.
    features : list of str
        Columns.
    models : list of Model
        That learned from the data set.
    """

    data: datasets.DataSet
    ids: list[Any] = dataclasses.field(default_factory=list)
    handles: list[bytes] = dataclasses.field(default_factory=list)
    subjects: list[Any] = dataclasses.field(default_factory=list)
    features: list[str] = dataclasses.field(default_factory=list)
    models: list[models.Model] = dataclasses.field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.handles or self.features)


def held_by(core: Core, connection: Any, kind: str, payload: Mapping[str, Any], *, look: bool = False) -> list[Held]:
    """Everything that data sets and models hold of what is asked.

    Parameters
    ----------
    core : Core
    connection : Connection
    kind : {"subject", "record", "class", "feature", "rectify"}
    payload : mapping
        ``values`` and ``data``.
    look : bool
        Only to be told: the index alone is read, no row and no model where it suffices.

    Returns
    -------
    list of Held
        Those that hold something; empty if nobody does.
    """
    names = [row["name"] for row in core.db.rows(connection, dataset_table)]
    if payload.get("data") is not None:
        names = [datasets.open_data(core, connection, payload["data"]).name]
    out = []
    for name in names:
        data = datasets.open_data(core, connection, name)
        held = Held(data, models=models.live_models(core, connection, dataset=data.id))
        find = {"subject": _subject, "class": _classes, "feature": _features}.get(kind, _records)
        find(core, connection, held, payload["values"], look)
        if held:
            out.append(held)
    return out


def unsearched(core: Core, connection: Any, kind: str, payload: Mapping[str, Any]) -> list[str]:
    """Names of the data sets in which a person should be looked for and cannot: no column of theirs names persons."""
    if kind != "subject":
        return []
    rows = core.db.rows(connection, dataset_table)
    within = [row for row in rows if payload.get("data") in (None, row["name"])]
    return [row["name"] for row in within if DataCard.from_json(row["card"]).subject_id is None]


def refuse_unsearchable(core: Core, connection: Any, kind: str, payload: Mapping[str, Any]) -> list[str]:
    """As :func:`unsearched`; refused is a request about that data set alone, as nobody could be found there.

    Raises
    ------
    InvalidRequestError
        To answer that nothing is held would be wrong.
    """
    names = unsearched(core, connection, kind, payload)
    if payload.get("data") in names:
        raise InvalidRequestError(
            f"Data set {payload['data']!r} has no column of persons, so nobody can be looked for in it.", hint=_INSTEAD
        )
    return names


def _in_several(core: Core, connection: Any, values: Sequence[Any]) -> dict[Any, list[str]]:
    """Names of data sets, by the ids of records that more than one of them has: those are different records."""
    every = core.db.rows(connection, dataset_table)
    if len(every) < 2 or not values:
        return {}
    where: dict[Any, list[str]] = {}
    for row in every:
        kind = DataCard.from_json(row["card"]).record_kind
        by_handle = {
            core.secrets.handle("record", own): value for value in values if (own := _as(value, kind)) is not None
        }
        for handle in _indexed(connection, "record", row["id"], list(by_handle)):
            where.setdefault(by_handle[handle], []).append(row["name"])
    return {value: names for value, names in where.items() if len(names) > 1}


def refuse_several(core: Core, connection: Any, kind: str, payload: Mapping[str, Any]) -> None:
    """Refuse records that are in several data sets where none is named.

    Raises
    ------
    InvalidRequestError
        To forget all of them would take the rows of others, too.
    """
    if kind == "record" and payload.get("data") is None:
        for value, names in _in_several(core, connection, payload["values"]).items():
            raise InvalidRequestError(
                f"Record {value!r} is in {len(names)} data sets: {', '.join(map(repr, names))}. Each has its own.",
                hint="Say which one is meant: --data NAME.",
            )


def not_searched(names: Sequence[str]) -> list[str]:
    """What people are told of data sets without a column of persons."""
    return [f"Data set {name!r} has no column of persons and was not searched. {_INSTEAD}" for name in names]


def respelled(
    core: Core, connection: Any, kind: str, payload: Mapping[str, Any], *, beside: Iterable[Any] = ()
) -> list[Any]:
    """Ids under which something is held, and which only their spelling tells from those of a request: 3.0 from 3, as
    data frames write integers where one is missing, or an id without the blanks around it.

    They are told and not taken: who knows the data knows whether they are the same. What is asked ``beside`` is not
    told.
    """
    others = (
        [] if kind in ("class", "feature") else [one for value in payload["values"] for one in other_spellings(value)]
    )
    if not others:
        return []
    what: _What = "subject" if kind == "subject" else "record"
    found: dict[Any, None] = {}
    for row in core.db.rows(connection, dataset_table):
        if payload.get("data") not in (None, row["name"]):
            continue
        card = DataCard.from_json(row["card"])
        own = card.subject_kind if what == "subject" else card.record_kind
        asked = {_as(value, own) for value in (*payload["values"], *beside)} | {None}
        near = {one for other in others if (one := _as(other, own)) not in asked}
        by_handle = {core.secrets.handle(what, value): value for value in near}
        found |= dict.fromkeys(by_handle[handle] for handle in _indexed(connection, what, row["id"], list(by_handle)))
    return sorted(found, key=repr)


def _indexed(connection: Any, what: _What, dataset: int, handles: Sequence[bytes]) -> list[bytes]:
    """Which handles of persons or records the index has in a data set."""
    column, out = row_index.c[what], []
    for at in range(0, len(handles), 500):
        query = sa.select(row_index.c.dataset, column).where(column.in_(handles[at : at + 500]))
        if what == "record":  # of persons see _OF_SUBJECT
            query = query.where(row_index.c.dataset == dataset)
        rows = connection.execute(query.distinct())
        out += [bytes(handle) for number, handle in rows if number == dataset]
    return out


def told_as_respelled(ids: Sequence[Any]) -> list[str]:
    """What people are told of ids that are spelled otherwise than what they asked for."""
    return [
        f"Something is held of {one!r}, which only its spelling tells from what was asked: if it is the same, ask for "
        "it, too." for one in ids
    ]  # fmt: skip


def _subject(core: Core, connection: Any, held: Held, values: Sequence[Any], look: bool) -> None:
    card = held.data.card
    value = _as(values[0], card.subject_kind)
    if value is None or card.subject_id is None:
        return
    every = _OF_SUBJECT.all(connection, subject=core.secrets.handle("subject", value))
    found = [row for row in every if row[0] == held.data.id]
    held.handles = [bytes(row[1]) for row in found]
    held.subjects = [value] if found else []
    if look or not found:
        return
    if not held.data.is_copied:
        held.ids = _ids_in_models(core, held, value)
        return
    for bucket in sorted({int(row[2]) for row in found}):
        table = datasets.read_bucket(core, held.data, f"{bucket:04d}")
        people, ids = table[card.subject_id].to_pylist(), table[card.record_id].to_pylist()
        held.ids += [record for record, person in zip(ids, people, strict=True) if person == value]


def _records(core: Core, connection: Any, held: Held, values: Sequence[Any], look: bool) -> None:
    wanted = [_as(value, held.data.card.record_kind) for value in values]
    by_handle = {core.secrets.handle("record", value): value for value in wanted if value is not None}
    held.handles = _indexed(connection, "record", held.data.id, list(by_handle))
    held.ids = [by_handle[handle] for handle in held.handles]


def _classes(core: Core, connection: Any, held: Held, values: Sequence[Any], look: bool) -> None:
    ids: set[Any] = set()
    for model in held.models:
        schema = model.card.card.schema
        labels = [label for value in values if (label := _read(value, schema.target_kind)) is not None]
        if schema.task in ("classification", "recommendation") and labels:
            rows = models.load(core, model).model._rows()
            for label in labels:
                try:
                    ids |= set(rows.peek(rows.find_classes([label])).ids.tolist())
                except UnknownRecordError:
                    continue
    if ids:
        _records(core, connection, held, sorted(ids, key=repr), look)


def _features(core: Core, connection: Any, held: Held, values: Sequence[Any], look: bool) -> None:
    card = held.data.card
    wanted = [str(value) for value in values if value in card.columns]
    for name in wanted:
        if name in (card.record_id, card.subject_id, card.time_column):
            raise InvalidRequestError(
                f"Column {name!r} names the records of {held.data.name!r}.", hint="It has to stay."
            )
        user = next((model.name for model in held.models if model.card.card.schema.target == name), None)
        if user is not None:
            raise InvalidRequestError(f"Model {user!r} predicts {name!r}.", hint="Forget its classes, or its records.")
    held.features = wanted


def _ids_in_models(core: Core, held: Held, subject: Any) -> list[Any]:
    """Ids of records of a person that models know; a source that is only referred to cannot be asked."""
    ids: dict[Any, None] = {}
    for model in held.models:
        rows = models.load(core, model).model._rows()
        try:
            slots = rows.find_subjects([subject])
        except (UnknownRecordError, InvalidIdError):
            continue
        ids.update(dict.fromkeys(rows.peek(slots).ids.tolist()))
    return list(ids)


def _read(value: Any, kind: str) -> Any:
    """A label or id from a text, of a kind; None if it cannot be one."""
    try:
        return parse_label(value, kind, "name")
    except ExpungeError:
        return None


def _as(value: Any, kind: str) -> Any:
    """An id of the kind of a data set; None if it cannot be one of it."""
    if isinstance(value, int) or kind == "text":
        return value if isinstance(value, int) == (kind == "integer") else None
    return _read(value, kind)
