"""Data sets of a workspace: copied into buckets, or referred to by keyed hashes of their rows."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from expunge.errors import InvalidDataError, InvalidParameterError, InvalidRequestError, UnknownNameError
from expunge.files.archive import archive_bytes, archive_contents
from expunge.near_names import near_name
from expunge.workspace.data import buckets, guard
from expunge.workspace.data.data_card import DataCard
from expunge.workspace.data.odd_ids import warn_of_points
from expunge.workspace.database.tables import datasets, row_index, versions
from expunge.workspace.rules.names import asked_name, check_own_name
from expunge.workspace.rules.retention import read_duration, read_times
from expunge.workspace.storage import faults
from expunge.workspace.storage.chunks import Entry
from expunge.workspace.storage.core import Core, stamp
from expunge.workspace.tabular.sources import Source, read_source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "DataSet", "add", "admitted", "count_nameless", "drop_column", "index_rows", "make_live", "open_data", "read",
    "read_bucket", "replace_rows", "summed_without", "write_version",
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A data set and its live version, as the database and the manifest have them.

    Parameters
    ----------
    id, version, n_records : int
    name, commitment, created : str
    card, buckets, manifest : DataCard, mapping of str to mapping, Entry or None
    """

    id: int
    name: str
    card: DataCard
    version: int
    n_records: int
    commitment: str
    created: str
    buckets: Mapping[str, Mapping[str, Any]]
    manifest: Entry | None

    @property
    def is_copied(self) -> bool:
        """Whether the workspace holds the rows."""
        return self.card.n_buckets > 0


def open_data(core: Core, connection: Any, name: str | None = None, *, number: int | None = None) -> DataSet:
    """A data set by name or number.

    Raises
    ------
    UnknownNameError
        There is none of that name.
    """
    where = datasets.c.name == asked_name(name) if name is not None else datasets.c.id == number
    found = core.db.rows(connection, datasets, where)
    if not found:
        known = [row["name"] for row in core.db.rows(connection, datasets)]
        hint = near_name(name, known) if known else "Add one with `expunge data add`."
        raise UnknownNameError(f"There is no data set {name!r}.", hint=hint)
    row = found[0]
    live = core.db.one(connection, versions, versions.c.dataset == row["id"], versions.c.live == 1)
    entry = Entry(live["manifest"], live["mac"])
    raw = core.store.get(entry, f"manifest of data set {row['name']}")
    manifest, _ = archive_contents(raw, f"data set {row['name']}")
    return DataSet(
        row["id"], row["name"], DataCard.from_json(row["card"]), live["number"], live["n_records"], live["commitment"],
        row["created"], manifest["buckets"], entry,
    )  # fmt: skip


def add(
    core: Core, name: str, source: Source, *, record_id: str, subject_id: str | None, reference: bool,
    keep: str | None, time_column: str | None, derived_from: Sequence[str], skip_forgotten: bool, override: str,
) -> tuple[DataSet, int, int]:  # fmt: skip
    """Add a data set; see :meth:`expunge.workspace.Workspace.data_add`. The lock is held.

    Returns
    -------
    data : DataSet
    skipped : int
        Rows that were left out, because they were forgotten before.
    nameless : int
        Rows that name no person, where others do.

    Raises
    ------
    InvalidRequestError
        The name is taken.
    InvalidParameterError
        Arguments that do not go together.
    """
    check_own_name(name, "data set")
    if reference and skip_forgotten:
        raise InvalidParameterError(
            "A source that is only referred to still holds what is left out.", hint="Copy it, or delete the rows there."
        )
    with core.read() as connection:
        if core.db.rows(connection, datasets, datasets.c.name == name):
            raise InvalidRequestError(f"There is a data set {name!r} already.", hint="Choose another name.")
    table = read_source(source)
    ids = buckets.ids_of(table, record_id)
    subjects = None if subject_id is None else buckets.ids_of(table, subject_id, may_miss=True)
    if (keep is None) != (time_column is None) or (time_column and time_column not in table.column_names):
        raise InvalidParameterError("--keep and --time-column go together.", hint="As --keep 24months --time-column t.")
    if keep is not None and reference:
        raise InvalidParameterError("Data that is only referred to cannot expire here.", hint="Copy it.")
    if keep is not None and time_column is not None:
        read_duration(keep)
        read_times(table[time_column].to_pylist(), what=f"Column {time_column!r}", zone=core.config.zone)
    table, skipped = admitted(core, name, table, ids, subjects, skip_forgotten=skip_forgotten, override=override)
    if skipped:
        ids = buckets.ids_of(table, record_id)
        subjects = None if subject_id is None else buckets.ids_of(table, subject_id, may_miss=True)
    warn_of_points(record_id, ids)
    warn_of_points(subject_id or "", subjects or ())
    card = DataCard(
        record_id=record_id, subject_id=subject_id, record_kind=buckets.kind_of(ids),
        subject_kind=buckets.kind_of(subjects or ()), columns=tuple(table.column_names),
        n_buckets=0 if reference else buckets.n_buckets(len(ids)), source=source.lasting(), keep=keep,
        time_column=time_column, derived_from=tuple(derived_from),
    )  # fmt: skip
    handles = [core.secrets.handle("record", value) for value in ids]
    made = _in_buckets(core, card, table, handles)
    entry, row = write_version(core, card, made)
    core.store.flush()
    faults.at("data-chunks-written")
    with core.write() as connection:
        now = stamp(core.now())
        number = core.db.insert(
            connection, datasets, {"name": name, "kind": "referenced" if reference else "copied",
                                   "card": card.to_json(), "created": now},
        )  # fmt: skip
        core.db.insert(connection, versions, row | {"dataset": number, "number": 1, "live": 1, "created": now})
        nameless = index_rows(core, connection, number, card, table, handles)
        guard.log_override(core, connection, name, override)
    faults.at("data-committed")
    return DataSet(number, name, card, 1, len(ids), row["commitment"], now, made, entry), skipped, nameless


