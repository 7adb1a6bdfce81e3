"""Corrected rows: whole rows or some columns of them, as a data set takes them and as each model does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidDataError, InvalidRequestError
from expunge.workspace.data import buckets, datasets
from expunge.workspace.data.new_rows import in_form
from expunge.workspace.storage.core import Core
from expunge.workspace.tabular.preparing import live_schema
from expunge.workspace.tabular.reading import read_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from expunge.workspace.tabular.card import Card

__all__ = ["arguments", "corrected", "read_correction"]


def read_correction(core: Core, data: datasets.DataSet, table: pa.Table) -> tuple[list[Any], dict[str, list[Any]]]:
    """Ids of the records to correct, and what is right about them, column by column, as a request keeps it.

    Raises
    ------
    InvalidDataError, InvalidIdError, DuplicateRecordError
        A column that the data set does not have, values that it cannot hold, ids that are none.
    InvalidRequestError
        No column but the ids; or not all columns, of data that lies elsewhere.
    """
    ids, card = buckets.ids_of(table, data.card.record_id), data.card
    missing = [name for name in card.columns if name not in table.column_names]
    if missing and not data.is_copied:
        raise InvalidRequestError(
            f"The corrected rows lack the column {missing[0]!r}.",
            hint=f"Give whole rows: those of {data.name!r} lie elsewhere.",
        )
    if table.num_columns < 2:
        raise InvalidRequestError("The file has ids and nothing that is right about them.", hint="Give a column.")
    table = in_form(core, data, table)
    return ids, {name: _plain(table[name]) for name in table.column_names}


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """Values that JSON holds as they are; others, dates say, as texts that their type reads again."""
    import pyarrow as pa
    from pyarrow import types

    kind = column.type
    if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_string(kind)):
        try:
            column = column.cast(pa.string())
        except (pa.ArrowException, NotImplementedError) as error:
            raise InvalidDataError(f"Values of type {kind} cannot be corrected.", hint="Add the data anew.") from error
    values: list[Any] = column.to_pylist()
    return values


def corrected(core: Core, data: datasets.DataSet, rows: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Whole rows as they should be: what is not given is as the data set has it."""
    import pyarrow as pa

    given = pa.table({name: pa.array(values) for name, values in rows.items()})
    if not data.is_copied:
        return given.select(data.card.columns)
    given = in_form(core, data, given)
    ids = given[data.card.record_id].to_pylist()
    held = _held(core, data, ids)
    for place, name in enumerate(data.card.columns):
        if name in rows:
            held = held.set_column(place, held.schema.field(name), given[name])
    return held


def _held(core: Core, data: datasets.DataSet, ids: Sequence[Any]) -> pa.Table:
    """The rows of these records, in their order."""
    import pyarrow as pa

    where = {buckets.bucket_of(core.secrets.handle("record", value), data.card.n_buckets) for value in ids}
    tables = [datasets.read_bucket(core, data, f"{bucket:04d}") for bucket in sorted(where)]
    every = pa.concat_tables(tables, promote_options="permissive").select(data.card.columns)
    places = {value: i for i, value in enumerate(every[data.card.record_id].to_pylist())}
    return every.take(pa.array([places[value] for value in ids], pa.int64())).combine_chunks()


def arguments(live: Any, card: Card, table: pa.Table, given: Mapping[str, Any], known: Sequence[Any]) -> dict[str, Any]:
    """The arguments of a model's ``rectify``: only what is given, of records that it knows; empty if that is nothing.

    Parameters
    ----------
    live : Unlearner
    card : Card
        Of the model.
    table : pyarrow.Table
        Whole rows as they should be.
    given : mapping
        By the names of the columns that were given.
    known : sequence
        Ids.
    """
    import pyarrow as pa

    schema, wanted = live_schema(card, live), set(known)
    ids = table[schema.record_id].to_pylist()
    rows = read_rows(table.take(pa.array([i for i, v in enumerate(ids) if v in wanted], pa.int64())), schema)
    changed = [name for name in schema.columns if name in given]
    out: dict[str, Any] = {}
    if changed:
        out["X"] = rows.X[changed]
    if schema.target in given:
        out["y"] = rows.y
    if schema.subject_id in given:
        out["subject_ids"] = rows.subjects
    return {"record_ids": rows.ids, **out} if out else {}
