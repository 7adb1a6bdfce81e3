"""Columns of a table: whether they are there, of what kind they say they are, ids and labels in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidDataError, InvalidIdError
from expunge.near_names import near_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NUMBER", "Kind", "declared_kind", "id_kind", "parse_label", "refuse_unknown"]

Kind = str  # "number", "text" or "integer"

NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


def refuse_unknown(table: pa.Table, name: str) -> None:
    """Refuse the name of a column that a table does not have.

    Raises
    ------
    InvalidDataError
        There is no such column; the hint names one that is nearly so.
    """
    if name not in table.column_names:
        raise InvalidDataError(f"There is no column {name!r}.", hint=near_name(name, table.column_names))


def declared_kind(table: pa.Table, name: str) -> Kind | None:
    """What a Parquet file says a column is; None for text, which may still be anything in a CSV file.

    Raises
    ------
    InvalidDataError
        The column holds neither numbers nor texts.
    """
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


def id_kind(table: pa.Table, name: str) -> Kind:
    """What kind a column of ids is of.

    Raises
    ------
    InvalidIdError
        A value is neither an integer nor a text.
    """
    kind = declared_kind(table, name)
    if kind == "number":
        bad = next((v for v in table[name].to_pylist() if v is not None), None)
        raise InvalidIdError(
            f"Column {name!r} holds ids such as {bad!r}, a {type(bad).__name__}.", hint="Make them integers or texts."
        )
    return kind or "text"


def parse_label(value: Any, kind: Kind, what: str) -> Any:
    """An id or label from a command line, as a schema has it.

    Raises
    ------
    InvalidIdError
        The value is not of this kind.

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
