"""Rows that come into a data set that is there: in its form, or refused by the name of the column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expunge.errors import InvalidDataError
from expunge.workspace.data import datasets

if TYPE_CHECKING:
    import pyarrow as pa

    from expunge.workspace.storage.core import Core

__all__ = ["in_form"]


def in_form(core: Core, data: datasets.DataSet, table: pa.Table) -> pa.Table:
    """The columns of a table with the types that they have in the data set; it need not have all of them.

    Raises
    ------
    InvalidDataError
        A column that the data set does not have, or values that its type cannot hold.
    """
    import pyarrow as pa

    if extra := [name for name in table.column_names if name not in data.card.columns]:
        raise InvalidDataError(
            f"The data set {data.name!r} has no column {extra[0]!r}: it never had it, or has forgotten it.",
            hint="Leave it out.",
        )
    if not data.is_copied or not data.buckets:
        return table
    schema = datasets.read_bucket(core, data, min(data.buckets)).schema
    for place, name in enumerate(table.column_names):
        try:
            column = table[name].cast(schema.field(name).type)
        except (pa.ArrowException, NotImplementedError) as error:
            theirs, ours = table.schema.field(name).type, schema.field(name).type
            raise InvalidDataError(
                f"Column {name!r} holds {theirs}, and {ours} in the data set.", hint="Give it the same type."
            ) from error
        table = table.set_column(place, schema.field(name), column)
    return table
