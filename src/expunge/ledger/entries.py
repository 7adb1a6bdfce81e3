"""What may stand in the log: one line for each thing that happened, with no word about who it happened to.

An entry is canonical JSON: ``kind``, ``time``, ``schema`` and the fields of :data:`KINDS`. No field takes free text, so
nobody can write a person's name into a log that can never be changed: persons appear as pseudonyms
(:mod:`expunge.ledger.pseudonyms`), reasons as short codes, digests blinded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from expunge.errors import InvalidParameterError
from expunge.ledger import canonical_json
from expunge.ledger.fields import (
    check_code,
    check_count,
    check_day,
    check_hash,
    check_name,
    check_schema,
    check_time,
    reading,
)

__all__ = ["KINDS", "Entry"]

_Check = Callable[[Any, str], Any]


def _or_none(check: _Check) -> _Check:
    return lambda value, name: None if value is None else check(value, name)


#: Kinds of entries: for each its fields and what may stand there.
KINDS: Mapping[str, Mapping[str, _Check]] = MappingProxyType(
    {
        # a request came in: its random id, the pseudonym of the person if it is about one, what is asked, by when
        "request": {
            "request": check_code, "action": check_code, "subject": _or_none(check_hash), "due": _or_none(check_day),
        },
        # more time was taken, and the person was told
        "extension": {"request": check_code, "due": check_day, "reason": check_code},
        "start": {"request": check_code},
        # one model forgot: how many records, under which guarantee
        "removal": {
            "request": check_code, "model": check_name, "version": check_count, "records": check_count,
            "guarantee": check_code,
        },
        "refusal": {"request": check_code, "reason": check_code},
        # a model version became current; its digest blinded
        "new-version": {
            "model": check_name, "version": check_count, "digest": check_hash, "request": _or_none(check_code),
        },
        # records came into a data set later
        "append": {"data": check_name, "version": check_count, "records": check_count},
        # a model or data set was taken out, and everything of it deleted
        "withdrawal": {"what": check_code, "name": check_name, "version": check_count},
        # the numbers that blind the digests before were destroyed: of so many receipts
        "nonces-shredded": {"receipts": check_count},
        # a receipt was signed: SHA-256 of its envelope
        "receipt": {"request": check_code, "envelope": check_hash},
        # another key signs from here on: key ids, SHA-256 of the envelope in which the old key says so
        "rotation": {"old": check_hash, "new": check_hash, "envelope": check_hash},
        # somebody let a forgotten record or person in again
        "override": {"reason": check_code, "data": _or_none(check_name), "subject": _or_none(check_hash)},
    }
)  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of the log.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    time : str
        When it happened, as :func:`expunge.ledger.fields.utc` writes it, by the clock of the machine.
    fields : mapping
        The fields of the kind.
    schema : int
        Of this form of the record.

    Raises
    ------
    InvalidParameterError
        If the kind is unknown, or a field is missing, unknown or not of its form.

    Examples
    --------
    >>> entry = Entry(kind="start", time="2026-11-25T23:00:00Z", fields={"request": "r-1"})
    >>> entry.to_bytes().decode()
    '{"kind":"start","request":"r-1","schema":1,"time":"2026-11-25T23:00:00Z"}'
    >>> Entry.from_bytes(entry.to_bytes()) == entry
    True
    """

    kind: str
    time: str
    fields: Mapping[str, Any]
    schema: int = 1

    newest: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidParameterError(f"No entry is of the kind {self.kind!r}.", hint=f"Kinds: {', '.join(KINDS)}.")
        checks = KINDS[self.kind]
        if strange := sorted(set(self.fields) - set(checks)):
            raise InvalidParameterError(f"An entry of the kind {self.kind} has no field {strange[0]!r}.")
        check_time(self.time, "time")
        fields = {name: check(self.fields.get(name), name) for name, check in checks.items()}
        object.__setattr__(self, "fields", MappingProxyType(fields))

    def to_bytes(self) -> bytes:
        """The entry as canonical JSON: what the leaf of the tree is the hash of."""
        return canonical_json.encode({**self.fields, "kind": self.kind, "time": self.time, "schema": self.schema})

    @classmethod
    def from_bytes(cls, data: bytes, *, what: str = "This entry") -> Entry:
        """Read an entry.

        Raises
        ------
        TamperedError
            If the bytes are not those of an entry.
        NewerFormatError
            If a later version wrote it.
        """
        value = canonical_json.decode(data, what=what)
        with reading(what):
            number = check_schema(value, cls.newest, what)
            rest = {name: value[name] for name in value if name not in ("kind", "time", "schema")}
            entry = cls(kind=value["kind"], time=value["time"], fields=rest, schema=number)
            if entry.to_bytes() != data:
                raise InvalidParameterError("a field is missing.")
        return entry
