"""What the columns of a table are: decided once, written down, and kept.

Inferred types look at all rows, so they would otherwise depend on records that are forgotten later. A fresh fit that is
to be compared with a model that forgot uses the schema of that model.

In a CSV file ids and class labels stay as they are written (007 stays 007), and a missing value is an empty cell,
nothing else. A Parquet file declares its own types; its integer ids and labels stay integers.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.near_names import some_names
from expunge.workspace.tabular.columns import NUMBER, Kind, declared_kind, id_kind, refuse_unknown

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TASKS", "Schema", "choose_schema", "has_target"]

#: What a model is for.
TASKS = (
    "classification", "regression", "anomaly detection", "transformation", "retrieval", "question answering",
    "recommendation",
)  # fmt: skip
_WITHOUT_TARGET = frozenset(["anomaly detection", "transformation", "retrieval"])

#: Integer targets of at most so many distinct values are taken for class labels.
MOST_CLASSES = 20

_COMMA = re.compile(r"\s*[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+\s*", re.ASCII)  # a number with a decimal comma
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
        """The inverse of :meth:`to_dict`; other keys are passed over.

        Raises
        ------
        ValueError
            A column is neither number nor text.
        """
        fields = {field.name: data[field.name] for field in dataclasses.fields(cls)}
        columns = {column["name"]: column["type"] for column in data["columns"]}
        if any(kind not in ("number", "text") for kind in columns.values()):
            raise ValueError("a column is neither number nor text")
        return cls(**{**fields, "columns": columns, "ignored": tuple(data["ignored"])})

    def without(self, features: Sequence[str]) -> Schema:
        """The schema of a model that forgot these columns."""
        columns = {name: kind for name, kind in self.columns.items() if name not in features}
        return dataclasses.replace(self, columns=columns, ignored=(*self.ignored, *features))


def has_target(task: str | None) -> bool:
    """Whether models for a task learn from a target; None is a task that is still to be inferred."""
    return task not in _WITHOUT_TARGET


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

    Raises
    ------
    InvalidParameterError
        A task or kind of column that is not known, or a target where none is learned.
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
        refuse_unknown(table, name)
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
    hidden = {record_id, target, *(() if task == "recommendation" else (subject_id,)), *ignored}  # a user is read, too
    features = [name for name in table.column_names if name not in hidden]
    if not features:
        raise InvalidDataError("No column is left to learn from.", hint="Give a table with more columns.")
    names = {"user"} if task == "recommendation" else set()
    kinds = {name: declared.get(name) or _infer(table, name, record_id, is_name=name in names) for name in features}
    task = task or _infer_task(table, str(target), record_id)
    return Schema(
        record_id=record_id, target=target, subject_id=subject_id, columns=kinds, ignored=ignored, task=task,
        record_kind=id_kind(table, record_id),
        subject_kind="text" if subject_id is None else id_kind(table, subject_id),
        target_kind=_target_kind(table, target, task),
    )  # fmt: skip


def _given(table: pa.Table, name: str | None, option: str) -> str:
    if name is None:
        raise InvalidParameterError(
            f"Name a column with {option}.", hint=f"There are {some_names(table.column_names)}."
        )
    return name


def _infer(table: pa.Table, name: str, record_id: str, *, is_name: bool = False) -> Kind:
    """The type of a column to learn from; one of names is text where it is written."""
    if declared_kind(table, name) is not None:
        return "number"
    if is_name:
        return "text"
    cells = [cell for cell in table[name].to_pylist() if cell]
    if any(_CODE.fullmatch(cell) for cell in cells):
        return "text"
    others = [cell for cell in cells if not NUMBER.fullmatch(cell)]
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
    if declared_kind(table, target) is None and _infer(table, target, record_id) == "text":
        return "classification"
    values = {float(cell) for cell in table[target].to_pylist() if cell not in (None, "")}
    few = len(values) <= MOST_CLASSES and all(value.is_integer() for value in values)
    return "classification" if few else "regression"


def _target_kind(table: pa.Table, target: str | None, task: str) -> Kind:
    if task == "regression":
        return "number"
    return "text" if target is None or task == "question answering" else _label_kind(table, target)


def _label_kind(table: pa.Table, name: str) -> Kind:
    kind = declared_kind(table, name)
    if kind == "number" and not all(float(v).is_integer() for v in table[name].to_pylist() if v is not None and v == v):
        raise InvalidDataError(f"The target {name!r} holds fractions, not labels.", hint="Use --task regression.")
    return "text" if kind is None else "integer"