def admitted(
    core: Core, name: str, table: pa.Table, ids: Sequence[Any], subjects: Sequence[Any] | None, *,
    skip_forgotten: bool, override: str,
) -> tuple[pa.Table, int]:  # fmt: skip
    """The rows that may come into a data set, and how many were left out because they were forgotten before.

    Raises
    ------
    ForgottenBeforeError
        There are such rows, and they are neither to be left out nor let in.
    InvalidParameterError
        They are to be both.
    InvalidDataError
        Nothing is left.
    """
    import pyarrow as pa

    if not skip_forgotten:
        guard.refuse_forgotten(core, name, ids, subjects, override=override)
        return table, 0
    if override:
        raise InvalidParameterError("Forgotten rows are left out or let in, not both.", hint="Leave one option out.")
    hit = set(guard.forgotten_among(core, name, ids, subjects))
    if len(hit) == len(ids):
        raise InvalidDataError("Every row was forgotten before.", hint="There is nothing to add.")
    kept = [i for i in range(len(ids)) if i not in hit]
    return (table.take(pa.array(kept, pa.int64())) if hit else table), len(hit)


def make_live(core: Core, connection: Any, old: DataSet, row: Mapping[str, Any], card: DataCard | None = None) -> None:
    """Make the version that :func:`write_version` wrote the live one, in the caller's transaction."""
    for held in core.db.rows(connection, versions, versions.c.dataset == old.id, versions.c.live == 1):
        core.db.update(connection, versions, held["id"], live=0)
    made = {"dataset": old.id, "number": old.version + 1, "live": 1, "created": stamp(core.now())}
    core.db.insert(connection, versions, {**row, **made})
    if card is not None and card != old.card:
        core.db.update(connection, datasets, old.id, card=card.to_json())


def index_rows(
    core: Core, connection: Any, number: int, card: DataCard, table: pa.Table, handles: Sequence[bytes], *,
    came: int | None = None,
) -> int:  # fmt: skip
    """Enter rows into the index, by keyed hashes, with seconds since 1970 if they come later than the data set.

    Gives how many of them name no person, where others do.
    """
    subjects = (
        [None] * len(handles) if card.subject_id is None else buckets.ids_of(table, card.subject_id, may_miss=True)
    )
    known: dict[Any, bytes | None] = {None: None}
    for value in subjects:
        if value not in known:
            known[value] = core.secrets.handle("subject", value)
    digests = buckets.row_digests(table, core.secrets.derived("rows")) if not card.n_buckets else [None] * len(handles)
    rows = [
        {"dataset": number, "record": handle, "subject": known[subject], "digest": digest,
         "bucket": buckets.bucket_of(handle, card.n_buckets) if card.n_buckets else 0, "came": came}
        for handle, subject, digest in zip(handles, subjects, digests, strict=True)
    ]  # fmt: skip
    if rows:
        connection.execute(row_index.insert(), rows)
    return 0 if card.subject_id is None else subjects.count(None)


def count_nameless(core: Core, connection: Any) -> dict[str, int]:
    """How many rows name no person, by the data set: of those with a column of persons, where there are such rows."""
    found = {}
    for row in core.db.rows(connection, datasets):
        if DataCard.from_json(row["card"]).subject_id is None:  # no row of it names anybody
            continue
        where = (row_index.c.dataset == row["id"]) & row_index.c.subject.is_(None)
        if n := int(connection.execute(sa.select(sa.func.count()).where(where)).scalar() or 0):
            found[row["name"]] = n
    return found


def _in_buckets(core: Core, card: DataCard, table: pa.Table, handles: Sequence[bytes]) -> dict[str, dict[str, Any]]:
    """Put a table into buckets; what the manifest says of them."""
    digests = buckets.row_digests(table, core.secrets.derived("rows"))
    if not card.n_buckets:
        return {"all": {"n": len(handles), "sum": buckets.summed(digests).hex()}}
    made = {}
    for bucket, at in buckets.split(handles, card.n_buckets).items():
        made[f"{bucket:04d}"] = _put_bucket(core, table.take(at), [digests[i] for i in at.tolist()])
    return made


