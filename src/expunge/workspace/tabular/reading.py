"""Rows of a table as a schema has them, or a sentence that names the record and the column."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidDataError, InvalidIdError
from expunge.workspace.tabular.columns import NUMBER, Kind, declared_kind, id_kind, refuse_unknown
from expunge.workspace.tabular.schema import Schema

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["TableRows", "read_rows", "with_target"]

_EXACT = 2.0**53  # floats hold every integer up to here
_INTEGER = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)


@dataclasses.dataclass(frozen=True)
class TableRows:
    """Rows as ``fit`` and ``predict`` take them.

    Parameters
    ----------
    ids : list
    X : DataFrame
    y, subjects : list or None
    """

    ids: list[Any]
    X: pd.DataFrame
    y: list[Any] | None
    subjects: list[Any] | None


def with_target(table: pa.Table, schema: Schema) -> pa.Table:
    """The rows of a table that have a target."""
    import pyarrow as pa

    if schema.target is None:
        return table
    refuse_unknown(table, schema.target)
    values = table[schema.target].to_pylist()
    kept = [i for i, value in enumerate(values) if value is not None and value != "" and value == value]
    return table if len(kept) == len(values) else table.take(pa.array(kept, pa.int64()))


def read_rows(table: pa.Table, schema: Schema, *, to_predict: bool = False) -> TableRows:
    """The rows of a table as a schema has them.

    Parameters
    ----------
    table : pyarrow.Table
    schema : Schema
    to_predict : bool
        The target and the subject may then be missing, and are not read; without ids the rows are numbered from 1.

    Raises
    ------
    InvalidDataError
        A column that is missing or not known, or a cell that is not what the schema says; the record is named.
    InvalidIdError
        An id that is missing or of another kind.
    """
    import pandas as pd

    optional = [name for name in (schema.target, schema.subject_id) if name is not None]
    is_numbered = to_predict and schema.record_id not in table.column_names
    for name in [*([] if is_numbered else [schema.record_id]), *schema.columns, *([] if to_predict else optional)]:
        refuse_unknown(table, name)
    known = {schema.record_id, *schema.columns, *optional, *schema.ignored}
    new = next((name for name in table.column_names if name not in known), None)
    if new is not None:
        raise InvalidDataError(
            f"The model does not know the column {new!r}.", hint=f"It reads {', '.join(map(repr, schema.columns))}."
        )
    ids = list(range(1, len(table) + 1)) if is_numbered else _ids(table, schema.record_id, schema.record_kind)
    if any(value is None for value in ids):
        raise InvalidIdError(
            f"Row {ids.index(None) + 1} below the header has no id in column {schema.record_id!r}.",
            hint="Give every record an id.",
        )
    data = {name: _cells(table, name, kind, ids) for name, kind in schema.columns.items()}
    dtypes = {name: float if kind == "number" else object for name, kind in schema.columns.items()}
    X = pd.DataFrame({name: pd.Series(data[name], dtype=dtype) for name, dtype in dtypes.items()})
    if to_predict:
        return TableRows(ids, X, None, None)
    subjects = None if schema.subject_id is None else _ids(table, schema.subject_id, schema.subject_kind)
    return TableRows(ids, X, None if schema.target is None else _targets(table, schema.target, schema, ids), subjects)


def _ids(table: pa.Table, name: str, kind: Kind) -> list[Any]:
    if id_kind(table, name) != kind:
        raise InvalidIdError(
            f"The model's ids are of kind {kind}, those in column {name!r} are not.", hint="Text and integers differ."
        )
    return [None if value == "" else value for value in table[name].to_pylist()]


def _targets(table: pa.Table, name: str, schema: Schema, ids: Sequence[Any]) -> list[Any]:
    kind = schema.target_kind
    if kind == "integer" and declared_kind(table, name) is not None:  # not through floats, which end at 2**53
        values = ["" if value is None else value for value in table[name].to_pylist()]
    else:
        try:
            values = _cells(table, name, "text" if kind == "text" else "number", ids)
        except InvalidDataError as error:
            if schema.task != "regression":
                raise
            other = "If these are labels, take a classifier: ridge-classifier in place of ridge, say."
            raise InvalidDataError(error.message, hint=f"{error.hint} {other}") from error
    if lacking := [record for value, record in zip(values, ids, strict=True) if value == "" or value != value]:
        more = f", and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise InvalidDataError(
            f"Record {lacking[0]!r} has no target {name!r}{more}.",
            hint="Fill it in, or leave such rows out: --drop-missing-target.",
        )
    return [int(value) for value in values] if kind == "integer" else values


def _cells(table: pa.Table, name: str, kind: Kind, ids: Sequence[Any]) -> list[Any]:
    """A column as texts (missing is the empty text) or as floats (missing is NaN)."""
    written = declared_kind(table, name) is None
    if kind != "text" and not written and (plain := _plain_numbers(table[name])) is not None:
        return plain
    values = table[name].to_pylist()
    if kind == "text":
        return ["" if value is None else str(value) for value in values]
    out = []
    for value, record in zip(values, ids, strict=True):
        if value is None or value == "" or value != value:
            out.append(float("nan"))
            continue
        if (written and not NUMBER.fullmatch(value)) or not abs(float(value)) < float("inf"):
            raise InvalidDataError(
                f"Column {name!r} is read as numbers, and record {record!r} has {value!r}, which is no finite number.",
                hint="Correct the cell, or leave it empty if the number is missing.",
            )
        number = float(value)
        if abs(number) >= _EXACT and _INTEGER.fullmatch(str(value)) and int(value) != int(number):
            raise InvalidDataError(
                f"Column {name!r} is read as numbers, and record {record!r} has an integer beyond 2**53, which loses "
                "digits.",
                hint=f"Declare --columns {name}=text, or leave it out with --ignore {name}.",
            )
        out.append(number)
    return out


def _plain_numbers(column: pa.ChunkedArray) -> list[float] | None:
    """A column as floats at once, as one of many pixels is; None where a cell has to be looked at."""
    import numpy as np
    from pyarrow import types

    kind = column.type
    if column.null_count or not (types.is_integer(kind) or types.is_floating(kind)):
        return None
    values = column.to_numpy().astype(np.float64)
    plain: list[float] | None = values.tolist() if (np.abs(values) < _EXACT).all() else None  # NaN is not below it
    return plain
