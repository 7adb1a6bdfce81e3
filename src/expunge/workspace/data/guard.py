"""The guard against what was forgotten and comes again: in new data, and in sources that are only referred to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from expunge.errors import ForgottenBeforeError, SourceChangedError
from expunge.workspace.data import buckets
from expunge.workspace.database.tables import row_index, tombstones
from expunge.workspace.storage import journal, log_seal

if TYPE_CHECKING:
    import pyarrow as pa

    from expunge.workspace.data.datasets import DataSet
    from expunge.workspace.storage.core import Core

__all__ = ["add_tombstones", "forgotten_among", "log_override", "refuse_changed", "refuse_forgotten"]


#: Why a row is refused, of one and of several.
_RECORD = ("was forgotten before", "were forgotten before")
_PERSON = ("is about a person who was forgotten before", "are about persons who were forgotten before")


def add_tombstones(
    core: Core, connection: Any, name: str, records: Iterable[Any], subjects: Iterable[Any] = (), *, here: bool = False
) -> None:
    """Remember, by keyed hashes alone, that these may not come again; sorted, without times and links.

    Records are those of one data set. Subjects may not come again anywhere, unless they were forgotten ``here`` alone.
    """
    if not core.config.tombstones:
        return
    wanted = {core.secrets.tombstone("record", value, name) for value in records}
    wanted |= {core.secrets.tombstone("subject", value, name if here else "") for value in subjects}
    new = wanted - _known(connection, wanted)
    if new:
        log_seal.add_tombstones(core, connection, new)


def refuse_forgotten(
    core: Core, name: str, ids: Sequence[Any], subjects: Sequence[Any] | None, *, override: str
) -> None:
    """Refuse rows of which a record or subject was forgotten before.

    Parameters
    ----------
    core : Core
    name : str
        Of the data set.
    ids, subjects : sequence of ids
    override : str
        Why they may come in all the same; goes to the log. Empty: they may not.

    Raises
    ------
    ForgottenBeforeError
        The numbers of rows that are forgotten records, and of new ones about forgotten persons, and the first of each.
    """
    records, people = ([], []) if override else _forgotten(core, name, ids, subjects)
    if told := [*_told(records, ids, *_RECORD), *_told(people, ids, *_PERSON)]:
        raise ForgottenBeforeError(
            f"Of {len(ids):,} row{'s' if len(ids) > 1 else ''} {' and '.join(told)}.",
            hint="Leave them out (of new data: --skip-forgotten), or say why they may come in: --override REASON (it "
            "is logged).",
        )


def forgotten_among(core: Core, name: str, ids: Sequence[Any], subjects: Sequence[Any] | None) -> list[int]:
    """Positions of the rows of which a record or subject was forgotten before; the parameters are as above."""
    records, people = _forgotten(core, name, ids, subjects)
    return sorted([*records, *people])


def _told(hit: Sequence[int], ids: Sequence[Any], one: str, several: str) -> list[str]:
    """How many rows were refused and why, with the id of the first; nothing where none was."""
    if not hit:
        return []
    first = repr(ids[hit[0]])
    return [f"1 {one}, record {first}" if len(hit) == 1 else f"{len(hit):,} {several}, record {first} first"]


def _forgotten(
    core: Core, name: str, ids: Sequence[Any], subjects: Sequence[Any] | None
) -> tuple[list[int], list[int]]:
    """Positions of the rows that are forgotten records, and of the others that are about forgotten persons."""
    if not core.config.tombstones:
        return [], []
    with core.read() as connection:
        if not connection.execute(sa.select(sa.func.count()).select_from(tombstones)).scalar():
            return [], []
        by_record = {core.secrets.tombstone("record", value, name): value for value in ids}
        held = set(subjects or ()) - {None}
        by_subject = {core.secrets.tombstone("subject", value, where): value for value in held for where in ("", name)}
        found = _known(connection, by_record.keys() | by_subject.keys())
    records = {by_record[value] for value in found if value in by_record}
    people = {by_subject[value] for value in found if value in by_subject}
    first = [i for i, value in enumerate(ids) if value in records]
    return first, [i for i, who in enumerate(subjects or ()) if who in people and ids[i] not in records]


def log_override(core: Core, connection: Any, name: str, override: str) -> None:
    """Write down that the guard was overridden."""
    if override:
        journal.append(core, connection, "override", {"reason": override, "data": name, "subject": None})


def refuse_changed(core: Core, data: DataSet, table: pa.Table) -> None:
    """Refuse a source that holds a record which was changed or forgotten, or which lacks or adds one.

    Raises
    ------
    SourceChangedError
        The source is named.
    """
    ids = buckets.ids_of(table, data.card.record_id)
    handles = [core.secrets.handle("record", value) for value in ids]
    columns = [name for name in table.column_names if name in data.card.columns]
    digests = buckets.row_digests(table.select(columns), core.secrets.derived("rows"))
    with core.read() as connection:
        found = connection.execute(
            sa.select(row_index.c.record, row_index.c.digest).where(row_index.c.dataset == data.id)
        )
        held = {bytes(record): bytes(digest) for record, digest in found}
    if extra := [value for value, handle in zip(ids, handles, strict=True) if handle not in held]:
        raise SourceChangedError(
            f"{data.card.source} still holds {len(extra)} records that were forgotten or never entered, "
            f"{extra[0]!r} first.",
            hint="Delete them there, or add the source again under another name.",
        )
    changed = [v for v, h, d in zip(ids, handles, digests, strict=True) if held[h] != d]
    if changed:
        raise SourceChangedError(
            f"{data.card.source} holds {len(changed)} records that were changed, {changed[0]!r} first.",
            hint="Rectify them in the workspace, or add the source again under another name.",
        )
    if missing := len(held) - len(ids):
        raise SourceChangedError(f"{data.card.source} lacks {missing} records.", hint="Restore them, or forget them.")


def _known(connection: Any, hashes: Iterable[bytes]) -> set[bytes]:
    """Which of the hashes are tombstones."""
    wanted, found = sorted(hashes), set()
    for at in range(0, len(wanted), 500):
        part = wanted[at : at + 500]
        rows = connection.execute(sa.select(tombstones.c.hash).where(tombstones.c.hash.in_(part)))
        found |= {bytes(row[0]) for row in rows}
    return found
