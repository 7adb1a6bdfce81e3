"""When an answer is due: periods of data protection laws, counted on the calendar of the office that answers.

No legal advice: what is counted is written here and in ``docs/deadlines.md``, and where two readings are possible the
**earlier** date is taken unless that page says otherwise, because an answer that comes a day early breaks no rule.

What is applied of Regulation (EEC, Euratom) No 1182/71, Article 3, which says how periods of Union law are counted:

* (1): the day on which the request arrives is not counted.
* (2)(b), (c): a period ends with the last hour of its last day; one of months ends on the day with the same number as
  the day of arrival, and if that month has no such day, with the last day of the month.
* (3): holidays, Saturdays and Sundays count like other days.

What is not applied: (4), which moves the end from a holiday, Saturday or Sunday to the next working day, and (5), which
wants two working days in every period. Both would only make the date later, and need a calendar of each country.

References
----------
Regulation (EU) 2016/679 (GDPR), Articles 12(3), 12(6) and 17; EDPB Guidelines 01/2022, section 5.3. California Civil
Code 1798.130(a)(2), 1798.105; California Code of Regulations, title 11, section 7021; Civil Code section 10. Personal
Information Protection Law of the People's Republic of China (PIPL), Articles 47 and 50.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from expunge.errors import InvalidDataError, InvalidParameterError

__all__ = ["REGIMES", "Due", "Period", "Regime", "add_months", "as_instant", "due_date", "read_arrival", "read_zone",
           "regime_of"]  # fmt: skip

#: Days and months beyond which a period is a slip of the keyboard.
_MOST_DAYS, _MOST_MONTHS = 3_660, 120

_NUMBERED = re.compile(r"(?P<name>days|pipl):(?P<first>[0-9]{1,4})(?:\+(?P<further>[0-9]{1,4}))?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Period:
    """A length of time on the calendar.

    Parameters
    ----------
    months : int
        Calendar months, 0 to 120.
    days : int
        Days, counted after the months, 0 to 3660.
    """

    months: int = 0
    days: int = 0

    def __post_init__(self) -> None:
        for name, value, most in (("months", self.months, _MOST_MONTHS), ("days", self.days, _MOST_DAYS)):
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
                raise InvalidParameterError(f"A period has 0 to {most} {name}, got {value!r}.", hint="As days:30.")
        if not self.months and not self.days:
            raise InvalidParameterError("A period has at least one day.", hint="For example days:30.")

    def after(self, day: date) -> date:
        """The day on which the period ends that runs from this day."""
        return add_months(day, self.months) + timedelta(days=self.days)

    def __str__(self) -> str:
        parts = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in ((self.months, "month"), (self.days, "day")) if n]
        return " and ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Regime:
    """The periods of one law, as data.

    Parameters
    ----------
    name : str
        As written in a request: ``gdpr``, ``ccpa``, ``pipl:15``, ``days:30`` or ``days:30+15``.
    first : Period
        From the arrival of a request to its answer.
    further : Period or None
        By which the first may be made longer, once, if the person is told before the first is over.
    identity_stops_clock : bool
        Whether whole days do not count during which the person was asked who they are.
    source : str
        Where this is written.
    """

    name: str
    first: Period
    further: Period | None
    identity_stops_clock: bool
    source: str


#: The laws that name a number. PIPL names none: see :func:`regime_of`.
REGIMES: dict[str, Regime] = {
    "gdpr": Regime(
        name="gdpr", first=Period(months=1), further=Period(months=2), identity_stops_clock=True,
        source="GDPR Art. 12(3); Art. 12(6) with EDPB Guidelines 01/2022, section 5.3, for the question of identity",
    ),
    "ccpa": Regime(
        name="ccpa", first=Period(days=45), further=Period(days=45), identity_stops_clock=False,
        source="Cal. Civ. Code 1798.130(a)(2); 11 CCR 7021(b): the time to verify does not count extra",
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Due:
    """The last day for an answer, and the instant at which it is over.

    Parameters
    ----------
    day : date
        The last day, on the calendar of the zone.
    instant : datetime
        In UTC, the end of that day: the first instant that is too late.
    zone : str
        Name of the time zone.
    """

    day: date
    instant: datetime
    zone: str

    def is_over(self, now: datetime) -> bool:
        """Whether it is too late at this instant."""
        return as_instant(now) >= self.instant

    def __str__(self) -> str:
        return f"{self.day.isoformat()} ({self.zone})"


def regime_of(text: str) -> Regime:
    """The regime that a text names.

    Parameters
    ----------
    text : str
        ``gdpr``; ``ccpa``; ``days:N`` or ``days:N+M`` for any N days, with M more where an extension is allowed; or
        ``pipl:N``. The Chinese law asks for an answer "in time" (Art. 47 and 50) and names no number of days, so you
        choose N; 15 days are never more than the 15 working days that regulators there expect of apps.

    Raises
    ------
    InvalidParameterError
        Another text.

    Examples
    --------
    >>> str(regime_of("gdpr").first), str(regime_of("days:30+15").further)
    ('1 month', '15 days')
    """
    name = text.strip().lower() if isinstance(text, str) else ""
    if name in REGIMES:
        return REGIMES[name]
    found = _NUMBERED.fullmatch(name)
    if found is None or (found["name"] == "pipl" and found["further"]):
        hint = "Use gdpr, ccpa, pipl:N, days:N or days:N+M with numbers of days."
        if name == "pipl":
            raise InvalidParameterError("PIPL names no number of days (Art. 47, 50).", hint="Say how many: pipl:15.")
        raise InvalidParameterError(f"There is no regime {text!r}.", hint=hint)
    further = Period(days=int(found["further"])) if found["further"] else None
    source = "PIPL Art. 47 and 50, number of days by choice" if found["name"] == "pipl" else "by choice"
    first = Period(days=int(found["first"]))
    written = f"{found['name']}:{first.days}" + (f"+{further.days}" if further else "")
    return Regime(name=written, first=first, further=further, identity_stops_clock=False, source=source)


def add_months(day: date, months: int) -> date:
    """The day so many calendar months later; the last of the month where that month is too short.

    Raises
    ------
    InvalidDataError
        The calendar ends before.

    Examples
    --------
    >>> add_months(date(2024, 1, 31), 1), add_months(date(2023, 1, 31), 1)
    (datetime.date(2024, 2, 29), datetime.date(2023, 2, 28))
    """
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    if not 1 <= year <= 9998:
        raise InvalidDataError("The calendar of this computer ends before the period does.", hint="Check the year.")
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def due_date(
    received: datetime, regime: Regime, *, zone: str = "UTC", extended: bool = False,
    stopped: timedelta = timedelta(0),
) -> Due:  # fmt: skip
    """When the answer to a request is due.

    Parameters
    ----------
    received : datetime
        When the request arrived, with its time zone.
    regime : Regime
    zone : str, default="UTC"
        Where the request arrived, as ``Europe/Berlin``: days begin and end there.
    extended : bool, default=False
        Whether the person was told in time that it takes longer. The further period runs from the end of the first,
        which is never later than one long period from the arrival.
    stopped : timedelta, default=0
        How long the clock stood still; only whole days of 24 hours move the date. Ignored by a regime whose clock
        never stops.

    Returns
    -------
    Due

    Raises
    ------
    InvalidParameterError
        A zone that is not known; an extension that the regime does not have.
    InvalidDataError
        A time without a zone.

    Examples
    --------
    >>> arrival = datetime(2026, 1, 31, 9, tzinfo=UTC)
    >>> str(due_date(arrival, REGIMES["gdpr"])), str(due_date(arrival, REGIMES["gdpr"], extended=True))
    ('2026-02-28 (UTC)', '2026-04-28 (UTC)')
    """
    where = read_zone(zone)
    if extended and regime.further is None:
        raise InvalidParameterError(f"The regime {regime.name} knows no extension.", hint="Write days:N+M for one.")
    try:
        day = regime.first.after(as_instant(received).astimezone(where).date())
        if extended and regime.further is not None:
            day = regime.further.after(day)
        if regime.identity_stops_clock and stopped > timedelta(0):
            day += timedelta(days=stopped.days)
        return Due(day=day, instant=_start_of(day + timedelta(days=1), where), zone=zone)
    except OverflowError:
        raise InvalidDataError(
            "The calendar of this computer ends before the period does.", hint="Take a shorter period."
        ) from None


def read_zone(zone: str) -> ZoneInfo:
    """The time zone of this name.

    Raises
    ------
    InvalidParameterError
        A name that is not in the table of zones.
    """
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError, TypeError):
        raise InvalidParameterError(
            f"There is no time zone {zone!r}.",
            hint="Use a name as Europe/Berlin or UTC; where the system has no table of zones, install tzdata.",
        ) from None


def as_instant(value: datetime) -> datetime:
    """A time as an instant in UTC; one without a zone is refused, because it could be off by a day.

    Raises
    ------
    InvalidDataError
        There is no time zone, or the calendar ends before.
    """
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidDataError("A time has no time zone.", hint="Write it as 2026-03-05T14:00+01:00, or ending in Z.")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InvalidDataError("A time lies beyond the calendar of this computer.", hint="Check the year.") from None


def read_arrival(text: str, *, zone: str = "UTC") -> datetime:
    """When a request arrived, from text: a time with its offset, or a day alone, which begins in the zone.

    A letter has a day and no hour. Counting from the start of that day gives the same due date as any other hour of it.

    Raises
    ------
    InvalidDataError
        It is no day and no time.

    Examples
    --------
    >>> read_arrival("2026-03-05", zone="Europe/Berlin")
    datetime.datetime(2026, 3, 4, 23, 0, tzinfo=datetime.timezone.utc)
    """
    where = read_zone(zone)
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text.strip(), re.ASCII):
            return _start_of(date.fromisoformat(text.strip()), where)
        return as_instant(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError, AttributeError) as error:
        if isinstance(error, InvalidDataError):
            raise
        raise InvalidDataError(
            "A day or time of arrival cannot be read.", hint="Write 2026-03-05, or 2026-03-05T14:00+01:00."
        ) from None


def _start_of(day: date, where: ZoneInfo) -> datetime:
    """The first instant of a day; where clocks skip midnight, the instant at which they skip."""
    return datetime(day.year, day.month, day.day, tzinfo=where).astimezone(UTC)
