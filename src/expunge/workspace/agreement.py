"""Whether a workspace still tells one story: its log, the tables that it tells of, the receipts and the public keys.

Each is sealed or signed by itself, so that none can be changed in silence. What remains is to leave one out, or to put
one there that belongs elsewhere: that is looked for here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from expunge.errors import ExpungeError, FileNotUsableError, TamperedError
from expunge.files.whole import read_whole
from expunge.ledger.bundle import Bundle
from expunge.ledger.heads import SignedHead
from expunge.ledger.keys import PublicKeys
from expunge.ledger.log import Log
from expunge.ledger.receipts import envelope_hash
from expunge.ledger.rotation import chain
from expunge.ledger.verify import verify_bundle
from expunge.workspace.database.tables import receipts, requests
from expunge.workspace.requests import receipting
from expunge.workspace.storage import journal, log_seal
from expunge.workspace.storage.core import Core

__all__ = ["Held", "check_keys", "check_log", "check_receipts", "check_rotations", "check_tables", "receipts_beside"]


class Held(NamedTuple):
    """A receipt that lies beside the database: hash of its envelope, and its signed head; neither, if it is not good.

    Parameters
    ----------
    envelope : str
    head : SignedHead or None
    """

    envelope: str = ""
    head: SignedHead | None = None


def receipts_beside(core: Core, keys: PublicKeys) -> dict[Path, Held]:
    """What lies in the folder of receipts, each file verified by itself."""
    return {path: _held(path, keys) for path in sorted(core.layout.receipts.glob("*.json"))}


def _held(path: Path, keys: PublicKeys) -> Held:
    try:
        data = read_whole(path)
    except FileNotUsableError:
        return Held()
    verdict = verify_bundle(data, keys)
    return Held(envelope_hash(Bundle.from_bytes(data).envelope), verdict.head) if verdict else Held()


def check_log(core: Core, connection: Any, log: Log, heads: Sequence[SignedHead]) -> None:
    """Refuse a log that is not the one that was written, before anything is signed over it.

    Raises
    ------
    TamperedError
        The sentence says between which heads, if a receipt can tell.
    """
    try:
        log_seal.check_log(log_seal.read(core, connection), log)
    except TamperedError:
        log.check(heads)
        raise


def check_rotations(log: Log, rotations: Sequence[bytes]) -> None:
    """Refuse rotations of keys that are not those in the log.

    Raises
    ------
    TamperedError
    """
    logged = [entry.fields["envelope"] for entry in log if entry.kind == "rotation"]
    if [envelope_hash(envelope) for envelope in rotations] != logged:
        raise TamperedError(
            "The rotations of the signing key are not those in the log.", hint="Restore the database from a copy."
        )


def check_tables(core: Core, connection: Any, log: Log) -> None:
    """Refuse tables that lack a request, a receipt or a tombstone that was entered, or have one that never was.

    Raises
    ------
    TamperedError
        The entry of the log is named that has no row, or the row that has no entry.
    """
    entered = {
        kind: {(place, entry.fields[name]) for place, entry in enumerate(log) if entry.kind == kind}
        for kind, name in (("receipt", "envelope"), ("request", "request"))
    }
    rows = core.db.rows(connection, receipts)
    _compare("receipts", entered["receipt"], [(row["entry"], envelope_hash(bytes(row["envelope"]))) for row in rows])
    places = {name: place for place, name in entered["request"]}
    names = [journal.request_id(core, row["number"]) for row in core.db.rows(connection, requests)]
    _compare("requests", entered["request"], [(places.get(name), name) for name in names])
    log_seal.check_tombstones(core, connection)


def _compare(table: str, entered: set[tuple[int, Any]], held: Iterable[tuple[Any, Any]]) -> None:
    held = set(held)
    if missing := sorted(place for place, _ in entered - held):
        raise TamperedError(
            f"The table {table!r} lacks the row that entry {missing[0]} of the log tells of.", hint=_RESTORE
        )
    if held != entered:
        raise TamperedError(f"The table {table!r} has a row that no entry of the log tells of.", hint=_RESTORE)


def check_receipts(core: Core, keys: PublicKeys, beside: Mapping[Path, Held]) -> None:
    """Refuse a receipt beside the database that does not verify, or is not the one in it, or is in none of its rows.

    Raises
    ------
    TamperedError
        The file is named.
    """
    with core.read() as connection:
        rows = {receipting.path_of(core, row["number"]): row for row in core.db.rows(connection, receipts)}
    for path, row in rows.items():
        issued = envelope_hash(bytes(row["envelope"]))
        is_good = path in beside and beside[path].envelope == issued
        if not is_good and _held(path, keys).envelope != issued:  # a good one was issued meanwhile
            raise TamperedError(
                f"Receipt {path.name} is not what was written.", hint="Delete the file; opening writes it again."
            )
    if foreign := [path.name for path in beside if path not in rows]:
        raise TamperedError(f"This workspace did not issue {foreign[0]!r} in its receipts.", hint="Take it away.")


def check_keys(core: Core, rotations: Sequence[bytes]) -> None:
    """Refuse public keys beside the receipts that are not those that signed them.

    Raises
    ------
    TamperedError
        The file is named.
    """
    own = chain(core.signer.public_keys, rotations)
    for path in sorted({core.layout.public_key, *core.layout.root.glob("public-*.pem")}):
        try:
            is_own = set(PublicKeys.from_file(path)) <= set(own)
        except ExpungeError:
            is_own = False
        if not is_own:
            raise TamperedError(
                f"{path.name} is missing, or holds a key that is not of this workspace.",
                hint="Restore it; give nobody this one.",
            )


_RESTORE = "Restore the database from a copy, and ask who could write to it."
