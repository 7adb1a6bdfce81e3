"""Who learned from a person: told from the index and the rows of the database, without reading a row or a model."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from expunge.workspace.data import datasets
from expunge.workspace.data.data_card import DataCard
from expunge.workspace.database.tables import artefacts, row_index
from expunge.workspace.database.tables import datasets as dataset_table
from expunge.workspace.models import models, predictions
from expunge.workspace.requests import request_queue
from expunge.workspace.requests.targets import (
    SPELLED,
    Held,
    held_by,
    not_searched,
    refuse_unsearchable,
    respelled,
    told_as_respelled,
)
from expunge.workspace.storage.core import Core, stamp

__all__ = ["Finding", "below", "find", "outside"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that learned from a subject or record, or holds it.

    Parameters
    ----------
    what : {"data", "model", "prediction", "file", "model elsewhere"}
    name : str
    version : int or None
    records : int or None
        How many of the records, where that is known.
    since : str
        When it was made, in UTC; of a data set, when the first of these rows came in: added, appended or corrected.
    through : str
        The data set or model by which it came there.
    """

    what: str
    name: str
    version: int | None
    records: int | None
    since: str
    through: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return dataclasses.asdict(self)


def find(core: Core, wishes: Sequence[request_queue.Wish]) -> list[Finding]:
    """Everything that holds or learned from what is asked: data sets, models, and what was derived from them.

    Warnings name data sets in which a person could not be looked for, ids that are held and only spelled otherwise,
    and, where something is held of others, of whom nothing is.
    """
    asked = [value for wish in wishes for value in wish.values]
    found = [_of_wish(core, wish, asked) for wish in wishes]
    if any(found):
        for wish, things in zip(wishes, found, strict=True):
            if not things:
                told = f"Nothing is held of {wish.kind} {wish.values[0]!r}. {SPELLED}"
                warnings.warn(told, UserWarning, stacklevel=3)
    return [thing for things in found for thing in things]


def outside(core: Core, connection: Any, kind: str, payload: Mapping[str, Any]) -> list[Finding]:
    """What holds a person though it was to be forgotten in one data set: nothing where the request is not limited.

    Of records, classes and columns it is empty, too: another data set may call others by the same names.
    """
    if kind != "subject" or payload["data"] is None:
        return []
    found = _holding(core, connection, kind, {"values": payload["values"], "data": None})
    return [one for one in found if (one.what, one.name) != ("data", payload["data"])]


def _of_wish(core: Core, wish: request_queue.Wish, asked: Sequence[Any]) -> list[Finding]:
    with core.read() as connection:
        payload = {"values": list(wish.values), "data": wish.data}
        unread = refuse_unsearchable(core, connection, wish.kind, payload)
        near = respelled(core, connection, wish.kind, payload, beside=asked)
        out = _holding(core, connection, wish.kind, payload)
    for told in [*not_searched(unread), *told_as_respelled(near)]:
        warnings.warn(told, UserWarning, stacklevel=4)
    return out


def _holding(core: Core, connection: Any, kind: str, payload: Mapping[str, Any]) -> list[Finding]:
    out: list[Finding] = []
    derived = core.db.rows(connection, artefacts)
    for held in held_by(core, connection, kind, payload, look=True):
        data = held.data
        out.append(Finding("data", data.name, data.version, len(held.handles), _since(connection, held), "added"))
        for model in held.models:
            count = _known(core, connection, kind, payload, model, held)
            if count or set(held.features).intersection(model.card.card.schema.columns):
                found = below(core, connection, model)
                out += [dataclasses.replace(found[0], records=count), *found[1:]]
    kept = predictions.about(core, connection, kind, payload["values"])
    listed = {one.name for one in out if one.what == predictions.KEPT}
    names = {model.id: model.name for model in models.live_models(core, connection)}
    out += [
        Finding(row["kind"], row["name"], None, kept[row["id"]], row["created"], names[row["model"]])
        for row in derived
        if row["kind"] == predictions.KEPT and row["id"] in kept and row["name"] not in listed
    ]
    return list(dict.fromkeys(out))


def _since(connection: Any, held: Held) -> str:
    """When the first of the rows came into their data set."""
    came: list[int | None] = []
    for at in range(0, len(held.handles), 500):
        part = row_index.c.record.in_(held.handles[at : at + 500]) & (row_index.c.dataset == held.data.id)
        came += connection.execute(sa.select(row_index.c.came).where(part)).scalars()
    later = [seconds for seconds in came if seconds is not None]
    is_later = later and len(later) == len(came)
    return stamp(datetime.fromtimestamp(min(later), UTC)) if is_later else held.data.created


def below(core: Core, connection: Any, model: models.Model) -> list[Finding]:
    """A model, first, and everything that was derived from it, through data sets of its predictions too."""
    derived = core.db.rows(connection, artefacts)
    return _below(core, connection, model, derived, _by_source(core, connection), set())


def _known(core: Core, connection: Any, kind: str, payload: Mapping[str, Any], model: models.Model, held: Held) -> int:
    """How many of the records a model knows: all, unless the data set has more than it learned (appended, say)."""
    if model.n_records == held.data.n_records or not held.handles:
        return len(held.handles)
    rows = models.load(core, model).model._rows()
    here = {"values": payload["values"], "data": held.data.name}
    return sum(len(rows.known(one.ids)) for one in held_by(core, connection, kind, here))


def _below(
    core: Core, connection: Any, model: models.Model, derived: Sequence[Mapping[str, Any]],
    by_source: Mapping[str, Sequence[str]], seen: set[str],
) -> list[Finding]:  # fmt: skip
    if model.name in seen:
        return []
    seen.add(model.name)
    name_of = sa.select(dataset_table.c.name).where(dataset_table.c.id == model.dataset)
    with_data = str(connection.execute(name_of).scalar())
    out = [Finding("model", model.name, model.version, None, model.learned, with_data)]
    out += [
        Finding(row["kind"], row["name"], None, None, row["created"], model.name)
        for row in derived
        if row["model"] == model.id and row["kind"] != predictions.OUTDATED
    ]
    for name in by_source.get(model.name, ()):
        data = datasets.open_data(core, connection, name)
        out.append(Finding("data", name, data.version, None, data.created, model.name))
        for pupil in models.live_models(core, connection, dataset=data.id):
            out += _below(core, connection, pupil, derived, by_source, seen)
    return out


def _by_source(core: Core, connection: Any) -> dict[str, list[str]]:
    """Data sets by the models whose predictions they hold."""
    out: dict[str, list[str]] = {}
    for row in core.db.rows(connection, dataset_table):
        for name in DataCard.from_json(row["card"]).derived_from:
            out.setdefault(name, []).append(row["name"])
    return out
