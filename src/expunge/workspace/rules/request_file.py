"""Thousands of requests from one file, CSV or JSON lines: every bad line is named before anything is taken.

A line has ``kind`` and ``id``; and where needed ``received`` (a day, or a time with its offset), ``regime``,
``caller`` and ``key`` (the caller's own key for it, so that sending a file twice takes it once). A CSV file names them
in its first line, and each id in it is text; in JSON lines the integer 17 and the text "17" are different ids, as
everywhere.

No sentence of an error holds an id: such sentences end in logs.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

from expunge.errors import ExpungeError, InvalidDataError
from expunge.files.whole import read_whole
from expunge.paths import check_path
from expunge.workspace.rules.deadlines import as_instant, read_arrival, regime_of
from expunge.workspace.rules.id_lines import LONGEST, Fault, fault_of_id, refuse_faults

__all__ = ["Asked", "Fault", "check_lines", "read_requests"]

#: Fields of a line. The first two are needed.
_FIELDS = ("kind", "id", "received", "regime", "caller", "key")
#: What a file can ask for. To rectify one has to give the corrected record too.
_Kind = Literal["subject", "record", "class", "feature"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it was asked for, not yet taken. What it is about and who sent it is not shown.

    Parameters
    ----------
    line : int
        In the file, from 1.
    kind : {"subject", "record", "class", "feature"}
    target : int or str
        Id of the subject or record; label of the class; name of the column.
    received : datetime or None
        In UTC; None: now.
    regime : str or None
        None: that of the workspace.
    caller, key : str
        Empty where not given.
    """

    line: int
    kind: _Kind
    target: int | str = dataclasses.field(repr=False)
    received: datetime | None = None
    regime: str | None = None
    caller: str = dataclasses.field(default="", repr=False)
    key: str = dataclasses.field(default="", repr=False)


def read_requests(
    path: str | Path, *, now: datetime, zone: str = "UTC", form: Literal["csv", "jsonl"] | None = None,
    delimiter: str = ",",
) -> list[Asked]:  # fmt: skip
    """Requests of a file, or of standard input for ``-``.

    Parameters
    ----------
    path : path
        Read as JSON lines if its name ends in ``.jsonl`` or ``.ndjson``, else as CSV, unless ``form`` says so.
    now : datetime
        A request cannot have arrived later.
    zone : str, default="UTC"
        Where a day of arrival begins.
    form : {"csv", "jsonl"}, optional
    delimiter : str, default=","
        Of a CSV file.

    Returns
    -------
    list of Asked
        In the order of the file.

    Raises
    ------
    FileNotUsableError
        No such file.
    InvalidDataError
        Not UTF-8, no first line with names, or nothing below it.
    InvalidRequestError
        Lines that cannot be taken: the sentence names the first twenty and the reason for each. Nothing is taken then.
    """
    path = check_path(path)
    data = read_whole(path, or_input=True)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidDataError(
            f"{str(path)!r} is not UTF-8 on line {line}.", hint="Save it as UTF-8."
        ) from None  # the cause would hold the whole file
    named: Literal["csv", "jsonl"] = "jsonl" if path.suffix.lower() in (".jsonl", ".ndjson") else "csv"
    asked, faults = check_lines(text, form=form or named, now=now, zone=zone, delimiter=delimiter)
    refuse_faults(faults, len(faults) + len(asked))
    if not asked:
        raise InvalidDataError(f"{str(path)!r} holds no request.", hint="Write one on each line.")
    return asked


