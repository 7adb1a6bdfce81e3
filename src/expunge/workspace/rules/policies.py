"""When the waiting requests are carried out: a pure function of the queue, the policy and the clock.

Carrying out ten requests at once costs little more than one, so a workspace may collect them; no policy may collect
them past a due date. So each policy also runs everything that waits at the **latest safe time**: with the requests in
the order of their due dates d_1 <= d_2 <= ... and planned costs c_1, c_2, ..., the last instant from which all are done
in time, one after the other, is min over i of d_i - f (c_1 + ... + c_i), less a margin. (That order is the best one:
Jackson 1955, "earliest due date".) The factor f and the margin are for plans that were too hopeful.

**A clock that goes backwards** loses and doubles nothing. Whether a request waits is written in its state, not computed
from times, so nothing is run twice; and where a time that was seen before lies in the future, the later of the two is
believed for due dates, and a collecting policy runs now: too early, never too late.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from expunge.errors import InvalidParameterError
from expunge.workspace.rules.deadlines import as_instant
from expunge.workspace.rules.request_states import OPEN, WAITING, Request

__all__ = ["Decision", "Policy", "Waiting", "decide", "is_overdue", "latest_safe_start", "pressing", "waiting_of"]

_FORM = re.compile(r"(?:at-once|every:(?P<hours>[0-9.]{1,8})h|at:(?P<count>[0-9]{1,9})|latest-safe)", re.ASCII)
_HINT = "Use at-once, every:6h, at:100 or latest-safe."


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What a policy has to know about one request that waits.

    Parameters
    ----------
    number : int
    received, due : datetime
        Instants.
    cost_s : float
        Planned time to carry it out, in seconds.
    """

    number: int
    received: datetime
    due: datetime
    cost_s: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "received", as_instant(self.received))
        object.__setattr__(self, "due", as_instant(self.due))
        if not (isinstance(self.cost_s, (int, float)) and math.isfinite(self.cost_s) and self.cost_s >= 0):
            raise InvalidParameterError(
                f"The planned cost of request {self.number} is {self.cost_s!r} seconds.",
                hint="Give a number that is not negative.",
            )


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When to run.

    Parameters
    ----------
    kind : {"at-once", "every", "at", "latest-safe"}
        As soon as something waits; so many hours after the last run; when so many wait; as late as is safe.
    hours : float
        For ``every``: from 0 (not included) to 8760.
    count : int
        For ``at``: from 1.
    margin_h : float, default=24
        Hours before the due date by which everything is to be done.
    cost_factor : float, default=2
        By how much a plan may be too hopeful; from 1.

    Examples
    --------
    >>> Policy.from_text("every:6h")
    Policy(kind='every', hours=6.0, count=0, margin_h=24.0, cost_factor=2.0)
    """

    kind: Literal["at-once", "every", "at", "latest-safe"] = "at-once"
    hours: float = 0.0
    count: int = 0
    margin_h: float = 24.0
    cost_factor: float = 2.0

    def __post_init__(self) -> None:
        if self.kind not in ("at-once", "every", "at", "latest-safe"):
            raise InvalidParameterError(f"There is no policy {self.kind!r}.", hint=_HINT)
        if not (0 < self.hours <= 8_760 if self.kind == "every" else self.hours == 0):
            raise InvalidParameterError(f"The policy {self.kind} does not take {self.hours!r} hours.", hint=_HINT)
        if not (self.count >= 1 if self.kind == "at" else self.count == 0):
            raise InvalidParameterError(f"The policy {self.kind} does not take a count of {self.count!r}.", hint=_HINT)
        if not 0 <= self.margin_h <= 8_760:
            raise InvalidParameterError(f"The margin is {self.margin_h!r} hours.", hint="From 0 to 8760.")
        if not 1 <= self.cost_factor <= 1_000:
            raise InvalidParameterError(f"The cost factor is {self.cost_factor!r}.", hint="From 1 to 1000.")

    @classmethod
    def from_text(cls, text: str, *, margin_h: float = 24.0, cost_factor: float = 2.0) -> Policy:
        """The policy that a text names: ``at-once``, ``every:6h``, ``at:100`` or ``latest-safe``.

        Raises
        ------
        InvalidParameterError
            There is no such policy.
        """
        found = _FORM.fullmatch(text.strip().lower()) if isinstance(text, str) else None
        if found is None:
            raise InvalidParameterError(f"There is no policy {text!r}.", hint=_HINT)
        try:
            hours = float(found["hours"] or 0)
        except ValueError:
            raise InvalidParameterError(f"There is no policy {text!r}.", hint=_HINT) from None
        kind: Literal["at-once", "every", "at", "latest-safe"] = (
            "every"
            if found["hours"]
            else "at"
            if found["count"]
            else "at-once"
            if "once" in found[0]
            else "latest-safe"
        )
        return cls(kind=kind, hours=hours, count=int(found["count"] or 0), margin_h=margin_h, cost_factor=cost_factor)

    def __str__(self) -> str:
        return {"every": f"every:{self.hours:g}h", "at": f"at:{self.count}"}.get(self.kind, self.kind)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do now.

    Parameters
    ----------
    run : tuple of int
        Numbers of the requests to carry out now, most urgent first. Empty: nothing yet.
    wake : datetime or None
        When to ask again if nothing new comes before; None if nothing waits, or something is to be run now.
    late : tuple of int
        Requests that will not be done in time even if begun now.
    why : str
        In words.
    """

    run: tuple[int, ...] = ()
    wake: datetime | None = None
    late: tuple[int, ...] = ()
    why: str = "nothing waits"


