"""The queue of requests: taken in durably, many in one transaction, and kept in rows that hold no raw id.

What a request is about is sealed under the key of its subject. The key's number comes from a pool that was made ahead,
so taking a request writes to the database and to nothing else.
"""

from __future__ import annotations

import dataclasses
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from expunge.arguments import check_choice
from expunge.errors import InvalidParameterError, InvalidRequestError, ShreddedKeyError, UnknownNameError
from expunge.files.archive import canonical_json
from expunge.ledger import pseudonyms
from expunge.workspace.database.statements import Inserted, Lookup, Prepared
from expunge.workspace.database.tables import meta, requests, subject_keys
from expunge.workspace.requests.naming import named_values, numbered
from expunge.workspace.rules.deadlines import read_arrival, regime_of
from expunge.workspace.rules.names import asked_name
from expunge.workspace.rules.request_states import OPEN, Request
from expunge.workspace.storage import journal
from expunge.workspace.storage.core import Core

__all__ = [
    "Wish", "accept", "fetch", "handle_of", "is_answered", "is_known", "open_requests",
    "payload_of", "step", "stopped", "under_way",
]  # fmt: skip


def _meta(name: str) -> Any:
    return sa.select(meta.c.value).where(meta.c.name == sa.literal_column(f"'{name}'")).scalar_subquery()


_BEFORE = Prepared(
    sa.select(sa.select(sa.func.max(requests.c.number)).scalar_subquery(), _meta("next-key"), _meta("last-time"))
)
_BY_HANDLE = Lookup(requests.c.handle, requests.c.handle, requests.c.number)
_BY_CALLER = Lookup(requests.c.idempotency, requests.c.idempotency, requests.c.number, requests.c.handle)
_KEYS = Lookup(subject_keys.c.handle, subject_keys.c.handle, subject_keys.c.key)
_ADD_KEYS = Inserted(subject_keys)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wish:
    """A request as somebody makes it.

    Parameters
    ----------
    kind : {"subject", "record", "class", "feature", "rectify"}
    values : tuple of int or str
        Ids, labels or names of columns; of subjects exactly one. One alone, or another list, is taken for a tuple.
    data : str or None
        The data set it is limited to.
    rows : dict of str to list, or None
        Corrected rows, column by column, to rectify.
    received : datetime, str or None
        When it arrived; None: now. A text is a time with its offset, or a day alone, as ``2026-03-05``.
    regime : str or None
        None: that of the workspace.
    caller, key : str
        Who asks, and their own key for it: asking again with the same key is the same request.
    action : str or None
        For the log, where it is another than the kind says: ``expire``.
    audit : int
        So many references to audit each model with, after it has forgotten and before the rows are scrubbed; 0: none.
    held_out : str or None
        For that, a data set with records that the models never learned.
    """

    kind: str
    values: tuple[Any, ...]
    data: str | None = None
    rows: Mapping[str, Sequence[Any]] | None = None
    received: datetime | str | None = None
    regime: str | None = None
    caller: str = ""
    key: str = ""
    action: str | None = None
    audit: int = 0
    held_out: str | None = None

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, tuple(_ACTIONS))
        object.__setattr__(self, "values", tuple(named_values(self.kind, self.values)))
        if self.data is not None and asked_name(self.data) is None:
            raise UnknownNameError(f"There is no data set {self.data!r}.", hint="See `expunge status`.")
        if not self.values:
            raise InvalidRequestError("The request names nothing.", hint="Give at least one id.")
        if self.held_out is not None and not self.audit:
            raise InvalidParameterError("Held-out records are for an audit.", hint="Give --audit N, too.")
        if self.kind == "subject" and len(self.values) > 1:
            raise InvalidRequestError("A request is about one person.", hint="Make one for each.")
        if len(set(map(repr, self.values))) < len(self.values):
            raise InvalidRequestError("Something is named twice in one request.", hint="Name each once.")


_ACTIONS = {
    "subject": "forget-subject", "record": "forget-records", "class": "forget-classes", "feature": "forget-features",
    "rectify": "rectify",
}  # fmt: skip


def action_of(wish: Wish) -> str:
    """The short code of what is asked, for log and receipt."""
    return wish.action or _ACTIONS[wish.kind]


