"""Predictions that the workspace keeps, in files of its own, with an index of whom they are about.

They are deleted when their model changes, and when a record or person that they are about is forgotten, whether their
model learned from that one or not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from expunge.errors import InvalidRequestError
from expunge.workspace.database.tables import artefacts, predicted
from expunge.workspace.models import models
from expunge.workspace.rules.names import check_own_name
from expunge.workspace.storage.core import Core, stamp
from expunge.workspace.tabular.tables import check_new_table, write_table

if TYPE_CHECKING:
    import pandas as pd

    from expunge.ledger.pseudonyms import Kind

__all__ = ["KEPT", "KINDS", "OUTDATED", "about", "delete_outdated", "drop", "enter", "keep", "outdate", "told"]

#: Kinds of artefacts: predictions, and those that the next scrub deletes.
KINDS = KEPT, OUTDATED = "prediction", "outdated prediction"

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)


def enter(core: Core, connection: Any, name: str, *, model: str, kind: str, place: str) -> int:
    """Enter something that was derived from a model; gives its number.

    Raises
    ------
    InvalidRequestError
        The name is taken.
    """
    check_own_name(name, "file of predictions" if kind == KEPT else "derived artefact")
    source = models.open_model(core, connection, model)
    if core.db.rows(connection, artefacts, artefacts.c.name == name):
        raise InvalidRequestError(f"There is an artefact {name!r} already.", hint="Choose another name.")
    row = {"name": name, "model": source.id, "kind": kind, "place": place, "created": stamp(core.now())}
    return core.db.insert(connection, artefacts, row)


def keep(core: Core, name: str, frame: pd.DataFrame, *, model: str, subjects: Sequence[Any] | None) -> Path:
    """Keep predictions in the workspace.

    Parameters
    ----------
    core : Core
        The lock is held.
    name : str
        Of a new file, ending in ``.csv`` or ``.parquet``, without folders.
    frame : DataFrame
        Its first column holds the ids of the records.
    model : str
    subjects : sequence, optional
        Whom each row is about; not written, only indexed.

    Raises
    ------
    InvalidRequestError, InvalidParameterError, FileNotUsableError
        A name that is none or is taken, or a file that cannot be written. Nothing is kept.
    """
    check_own_name(name, "file of predictions")
    if Path(name).name != name or name.startswith("."):
        raise InvalidRequestError(f"{name!r} is no plain name of a file.", hint="As scores.csv.")
    path, aside = core.layout.predictions / name, core.layout.tmp / name
    check_new_table(path)
    core.layout.predictions.mkdir(mode=0o700, exist_ok=True)
    core.layout.tmp.mkdir(mode=0o700, exist_ok=True)
    try:
        write_table(frame, aside, for_others=False)
        _index(core, name, frame, model=model, subjects=subjects)
        os.replace(aside, path)  # last: a file that nothing names would never be deleted
    finally:
        aside.unlink(missing_ok=True)
    return path


def _index(core: Core, name: str, frame: pd.DataFrame, *, model: str, subjects: Sequence[Any] | None) -> None:
    records = frame.iloc[:, 0].tolist()
    with core.write() as connection:
        number = enter(core, connection, name, model=model, kind=KEPT, place=name)
        rows = [
            {"artefact": number, "record": core.secrets.handle("record", record),
             "subject": None if subject is None else core.secrets.handle("subject", subject)}
            for record, subject in zip(records, subjects or [None] * len(records), strict=True)
        ]  # fmt: skip
        connection.execute(predicted.insert(), rows)


def about(core: Core, connection: Any, kind: str, values: Iterable[Any]) -> dict[int, int]:
    """Kept predictions about a person or records: number of the artefact -> how many rows.

    An id is looked for as a text and as an integer, for a file may hold it as either.
    """
    if kind not in ("subject", "record", "rectify"):
        return {}
    what: Kind = "subject" if kind == "subject" else "record"
    handles = {core.secrets.handle(what, form) for value in values for form in _forms(value)}
    return _holding(connection, predicted.c[what], handles)


def outdate(
    core: Core, connection: Any, *, models: Collection[int] = (), handles: Collection[bytes] = (),
    numbers: Collection[int] = (),
) -> list[str]:  # fmt: skip
    """Have the next scrub delete predictions: of these models, about records of these handles, of these numbers.

    Returns
    -------
    list of str
        Their names, those among them that the next scrub deletes already.
    """
    wanted = {*numbers, *_holding(connection, predicted.c.record, handles)}
    rows: list[Mapping[str, Any]] = [
        row for row in core.db.rows(connection, artefacts, artefacts.c.kind.in_(KINDS))
        if row["model"] in models or row["id"] in wanted
    ]  # fmt: skip
    for row in rows:
        if row["kind"] == KEPT:
            core.db.update(connection, artefacts, row["id"], kind=OUTDATED)
    return [str(row["name"]) for row in rows]


def told(names: Sequence[str]) -> list[str]:
    """What people are told of predictions that were outdated; nothing, where there are none."""
    return [f"kept predictions were deleted: {', '.join(names)}"] if names else []


def delete_outdated(core: Core, connection: Any) -> list[int]:
    """Delete the files of outdated predictions; gives their numbers, whose rows :func:`drop` takes away."""
    rows = core.db.rows(connection, artefacts, artefacts.c.kind == OUTDATED)
    for row in rows:
        (core.layout.predictions / row["place"]).unlink(missing_ok=True)
    return [int(row["id"]) for row in rows]


def drop(connection: Any, numbers: Iterable[int]) -> None:
    """Take predictions of these numbers out of the database."""
    for number in numbers:
        connection.execute(predicted.delete().where(predicted.c.artefact == number))
        connection.execute(artefacts.delete().where(artefacts.c.id == number))


def _holding(connection: Any, column: Any, handles: Collection[bytes]) -> dict[int, int]:
    """Which predictions have one of these handles in a column, and in how many rows."""
    out: dict[int, int] = {}
    wanted = sorted(handles)
    for at in range(0, len(wanted), 500):
        count = sa.select(predicted.c.artefact, sa.func.count()).where(column.in_(wanted[at : at + 500]))
        for number, rows in connection.execute(count.group_by(predicted.c.artefact)):
            out[int(number)] = out.get(int(number), 0) + int(rows)
    return out


def _forms(value: Any) -> set[Any]:
    """An id as it is, as a text and as an integer."""
    text = str(value)
    return {value, text, int(text)} if _INTEGER.fullmatch(text) else {value, text}
