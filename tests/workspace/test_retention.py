"""Durations and expired records: against Python's dates, one by one, and every bad time by name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.workspace.rules.deadlines import Period
from expunge.workspace.rules.retention import expired, read_duration, read_times

CELL = "geheim-4711"


@pytest.mark.parametrize(
    ("text", "months", "days"),
    [("24months", 24, 0), ("24 months", 24, 0), ("1month", 1, 0), ("90days", 0, 90), ("1 day", 0, 1),
     ("6weeks", 0, 42), ("2years", 24, 0), ("2 Years ", 24, 0), ("10years", 120, 0),
     ("3d", 0, 3), ("6w", 0, 42), ("2Y", 24, 0)],
)  # fmt: skip
def test_durations(text: str, months: int, days: int) -> None:
    assert read_duration(text) == Period(months=months, days=days)


@pytest.mark.parametrize(
    "text", ["", "24", "months", "0days", "-3months", "1.5years", "24m", "24 monthss", "11years", "9999days",
             "2years 3months", "٢months", 24, None],
)  # fmt: skip
def test_no_duration(text: object) -> None:
    with pytest.raises(InvalidParameterError):
        read_duration(text)  # type: ignore[arg-type]


# ------------------------------------------------------------------ which are expired

moments = st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1))
periods = st.builds(Period, months=st.integers(0, 60), days=st.integers(1, 400))


@settings(max_examples=50)
@given(st.lists(moments, min_size=1, max_size=8), periods, moments)
def test_expired_is_what_dateutil_says(times: list[datetime], keep: Period, now: datetime) -> None:
    column = np.array(times, dtype="datetime64[us]")
    want = [time + relativedelta(months=keep.months) + timedelta(days=keep.days) <= now for time in times]
    assert expired(column, keep, now.replace(tzinfo=UTC)).tolist() == want


@settings(max_examples=50)
@given(st.lists(moments, min_size=1, max_size=8), st.integers(1, 60), moments)
def test_months_of_a_zone_are_counted_on_its_calendar(times: list[datetime], months: int, now: datetime) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    column = np.array(times, dtype="datetime64[us]")
    locals_ = [time.replace(tzinfo=UTC).astimezone(berlin).replace(tzinfo=None) for time in times]
    local_now = now.replace(tzinfo=UTC).astimezone(berlin).replace(tzinfo=None)
    want = [time + relativedelta(months=months) <= local_now for time in locals_]
    got = expired(column, Period(months=months), now.replace(tzinfo=UTC), zone="Europe/Berlin")
    assert got.tolist() == want


def test_by_hand() -> None:
    times = read_times(["2023-08-31", "2023-08-30", "2023-09-01", "2024-02-29", "2030-01-01"])
    keep = read_duration("6months")
    at = datetime(2024, 2, 29, tzinfo=UTC)
    assert expired(times, keep, at).tolist() == [True, True, False, False, False]
    assert expired(times, keep, at - timedelta(microseconds=1)).tolist() == [False, False, False, False, False]
    assert expired(times, read_duration("1year"), datetime(2025, 2, 28, tzinfo=UTC)).tolist() == [True] * 4 + [False]


def test_the_hour_of_the_zone_counts() -> None:
    times = read_times(["2024-01-31T00:30"], zone="Asia/Tokyo")
    over = datetime(2024, 2, 28, 15, 30, tzinfo=UTC)  # 00:30 on 29 February there
    for moment, want in ((over, True), (over - timedelta(microseconds=1), False)):
        assert expired(times, read_duration("1month"), moment, zone="Asia/Tokyo").tolist() == [want]


def test_no_records() -> None:
    assert expired(read_times([]), Period(days=1), datetime(2026, 1, 1, tzinfo=UTC)).tolist() == []
    assert read_times(pd.Series([], dtype=object)).shape == (0,)


# ------------------------------------------------------------------ columns as people have them


@pytest.mark.parametrize(
    "values",
    [
        ["2026-03-05T14:00:00+01:00", "2026-07-05T14:00:00+02:00"],
        ["2026-03-05T13:00:00Z", "2026-07-05T12:00Z"],
        ["2026-03-05 14:00:00", "2026-07-05 14:00"],
        ["2026-03-05T14:00:00", "2026-07-05T12:00:00Z"],
        pd.Series(pd.to_datetime(["2026-03-05 14:00", "2026-07-05 14:00"])),
        pd.Series(pd.to_datetime(["2026-03-05 14:00", "2026-07-05 14:00"]), index=[9, 9]),
        pd.Series(pd.to_datetime(["2026-03-05 13:00Z", "2026-07-05 12:00Z"])),
        pd.Series(pd.to_datetime(["2026-03-05 14:00", "2026-07-05 14:00"])).dt.tz_localize("Europe/Berlin"),
        np.array(["2026-03-05T14:00", "2026-07-05T14:00"], dtype="datetime64[s]"),
        [datetime(2026, 3, 5, 14), datetime(2026, 7, 5, 14)],
        [datetime(2026, 3, 5, 13, tzinfo=UTC), datetime(2026, 7, 5, 14)],
    ],
)
def test_one_instant_however_it_is_written(values: Any) -> None:
    want = np.array(["2026-03-05T13:00", "2026-07-05T12:00"], dtype="datetime64[us]")
    got = read_times(values, zone="Europe/Berlin")
    assert got.dtype == want.dtype
    assert got.tolist() == want.tolist()


def test_days_begin_in_the_zone() -> None:
    for values in (["2026-03-05"], [date(2026, 3, 5)], pd.Series([date(2026, 3, 5)])):
        assert read_times(values, zone="Europe/Berlin").tolist() == [datetime(2026, 3, 4, 23)]


def test_hours_that_came_twice_or_not_at_all() -> None:
    assert read_times(["2026-10-25T02:30", "2026-03-29T02:30"], zone="Europe/Berlin").tolist() == [
        datetime(2026, 10, 25, 0, 30),
        datetime(2026, 3, 29, 1, 0),
    ]


@pytest.mark.parametrize(
    ("values", "row"),
    [
        (["2026-03-05", CELL], 1),
        (["2026-03-05", "2026-02-30"], 1),
        (["05.03.2026"], 0),
        (["03/05/2026", "2026-03-05"], 0),
        (["2026-03-05", "", None], 1),
        (["2026-03-05", None], 1),
        (["2026-03-05", pd.NaT], 1),
        ([pd.Timestamp("2026-03-05"), pd.NaT], 1),
        (["2026-03-05", 20260305], 1),
        (["2026-03-05", True], 1),
        (["2026-03-05T14:00+99:00"], 0),
        (["2026-03-05", float("nan")], 1),
        (["20260305x"], 0),
        (["2026-03-05", "2026"], 1),
        (["2026-03"], 0),
        (["20260305"], 0),
        (["2026-03-05", "9999-12-31"], 1),
        (["0001-01-01"], 0),
        ([b"2026-03-05"], 0),
        (pd.Series(pd.to_datetime(["2026-03-05", "1066-10-14"], format="ISO8601")), 1),
    ],
)
def test_bad_times_are_named_by_row_and_not_shown(values: Any, row: int) -> None:
    with pytest.raises(InvalidDataError, match=rf"The column 'seen', row {row + 1}, ") as caught:
        read_times(values, what="The column 'seen'")
    assert CELL not in str(caught.value)
    assert caught.value.hint


def test_numbers_are_no_times() -> None:
    for values in ([1.7e9], [1, 2], np.array([2026])):
        with pytest.raises(InvalidDataError, match="holds numbers"):
            read_times(values)


def test_all_bad_ones_are_counted() -> None:
    with pytest.raises(InvalidDataError, match=r"row 2, .* and so do 2 others"):
        read_times(["2026-03-05", CELL, "2026-03-05", CELL, CELL])
