"""Due dates against calendars worked out by hand, against dateutil, and against a loop over days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.workspace.rules.deadlines import (
    REGIMES,
    Due,
    Period,
    Regime,
    add_months,
    as_instant,
    due_date,
    read_arrival,
    regime_of,
)

GDPR, CCPA = REGIMES["gdpr"], REGIMES["ccpa"]


def noon(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T12:00:00+00:00")


# ------------------------------------------------------------------ worked out by hand


@pytest.mark.parametrize(
    ("arrival", "first", "extended"),
    [
        ("2026-03-05", "2026-04-05", "2026-06-05"),  # a Sunday: not moved, see the docs
        ("2026-08-31", "2026-09-30", "2026-11-30"),
        ("2026-01-31", "2026-02-28", "2026-04-28"),  # from the end of the first: before 30 April
        ("2024-01-31", "2024-02-29", "2024-04-29"),
        ("2024-01-30", "2024-02-29", "2024-04-29"),
        ("2024-01-29", "2024-02-29", "2024-04-29"),
        ("2023-01-29", "2023-02-28", "2023-04-28"),
        ("2024-02-29", "2024-03-29", "2024-05-29"),
        ("2023-02-28", "2023-03-28", "2023-05-28"),  # the last of a month, and yet not 31 March
        ("2026-11-30", "2026-12-30", "2027-02-28"),
        ("2026-12-31", "2027-01-31", "2027-03-31"),
        ("2026-12-01", "2027-01-01", "2027-03-01"),
        ("2100-01-31", "2100-02-28", "2100-04-28"),  # no leap year
        ("2000-01-31", "2000-02-29", "2000-04-29"),  # a leap year
    ],
)
def test_one_month_and_two_more(arrival: str, first: str, extended: str) -> None:
    assert due_date(noon(arrival), GDPR).day == date.fromisoformat(first)
    assert due_date(noon(arrival), GDPR, extended=True).day == date.fromisoformat(extended)


@pytest.mark.parametrize(
    ("arrival", "first", "extended"),
    [
        ("2026-01-01", "2026-02-15", "2026-04-01"),
        ("2024-01-15", "2024-02-29", "2024-04-14"),
        ("2023-01-15", "2023-03-01", "2023-04-15"),
        ("2026-11-17", "2027-01-01", "2027-02-15"),
    ],
)
def test_forty_five_days_and_forty_five_more(arrival: str, first: str, extended: str) -> None:
    assert due_date(noon(arrival), CCPA).day == date.fromisoformat(first)
    assert due_date(noon(arrival), CCPA, extended=True).day == date.fromisoformat(extended)


def test_the_last_hour_of_the_last_day_is_in_time_and_the_next_instant_is_not() -> None:
    due = due_date(noon("2026-03-05"), GDPR, zone="Europe/Berlin")
    assert due == Due(day=date(2026, 4, 5), instant=datetime(2026, 4, 5, 22, tzinfo=UTC), zone="Europe/Berlin")  # CEST
    assert not due.is_over(due.instant - timedelta(microseconds=1))
    assert due.is_over(due.instant)
    assert not due.is_over(datetime(2026, 4, 5, 23, 59, 59, tzinfo=ZoneInfo("Europe/Berlin")))


def test_the_zone_decides_on_which_day_it_arrived() -> None:
    arrival = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)  # 1 February in Berlin, 31 January in Los Angeles
    assert due_date(arrival, GDPR, zone="Europe/Berlin").day == date(2026, 3, 1)
    assert due_date(arrival, GDPR, zone="America/Los_Angeles").day == date(2026, 2, 28)
    assert due_date(arrival, GDPR, zone="America/Los_Angeles").instant == datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Africa/Cairo", "America/Santiago", "Asia/Beirut", "Pacific/Apia", "Asia/Kathmandu"])
def test_days_without_midnight_end_where_the_next_begins(zone: str) -> None:
    """In some zones clocks skip midnight, and one island skipped a day."""
    where = ZoneInfo(zone)
    for k in range(0, 366 * 16, 7):
        arrival = noon("2010-01-01") + timedelta(days=k)
        due = due_date(arrival, regime_of("days:30"), zone=zone)
        assert due.instant.astimezone(where).date() > due.day
        assert (due.instant - timedelta(seconds=1)).astimezone(where).date() <= due.day


# ------------------------------------------------------------------ against other mathematics

days = st.dates(date(1970, 1, 1), date(2200, 12, 31))


@given(days, st.integers(0, 120))
def test_months_are_those_of_dateutil(day: date, months: int) -> None:
    assert add_months(day, months) == day + relativedelta(months=months)


def one_month_later(day: date) -> date:
    """By walking: the first day of the next month with the same number, or the day before the month after begins."""
    at = day + timedelta(days=1)
    while at.day != day.day or at.month == day.month:
        at += timedelta(days=1)
        if (at.year * 12 + at.month) - (day.year * 12 + day.month) == 2:
            return at - timedelta(days=1)
    return at


@given(days)
def test_a_month_is_found_by_walking(day: date) -> None:
    assert due_date(noon(day.isoformat()), GDPR).day == one_month_later(day)


@given(days, st.sampled_from(["gdpr", "ccpa", "days:1+1", "days:30+15", "pipl:15"]), st.integers(0, 40))
def test_later_arrivals_are_never_due_earlier_and_extensions_never_shorten(day: date, name: str, stopped: int) -> None:
    regime, still = regime_of(name), timedelta(days=stopped, hours=23)
    one, two = (due_date(noon((day + timedelta(days=k)).isoformat()), regime) for k in (0, 1))
    assert one.day <= two.day
    stopped_due = due_date(noon(day.isoformat()), regime, stopped=still)
    moved = stopped if regime.identity_stops_clock else 0
    assert stopped_due.day == one.day + timedelta(days=moved)
    if regime.further is not None:
        longer = due_date(noon(day.isoformat()), regime, extended=True)
        assert longer.day > one.day
        assert longer.day <= regime.further.after(regime.first.after(day))
        direct = add_months(day, regime.first.months + regime.further.months)
        assert longer.day <= direct + timedelta(days=regime.first.days + regime.further.days)


def test_a_day_of_a_letter_is_due_like_any_hour_of_it() -> None:
    for text in ("2026-10-25", "2026-03-29", "2024-02-29"):
        whole = due_date(read_arrival(text, zone="Europe/Berlin"), GDPR, zone="Europe/Berlin")
        for hour in (1, 12, 23):
            arrival = datetime.fromisoformat(f"{text}T{hour:02d}:59:59").replace(tzinfo=ZoneInfo("Europe/Berlin"))
            assert due_date(arrival, GDPR, zone="Europe/Berlin") == whole


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    "text",
    ["", "GDPR2", "days", "days:", "days:0", "days:-1", "days:1.5", "days:30+0", "days:3661", "days:99999",
     "pipl:15+15", "pipl:0", "days:٣٠", "gdpr:30", 30, None],
)  # fmt: skip
def test_no_regime(text: object) -> None:
    with pytest.raises(InvalidParameterError):
        regime_of(text)  # type: ignore[arg-type]


def test_the_chinese_law_names_no_number_and_is_asked_for_one() -> None:
    with pytest.raises(InvalidParameterError, match=r"PIPL names no number of days.*pipl:15"):
        regime_of("pipl")
    assert due_date(noon("2026-03-05"), regime_of("PIPL:15")).day == date(2026, 3, 20)


def test_an_extension_that_is_not_there() -> None:
    with pytest.raises(InvalidParameterError, match="knows no extension"):
        due_date(noon("2026-03-05"), regime_of("days:30"), extended=True)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe", "\0", 3])
def test_no_zone(zone: object) -> None:
    with pytest.raises(InvalidParameterError, match="no time zone"):
        due_date(noon("2026-03-05"), GDPR, zone=zone)  # type: ignore[arg-type]


def test_times_without_a_zone_or_beyond_the_calendar() -> None:
    for wrong in (datetime(2026, 3, 5), date(2026, 3, 5), "2026-03-05"):
        with pytest.raises(InvalidDataError, match="no time zone"):
            as_instant(wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidDataError, match="calendar"):
        due_date(datetime(9999, 12, 31, tzinfo=UTC), GDPR)
    with pytest.raises(InvalidDataError, match="calendar"):
        due_date(datetime(9998, 12, 31, tzinfo=UTC), GDPR, zone="Pacific/Kiritimati")


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "2026-03-05T14:00", "05.03.2026", "20", "2026-13-01"])
def test_arrivals_that_cannot_be_read(text: str) -> None:
    with pytest.raises(InvalidDataError):
        read_arrival(text)


def test_periods_are_whole_and_not_empty() -> None:
    for wrong in ({"days": -1}, {"days": 1.5}, {"months": True}, {}, {"months": 121}):
        with pytest.raises(InvalidParameterError):
            Period(**wrong)  # type: ignore[arg-type]
    assert str(Period(months=1, days=2)) == "1 month and 2 days"


def test_every_regime_says_where_it_is_written() -> None:
    every = [*REGIMES.values(), regime_of("pipl:15"), regime_of("days:30")]
    assert all(isinstance(regime, Regime) and regime.source for regime in every)
    assert [regime_of(regime.name) for regime in every] == every
