"""Comparing the index of a data set with its rows, which nobody would be found by if it lacked them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from expunge.errors import TamperedError
from expunge.workspace.data import buckets, datasets
from expunge.workspace.database.tables import row_index
from expunge.workspace.storage.core import Core

__all__ = ["compare_index"]


def compare_index(core: Core, connection: Any, data: datasets.DataSet) -> None:
    """Refuse an index that does not say of a data set what its rows say: whom it lacks, nobody would find.

    Of data that is only referred to, the index is compared with what the manifest commits to.

    Raises
    ------
    TamperedError
        The data set is named, and how many rows of the index differ.
    """
    columns = (row_index.c.record, row_index.c.subject, row_index.c.bucket, row_index.c.digest)
    found = connection.execute(sa.select(*columns).where(row_index.c.dataset == data.id)).all()
    if data.is_copied:
        wanted = {row for name in data.buckets for row in _index_of(core, data, name)}
        n_wrong = len(wanted ^ {(bytes(r), None if s is None else bytes(s), int(b)) for r, s, b, _ in found})
    else:
        n_wrong = int(buckets.summed([bytes(row[3]) for row in found]).hex() != data.buckets["all"]["sum"])
    if n_wrong:
        raise TamperedError(
            f"The index of data set {data.name!r} is not what was written: {n_wrong} rows differ.",
            hint="Restore the database.",
        )


def _index_of(core: Core, data: datasets.DataSet, bucket: str) -> Iterator[tuple[bytes, bytes | None, int]]:
    """What the index holds of the rows of a bucket."""
    table, card = datasets.read_bucket(core, data, bucket), data.card
    records = buckets.ids_of(table, card.record_id)
    people = [None] * len(records) if card.subject_id is None else buckets.ids_of(table, card.subject_id, may_miss=True)
    for record, person in zip(records, people, strict=True):
        who = None if person is None else core.secrets.handle("subject", person)
        yield core.secrets.handle("record", record), who, int(bucket)
