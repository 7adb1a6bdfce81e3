"""What the workspace wrote last, under a keyed seal: size and root of its log, number and sum of its tombstones.

Hashes of a tree can be computed again by whoever rewrites the log, and a head signed over whatever stands there would
bless it. So each append compares the log with the seal first, and seals what it made of it, in one transaction. The
sum is one over keyed hashes, so that it tells any other set apart, and neither order nor time of what came into it.

A workspace that is older than the seal gets one when it is opened. A file beside the keys says that it has: who can
write to the database alone cannot make it old again.
"""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from expunge.errors import TamperedError
from expunge.workspace.database.tables import tombstones

if TYPE_CHECKING:
    from expunge.ledger.log import Log
    from expunge.workspace.storage.core import Core

__all__ = ["LogSeal", "add_tombstones", "begin", "check_log", "check_tombstones", "read", "write"]

#: Its place in the table ``meta``, on the page that every append changes anyhow.
NAME = "log-seal"
_HINT = "Restore the workspace from a copy, and ask who could write to it."


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogSeal:
    """What was there when the workspace last wrote.

    Parameters
    ----------
    size : int
        Entries of the log.
    root : bytes
        Of the tree over them.
    tombstones : int
        How many there are.
    total : int
        Sum of their keyed hashes, modulo 2²⁵⁶.
    """

    size: int
    root: bytes
    tombstones: int = 0
    total: int = 0

    def text(self) -> str:
        """What is sealed."""
        return f"{self.size} {self.root.hex()} {self.tombstones} {self.total:x}"

    @classmethod
    def of_text(cls, text: str) -> LogSeal:
        """Read what was sealed."""
        size, root, count, total = text.split(" ")
        return cls(size=int(size), root=bytes.fromhex(root), tombstones=int(count), total=int(total, 16))


def read(core: Core, connection: Any) -> LogSeal:
    """The seal.

    Raises
    ------
    TamperedError
        It is missing, or not what was written.
    """
    text, _, mark = core.db.get_meta(connection, NAME).rpartition(" ")
    if not hmac.compare_digest(_mark(core, text), mark.encode("utf-8", "surrogatepass")):
        raise TamperedError("The seal of the log is missing, or is not what was written.", hint=_HINT)
    return LogSeal.of_text(text)


def write(core: Core, connection: Any, seal: LogSeal) -> None:
    """Seal what there is from here on, in the transaction that makes it so."""
    text = seal.text()
    core.db.set_meta(connection, NAME, f"{text} {_mark(core, text).decode()}")


def begin(core: Core, connection: Any, log: Log) -> None:
    """The first seal, over what stands there, unless there is one."""
    if not core.db.get_meta(connection, NAME):
        held = _held(connection)
        seal = LogSeal(size=len(log), root=log.tree.root(), tombstones=len(held), total=_total(core, held))
        write(core, connection, seal)


def check_log(seal: LogSeal, log: Log) -> None:
    """Refuse a log that is not the one that was written; reads log n hashes and no entry.

    Raises
    ------
    TamperedError
    """
    if len(log) != seal.size:
        raise TamperedError(f"The log has {len(log)} entries, and {seal.size} were written.", hint=_HINT)
    if log.tree.root() != seal.root:
        raise TamperedError("Entries of the log were changed, moved or exchanged after they were written.", hint=_HINT)


def check_tombstones(core: Core, connection: Any) -> None:
    """Refuse tombstones that are not those that were written; reads all of them.

    Raises
    ------
    TamperedError
    """
    seal, held = read(core, connection), _held(connection)
    if len(held) != seal.tombstones:
        raise TamperedError(f"There are {len(held)} tombstones, and {seal.tombstones} were written.", hint=_HINT)
    if _total(core, held) != seal.total:
        raise TamperedError("The tombstones are not those that were written.", hint=_HINT)


def add_tombstones(core: Core, connection: Any, new: Iterable[bytes]) -> None:
    """Add tombstones that are not there yet, sorted."""
    held, seal = sorted(new), read(core, connection)
    connection.execute(tombstones.insert(), [{"hash": value} for value in held])
    total = (seal.total + _total(core, held)) % _MODULUS
    write(core, connection, dataclasses.replace(seal, tombstones=seal.tombstones + len(held), total=total))


def _held(connection: Any) -> list[bytes]:
    return [bytes(row[0]) for row in connection.execute(sa.select(tombstones.c.hash))]


def _total(core: Core, hashes: Iterable[bytes]) -> int:
    key = core.secrets.derived("tombstones")
    return sum(int.from_bytes(hmac.digest(key, value, "sha256"), "big") for value in hashes) % _MODULUS


def _mark(core: Core, text: str) -> bytes:
    return hmac.digest(core.secrets.derived("log-seal"), text.encode("utf-8", "surrogatepass"), "sha256").hex().encode()


_MODULUS = 2**256