def waiting_of(requests: Iterable[Request], costs_s: dict[int, float] | None = None) -> list[Waiting]:
    """What waits among the requests; those on hold, final, running or not identified do not.

    Parameters
    ----------
    requests : iterable of Request
    costs_s : dict from number to seconds, optional
        Planned costs; 0 for those that are not in it.
    """
    costs = costs_s or {}
    return [
        Waiting(
            number=request.number,
            received=request.received,
            due=request.due().instant,
            cost_s=costs.get(request.number, 0.0),
        )
        for request in requests
        if request.state in WAITING
    ]


def pressing(requests: Iterable[Request], now: datetime, *, within_h: float = 72.0) -> list[int]:
    """Requests that no policy will run, on hold or waiting for an identity, and whose date comes or has passed.

    Their clock runs on, so somebody has to release, extend or refuse them. Numbers, most urgent first.
    """
    end = as_instant(now) + timedelta(hours=within_h)
    found = [
        (one.due(now).instant, one.number)
        for one in requests
        if one.state in ("on-hold", "identity-pending") and one.due(now).instant <= end
    ]
    return [number for _, number in sorted(found)]


def is_overdue(request: Request, now: datetime) -> bool:
    """Whether a request is open and its last day is over."""
    return request.state in OPEN and request.due(now).is_over(now)


def latest_safe_start(queue: Sequence[Waiting], policy: Policy) -> datetime | None:
    """The last instant from which all that waits is done in time, margin and factor included; None if nothing waits.

    O(k log k) for k requests.
    """
    total, best = 0.0, None
    for one in sorted(queue, key=_urgency):
        total += one.cost_s * policy.cost_factor
        start = _earlier(one.due, total + policy.margin_h * 3_600)
        best = start if best is None or start < best else best
    return best


def decide(queue: Sequence[Waiting], policy: Policy, now: datetime, *, last_run: datetime | None = None) -> Decision:
    """What to run now, and when to ask again.

    Parameters
    ----------
    queue : sequence of Waiting
        Everything that waits, in any order, each number once.
    policy : Policy
    now : datetime
        What the clock says.
    last_run : datetime, optional
        When something was last run.

    Returns
    -------
    Decision

    Raises
    ------
    InvalidParameterError
        A number that is twice in the queue.

    Notes
    -----
    O(k log k) for k requests. Ask at every new request, after every run, and at ``wake``; who sleeps long sleeps in
    pieces, because the clock may be set while they sleep.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    >>> queue = [Waiting(number=1, received=noon, due=noon + timedelta(days=30), cost_s=60.0)]
    >>> decide(queue, Policy.from_text("at:100"), noon).wake
    datetime.datetime(2026, 3, 30, 11, 58, tzinfo=datetime.timezone.utc)
    """
    ordered = sorted(queue, key=_urgency)
    if len({one.number for one in ordered}) < len(ordered):
        raise InvalidParameterError("A request is twice in the queue.", hint="Name each once.")
    if not ordered:
        return Decision()
    now = as_instant(now)
    last_run = None if last_run is None else as_instant(last_run)
    seen = max([now, *(one.received for one in ordered), *([] if last_run is None else [last_run])])
    everything = tuple(one.number for one in ordered)
    late = _late(ordered, seen)
    safe = latest_safe_start(ordered, policy)
    if safe is not None and safe <= seen:
        return Decision(run=everything, late=late, why="the latest safe time has come")
    wake = safe
    if policy.kind == "at-once":
        return Decision(run=everything, late=late, why="at once")
    if policy.kind == "at" and len(ordered) >= policy.count:
        return Decision(run=everything, late=late, why=f"{len(ordered)} requests wait")
    if policy.kind == "every":
        # Never run before: the first request that waits began the hours.
        start = last_run if last_run is not None else min(one.received for one in ordered)
        end = start + timedelta(hours=policy.hours)
        if start > now or end <= now:
            return Decision(run=everything, late=late, why=f"{policy.hours:g} hours are over")
        wake = end if wake is None or end < wake else wake
    return Decision(wake=wake, late=late, why=f"collecting: {policy}")


def _urgency(one: Waiting) -> tuple[datetime, int]:
    return one.due, one.number


def _late(ordered: Sequence[Waiting], now: datetime) -> tuple[int, ...]:
    """Which are not done in time, begun now in this order, at the planned costs."""
    total, late = 0.0, []
    for one in ordered:
        total += one.cost_s
        if _earlier(one.due, total) < now:
            late.append(one.number)
    return tuple(late)


def _earlier(instant: datetime, seconds: float) -> datetime:
    """So many seconds before; the beginning of the calendar where there is nothing before."""
    try:
        return instant - timedelta(seconds=seconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=instant.tzinfo)
