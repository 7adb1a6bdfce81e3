"""A table as it is given to a verb: in a file, or row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidDataError
from expunge.workspace.tabular.tables import read_table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Given", "given_table"]

#: A path, or rows: each maps names of columns to what its cells hold, None where that is missing.
Given = str | Path | Sequence[Mapping[str, Any]]


def given_table(data: Given, *, delimiter: str | None = None, encoding: str | None = None) -> pa.Table:
    """The table in a file, or that of rows, whose cells keep their types: text, integer, number or bool.

    Parameters
    ----------
    data : path, or sequence of mappings
        All rows have the same columns.
    delimiter, encoding : str, optional
        Of a CSV file.

    Raises
    ------
    InvalidDataError
        No rows, rows with different columns, or a column that mixes kinds of values.

    Examples
    --------
    >>> given_table([{"age": 30, "job": "smith"}, {"age": None, "job": "baker"}]).to_pydict()
    {'age': [30, None], 'job': ['smith', 'baker']}
    """
    if isinstance(data, (str, Path)) or not isinstance(data, Sequence):
        return read_table(data, delimiter=delimiter, encoding=encoding)
    rows = [_row(number, row) for number, row in enumerate(data, start=1)]
    if not rows or not rows[0]:
        raise InvalidDataError("There are no rows.", hint="Give at least one, with its columns.")
    for number, row in enumerate(rows, start=1):
        if different := sorted(row.keys() ^ rows[0].keys()):
            raise InvalidDataError(
                f"Row {number} and row 1 do not both have the column {different[0]!r}.",
                hint="Give all rows the same columns; null where a value is missing.",
            )
    return _of_columns({name: [row[name] for row in rows] for name in rows[0]})


def _row(number: int, row: Any) -> Mapping[str, Any]:
    if isinstance(row, Mapping) and all(isinstance(name, str) and name for name in row):
        return row
    raise InvalidDataError(f"Row {number} does not map names of columns to values.", hint="As {'age': 30}.")


def _of_columns(columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    import pyarrow as pa

    made = {}
    for name, values in columns.items():
        try:
            made[name] = pa.array(values)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise InvalidDataError(
                f"Column {name!r} mixes kinds of values.", hint="Give it texts, integers or numbers alone."
            ) from error
    return pa.table(made)