def accept(core: Core, connection: Any, wishes: Sequence[Wish]) -> list[int]:
    """Take requests in; gives their numbers. One that is open already, or has a known key, gives the old number.

    Durable when the caller's transaction commits.

    Raises
    ------
    InvalidRequestError
        A key that its caller used for another request: taken for a repetition, nobody would be forgotten.
    """
    db, [(top, known_key, last)] = core.db, _BEFORE.all(connection)
    now, top = journal.moment(core, connection, last=last or ""), int(top or 0)
    next_key = first_key = int(known_key or 0)
    handles = [handle_of(core, wish) for wish in wishes]
    callers = [_caller_key(core, wish) for wish in wishes]
    arrivals = [_arrival(core, wish) or now for wish in wishes]
    people = [
        handle
        if wish.data is None and wish.rows is None
        else handle_of(core, dataclasses.replace(wish, data=None, rows=None))
        for wish, handle in zip(wishes, handles, strict=True)
    ]
    seen = {bytes(about): int(number) for about, number in _BY_HANDLE.all(connection, handles)}
    by_caller = _by_caller(connection, [key for key in callers if key])
    keys = {bytes(person): int(number) for person, number in _KEYS.all(connection, people)}
    numbers: list[int] = []
    rows: list[tuple[Wish, datetime, int, bytes, bytes | None, int]] = []
    fresh: dict[bytes, int] = {}
    for wish, arrival, handle, caller, person in zip(wishes, arrivals, handles, callers, people, strict=True):
        old = seen.get(handle)
        if caller in by_caller:
            old = _repeated(core, connection, wish, handle, *by_caller[caller])
        if old is not None:
            numbers.append(old)
            continue
        number = top + len(rows) + 1
        if person not in keys:
            keys[person] = fresh[person] = next_key
            next_key += 1
        rows.append((wish, arrival, number, handle, caller, keys[person]))
        seen[handle] = number
        if caller:
            by_caller[caller] = number, handle
        numbers.append(number)
    pool = core.secrets.pool
    if next_key > first_key:
        pool.reserve(next_key)
    try:
        held_keys = pool.keys([held for *_, held in rows])
    except ShreddedKeyError:  # the database is an older copy than its keys: take such as nobody ever had
        if not any(map(pool.is_shredded, fresh.values())):
            raise
        db.set_meta(connection, "next-key", str(len(pool)))
        return accept(core, connection, wishes)
    if next_key > first_key:
        db.set_meta(connection, "next-key", str(next_key))
        _ADD_KEYS.run_many(connection, [{"handle": who, "key": held} for who, held in fresh.items()])
    made = [_prepared(core, now, *row, key) for row, key in zip(rows, held_keys, strict=True)]
    db.insert_many(connection, requests, [row for row, _ in made])
    if made:
        journal.append_many(core, connection, [("request", entry) for _, entry in made], now=now)
    return numbers


