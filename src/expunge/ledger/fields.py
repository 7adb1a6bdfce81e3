"""What may stand in a field of a record: moments, days, hashes, names; and schema numbers.

A record that a program makes is refused with :class:`~expunge.errors.InvalidParameterError`, one that was read from
bytes with :class:`~expunge.errors.TamperedError` (:func:`reading`).
"""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from expunge.errors import InvalidParameterError, NewerFormatError, TamperedError
from expunge.ledger import canonical_json
from expunge.unseen import is_seen

__all__ = [
    "check_code",
    "check_count",
    "check_day",
    "check_hash",
    "check_hashes",
    "check_name",
    "check_schema",
    "check_text",
    "check_time",
    "reading",
    "reading_fields",
    "utc",
]

_HASH = re.compile(r"[0-9a-f]{64}")
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def utc(moment: datetime.datetime) -> str:
    """A moment as text, in UTC and to the second: ``2026-11-25T23:00:00Z``.

    Raises
    ------
    InvalidParameterError
        If it has no time zone.
    """
    if moment.tzinfo is None:
        raise InvalidParameterError(f"The moment {moment} has no time zone.", hint="Use datetime.now(datetime.UTC).")
    return f"{moment.astimezone(datetime.UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def check_time(value: Any, name: str) -> str:
    """A moment as :func:`utc` writes it.

    Raises
    ------
    InvalidParameterError
        It is no moment in that form.
    """
    with contextlib.suppress(TypeError, ValueError, InvalidParameterError, OverflowError):
        if utc(datetime.datetime.fromisoformat(value)) == value:
            return str(value)
    raise InvalidParameterError(f"{name} is {value!r}.", hint="Write a moment as 2026-11-25T23:00:00Z.")


def check_day(value: Any, name: str) -> str:
    """A day: ``2026-11-25``.

    Raises
    ------
    InvalidParameterError
        It is no day in that form.
    """
    with contextlib.suppress(TypeError, ValueError):
        if datetime.date.fromisoformat(value).isoformat() == value:
            return str(value)
    raise InvalidParameterError(f"{name} is {value!r}.", hint="Write a day as 2026-11-25.")


def check_hash(value: Any, name: str) -> str:
    """32 bytes as 64 lower-case hexadecimal digits.

    Raises
    ------
    InvalidParameterError
        It is no hash.
    """
    if isinstance(value, str) and _HASH.fullmatch(value):
        return value
    raise InvalidParameterError(f"{name} is {value!r}.", hint="It is a hash: 64 hexadecimal digits.")


def check_code(value: Any, name: str) -> str:
    """A short word in small letters, digits and hyphens: no place for free text about a person.

    Raises
    ------
    InvalidParameterError
        It is no short code.
    """
    if isinstance(value, str) and len(value) <= 64 and _CODE.fullmatch(value):
        return value
    raise InvalidParameterError(f"{name} is {value!r}.", hint="Write a short code, as: legal-duty.")


def check_name(value: Any, name: str) -> str:
    """A text of one line, 1 to 200 characters: the name of a model, a method, a version."""
    return check_text(value, name, longest=200)


def check_text(value: Any, name: str, *, longest: int = 4000) -> str:
    """A text of one line, without characters that cannot be seen or turn the line around.

    Raises
    ------
    InvalidParameterError
        It is no text, too long, or more than one line.
    """
    if isinstance(value, str) and 0 < len(value) <= longest and is_seen(value):
        return value
    shown = value if not isinstance(value, str) or len(value) <= 60 else f"{value[:60]}…"
    raise InvalidParameterError(f"{name} is {shown!r}.", hint=f"Give one line of at most {longest} characters.")


def check_count(value: Any, name: str) -> int:
    """An integer that is not negative.

    Raises
    ------
    InvalidParameterError
        It is no integer from 0 on.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
        return value
    raise InvalidParameterError(f"{name} is {value!r}.", hint="It is a count: 0, 1, 2 and so on.")


def check_schema(data: Mapping[str, Any], newest: int, what: str) -> int:
    """Schema number of a record that was read.

    Raises
    ------
    NewerFormatError
        If it is higher than this version knows.
    TamperedError
        If there is none.
    """
    number = data.get("schema")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise TamperedError(f"{what} has schema {number!r}, which never was.", hint="Take the file as it was issued.")
    if number > newest:
        raise NewerFormatError(
            f"{what} has schema {number}; this version reads up to {newest}.", hint="Update expunge."
        )
    return number


def check_hashes(value: Any) -> tuple[bytes, ...]:
    """Hashes of a proof, as texts."""
    return tuple(bytes.fromhex(check_hash(step, "a hash of the proof")) for step in value)


@contextlib.contextmanager
def reading_fields(data: bytes, names: Collection[str], newest: int, what: str) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the fields of a record and its schema number, from canonical JSON; to be taken apart as in :func:`reading`.

    Raises
    ------
    TamperedError
        If it is no such JSON, has other fields, or a field is refused while it is taken apart.
    NewerFormatError
        If a later version wrote it.
    """
    value = canonical_json.decode(data, what=what)
    with reading(what):
        number = check_schema(value, newest, what)
        if set(value) != set(names):
            raise InvalidParameterError(f"its fields are {', '.join(sorted(value))}.")
        yield value, number


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn the refusal of a field into the news that a record is not what was written.

    Raises
    ------
    TamperedError
        What is read inside is not of its documented form.
    """
    try:
        yield
    except TamperedError:
        raise
    except InvalidParameterError as error:
        raise TamperedError(f"{what} is not as it was written: {error.message}", hint=error.hint) from error
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise TamperedError(f"{what} is not as it was written.", hint="Take the file as it was issued.") from error