def check_lines(
    text: str, *, form: Literal["csv", "jsonl"], now: datetime, zone: str = "UTC", delimiter: str = ","
) -> tuple[list[Asked], list[Fault]]:
    """Requests of a text, and every fault of it.

    Examples
    --------
    >>> from datetime import UTC
    >>> text = "kind,id,received\\nsubject,p-17,2026-03-05\\nsubjekt,p-18,\\n"
    >>> asked, faults = check_lines(text, form="csv", now=datetime(2026, 3, 6, tzinfo=UTC))
    >>> asked[0].received.isoformat(), faults
    ('2026-03-05T00:00:00+00:00', [Fault(line=3, what="has another kind than 'subject', 'record', 'class', 'feature'")])
    """
    now = as_instant(now)
    lines = _csv_lines(text, delimiter) if form == "csv" else _json_lines(text)
    asked: list[Asked] = []
    faults: list[Fault] = []
    by_content: dict[tuple[Any, ...], int] = {}
    by_key: dict[tuple[str, str], int] = {}
    for number, line in lines:
        one = line if isinstance(line, str) else _asked(number, line, now, zone)
        if isinstance(one, str):
            faults.append(Fault(number, one))
            continue
        first = by_content.setdefault((one.kind, type(one.target), one.target), number)
        if first == number and one.key:
            first = by_key.setdefault((one.caller, one.key), number)
        if first != number:
            faults.append(Fault(number, f"repeats line {first}"))
            continue
        asked.append(one)
    return asked, faults


def _csv_lines(text: str, delimiter: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Cells by name and where each line begins; a fault instead of them where they do not fit the first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield number, "has a quotation mark that is not closed, or is no CSV; the rest was not looked at"
            return
        if not any(cells):
            continue
        if header is None:
            header = _header(cells)
        elif len(cells) != len(header):
            yield number, f"has {len(cells)} cells under {len(header)} names"
        else:
            yield number, dict(zip(header, cells, strict=True))


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    hint = f"The first line names the columns: {','.join(_FIELDS)}."
    for needed in _FIELDS[:2]:
        if needed not in names:
            raise InvalidDataError(f"The first line names no column {needed!r}.", hint=hint)
    if len(set(names)) < len(names):
        raise InvalidDataError("The first line names a column twice.", hint=hint)
    if strange := set(names) - set(_FIELDS):
        raise InvalidDataError(f"The first line names {len(strange)} columns that are not known.", hint=hint)
    return names


class _NamedTwiceError(ValueError):
    """One name stands twice in a JSON object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise _NamedTwiceError
    return dict(pairs)


def _json_lines(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            data = json.loads(line, object_pairs_hook=_once)
        except _NamedTwiceError:
            yield number, "names a field twice"
            continue
        except (ValueError, RecursionError):
            yield number, "is no JSON"
            continue
        if not isinstance(data, dict):
            yield number, "is no JSON object"
        elif set(data) - set(_FIELDS):
            yield number, f"has a field other than {', '.join(_FIELDS)}"
        else:
            yield number, data


def _asked(number: int, data: Mapping[str, Any], now: datetime, zone: str) -> Asked | str:
    """The request of a line, or what is wrong with it."""
    kind, target = str(data.get("kind")).strip().lower(), data.get("id")
    if kind == "rectify":
        return "wants to rectify, which needs the corrected record: use `expunge rectify`"
    if kind not in get_args(_Kind):
        return f"has another kind than {', '.join(map(repr, get_args(_Kind)))}"
    if target is None or target == "":
        return "has no id"
    if isinstance(target, bool) or not isinstance(target, (int, str)):
        return "has an id that is neither an integer nor a text"
    if isinstance(target, int) and not -(2**63) <= target < 2**63:
        return "has an integer id beyond 64 bits"
    if fault := fault_of_id(target):
        return fault
    texts: dict[str, str] = {}
    for name in _FIELDS[2:]:
        value = data.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > LONGEST):
            return f"has a {name} that is no text of at most {LONGEST} signs"
        texts[name] = (value or "").strip()
    received = None
    try:
        if texts["received"]:
            received = read_arrival(texts["received"], zone=zone)
        regime = regime_of(texts["regime"]).name if texts["regime"] else None
    except InvalidDataError:
        return "has a day or time of arrival that cannot be read: write 2026-03-05, or 2026-03-05T14:00+01:00"
    except ExpungeError:
        return "has another regime than gdpr, ccpa, pipl:N, days:N or days:N+M"
    if received is not None and received > now:
        return "arrived in the future"
    return Asked(
        line=number, kind=cast(_Kind, kind), target=target, received=received, regime=regime, caller=texts["caller"],
        key=texts["key"],
    )  # fmt: skip