def _prepared(
    core: Core,
    now: datetime,
    wish: Wish,
    arrival: datetime,
    number: int,
    handle: bytes,
    caller: bytes | None,
    held: int,
    key: bytes,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The row of a new request, and its entry in the log."""
    request = Request(
        number=number, kind=wish.kind, received=min(arrival, now),  # type: ignore[arg-type]
        regime=wish.regime or core.config.regime, zone=core.config.zone,
        caller=pseudonyms.caller_key(core.secrets.index_key, wish.caller, "").hex()[:16] if wish.caller else "",
        action=wish.action or "", within=wish.data or "",
    )  # fmt: skip
    action = action_of(wish)
    about = {"values": list(wish.values), "data": wish.data, "rows": wish.rows, "action": action}
    payload = canonical_json(about | ({"audit": wish.audit, "held_out": wish.held_out} if wish.audit else {}))
    row = _row(request) | {
        "step": "", "key": held, "handle": handle, "idempotency": caller,
        "payload": pseudonyms.seal(key, payload, context=b"%d" % number),
    }  # fmt: skip
    return row, {
        "request": journal.request_id(core, number), "action": action, "due": row["due"],
        "subject": _pseudonym(key, wish),
    }  # fmt: skip


def _arrival(core: Core, wish: Wish) -> datetime | None:
    """When a request arrived, if it says so; refuses a day or a law that is none, before a key is made for anybody."""
    if wish.regime is not None:
        regime_of(wish.regime)
    return read_arrival(wish.received, zone=core.config.zone) if isinstance(wish.received, str) else wish.received


def _caller_key(core: Core, wish: Wish) -> bytes | None:
    return pseudonyms.caller_key(core.secrets.index_key, wish.caller, wish.key) if wish.key else None


def _by_caller(connection: Any, wanted: Sequence[bytes]) -> dict[bytes | None, tuple[int, bytes | None]]:
    """Numbers of requests by the keys of their callers, and what they are about while they are open."""
    return {
        bytes(key): (int(number), None if about is None else bytes(about))
        for key, number, about in _BY_CALLER.all(connection, wanted)
    }


def _repeated(core: Core, connection: Any, wish: Wish, handle: bytes, number: int, about: bytes | None) -> int:
    """The number, if the wish repeats that request. One that is final no longer knows what it was about; there the
    question is whether anything is held of what is asked now. What was corrected is held on."""
    from expunge.workspace.requests.targets import held_by

    payload = {"values": list(wish.values), "data": wish.data, "rows": wish.rows}
    is_final = about is None
    if about == handle or (
        is_final and (wish.kind == "rectify" or not held_by(core, connection, wish.kind, payload, look=True))
    ):
        return number
    raise InvalidRequestError(
        f"This key of its caller belongs to request {number}, which is about something else.",
        hint="Give each request a key of its own.",
    )


def _row(request: Request) -> dict[str, Any]:
    data = json.dumps(request.to_dict(), sort_keys=True)
    return {"number": request.number, "state": request.state, "record": data, "due": str(request.due().day)}


def handle_of(core: Core, wish: Wish) -> bytes:
    """Keyed hash of what a request is about, 16 bytes."""
    text = canonical_json([wish.kind, list(wish.values), wish.data, wish.rows])
    return hmac.digest(core.secrets.derived("request-handle"), text, "sha256")[:16]


def _pseudonym(key: bytes, wish: Wish) -> str | None:
    if wish.kind not in ("subject", "record", "rectify"):
        return None
    kind: pseudonyms.Kind = "subject" if wish.kind == "subject" else "record"
    text = wish.values[0] if len(wish.values) == 1 else canonical_json(list(wish.values)).decode()
    return pseudonyms.pseudonym(key, kind, text)


def is_known(core: Core, connection: Any, wish: Wish) -> bool:
    """Whether the caller has asked under this key before."""
    hashed = _caller_key(core, wish)
    return hashed is not None and bool(_BY_CALLER.all(connection, [hashed]))


def is_answered(core: Core, connection: Any, wish: Wish) -> bool:
    """Whether the caller has asked under this key before, and the request is final."""
    hashed = _caller_key(core, wish)
    return hashed is not None and any(about is None for _, about in _by_caller(connection, [hashed]).values())


# ------------------------------------------------------------------ reading


def fetch(core: Core, connection: Any, number: int) -> tuple[dict[str, Any], Request]:
    """Row and record of a request.

    Raises
    ------
    UnknownNameError
        There is none of that number.
    """
    found = core.db.find(connection, requests, numbered(number))
    if not found:
        raise UnknownNameError(f"There is no request {number!r}.", hint="See `expunge request list`.")
    return found[0], Request.from_dict(json.loads(found[0]["record"]))


def open_requests(core: Core, connection: Any) -> list[tuple[dict[str, Any], Request]]:
    """All requests that are not final, in the order of their numbers."""
    return _in_state(core, connection, OPEN)


def under_way(core: Core, connection: Any) -> list[tuple[dict[str, Any], Request]]:
    """Those that were begun: their rows say how far they are."""
    return _in_state(core, connection, ("running",))


def stopped(core: Core, connection: Any) -> list[tuple[dict[str, Any], Request]]:
    """Those that no policy runs: their owner has to decide first."""
    return _in_state(core, connection, ("on-hold", "identity-pending"))


def _in_state(core: Core, connection: Any, states: Sequence[str]) -> list[tuple[dict[str, Any], Request]]:
    rows = core.db.rows(connection, requests, requests.c.state.in_(states))
    return [(row, Request.from_dict(json.loads(row["record"]))) for row in rows]


def payload_of(core: Core, row: Mapping[str, Any]) -> dict[str, Any]:
    """What a request is about, unsealed.

    Raises
    ------
    ShreddedKeyError
        It was done before, so that its key is gone: the folder comes from a copy.
    """
    try:
        key = core.secrets.pool.key(int(row["key"]))
    except ShreddedKeyError as error:
        raise ShreddedKeyError(
            f"What request {row['number']} asks for cannot be read: its key was destroyed, when it was done.",
            hint="Refuse it (--reason other) and ask for it anew; the folder comes from a copy: see docs/restoring.md.",
        ) from error
    data: dict[str, Any] = json.loads(pseudonyms.unseal(key, row["payload"], context=b"%d" % row["number"]))
    return data


# ------------------------------------------------------------------ changing


def step(
    core: Core, connection: Any, number: int, action: str, *, reason: str | None = None, **columns: Any
) -> Request:
    """Take a request one step further, and change columns of its row with it."""
    _, request = fetch(core, connection, number)
    after = request.after(action, journal.moment(core, connection), reason=reason)  # type: ignore[arg-type]
    if after.is_final:
        columns = {"payload": None, "handle": None, **columns}
    core.db.update(connection, requests, number, **_row(after), **columns)
    return after
