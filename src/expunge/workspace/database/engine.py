"""The database of a workspace: opening, migrating, transactions, and rows that carry a keyed seal.

SQLite runs with ``secure_delete`` (what is deleted is overwritten), a write-ahead log and ``synchronous=FULL`` (a
commit is on the disk when it returns). Another dialect comes with another URL; SQLAlchemy does the rest.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, OperationalError

from expunge.errors import FileNotUsableError, NewerFormatError, TamperedError, WorkspaceBusyError
from expunge.files.archive import canonical_json
from expunge.workspace.database.tables import meta, metadata

__all__ = ["HEAD", "Database", "as_bytes"]

#: The migration that this version writes; see ``migrations/versions``.
HEAD = "0002"
KNOWN = ("0001", "0002")

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON", "busy_timeout=30000")

Connection = sa.Connection


class Database:
    """Transactions on the tables of a workspace.

    Parameters
    ----------
    url : str
        SQLAlchemy URL.
    seal_key : bytes
        32 bytes.
    """

    def __init__(self, url: str, seal_key: bytes) -> None:
        self._key = seal_key
        self.engine = sa.create_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare)
            event.listen(self.engine, "begin", _begin)

    # ------------------------------------------------------------------ transactions

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; alone among all processes from its start."""
        with _told(), self.engine.execution_options(immediate=True).begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state and writes nothing."""
        with _told(), self.engine.connect() as connection:
            yield connection

    def truncate_log(self) -> None:
        """Put everything into the database file and empty its write-ahead log."""
        if self.is_sqlite:
            with _told():
                connection = self.engine.raw_connection()
                try:
                    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                finally:
                    connection.close()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    # ------------------------------------------------------------------ form

    def version(self) -> str | None:
        """Number of the migration it is at; None for an empty database.

        Raises
        ------
        NewerFormatError
            Written by a later version; nothing was touched.
        """
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        if found is not None and found not in KNOWN:
            raise NewerFormatError(f"The database has form {found!r}; this version reads up to {HEAD}.", hint="Update.")
        return None if found is None else str(found)

    def migrate(self) -> None:
        """Bring the database to the form of today."""
        if self.version() == HEAD:
            return
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        with self.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    # ------------------------------------------------------------------ rows with a seal

    def seal(self, table: sa.Table, values: Mapping[str, Any]) -> bytes:
        """The keyed hash of a row: of its table and of all columns but the seal."""
        plain = {
            column.name: value.hex() if isinstance(value := values.get(column.name), bytes) else value
            for column in table.columns
            if column.name != "seal"
        }
        return hmac.digest(self._key, canonical_json([table.name, plain]), "sha256")[:16]

    def insert(self, connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> int:
        """Insert a row, sealed, under the next number; gives its key."""
        return self.insert_many(connection, table, [values])[0]

    def insert_many(self, connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """As :meth:`insert`, in one statement."""
        key = next(iter(table.primary_key.columns))
        is_numbered = all(row.get(key.name) for row in rows)
        top = 0 if is_numbered else int(connection.execute(sa.select(sa.func.max(key))).scalar() or 0)
        filled = [
            {column.name: row.get(column.name) for column in table.columns} | {key.name: row.get(key.name) or top + i}
            for i, row in enumerate(rows, start=1)
        ]
        if filled:
            connection.execute(table.insert(), [row | {"seal": self.seal(table, row)} for row in filled])
        return [int(row[key.name]) for row in filled]

    def update(self, connection: Connection, table: sa.Table, number: int, /, **changes: Any) -> dict[str, Any]:
        """Change a row and seal it anew; gives it as it is then."""
        key = next(iter(table.primary_key.columns))
        row = {**self.one(connection, table, key == number), **changes}
        row["seal"] = self.seal(table, row)
        connection.execute(table.update().where(key == number).values(row))
        return row

    def rows(self, connection: Connection, table: sa.Table, *where: Any) -> list[dict[str, Any]]:
        """Rows in the order of their keys, each compared with its seal.

        Raises
        ------
        TamperedError
            A row is not what was written; the sentence names it.
        """
        key = next(iter(table.primary_key.columns))
        found = connection.execute(table.select().where(*where).order_by(key)).mappings()
        out = [dict(row) for row in found]
        for row in out:
            if not hmac.compare_digest(self.seal(table, row), as_bytes(row["seal"])):
                raise TamperedError(
                    f"Row {row[key.name]} of table {table.name!r} is not what was written.",
                    hint="Restore the database.",
                )
        return out

    def one(self, connection: Connection, table: sa.Table, *where: Any) -> dict[str, Any]:
        """The one row there is.

        Raises
        ------
        TamperedError
            There is none, where other rows say that there is.
        """
        found = self.rows(connection, table, *where)
        if len(found) != 1:
            raise TamperedError(f"Table {table.name!r} lacks a row that others name.", hint="Restore the database.")
        return found[0]

    def get_meta(self, connection: Connection, name: str, default: str = "") -> str:
        """A counter or the like."""
        found = connection.execute(sa.select(meta.c.value).where(meta.c.name == name)).scalar()
        return default if found is None else str(found)

    def set_meta(self, connection: Connection, name: str, value: str) -> None:
        """Set a counter or the like."""
        if not connection.execute(meta.update().where(meta.c.name == name).values(value=value)).rowcount:
            connection.execute(meta.insert().values(name=name, value=value))

    @property
    def tables(self) -> Mapping[str, sa.Table]:
        """All tables by name."""
        return metadata.tables


def as_bytes(value: Any) -> bytes:
    """A cell that should hold bytes; a text that somebody put there becomes bytes that fit nothing."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def _prepare(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _begin(connection: Connection) -> None:
    wants = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if wants else "BEGIN")


@contextmanager
def _told() -> Iterator[None]:
    """What the database says, as one sentence of ours."""
    try:
        yield
    except OperationalError as error:
        why = str(error.orig).strip()
        if "locked" in why:
            raise WorkspaceBusyError("Another process is writing to the database.", hint="Try again.") from error
        raise FileNotUsableError(f"The database failed: {why}.", hint="Check disk and rights.") from error
    except DatabaseError as error:
        if "malformed" in str(error.orig) or "not a database" in str(error.orig):
            raise TamperedError(f"The database is damaged: {error.orig}.", hint="Restore it from a copy.") from error
        raise
