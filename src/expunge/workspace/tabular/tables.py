"""CSV and Parquet files as tables, for people who forget from the command line.

A CSV file is text, UTF-8 unless another encoding is named, and so is every cell of it, until a schema (:mod:`.schema`)
says otherwise. A Parquet file declares its own types. Either may be packed by gzip. Rows are counted from the first one
below the header.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import FileNotUsableError, InvalidDataError, InvalidParameterError
from expunge.files.whole import read_whole, write_whole
from expunge.paths import check_path
from expunge.workspace.rules.id_lines import Fault, fault_of_id, refuse_faults

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["OF_CSV", "check_new_table", "parse_table", "read_ids", "read_table", "write_table"]


#: Encodings that a byte order mark names. The longer marks stand first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
#: Bytes that stand in no text of any use, in UTF-8 or where each byte is a letter.
_CONTROLS = bytes({*range(0x20), 0x7F} - {*b"\t\n\v\f\r\x1b"})
#: Bytes of a block of a CSV file, into which its rows go; where one does not, the file is one block, of fewer bytes.
_BLOCK, _MOST = 2**20, 2**31 - 1
_LARGE = "Give a table of 2 GiB and more as Parquet, or the large cells as files of their own."
_TYPED = {"\t": "tab", ";": "';'", "|": "'|'"}
_TAB = ("\\t", "tab")
#: What to do with options that only a CSV file has.
OF_CSV = "A delimiter or encoding is of a CSV file: leave it out."


def read_table(path: str | Path, *, delimiter: str | None = None, encoding: str | None = None) -> pa.Table:
    """Read a CSV or Parquet file, perhaps packed by gzip; which of these is seen from its first bytes.

    Parameters
    ----------
    path : path
    delimiter : str, optional
        Of a CSV file; default: a comma. A tab is also ``tab`` or a backslash and a t, as one can type it.
    encoding : str, optional
        Of a CSV file, by a name that Python knows; default: UTF-8.

    Returns
    -------
    pyarrow.Table
        Of a CSV file every column is text.

    Raises
    ------
    FileNotUsableError
        No such file.
    InvalidDataError
        Empty, undecodable, ragged, or with a repeated column or one without a name.
    InvalidParameterError
        No such delimiter or encoding; or one for a Parquet file, which has none.
    """
    path = check_path(path)
    return parse_table(read_whole(path), path, delimiter=delimiter, encoding=encoding)


def parse_table(data: bytes, path: Path, *, delimiter: str | None = None, encoding: str | None = None) -> pa.Table:
    """As :func:`read_table`, of bytes that came from elsewhere; ``path`` is for the sentences of errors.

    Raises
    ------
    InvalidDataError
        The file is empty, no table, or has no rows.
    """
    if data[:2] == b"\x1f\x8b":
        data = _unpacked(data, path)
    if not data:
        raise InvalidDataError(f"{str(path)!r} is empty.", hint="Give a file with a header and rows.")
    if data[:2] == b"PK" or data[257:262] == b"ustar":
        raise InvalidDataError(f"{str(path)!r} is a spreadsheet or archive.", hint="Save it as CSV or Parquet.")
    if data[:4] == b"PAR1":
        if delimiter is not None or encoding is not None:
            raise InvalidParameterError(f"{str(path)!r} is a Parquet file.", hint=OF_CSV)
        table = _parse_parquet(data, path)
    else:
        table = _parse_csv(_as_text(data, path, encoding), path, "\t" if delimiter in _TAB else delimiter or ",")
    if not len(table):
        raise InvalidDataError(f"{str(path)!r} has no rows.", hint="Give at least one row below the header.")
    return table


def _unpacked(data: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise InvalidDataError(
            f"{str(path)!r} is packed by gzip, and is cut off or damaged.", hint="Write or copy it anew."
        ) from error


def _parse_parquet(data: bytes, path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(data), use_threads=False, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise InvalidDataError(f"{str(path)!r} is no Parquet file that can be read.", hint="Write it anew.") from error
    _refuse_repeated(table.column_names, path)
    return table


def _parse_csv(text: str, path: Path, delimiter: str) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    if not isinstance(delimiter, str) or len(delimiter.encode("utf-8", "surrogatepass")) != 1 or delimiter in '"\r\n\0':
        raise InvalidParameterError(
            f"The delimiter must be one ASCII character, got {delimiter!r}.", hint="For example ';' or tab."
        )
    names = _header(text, path, delimiter)
    if text.count('"') % 2:
        raise InvalidDataError(
            f"{str(path)!r} holds an odd number of double quotes: one is never closed.",
            hint='Write a quote inside a cell as "" and put that cell in quotes.',
        )
    ragged: list[Any] = []

    def refuse(row: Any) -> str:
        ragged.append(row)
        return "error"

    data = text.encode("utf-8")

    def read(block_size: int) -> pa.Table:
        return arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(use_threads=False, block_size=block_size),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), null_values=[], strings_can_be_null=False
            ),
        )

    try:
        try:
            table = read(_BLOCK)
        except pa.ArrowInvalid as error:
            if "straddl" not in str(error):
                raise
            if len(data) >= _MOST:
                raise InvalidDataError(f"A row of {str(path)!r} is larger than 1 MiB.", hint=_LARGE) from error
            table = read(len(data) + 1)  # all of it at once: a row is larger than a block
    except (pa.ArrowException, OSError) as error:
        if not ragged:
            raise InvalidDataError(
                f"{str(path)!r} cannot be read as CSV: {str(error).splitlines()[0]}.",
                hint="Check quotes and delimiter.",
            ) from error
        row = ragged[0]
        raise InvalidDataError(
            f"Row {row.number - 1} of {str(path)!r} has {row.actual_columns} cells, not {row.expected_columns}; "
            "row 1 is the first below the header.",
            hint="Put cells that contain the delimiter in double quotes.",
        ) from error
    if table.column_names != names:
        raise InvalidDataError(f"The header of {str(path)!r} cannot be read.", hint="Put it in the first line.")
    return table


def _as_text(data: bytes, path: Path, encoding: str | None = None) -> str:
    known = encoding if encoding is None or (isinstance(encoding, str) and encoding.isprintable()) else "nothing"
    try:
        text = data.decode(known or "utf-8")
    except LookupError as error:
        raise InvalidParameterError(
            f"There is no encoding {encoding!r}.", hint="For example utf-8, latin-1, cp1252 or utf-16."
        ) from error
    except UnicodeError as error:
        hint = _hint(data, path, encoding)
        at = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = data.count(b"\n", 0, at) + 1
        name = "UTF-8" if encoding is None else encoding
        raise InvalidDataError(
            f"{str(path)!r} is not {name} text: byte {at}, in line {line}, is 0x{data[at]:02x}.", hint=hint
        ) from error
    if "\0" in text:
        hint = _hint(data, path, encoding)
        raise InvalidDataError(f"{str(path)!r} holds NUL characters, which no text has.", hint=hint)
    return text.removeprefix("\ufeff")


def _hint(data: bytes, path: Path, refused: str | None) -> str:
    """An encoding worth trying: the one a mark names or NULs betray, else the Windows or Unix one of Western Europe.

    Raises
    ------
    InvalidDataError
        The bytes are text in none.
    """
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    zeros = [data[start::2].count(0) for start in (0, 1)]
    if marked is None and max(zeros) > len(data) // 4 and min(zeros) < max(zeros) // 20 + 1:  # else of no letters
        marked = "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    n_controls = len(data) - len(data.translate(None, _CONTROLS))
    if marked is None and (any(zeros) or n_controls > len(data) // 20):
        what = "NUL bytes" if any(zeros) else "control characters"
        raise InvalidDataError(f"{str(path)!r} is no text: it holds {what}.", hint="Give text, or a table as Parquet.")
    is_windows = any(0x80 <= byte < 0xA0 for byte in set(data))
    western = "cp1252" if is_windows and refused != "cp1252" else "latin-1"
    likely = western if marked in (None, refused) else marked
    return f"Save it as UTF-8, or name what it is: --encoding {likely}."


def _header(text: str, path: Path, delimiter: str) -> list[str]:
    try:
        names = next((row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row), [])
    except csv.Error as error:
        raise InvalidDataError(
            f"{str(path)!r} cannot be read as CSV: {error}.", hint="Check quotes and delimiter."
        ) from error
    if len(names) == 1:
        likely = [mark for mark in (",", ";", "\t", "|") if mark != delimiter and mark in names[0]]
        if likely:
            raise InvalidDataError(
                f"{str(path)!r} has one column, {names[0]!r}, when cut at {delimiter!r}.",
                hint=f"Is the delimiter {likely[0]!r}? Give --delimiter {_TYPED.get(likely[0], likely[0])}.",
            )
    if not names:
        raise InvalidDataError(f"{str(path)!r} is empty.", hint="Give a file with a header and rows.")
    _refuse_repeated(names, path)
    return names


def _refuse_repeated(names: Sequence[str], path: Path) -> None:
    twice = [name for i, name in enumerate(names) if name and name in names[:i]]
    if twice:
        raise InvalidDataError(f"{str(path)!r} has two columns {twice[0]!r}.", hint="Rename one of them.")
    if "" in names:
        raise InvalidDataError(
            f"Column {names.index('') + 1} of {str(path)!r} has no name.",
            hint="Name it, or leave it out: pandas writes such a column unless index=False.",
        )


def read_ids(path: str | Path) -> list[str]:
    """Ids from a file, or from standard input for ``-``: one per line, UTF-8. Empty lines are passed over, and
    so are the byte order marks that files which were put together have in front of lines.

    Raises
    ------
    FileNotUsableError
        The file cannot be read.
    InvalidRequestError
        Lines that are no ids, by the rule for files of requests. Nothing is cut from an id.
    """
    path = check_path(path)
    lines = _as_text(read_whole(path, or_input=True), path).replace("\r\n", "\n").split("\n")
    ids = [(number, id_) for number, line in enumerate(lines, start=1) if (id_ := line.removeprefix("\ufeff"))]
    refuse_faults([Fault(number, fault) for number, id_ in ids if (fault := fault_of_id(id_))], len(ids))
    return [id_ for _, id_ in ids]


def check_new_table(path: Path) -> None:
    """Refuse a file that is there, and a name that ends in neither ``.csv`` nor ``.parquet``.

    Raises
    ------
    InvalidParameterError
        The name ends in neither .csv nor .parquet.
    FileNotUsableError
        There is such a file.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise InvalidParameterError(f"{str(path)!r} is neither .csv nor .parquet.", hint="Choose one of them.")
    if path.exists():
        raise FileNotUsableError(f"{str(path)!r} is there already.", hint="Give another name, or delete it first.")


def write_table(frame: pd.DataFrame, path: str | Path, *, for_others: bool = True) -> Path:
    """Write a frame to a new file: Parquet if the name ends in ``.parquet``, CSV if in ``.csv``.

    Raises
    ------
    FileNotUsableError
        The file cannot be written.
    """
    path = check_path(path)
    check_new_table(path)
    if path.suffix == ".parquet":
        return write_whole(path, lambda stream: frame.to_parquet(stream, index=False), for_others=for_others)
    return write_whole(path, lambda stream: frame.to_csv(stream, index=False, encoding="utf-8"), for_others=for_others)
