"""Statements that are compiled once and run on the cursor of the driver, for what is done a thousand times a second.

At each call SQLAlchemy looks a statement up, builds its parameters and wraps its rows: many times what the database
needs for it. Statements are written with SQLAlchemy all the same, so that each dialect gets its own text, and run in
the transaction of the connection that they are given. They take and give what the driver takes and gives: texts,
integers, bytes and None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

__all__ = ["Inserted", "Lookup", "Prepared"]


class Prepared:
    """A statement with named parameters.

    Parameters
    ----------
    statement : executable
        Of SQLAlchemy.
    columns : sequence of str, optional
        Of an insert: those that get a value.

    Examples
    --------
    >>> both = Prepared(sa.select(sa.bindparam("a", type_=sa.Integer) + sa.bindparam("b", type_=sa.Integer)))
    >>> with sa.create_engine("sqlite://").connect() as connection:
    ...     both.all(connection, a=2, b=3)
    [(5,)]
    """

    def __init__(self, statement: Any, columns: Sequence[str] | None = None) -> None:
        self._statement, self._columns = statement, columns
        self._texts: dict[str, tuple[str, tuple[str, ...] | None]] = {}

    def all(self, connection: sa.Connection, /, **values: Any) -> list[tuple[Any, ...]]:
        """Run it; all rows."""
        return self.all_of(connection, values)

    def all_of(self, connection: sa.Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """As :meth:`all`."""
        text, names = self._text(connection)
        found: list[tuple[Any, ...]] = _cursor(connection).execute(text, _given(names, values)).fetchall()
        return found

    def scalar(self, connection: sa.Connection, /, **values: Any) -> Any:
        """Run it; the first cell, or None."""
        found = self.all(connection, **values)
        return found[0][0] if found else None

    def run(self, connection: sa.Connection, /, **values: Any) -> int:
        """Run it; how many rows it changed."""
        text, names = self._text(connection)
        return int(_cursor(connection).execute(text, _given(names, values)).rowcount)

    def run_many(self, connection: sa.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run it for each of some parameters."""
        text, names = self._text(connection)
        _cursor(connection).executemany(text, [_given(names, row) for row in rows])

    def _text(self, connection: sa.Connection) -> tuple[str, tuple[str, ...] | None]:
        """The text for the dialect, and the order of its parameters; None where they go by name."""
        made = self._texts.get(connection.dialect.name)
        if made is None:
            compiled = self._statement.compile(dialect=connection.dialect, column_keys=self._columns)
            names = tuple(compiled.positiontup) if compiled.positional else None
            made = self._texts[connection.dialect.name] = str(compiled), names
        return made


class Inserted(Prepared):
    """The insert of whole rows into a table.

    Parameters
    ----------
    table : Table
    """

    def __init__(self, table: sa.Table) -> None:
        super().__init__(table.insert(), [column.name for column in table.columns])


class Lookup:
    """Rows by the values of one column.

    Parameters
    ----------
    column : Column
    *results : Column
        What is wanted of them.
    """

    #: How many values stand in one statement; a list is filled up with its last one.
    LENGTHS = (1, 16, 500)

    def __init__(self, column: sa.Column[Any], *results: sa.ColumnElement[Any]) -> None:
        def one_of(length: int) -> Prepared:
            binds = [sa.bindparam(name, type_=column.type) for name in self._names[:length]]
            return Prepared(sa.select(*results).where(column == binds[0] if length == 1 else column.in_(binds)))

        self._names = [f"v{i}" for i in range(self.LENGTHS[-1])]
        self._statements = {length: one_of(length) for length in self.LENGTHS}

    def all(self, connection: sa.Connection, wanted: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The rows that are there, in no order."""
        out: list[tuple[Any, ...]] = []
        for at in range(0, len(wanted), self.LENGTHS[-1]):
            part = wanted[at : at + self.LENGTHS[-1]]
            length = next(length for length in self.LENGTHS if length >= len(part))
            filled = [*part, *[part[-1]] * (length - len(part))]
            out += self._statements[length].all_of(connection, dict(zip(self._names, filled, strict=False)))
        return out


def _cursor(connection: sa.Connection) -> Any:
    return connection.connection.cursor()


def _given(names: tuple[str, ...] | None, values: Mapping[str, Any]) -> Any:
    return values if names is None else [values[name] for name in names]
