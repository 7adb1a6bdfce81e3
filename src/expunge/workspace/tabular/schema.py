"""What the columns of a table are: decided once, written down, and kept.

Inferred types look at all rows, so they would otherwise depend on records that are forgotten later. A fresh fit that is
to be compared with a model that forgot uses the schema of that model.

In a CSV file ids and class labels stay as they are written (007 stays 007), and a missing value is an empty cell,
nothing else. A Parquet file declares its own types; its integer ids and labels stay integers.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidDataError, InvalidIdError, InvalidParameterError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "TASKS",
    "Schema",
    "TableRows",
    "choose_schema",
    "has_target",
    "parse_label",
    "read_rows",
    "with_target",
]

Kind = str  # "number", "text" or "integer"

#: What a model is for.
TASKS = ("classification", "regression", "anomaly detection", "transformation", "retrieval", "question answering")

#: Integer targets of at most so many distinct values are taken for class labels.
MOST_CLASSES = 20

_EXACT = 2.0**53  # floats hold every integer up to here

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_COMMA = re.compile(r"\s*[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+\s*", re.ASCII)  # a number with a decimal comma
_INTEGER = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
_CODE = re.compile(r"0\d+", re.ASCII)  # written with leading zeros: a code, not a quantity
_NO_NUMBER = frozenset(["nan", "na", "n/a", "<na>", "null", "none", "?", "inf", "+inf", "-inf", "infinity"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Schema:
    """Which columns a model reads, and as what. Holds no value of any record.

    Parameters
    ----------
    record_id : str
        Name of a column.
    target, subject_id : str or None
        The target is None for a task without one.
    columns : mapping of str to {"number", "text"}
        The columns the model learns from, in order.
    ignored : tuple of str
        Columns that may be there and are not read.
    task : str
        One of :data:`TASKS`.
    record_kind, subject_kind, target_kind : {"text", "integer", "number"}
        What ids and targets are; numbers only as targets of a regression.
    """

    record_id: str
    target: str | None
    subject_id: str | None
    columns: Mapping[str, Kind]
    ignored: tuple[str, ...]
    task: str
    record_kind: Kind
    subject_kind: Kind
    target_kind: Kind

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; the columns as a list, because their order counts."""
        columns = [{"name": name, "type": kind} for name, kind in self.columns.items()]
        return {**dataclasses.asdict(self), "columns": columns, "ignored": list(self.ignored)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Schema:
        """The inverse of :meth:`to_dict`; other keys are passed over."""
        fields = {field.name: data[field.name] for field in dataclasses.fields(cls)}
        columns = {column["name"]: column["type"] for column in data["columns"]}
        if any(kind not in ("number", "text") for kind in columns.values()):
            raise ValueError("a column is neither number nor text")
        return cls(**{**fields, "columns": columns, "ignored": tuple(data["ignored"])})

    def without(self, features: Sequence[str]) -> Schema:
        """The schema of a model that forgot these columns."""
        columns = {name: kind for name, kind in self.columns.items() if name not in features}
        return dataclasses.replace(self, columns=columns, ignored=(*self.ignored, *features))


@dataclasses.dataclass(frozen=True)
class TableRows:
    """Rows as ``fit`` and ``predict`` take them."""

    ids: list[Any]
    X: pd.DataFrame
    y: list[Any] | None
    subjects: list[Any] | None


def has_target(task: str | None) -> bool:
    """Whether models for a task learn from a target; None is a task that is still to be inferred."""
    return task not in ("anomaly detection", "transformation", "retrieval")


def choose_schema(
    table: pa.Table, *, record_id: str | None, target: str | None, subject_id: str | None = None,
    task: str | None = None, columns: Mapping[str, str] | None = None, ignore: Sequence[str] = (),
) -> Schema:  # fmt: skip
    """Decide what each column is.

    Parameters
    ----------
    table : pyarrow.Table
    record_id, target, subject_id : str
        Names of columns.
    task : str, optional
        One of :data:`TASKS`. Default: classification if the target is text, or integers of at most
        :data:`MOST_CLASSES` distinct values.
    columns : mapping of str to {"number", "text"}, optional
        Types that are not to be inferred.
    ignore : sequence of str
        Columns not to learn from.
    """
    if task is not None and task not in TASKS:
        raise InvalidParameterError(f"The task is one of {', '.join(TASKS)}, not {task!r}.", hint="Take one of them.")
    record_id = _given(table, record_id, "--record-id")
    if has_target(task):
        target = _given(table, target, "--target")
    elif target is not None:
        raise InvalidParameterError(f"A model for {task} learns from no target.", hint="Leave --target out.")
    declared, ignored = dict(columns or {}), tuple(dict.fromkeys(ignore))
    roles = [name for name in (record_id, target, subject_id) if name is not None]
    for name in [*roles, *declared, *ignored]:
        _refuse_unknown(table, name)
    wrong = next((kind for kind in declared.values() if kind not in ("number", "text")), None)
    if wrong is not None:
        raise InvalidParameterError(f"A column is number or text, not {wrong!r}.", hint="As in age=number,job=text.")
    if target is not None and target in (record_id, subject_id):
        raise InvalidParameterError(f"Column {target!r} cannot be both an id and the target.", hint="Name two columns.")
    clash = next((name for name in [*declared, *ignored] if name in roles), None)
    if clash is not None:
        raise InvalidParameterError(
            f"Column {clash!r} is an id or the target, so it is not learned from.",
            hint="Leave it out of --columns and --ignore.",
        )
    features = [name for name in table.column_names if name not in roles and name not in ignored]
    if not features:
        raise InvalidDataError("No column is left to learn from.", hint="Give a table with more columns.")
    kinds = {name: declared.get(name) or _infer(table, name, record_id) for name in features}
    task = task or _infer_task(table, str(target), record_id)
    is_text = target is None or task == "question answering"
    return Schema(
        record_id=record_id, target=target, subject_id=subject_id, columns=kinds, ignored=ignored, task=task,
        record_kind=_id_kind(table, record_id),
        subject_kind="text" if subject_id is None else _id_kind(table, subject_id),
        target_kind="number" if task == "regression" else "text" if is_text else _label_kind(table, str(target)),
    )  # fmt: skip


def _given(table: pa.Table, name: str | None, option: str) -> str:
    if name is None:
        raise InvalidParameterError(f"Name a column with {option}.", hint=f"There are {_some(table)}.")
    return name


def _refuse_unknown(table: pa.Table, name: str) -> None:
    if name not in table.column_names:
        folded = {known.casefold(): known for known in table.column_names}
        near = difflib.get_close_matches(name.casefold(), folded, n=1)
        hint = f"Did you mean {folded[near[0]]!r}?" if near else f"There are {_some(table)}."
        raise InvalidDataError(f"There is no column {name!r}.", hint=hint)


def _some(table: pa.Table) -> str:
    names = [repr(name) for name in table.column_names]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _declared_kind(table: pa.Table, name: str) -> Kind | None:
    """What a Parquet file says a column is; None for text, which may still be anything in a CSV file."""
    from pyarrow import types

    kind = table.schema.field(name).type
    kind = kind.value_type if types.is_dictionary(kind) else kind
    if types.is_integer(kind):
        return "integer"
    if types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind):
        return "number"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind):
        return None
    raise InvalidDataError(
        f"Column {name!r} holds {kind}.", hint="Turn it into numbers or text, or leave it out with --ignore."
    )


