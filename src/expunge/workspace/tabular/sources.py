"""Where data comes from: a CSV or Parquet file by path or fsspec URL, or a query by SQLAlchemy URL."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from expunge.errors import FileNotUsableError, InvalidDataError, InvalidParameterError
from expunge.paths import lasting_path
from expunge.workspace.tabular.tables import OF_CSV, parse_table, read_table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Source", "named_source", "read_source"]


@dataclasses.dataclass(frozen=True)
class Source:
    """A place to read a table from.

    Parameters
    ----------
    url : str
        Path, fsspec URL, or, with a query, SQLAlchemy URL.
    query : str
        SQL that selects the rows; empty for files.
    delimiter, encoding : str or None
        Of CSV files.
    """

    url: str
    query: str = ""
    delimiter: str | None = None
    encoding: str | None = None

    @property
    def shown(self) -> str:
        """Where that is, for people: without the password that an address of a database may hold."""
        if not self.query:
            return self.url
        import sqlalchemy as sa

        return sa.engine.make_url(self.url).render_as_string(hide_password=True)

    def lasting(self) -> Source:
        """The same from whatever folder it is read: a path, or that of a file in the address of a database, is
        absolute."""
        if not self.query:
            return self if "://" in self.url else dataclasses.replace(self, url=lasting_path(self.url))
        import sqlalchemy as sa

        url = sa.engine.make_url(self.url)
        if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith((":memory:", "file:")):
            return self
        url = url.set(database=lasting_path(url.database))
        return dataclasses.replace(self, url=url.render_as_string(hide_password=False))

    def __str__(self) -> str:
        return repr(self.shown)


def named_source(source: str | Path, query: str, delimiter: str | None, encoding: str | None) -> Source:
    """A source as somebody names it.

    Raises
    ------
    InvalidParameterError
        A query, and what is of a CSV file.
    """
    if query and (delimiter is not None or encoding is not None):
        raise InvalidParameterError("A query gives columns, and no text to be cut or decoded.", hint=OF_CSV)
    return Source(str(source), query, delimiter, encoding)


def read_source(source: Source) -> pa.Table:
    """The table of a source.

    Raises
    ------
    FileNotUsableError
        It cannot be read.
    InvalidDataError
        It is no table.
    """
    if source.query:
        return _of_query(source)
    if "://" not in source.url:
        return read_table(source.url, delimiter=source.delimiter, encoding=source.encoding)
    import fsspec

    try:
        with fsspec.open(source.url, "rb") as stream:
            data = stream.read()
    except (OSError, ValueError, ImportError) as error:
        raise FileNotUsableError(f"Cannot read {source.url!r}: {error}.", hint="Check the address.") from error
    return parse_table(data, Path(source.url), delimiter=source.delimiter, encoding=source.encoding)


def _of_query(source: Source) -> pa.Table:
    import pyarrow as pa
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        engine = sa.create_engine(source.url)
    except (ArgumentError, ImportError) as error:
        raise InvalidParameterError(
            f"{source.url!r} is no address of a database.", hint="As sqlite:///f.db."
        ) from error
    try:
        with engine.connect() as connection:
            result = connection.execute(sa.text(source.query))
            names, rows = list(result.keys()), result.all()
    except SQLAlchemyError as error:
        raise FileNotUsableError(f"The query failed: {str(error).splitlines()[0]}.", hint="Check it.") from error
    finally:
        engine.dispose()
    if not rows:
        raise InvalidDataError("The query gives no rows.", hint="Check it.")
    try:
        return pa.table({name: pa.array([row[i] for row in rows]) for i, name in enumerate(names)})
    except (pa.ArrowException, TypeError) as error:
        raise InvalidDataError(f"A column mixes kinds of values: {error}.", hint="Cast it in the query.") from error
