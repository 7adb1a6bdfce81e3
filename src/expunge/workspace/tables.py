"""CSV and Parquet files as tables, for people who forget from the command line.

A CSV file is UTF-8 text, and so is every cell of it, until a schema (:mod:`.schema`) says otherwise. A Parquet file
declares its own types.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.files.archive import FileNotUsableError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["read_ids", "read_table", "write_table"]


def read_table(path: str | Path, *, delimiter: str | None = None) -> pa.Table:
    """Read a CSV or Parquet file; which of the two is seen from its first bytes.

    Parameters
    ----------
    path : path
    delimiter : str, optional
        Of a CSV file; default: a comma.

    Returns
    -------
    pyarrow.Table
        Of a CSV file every column is text.

    Raises
    ------
    FileNotUsableError
        No such file.
    InvalidDataError
        Empty, undecodable, ragged, or with a repeated column.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileNotUsableError(f"Cannot read {str(path)!r}: {error.strerror}.", hint="Check the path.") from error
    if not data:
        raise InvalidDataError(f"{str(path)!r} is empty.", hint="Give a file with a header and rows.")
    if data[:2] in (b"PK", b"\x1f\x8b"):
        raise InvalidDataError(f"{str(path)!r} is a spreadsheet or archive.", hint="Save it as CSV or Parquet.")
    table = _parse_parquet(data, path) if data[:4] == b"PAR1" else _parse_csv(data, path, delimiter or ",")
    if not len(table):
        raise InvalidDataError(f"{str(path)!r} has no rows.", hint="Give at least one row below the header.")
    return table


def _parse_parquet(data: bytes, path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(data), use_threads=False, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise InvalidDataError(f"{str(path)!r} is no Parquet file that can be read.", hint="Write it anew.") from error
    _refuse_repeated(table.column_names, path)
    return table


def _parse_csv(data: bytes, path: Path, delimiter: str) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    if len(delimiter.encode()) != 1:
        raise InvalidParameterError(f"The delimiter must be one ASCII character, got {delimiter!r}.")
    names = _header(_as_text(data, path), path, delimiter)
    if data.count(b'"') % 2:
        raise InvalidDataError(
            f"{str(path)!r} holds an odd number of double quotes: one is never closed.",
            hint='Write a quote inside a cell as "" and put that cell in quotes.',
        )
    ragged: list[Any] = []

    def refuse(row: Any) -> str:
        ragged.append(row)
        return "error"

    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(use_threads=False),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), null_values=[], strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, OSError) as error:
        if not ragged:
            raise InvalidDataError(f"{str(path)!r} cannot be read as CSV: {str(error).splitlines()[0]}.") from error
        row = ragged[0]
        raise InvalidDataError(
            f"Row {row.number} of {str(path)!r} has {row.actual_columns} cells, not {row.expected_columns}.",
            hint="Put cells that contain the delimiter in double quotes.",
        ) from error
    if table.column_names != names:
        raise InvalidDataError(f"The header of {str(path)!r} cannot be read.", hint="Put it in the first line.")
    return table


def _as_text(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidDataError(
            f"{str(path)!r} is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}.",
            hint="Save it as UTF-8.",
        ) from error


def _header(text: str, path: Path, delimiter: str) -> list[str]:
    try:
        names = next((row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row), [])
    except csv.Error as error:
        raise InvalidDataError(f"{str(path)!r} cannot be read as CSV: {error}.") from error
    if len(names) == 1:
        likely = [mark for mark in (",", ";", "\t", "|") if mark != delimiter and mark in names[0]]
        if likely:
            raise InvalidDataError(
                f"{str(path)!r} has one column, {names[0]!r}, when cut at {delimiter!r}.",
                hint=f"Is the delimiter {likely[0]!r}? Give --delimiter.",
            )
    if not names:
        raise InvalidDataError(f"{str(path)!r} is empty.", hint="Give a file with a header and rows.")
    _refuse_repeated(names, path)
    return names


def _refuse_repeated(names: Sequence[str], path: Path) -> None:
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise InvalidDataError(f"{str(path)!r} has two columns {twice[0]!r}.", hint="Rename one of them.")


def read_ids(path: str | Path) -> list[str]:
    """Ids from a file, or from standard input for ``-``: one per line, UTF-8; empty lines are passed over."""
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else Path(path).read_bytes()
    except OSError as error:
        raise FileNotUsableError(f"Cannot read {str(path)!r}: {error.strerror}.", hint="Check the path.") from error
    return [line for line in _as_text(data, Path(path)).replace("\r\n", "\n").split("\n") if line]


def write_table(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a frame to a new file: Parquet if the name ends in ``.parquet``, CSV if in ``.csv``."""
    path = Path(path)
    if path.suffix not in (".csv", ".parquet"):
        raise InvalidParameterError(f"{str(path)!r} is neither .csv nor .parquet.", hint="Choose one of them.")
    if path.exists():
        raise FileNotUsableError(f"{str(path)!r} is there already.", hint="Give another name, or delete it first.")
    try:
        if path.suffix == ".parquet":
            frame.to_parquet(path, index=False)
        else:
            frame.to_csv(path, index=False, encoding="utf-8")
    except OSError as error:
        raise FileNotUsableError(f"Cannot write {str(path)!r}: {error.strerror or error}.", hint="Check it.") from error
    return path
