"""How long records are kept: durations such as ``24months``, and which records have outlived theirs.

A record is expired once its time plus the duration has come, on the calendar of a zone: recorded on 31 August, kept for
6 months, it is expired at the same time of day on 28 or 29 February. No sentence of an error holds a value of the
column.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.workspace.rules.deadlines import Period, as_instant, read_zone

__all__ = ["expired", "read_duration", "read_times"]

_DURATION = re.compile(
    r"(?P<count>[0-9]{1,4}) ?(?:(?P<unit>day|week|month|year)s?|(?P<short>[dwy]))", re.ASCII | re.IGNORECASE
)
_UNITS = {"day": (0, 1), "week": (0, 7), "month": (1, 0), "year": (12, 0)}

#: In this column a missing time is no time.
_TIMES = "Give every record a time, or keep such records in a data set without --keep."

#: Times beyond are slips of the keyboard, or stand for "never": a record with one would be kept for ever.
_FIRST, _LAST = np.datetime64("1900-01-01", "us"), np.datetime64("2201-01-01", "us")
_WILD = "Correct it: no such record would expire when it should."

Times = npt.NDArray[np.datetime64]


def read_duration(text: str) -> Period:
    """A duration from text: a number and days, weeks, months or years.

    Raises
    ------
    InvalidParameterError
        Another text, zero, or more than ten years.

    Examples
    --------
    >>> read_duration("24months"), read_duration("2 years") == read_duration("24months")
    (Period(months=24, days=0), True)
    """
    found = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise InvalidParameterError(
            f"There is no duration {text!r}.",
            hint="Write 24months, 90days, 6weeks or 2years; of these 90d, 6w and 2y are short.",
        )
    named = (found["unit"] or found["short"]).lower()
    months, days = next(unit for name, unit in _UNITS.items() if name.startswith(named))
    count = int(found["count"])
    return Period(months=months * count, days=days * count)


def read_times(values: Any, *, what: str = "The time column", zone: str = "UTC") -> Times:
    """A column of times as instants in UTC.

    Parameters
    ----------
    values : pandas Series, array or list of n days or times
        Dates, times with or without an offset, or texts of them in ISO form (``2026-03-05``,
        ``2026-03-05T14:00+01:00``). Numbers are refused: they could be seconds, milliseconds or days.
    what : str
        How to call the column in a sentence.
    zone : str, default="UTC"
        Where times without an offset were written down. Of an hour that came twice the first is meant; one that was
        skipped becomes the first instant after.

    Returns
    -------
    ndarray of datetime64[us], shape (n,)

    Raises
    ------
    InvalidDataError
        Names the column, the first row (1 is the first below the header) that has no time, no whole day or a year that
        cannot be meant, and how many there are.
    InvalidParameterError
        A zone that is not known.
    """
    import pandas as pd

    where = read_zone(zone)
    column = values if isinstance(values, pd.Series) else pd.Series(list(values), dtype=None)
    column = column.reset_index(drop=True)
    if not len(column):
        return np.empty(0, dtype="datetime64[us]")
    if pd.api.types.is_numeric_dtype(column.dtype) and not column.isna().all():
        raise InvalidDataError(
            f"{what} holds numbers, which could be seconds, days or years.", hint="Write times as 2026-03-05T14:00Z."
        )
    missing = column.isna().to_numpy() | (column.astype(object) == "").to_numpy()
    if missing.any():
        raise _bad(what, missing, "has no time", _TIMES)
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        column = _parsed(column, where, what)
    elif column.dt.tz is None:
        column = column.dt.tz_localize(where, ambiguous=np.ones(len(column), dtype=bool), nonexistent="shift_forward")
    times = np.asarray(column.dt.tz_convert("UTC").dt.tz_localize(None), dtype="datetime64[us]")
    if (wild := (times < _FIRST) | (times >= _LAST)).any():
        raise _bad(what, wild, f"has a year before {str(_FIRST)[:4]} or after {int(str(_LAST)[:4]) - 1}", _WILD)
    return times


def _parsed(column: Any, where: Any, what: str) -> Any:
    """Texts and date objects as times with a zone; those with an offset keep theirs."""
    import pandas as pd

    numbers = column.map(lambda value: not hasattr(value, "isoformat") and not isinstance(value, str)).to_numpy(bool)
    if numbers.any():
        raise _bad(what, numbers, "holds what is no time", "Write times as 2026-03-05T14:00Z.")
    texts = column.map(lambda value: value if isinstance(value, str) else value.isoformat()).str.strip()
    offset = texts.str.contains(r"[T ].*(?:Z|[+-][0-9]{2}:?(?:[0-9]{2})?)$", case=False, regex=True).to_numpy(bool)
    short = ~texts.str.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ]|$)").to_numpy(bool)
    aware = pd.to_datetime(texts.where(offset), format="ISO8601", utc=True, errors="coerce")
    plain = pd.to_datetime(texts.where(~offset), format="ISO8601", errors="coerce")
    bad = short | np.where(offset, aware.isna().to_numpy(), plain.isna().to_numpy())
    if bad.any():
        raise _bad(what, bad, "holds what is no day or time", "Write it as 2026-03-05 or 2026-03-05T14:00+01:00.")
    local = plain.dt.tz_localize(where, ambiguous=np.ones(len(plain), dtype=bool), nonexistent="shift_forward")
    return local.dt.tz_convert("UTC").astype("datetime64[us, UTC]").where(~offset, aware.astype("datetime64[us, UTC]"))


def _bad(what: str, wrong: npt.NDArray[np.bool_], fault: str, hint: str) -> InvalidDataError:
    rows = np.flatnonzero(wrong)
    more = f", and so do {len(rows) - 1} others" if len(rows) > 1 else ""
    return InvalidDataError(f"{what}, row {rows[0] + 1}, {fault}{more}.", hint=hint)


def expired(times: Times, keep: Period, now: datetime, *, zone: str = "UTC") -> npt.NDArray[np.bool_]:
    """Which records have outlived their duration.

    Parameters
    ----------
    times : ndarray of datetime64, shape (n,)
        As :func:`read_times` gives them.
    keep : Period
        As :func:`read_duration` gives it.
    now : datetime
    zone : str, default="UTC"
        On whose calendar months and days are counted.

    Returns
    -------
    ndarray of bool, shape (n,)
        True from the instant at which time plus duration has come. A time in the future is not expired.

    Notes
    -----
    O(n), vectorised.

    Examples
    --------
    >>> from datetime import UTC
    >>> times = read_times(["2024-03-05", "2024-03-06"])
    >>> expired(times, read_duration("24months"), datetime(2026, 3, 5, tzinfo=UTC))
    array([ True, False])
    """
    where = read_zone(zone)
    local_now = np.datetime64(as_instant(now).astimezone(where).replace(tzinfo=None), "us")
    local = np.asarray(times, dtype="datetime64[us]")
    if zone != "UTC":
        import pandas as pd

        local = np.asarray(pd.DatetimeIndex(local).tz_localize("UTC").tz_convert(where).tz_localize(None))
        local = local.astype("datetime64[us]")
    return np.asarray(_plus(local, keep) <= local_now)


def _plus(times: Times, keep: Period) -> Times:
    """Times plus a period, each on the last day of the month where its own day is missing there."""
    days = times.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    target = months + np.timedelta64(keep.months, "M")
    last = (target + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    moved = np.minimum(target.astype("datetime64[D]") + (days - months.astype("datetime64[D]")), last)
    return np.asarray(moved + np.timedelta64(keep.days, "D") + (times - days))
