"""The database of a workspace: opening, migrating, transactions, and rows that carry a keyed seal.

It is SQLite in the folder, or another by its URL; what each needs says :mod:`.dialects`.
"""

from __future__ import annotations

import functools
import hmac
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from expunge.errors import (
    ExpungeError,
    FileNotUsableError,
    InvalidParameterError,
    NewerFormatError,
    TamperedError,
    WorkspaceBusyError,
)
from expunge.files.archive import canonical_json
from expunge.workspace.database.dialects import empty_log, open_engine, to_read, to_write
from expunge.workspace.database.read_only import is_read_only
from expunge.workspace.database.statements import Inserted, Prepared
from expunge.workspace.database.tables import meta, metadata

__all__ = ["Database", "as_bytes"]

#: The migration that this version writes; see ``migrations/versions``.
_HEAD = "0004"
KNOWN = ("0001", "0002", "0003", "0004")

_META = Prepared(sa.select(meta.c.value).where(meta.c.name == sa.bindparam("name")))
_SET_META = Prepared(meta.update().where(meta.c.name == sa.bindparam("of")), ["value"])

Connection = sa.Connection


class Database:
    """Transactions on the tables of a workspace.

    Parameters
    ----------
    url : str
        SQLAlchemy URL; the database, or its schema, is that of one workspace.
    seal_key : bytes
        32 bytes.
    """

    def __init__(self, url: str, seal_key: bytes) -> None:
        self._key = seal_key
        self.engine = open_engine(url)
        #: Whether its file, or the folder around it, cannot be written.
        self.is_read_only = is_read_only(self.engine.url)
        self._reading, self._writing = to_read(self.engine), to_write(self.engine)
        self._turn = threading.Lock()
        self._kept: Connection | None = None  # for the next who writes: opening one takes longer than what it does
        self._driver: Any = self.engine.dialect.loaded_dbapi

    # ------------------------------------------------------------------ transactions

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; alone among all processes from its start."""
        with self._told(), self._turn:
            connection = self._kept or self._writing.connect()
            self._kept = None
            try:
                with connection.begin():
                    yield connection
            except BaseException:
                connection.close()
                raise
            self._kept = connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state and writes nothing."""
        with self._told(), self._reading.connect() as connection:
            yield connection

    def truncate_log(self) -> None:
        """Do away with what was deleted: in SQLite, empty the write-ahead log."""
        with self._told():
            empty_log(self.engine)

    def close(self) -> None:
        """Close all connections."""
        with self._turn:
            if self._kept is not None:
                self._kept.close()
                self._kept = None
        self.engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the database says, as one sentence of ours."""
        try:
            yield
        except (DatabaseError, self._driver.DatabaseError) as error:
            told = self._sentence(error.orig if isinstance(error, DatabaseError) else error)
            if told is None:
                raise
            raise told from error

    def _sentence(self, error: Any) -> ExpungeError | None:
        why = str(error).strip()
        if isinstance(error, self._driver.OperationalError):
            if "locked" in why or "lock timeout" in why:
                return WorkspaceBusyError("Another process is writing to the database.", hint="Try again.")
            if "readonly" in why:
                return FileNotUsableError(f"Cannot write {self.engine.url.database!r}.", hint="Check its rights.")
            return FileNotUsableError(f"The database failed: {why}.", hint="Check disk and rights.")
        if "malformed" in why or "not a database" in why:
            return TamperedError(f"The database is damaged: {why}.", hint="Restore it from a copy.")
        return None

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
            raise NewerFormatError(
                f"The database has form {found!r}; this version reads up to {_HEAD}.", hint="Update."
            )
        return None if found is None else str(found)

    def is_used(self) -> bool:
        """Whether anything was ever entered."""
        with self.read() as connection:
            counts = [sa.select(sa.func.count()).select_from(table) for table in (meta, metadata.tables["datasets"])]
            return any(connection.execute(count).scalar() for count in counts)

    def migrate(self) -> None:
        """Bring the database to the form of today."""
        if self.version() == _HEAD:
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
        """Insert a row, sealed, under the next number; gives its key.

        Raises
        ------
        InvalidParameterError
            A cell that would read back as another than was sealed.
        """
        return self.insert_many(connection, table, [values])[0]

    def insert_many(self, connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """As :meth:`insert`, in one statement."""
        key = _key(table)
        is_numbered = all(row.get(key.name) for row in rows)
        top = 0 if is_numbered else int(_highest(table).scalar(connection) or 0)
        filled = [
            {column.name: row.get(column.name) for column in table.columns} | {key.name: row.get(key.name) or top + i}
            for i, row in enumerate(rows, start=1)
        ]
        filled = [_as_read(table, row) for row in filled]
        if filled:
            _inserting(table).run_many(connection, [row | {"seal": self.seal(table, row)} for row in filled])
        return [int(row[key.name]) for row in filled]

    def update(self, connection: Connection, table: sa.Table, number: int, /, **changes: Any) -> dict[str, Any]:
        """Change a row and seal it anew; gives it as it is then."""
        row = _as_read(table, {**self.numbered(connection, table, number), **changes})
        row["seal"] = self.seal(table, row)
        _changing(table).run(connection, **row, of=number)
        return row

    def rows(self, connection: Connection, table: sa.Table, *where: Any) -> list[dict[str, Any]]:
        """Rows in the order of their keys, each compared with its seal.

        Raises
        ------
        TamperedError
            A row is not what was written; the sentence names it.
        """
        found = connection.execute(table.select().where(*where).order_by(_key(table)))
        return self._compared(table, found)

    def one(self, connection: Connection, table: sa.Table, *where: Any) -> dict[str, Any]:
        """The one row there is.

        Raises
        ------
        TamperedError
            There is none, where other rows say that there is.
        """
        return self._single(table, self.rows(connection, table, *where))

    def numbered(self, connection: Connection, table: sa.Table, number: int) -> dict[str, Any]:
        """The row of this key; errors as :meth:`one`."""
        return self._single(table, self.find(connection, table, number))

    def find(self, connection: Connection, table: sa.Table, number: int) -> list[dict[str, Any]]:
        """The row of this key, if there is one."""
        return self._compared(table, _by_key(table).all(connection, number=number))

    @staticmethod
    def _single(table: sa.Table, found: list[dict[str, Any]]) -> dict[str, Any]:
        if len(found) != 1:
            raise TamperedError(f"Table {table.name!r} lacks a row that others name.", hint="Restore the database.")
        return found[0]

    def _compared(self, table: sa.Table, found: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
        names = [column.name for column in table.columns]
        out = [dict(zip(names, row, strict=True)) for row in found]
        for row in out:
            if not hmac.compare_digest(self.seal(table, row), as_bytes(row["seal"])):
                raise TamperedError(
                    f"Row {row[_key(table).name]} of table {table.name!r} is not what was written.",
                    hint="Restore the database.",
                )
        return out

    def get_meta(self, connection: Connection, name: str, default: str = "") -> str:
        """A counter or the like."""
        found = _META.scalar(connection, name=name)
        return default if found is None else str(found)

    def set_meta(self, connection: Connection, name: str, value: str) -> None:
        """Set a counter or the like."""
        if not _SET_META.run(connection, of=name, value=value):
            _inserting(meta).run(connection, name=name, value=value)

    @property
    def tables(self) -> Mapping[str, sa.Table]:
        """All tables by name."""
        return metadata.tables


def as_bytes(value: Any) -> bytes:
    """A cell that should hold bytes; a text that somebody put there becomes bytes that fit nothing."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def _as_read(table: sa.Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the database will give it back, so that its seal fits then, too.

    Raises
    ------
    InvalidParameterError
        A cell is not of the type of its column. Nothing is written.
    """
    return {
        name: value if type(value := row.get(name)) is plain else _cell(name, value, kind, may_miss)
        for name, kind, plain, may_miss in _forms(table)
    }


def _cell(name: str, value: Any, kind: type, may_miss: bool) -> Any:
    if value is None and may_miss:
        return None
    if kind is int and isinstance(value, Integral) and not isinstance(value, bool) and abs(int(value)) < 2**63:
        return int(value)
    if kind is str and isinstance(value, str) and "\0" not in value and (value.isascii() or not _HALF.search(value)):
        return str.__str__(value)
    if kind is bytes and isinstance(value, bytes):
        return bytes(value)
    what = {int: "an integer of 64 bits", str: "a text", bytes: "bytes"}[kind]
    raise InvalidParameterError(f"{name} must be {what}, got {value!r}.", hint="Nothing was written.")


@functools.cache
def _forms(table: sa.Table) -> list[tuple[str, type, type | None, bool]]:
    """Name and type of each column, the type of which no cell is looked at, and whether a cell may be missing: a seal
    is set last."""
    kinds = [(one.name, one.type.python_type, bool(one.nullable) or one.name == "seal") for one in table.columns]
    return [(name, kind, bytes if kind is bytes else None, may_miss) for name, kind, may_miss in kinds]


#: Half of a pair of surrogates, which no database takes; nor does PostgreSQL take NUL.
_HALF = re.compile("[\ud800-\udfff]")


@functools.cache
def _key(table: sa.Table) -> Any:
    return next(iter(table.primary_key.columns))


@functools.cache
def _inserting(table: sa.Table) -> Inserted:
    return Inserted(table)


@functools.cache
def _highest(table: sa.Table) -> Prepared:
    return Prepared(sa.select(sa.func.max(_key(table))))


@functools.cache
def _by_key(table: sa.Table) -> Prepared:
    return Prepared(table.select().where(_key(table) == sa.bindparam("number")))


@functools.cache
def _changing(table: sa.Table) -> Prepared:
    columns = [column.name for column in table.columns]
    return Prepared(table.update().where(_key(table) == sa.bindparam("of")), columns)