def _put_bucket(core: Core, table: pa.Table, digests: Sequence[bytes]) -> dict[str, Any]:
    data = buckets.parquet_bytes(table)
    entry = core.store.put("bucket", hashlib.sha256(data).digest(), data)
    return {"chunk": entry.name, "mac": entry.mac, "n": table.num_rows, "sum": buckets.summed(digests).hex()}


def write_version(core: Core, card: DataCard, made: Mapping[str, Mapping[str, Any]]) -> tuple[Entry, dict[str, Any]]:
    """Put the manifest of a version; gives it, and the row of the version but for its numbers."""
    held = dict(sorted(made.items()))
    data = archive_bytes({"kind": "data", "columns": list(card.columns), "buckets": held}, {})
    entry = core.store.put("data", hashlib.sha256(data).digest(), data)
    total = buckets.commitment({name: bucket["sum"] for name, bucket in held.items()})
    n_records = sum(bucket["n"] for bucket in held.values())
    return entry, {"manifest": entry.name, "mac": entry.mac, "n_records": n_records, "commitment": total}


# ------------------------------------------------------------------ reading


def read_bucket(core: Core, data: DataSet, bucket: str) -> pa.Table:
    """The rows of one bucket."""
    held = data.buckets[bucket]
    raw = core.store.get(Entry(held["chunk"], held["mac"]), f"bucket {bucket} of data set {data.name}")
    return buckets.parquet_table(raw)


def read(core: Core, data: DataSet) -> pa.Table:
    """All rows of a data set; one that is referred to is read again and compared.

    Raises
    ------
    SourceChangedError
        The source holds a record that was changed or forgotten, or lacks one.
    """
    import pyarrow as pa

    if not data.is_copied:
        table = read_source(data.card.source)
        guard.refuse_changed(core, data, table)
        return table
    tables = [read_bucket(core, data, bucket) for bucket in sorted(data.buckets)]
    if not tables:
        return pa.table({name: pa.array([], pa.string()) for name in data.card.columns})
    return pa.concat_tables(tables, promote_options="permissive").combine_chunks()


# ------------------------------------------------------------------ changing


def replace_rows(
    core: Core, data: DataSet, ids: Iterable[Any], new: pa.Table | None = None
) -> tuple[dict[str, dict[str, Any]], list[bytes]]:
    """Rewrite the buckets of some records, without them, or with these rows in their place.

    Returns
    -------
    buckets : dict
        For the manifest of the next version.
    handles : list of bytes
        Of the records that went.
    """
    import pyarrow as pa

    wanted = list(ids)
    handles = [core.secrets.handle("record", value) for value in wanted]
    made = {name: dict(bucket) for name, bucket in data.buckets.items()}
    if not data.is_copied:
        return made, handles
    fresh: dict[str, list[int]] = {}
    if new is not None:
        for i, value in enumerate(new[data.card.record_id].to_pylist()):
            at = buckets.bucket_of(core.secrets.handle("record", value), data.card.n_buckets)
            fresh.setdefault(f"{at:04d}", []).append(i)
    touched = {f"{buckets.bucket_of(handle, data.card.n_buckets):04d}" for handle in handles} | fresh.keys()
    gone, key = set(wanted), core.secrets.derived("rows")
    for name in sorted(touched):
        left = buckets.without(read_bucket(core, data, name), data.card.record_id, gone) if name in made else None
        if new is not None and name in fresh:
            come = new.take(fresh[name]).select(data.card.columns)
            left = come if left is None else pa.concat_tables([left, come.cast(left.schema)])
        if left is None or not left.num_rows:
            made.pop(name, None)
            continue
        if name in fresh:  # else they stand in their order still
            handles_left = [core.secrets.handle("record", v) for v in left[data.card.record_id].to_pylist()]
            left = left.take(buckets.split(handles_left, 1)[0])
        made[name] = _put_bucket(core, left, buckets.row_digests(left, key))
    return made, handles


def summed_without(
    core: Core, data: DataSet, handles: Sequence[bytes], new: pa.Table | None
) -> dict[str, dict[str, Any]]:
    """What the next manifest of a data set says that is only referred to: from the index, not from the source."""
    gone = set(handles)
    with core.read() as connection:
        found = connection.execute(
            sa.select(row_index.c.record, row_index.c.digest).where(row_index.c.dataset == data.id)
        )
        left = [bytes(digest) for record, digest in found if bytes(record) not in gone]
    if new is not None:
        left += buckets.row_digests(new, core.secrets.derived("rows"))
    return {"all": {"n": len(left), "sum": buckets.summed(left).hex()}}


def drop_column(core: Core, data: DataSet, columns: Sequence[str]) -> tuple[DataCard, dict[str, dict[str, Any]]]:
    """Rewrite every bucket without some columns."""
    card = dataclasses.replace(data.card, columns=tuple(name for name in data.card.columns if name not in columns))
    if not data.is_copied:
        return card, {name: dict(bucket) for name, bucket in data.buckets.items()}
    made, key = {}, core.secrets.derived("rows")
    for name in sorted(data.buckets):
        table = read_bucket(core, data, name).select(card.columns)
        made[name] = _put_bucket(core, table, buckets.row_digests(table, key))
    return card, made
