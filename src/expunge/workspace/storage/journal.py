"""The ledger's log in the database of a workspace: entries and the hashes of their tree, in the caller's transaction.

Times never go backwards in it, whatever the clock does: an entry is never earlier than the one before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from expunge.files.whole import write_whole
from expunge.ledger.entries import Entry
from expunge.ledger.log import Log
from expunge.workspace.database.engine import as_bytes
from expunge.workspace.database.statements import Inserted, Lookup, Prepared
from expunge.workspace.database.tables import log, log_hashes
from expunge.workspace.storage import faults, log_seal
from expunge.workspace.storage.core import stamp

if TYPE_CHECKING:
    from expunge.workspace.storage.core import Core

__all__ = ["append", "append_many", "begin_seal", "checked_log", "moment", "open_log", "request_id"]


_TOPS = Prepared(
    sa.select(
        sa.select(sa.func.max(log.c.number)).scalar_subquery(),
        sa.select(sa.func.max(log_hashes.c.place)).scalar_subquery(),
    )
)
_ENTRIES = Prepared(
    sa.select(log.c.entry)
    .where((log.c.number >= sa.bindparam("start")) & (log.c.number < sa.bindparam("stop")))
    .order_by(log.c.number)
)
_HASHES = Lookup(log_hashes.c.place, log_hashes.c.place, log_hashes.c.hash)
#: Positions that are kept: no tree has more roots of complete subtrees.
_FEW = 64
_ADD_ENTRIES, _ADD_HASHES = Inserted(log), Inserted(log_hashes)


class _Store:
    """A log in two tables."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._read: dict[int, bytes] = {}  # the few on top: they are asked for before, during and after an append
        found, place = _TOPS.all(connection)[0]
        self._size, self._places = (0 if value is None else int(value) + 1 for value in (found, place))

    def size(self) -> int:
        """How many entries there are."""
        return self._size

    def append(self, entries: Sequence[bytes], hashes: Sequence[bytes]) -> None:
        """Add entries and hashes of complete subtrees."""
        rows = [{"number": self._size + i, "entry": entry} for i, entry in enumerate(entries)]
        places = [{"place": self._places + i, "hash": value} for i, value in enumerate(hashes)]
        _ADD_ENTRIES.run_many(self._connection, rows)
        _ADD_HASHES.run_many(self._connection, places)
        self._read.update((self._places + i, value) for i, value in enumerate(hashes))
        self._size, self._places = self._size + len(entries), self._places + len(hashes)

    def entries(self, start: int, stop: int) -> list[bytes]:
        """Some of the entries."""
        return [as_bytes(row[0]) for row in _ENTRIES.all(self._connection, start=start, stop=stop)]

    def hashes(self, positions: Sequence[int]) -> list[bytes]:
        """Some of the hashes."""
        held = self._read
        if not all(position in held for position in positions):
            held = {int(place): as_bytes(value) for place, value in _HASHES.all(self._connection, list(positions))}
            if len(positions) <= _FEW:
                self._read.update(held)
        return [held.get(position, b"") for position in positions]


def open_log(connection: Any) -> Log:
    """The log, in a transaction."""
    return Log(_Store(connection))


def begin_seal(core: Core) -> None:
    """Give a workspace that has none the seal of its log, and then the file that says so: see :mod:`.log_seal`."""
    if core.layout.sealed.exists():
        return
    with core.write() as connection:
        log_seal.begin(core, connection, open_log(connection))
    faults.at("init-sealed")
    write_whole(core.layout.sealed, lambda stream: stream.write(b"The log of this workspace has a seal.\n"))


def checked_log(core: Core, connection: Any) -> Log:
    """The log, to sign or to append to: refused unless it is the one that was written.

    Raises
    ------
    TamperedError
        It was rewritten.
    """
    found = open_log(connection)
    log_seal.check_log(log_seal.read(core, connection), found)
    return found


def moment(core: Core, connection: Any, *, last: str | None = None) -> datetime:
    """The time to write down: that of the clock, or of the last entry if the clock went backwards.

    ``last`` is what stands in the database under ``last-time``, where it was read already.
    """
    now = core.now().replace(microsecond=0)
    last = core.db.get_meta(connection, "last-time") if last is None else last
    return max(now, datetime.fromisoformat(last)) if last else now


def append(core: Core, connection: Any, kind: str, fields: Mapping[str, Any]) -> int:
    """Add an entry; its place, from 0."""
    return append_many(core, connection, [(kind, fields)])[0]


def append_many(
    core: Core, connection: Any, entries: Sequence[tuple[str, Mapping[str, Any]]], *, now: datetime | None = None
) -> list[int]:
    """Add entries; their places. ``now`` is what :func:`moment` gave in this transaction.

    Raises
    ------
    TamperedError
        The log that is there is not the one that was written.
    """
    found, seal = open_log(connection), log_seal.read(core, connection)
    log_seal.check_log(seal, found)
    now = now or moment(core, connection)
    core.db.set_meta(connection, "last-time", now.isoformat())
    made = [Entry(kind=kind, time=stamp(now), fields=dict(fields)) for kind, fields in entries]
    places = found.append(made)
    log_seal.write(core, connection, dataclasses.replace(seal, size=len(found), root=found.tree.root()))
    return places


def request_id(core: Core, number: int) -> str:
    """What outsiders know a request by: a name from which its number and its time cannot be told."""
    import hmac

    return "r-" + hmac.digest(core.secrets.derived("request"), b"%d" % number, "sha256")[:12].hex()