def _infer(table: pa.Table, name: str, record_id: str) -> Kind:
    """The type of a column to learn from."""
    if _declared_kind(table, name) is not None:
        return "number"
    cells = [cell for cell in table[name].to_pylist() if cell]
    if any(_CODE.fullmatch(cell) for cell in cells):
        return "text"
    others = [cell for cell in cells if not _NUMBER.fullmatch(cell)]
    n_numbers = len(cells) - len(others)
    if others and all(_COMMA.fullmatch(cell) for cell in others):
        raise InvalidDataError(
            f"Column {name!r} holds numbers with a decimal comma, as {others[0]!r}.",
            hint=f"Write a point instead of the comma, or declare --columns {name}=text.",
        )
    if n_numbers and others and (2 * n_numbers >= len(cells) or all(cell.lower() in _NO_NUMBER for cell in others)):
        at = table[name].to_pylist().index(others[0])
        raise InvalidDataError(
            f"Column {name!r} holds numbers, but record {table[record_id][at].as_py()!r} has {others[0]!r}.",
            hint=f"Leave the cell empty if the number is missing, or declare --columns {name}=text.",
        )
    return "text" if others or not cells else "number"


def _infer_task(table: pa.Table, target: str, record_id: str) -> str:
    if _declared_kind(table, target) is None and _infer(table, target, record_id) == "text":
        return "classification"
    values = {float(cell) for cell in table[target].to_pylist() if cell not in (None, "")}
    few = len(values) <= MOST_CLASSES and all(value.is_integer() for value in values)
    return "classification" if few else "regression"


def _id_kind(table: pa.Table, name: str) -> Kind:
    kind = _declared_kind(table, name)
    if kind == "number":
        bad = next((v for v in table[name].to_pylist() if v is not None), None)
        raise InvalidIdError(
            f"Column {name!r} holds ids such as {bad!r}, a {type(bad).__name__}.", hint="Make them integers or texts."
        )
    return kind or "text"


def _label_kind(table: pa.Table, name: str) -> Kind:
    kind = _declared_kind(table, name)
    if kind == "number" and not all(float(v).is_integer() for v in table[name].to_pylist() if v is not None and v == v):
        raise InvalidDataError(f"The target {name!r} holds fractions, not labels.", hint="Use --task regression.")
    return "text" if kind is None else "integer"


# -------------------------------------------------------------------------------------------------------------- rows


def with_target(table: pa.Table, schema: Schema) -> pa.Table:
    """The rows of a table that have a target."""
    import pyarrow as pa

    if schema.target is None:
        return table
    _refuse_unknown(table, schema.target)
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
        _refuse_unknown(table, name)
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
    if _id_kind(table, name) != kind:
        raise InvalidIdError(
            f"The model's ids are of kind {kind}, those in column {name!r} are not.", hint="Text and integers differ."
        )
    return [None if value == "" else value for value in table[name].to_pylist()]


def _targets(table: pa.Table, name: str, schema: Schema, ids: Sequence[Any]) -> list[Any]:
    kind = schema.target_kind
    if kind == "integer" and _declared_kind(table, name) is not None:  # not through floats, which end at 2**53
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
    written = _declared_kind(table, name) is None
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
        if (written and not _NUMBER.fullmatch(value)) or not abs(float(value)) < float("inf"):
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


def parse_label(value: Any, kind: Kind, what: str) -> Any:
    """An id or label from a command line, as a schema has it.

    Examples
    --------
    >>> parse_label("007", "text", "record"), parse_label("7", "integer", "record")
    ('007', 7)
    """
    if kind == "text" or not isinstance(value, str):
        return value
    try:
        return int(value) if kind == "integer" else float(value)
    except ValueError:
        raise InvalidIdError(f"A {what} of this model is of kind {kind}; {value!r} is not.", hint="Check it.") from None
