"""The rows of a data set as Parquet buckets, so that forgetting a record rewrites one bucket and no other.

A record's bucket follows from the keyed hash of its id. Within a bucket rows stand in the order of that hash, so a
bucket is a function of the rows in it. What a data set is, is committed to by a keyed hash of each row (its
*pseudonym*), a hash for each bucket over those, and the root of the buckets.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from expunge.digest import root
from expunge.errors import DuplicateRecordError, InvalidDataError, InvalidIdError
from expunge.near_names import near_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["bucket_of", "commitment", "ids_of", "parquet_bytes", "parquet_table", "row_digests", "split", "summed"]

#: Rows in a bucket, about.
ROWS = 512
MOST_BUCKETS = 1024


def n_buckets(n_records: int) -> int:
    """How many buckets a data set of this size gets; it keeps them for life."""
    return max(1, min(MOST_BUCKETS, n_records // ROWS))


def bucket_of(handle: bytes, n: int) -> int:
    """The bucket of a record, from its handle."""
    return int.from_bytes(handle[:8], "big") % n


def ids_of(table: pa.Table, column: str, *, may_miss: bool = False) -> list[Any]:
    """Ids in a column, integers or texts; None where there is none, if that may be.

    Raises
    ------
    InvalidIdError
        No such column, a missing id, or ids of another kind.
    DuplicateRecordError
        An id stands twice (where none may miss: of records, that is).
    """
    from pyarrow import types

    if column not in table.column_names:
        raise InvalidDataError(f"There is no column {column!r}.", hint=near_name(column, table.column_names))
    kind = table.schema.field(column).type
    kind = kind.value_type if types.is_dictionary(kind) else kind
    is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind)
    if not (types.is_integer(kind) or is_text):
        raise InvalidIdError(f"Column {column!r} holds {kind}, which no id is.", hint="Make it integers or texts.")
    values = [None if value == "" else value for value in table[column].to_pylist()]
    if may_miss:
        return values
    if None in values:
        raise InvalidIdError(
            f"Row {values.index(None) + 1} below the header has no id in column {column!r}.",
            hint="Give every record an id.",
        )
    if len(set(values)) < len(values):
        twice = next(value for i, value in enumerate(values) if value in values[:i])
        raise DuplicateRecordError(f"Record {twice!r} stands there twice.", hint="Ids of records must be unique.")
    return values


def kind_of(values: Sequence[Any]) -> str:
    """``integer`` or ``text``: what ids are."""
    return "integer" if any(isinstance(value, int) for value in values) else "text"


def row_digests(table: pa.Table, key: bytes) -> list[bytes]:
    """Keyed hash of each row, 16 bytes: of all its cells by name, whatever the order of the columns."""
    names = sorted(table.column_names)
    head = repr(names).encode("utf-8", "surrogatepass")
    columns = [table[name].to_pylist() for name in names]
    return [
        hmac.digest(key, head + repr(cells).encode("utf-8", "surrogatepass"), "sha256")[:16]
        for cells in zip(*columns, strict=True)
    ]


def split(handles: Sequence[bytes], n: int) -> dict[int, npt.NDArray[np.intp]]:
    """Positions of the rows of each bucket, in the order of their handles."""
    where = np.array([bucket_of(handle, n) for handle in handles], dtype=np.intp)
    order = sorted(range(len(handles)), key=handles.__getitem__)
    ordered = np.array(order, dtype=np.intp)
    return {int(b): ordered[where[ordered] == b] for b in np.unique(where)} if n > 1 else {0: ordered}


def summed(digests: Sequence[bytes]) -> bytes:
    """Hash over the pseudonyms of the rows of a bucket, 32 bytes."""
    return hashlib.sha256(b"bucket" + b"".join(sorted(digests))).digest()


def commitment(buckets: Mapping[str, str]) -> str:
    """Root over the hashes of all buckets, 64 hexadecimal digits."""
    return root({name: bytes.fromhex(value) for name, value in buckets.items()}).hex()


def parquet_bytes(table: pa.Table) -> bytes:
    """A bucket as a Parquet file: its cells, and nothing else that a table carries along.

    A column of categories keeps every category there ever was, whichever rows are left, and the metadata of a frame
    may say anything; either would outlive the rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = pa.table({name: _plain(table[name]) for name in table.column_names})
    sink = pa.BufferOutputStream()
    pq.write_table(plain, sink, compression="zstd", store_schema=True)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column without dictionaries, at any depth, in new buffers."""
    import pyarrow as pa

    kind = _plain_type(column.type)
    return column if kind == column.type else pa.chunked_array([pa.array(column.to_pylist(), kind)])


def _plain_type(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind):
        make = pa.list_ if types.is_list(kind) else pa.large_list
        return make(_plain_type(kind.value_type))
    if types.is_struct(kind):
        return pa.struct([pa.field(field.name, _plain_type(field.type)) for field in kind])
    return kind


def parquet_table(data: bytes) -> pa.Table:
    """The inverse of :func:`parquet_bytes`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.read_table(pa.BufferReader(data), use_threads=False, pre_buffer=False)


def without(table: pa.Table, column: str, ids: set[Any]) -> pa.Table:
    """A table without the rows of these ids, as new buffers that hold nothing of them."""
    import pyarrow as pa

    keep = [i for i, value in enumerate(table[column].to_pylist()) if value not in ids]
    return table.take(pa.array(keep, pa.int64()))
