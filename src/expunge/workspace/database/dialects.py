"""What each kind of database needs so that a commit is on the disk, a writer is alone, and what was deleted is gone.

**SQLite** overwrites what is deleted (``secure_delete``), flushes at each commit (``synchronous=FULL``) and empties its
write-ahead log when told to.

**PostgreSQL** answers a commit when its log is flushed (``synchronous_commit``), whatever the server's default is. Who
writes holds a lock for the length of the transaction; who reads sees one state (``REPEATABLE READ``). Deleted rows are
vacuumed at once, but their bytes may stay in free space of a page, in the write-ahead log and in its archive until they
are written over. They are keyed hashes, and texts sealed with a key that is shredded: no value of a record is ever
there to be deleted.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from expunge.errors import InvalidParameterError, MissingExtraError
from expunge.workspace.database.read_only import is_read_only, open_to_read

__all__ = ["empty_log", "open_engine", "to_read", "to_write"]

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON", "busy_timeout=30000")
_SETTINGS = ("synchronous_commit TO on", "lock_timeout TO '30s'")

#: Number of the lock of whoever writes; the same in every version. Workspaces in schemas of one database take turns.
_LOCK = 0x657870756E6765

#: Tables of which rows are deleted, or changed so that the old ones stay behind.
_CHANGED = "row_index, requests, subject_keys, versions, model_versions, artefacts, datasets, models, intents, meta"


def open_engine(url: str) -> sa.Engine:
    """The engine of a database; nothing is connected to yet.

    Raises
    ------
    MissingExtraError
        Its driver is not installed.
    InvalidParameterError
        No such URL, or a kind of database that keeps no promise of ours.
    """
    try:
        made = sa.make_url(url)
        engine = open_to_read(made) if (is_locked := is_read_only(made)) else sa.create_engine(made)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"The driver {error.name} is not installed.", hint=f"pip install 'expunge[postgres]'. {_HINT}"
        ) from error
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise InvalidParameterError(f"{url!r} is no URL of a database.", hint=_HINT) from error
    if engine.dialect.driver not in _PREPARE:
        raise InvalidParameterError(f"No workspace can be kept in {engine.dialect.name} by this driver.", hint=_HINT)
    event.listen(engine, "connect", _prepare_to_read if is_locked else _PREPARE[engine.dialect.driver])
    event.listen(engine, "begin", _begin)
    return engine


def to_read(engine: sa.Engine) -> sa.Engine:
    """The engine for transactions that see one state."""
    return engine if _is_sqlite(engine) else engine.execution_options(isolation_level="REPEATABLE READ")


def to_write(engine: sa.Engine) -> sa.Engine:
    """The engine for transactions that are alone from their start."""
    return engine.execution_options(alone=True)


def empty_log(engine: sa.Engine) -> None:
    """Do away with what was deleted, as far as the database can be told to."""
    if _is_sqlite(engine):
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()
        return
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connected:
        connected.exec_driver_sql(f"VACUUM {_CHANGED}")


def _is_sqlite(engine: sa.Engine) -> bool:
    return engine.dialect.name == "sqlite"


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _prepare_to_read(connection: Any, _: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout=30000").fetchall()


def _prepare_postgresql(connection: Any, _: object) -> None:
    for setting in _SETTINGS:
        connection.execute(f"SET {setting}")
    connection.commit()


#: By driver.
_PREPARE = {"pysqlite": _prepare_sqlite, "psycopg": _prepare_postgresql}
_HINT = "As postgresql+psycopg://user@host/name; without one it is SQLite in the folder."


def _begin(connection: sa.Connection) -> None:
    is_alone = connection.get_execution_options().get("alone")
    if _is_sqlite(connection.engine):
        connection.connection.cursor().execute("BEGIN IMMEDIATE" if is_alone else "BEGIN")
    elif is_alone:
        connection.connection.cursor().execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
