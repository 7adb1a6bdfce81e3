"""What became of a request: a frozen record, and the only ways from one state to the next.

A request carries its history, and its state is what the history leads to; there is no second place where the two could
differ. It holds no id and no name: what it is about are handles, keyed hashes that the workspace can read and a log
cannot, and reasons are chosen from a list, because free text is where names end up.

**The clock.** Putting a request on hold does not stop the clock: no law named in
:mod:`expunge.workspace.rules.deadlines` gives whoever has to answer a pause of their own making. A hold that lasts
until the due date is answered by an extension or a refusal. Asking the person who they are does stop it where the
regime says so (GDPR), for whole days, from the question to the answer, and not once the due date is over.

**A clock that goes backwards.** A step is never written earlier than the one before it: a time that lies before the
last one counts as the last one. So a due date that was missed stays missed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from expunge.errors import ExpungeError, InvalidParameterError, InvalidRequestError, NewerFormatError, TamperedError
from expunge.workspace.rules.deadlines import Due, as_instant, due_date, read_zone, regime_of

__all__ = ["FINAL", "KINDS", "OPEN", "REASONS", "TRANSITIONS", "WAITING", "Action", "Kind", "Request", "State", "Step"]

Kind = Literal["subject", "record", "class", "feature", "rectify"]
State = Literal["received", "identity-pending", "on-hold", "extended", "running", "done", "nothing-held", "refused"]
Action = Literal[
    "ask-identity", "confirm-identity", "hold", "release", "extend", "refuse", "start", "give-back", "finish",
    "find-nothing",
]  # fmt: skip

KINDS: tuple[str, ...] = get_args(Kind)
#: States from which a request can be carried out.
WAITING: tuple[State, ...] = ("received", "extended")
#: States that nothing leaves.
FINAL: tuple[State, ...] = ("done", "nothing-held", "refused")
#: All others.
OPEN: tuple[State, ...] = tuple(state for state in get_args(State) if state not in FINAL)

#: Where an action leads. ``back`` is what the request waits as without the present state: identity-pending while the
#: person has not answered, else extended or received.
TRANSITIONS: dict[tuple[State, Action], State | Literal["back"]] = {
    ("received", "ask-identity"): "identity-pending",
    ("extended", "ask-identity"): "identity-pending",
    ("identity-pending", "confirm-identity"): "back",
    ("received", "hold"): "on-hold",
    ("extended", "hold"): "on-hold",
    ("identity-pending", "hold"): "on-hold",
    ("on-hold", "release"): "back",
    ("received", "extend"): "extended",
    ("identity-pending", "extend"): "identity-pending",
    ("on-hold", "extend"): "on-hold",
    ("received", "refuse"): "refused",
    ("extended", "refuse"): "refused",
    ("identity-pending", "refuse"): "refused",
    ("on-hold", "refuse"): "refused",
    ("received", "start"): "running",
    ("extended", "start"): "running",
    ("running", "give-back"): "back",
    ("running", "finish"): "done",
    ("received", "find-nothing"): "nothing-held",
    ("extended", "find-nothing"): "nothing-held",
    ("running", "find-nothing"): "nothing-held",
}

#: Reasons that may be given, for each action that takes one, with the words for a person.
REASONS: dict[str, dict[str, str]] = {
    "refuse": {
        "unfounded-or-excessive": "the request is manifestly unfounded or excessive (GDPR Art. 12(5))",
        "identity-not-shown": "it could not be shown who asks (GDPR Art. 12(2) and (6); 11 CCR 7021(b))",
        "expression": "freedom of expression and information (GDPR Art. 17(3)(a))",
        "legal-obligation": "a law demands the processing (GDPR Art. 17(3)(b); Cal. Civ. Code 1798.105(d)(8))",
        "public-health": "public interest in public health (GDPR Art. 17(3)(c))",
        "archiving-or-research": "archiving, research or statistics (GDPR Art. 17(3)(d))",
        "legal-claims": "legal claims need the data (GDPR Art. 17(3)(e))",
        "no-ground": "no ground for erasure applies (GDPR Art. 17(1); PIPL Art. 47)",
        "withdrawn": "the person took the request back",
        "other": "another reason, kept elsewhere",
    },
    "extend": {
        "complexity": "the request is complex (GDPR Art. 12(3))",
        "number-of-requests": "there are many requests (GDPR Art. 12(3))",
        "other": "another reason, kept elsewhere",
    },
    "hold": {
        "litigation": "the data may be evidence",
        "legal-retention": "a law demands that the data be kept for now",
        "clarification": "what is to be forgotten is being clarified",
        "other": "another reason, kept elsewhere",
    },
}
_NEEDS_REASON = ("refuse", "extend")
#: Of these old histories may lack it.
_NEEDS_REASON_NOW = (*_NEEDS_REASON, "hold")

_ADVICE: dict[str, str] = {
    "received": "It waits to be carried out, held, extended or refused.",
    "extended": "It waits to be carried out, held or refused; it is extended once.",
    "identity-pending": "Confirm the identity first, or refuse the request.",
    "on-hold": "Release it first, or refuse it.",
    "running": "Wait until it is done.",
    "done": "It is final; its receipt says what was done.",
    "nothing-held": "It is final; its receipt says so.",
    "refused": "It is final; add a new request.",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """One entry of a request's history.

    Parameters
    ----------
    action : str
        A key of :data:`TRANSITIONS`, second part.
    at : datetime
        In UTC.
    reason : str or None
        One of :data:`REASONS`.
    """

    action: Action
    at: datetime
    reason: str | None = None


@dataclasses.dataclass(frozen=True)
class _Standing:
    """Where a history leads: the state, what to return to from it, and how long the clock stood still."""

    state: State = "received"
    is_extended: bool = False
    is_asked: bool = False
    stopped: timedelta = timedelta(0)
    since: datetime | None = None

    def stopped_until(self, at: datetime) -> timedelta:
        """How long the clock has stood still at an instant, in whole days, each question for itself."""
        return self.stopped + timedelta(days=max(0, (at - self.since).days) if self.since is not None else 0)


def _wrong_reason(action: Action, reason: str | None, needs_reason: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Why that is no reason for it, and which there are."""
    known = REASONS.get(action, {})
    which = f"Reasons are {', '.join(known)}." if known else "Leave it out."
    if reason is None and action in needs_reason:
        yield f"To {action} a request needs a reason.", which
    elif reason is not None and reason not in known:
        yield f"That is no reason to {action} a request.", which


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Request:
    """A request to forget or rectify, and what became of it. Never changed; :meth:`after` gives the next one.

    Parameters
    ----------
    number : int
        Its number in the workspace, from 1.
    kind : {"subject", "record", "class", "feature", "rectify"}
    received : datetime
        When it arrived, with its time zone; kept in UTC.
    regime : str
        As :func:`~expunge.workspace.rules.deadlines.regime_of` reads it.
    zone : str
        Time zone of the office that answers.
    handles : tuple of str
        Keyed hashes of what it is about. Not shown.
    caller, idempotency : str
        Who sent it, and the keyed hash of their own key for it. Not shown.
    history : tuple of Step
    action, within : str
        What is asked, where it is another than the kind says (``expire``), and the data set it is limited to; or empty.
    schema : int
        Of this form of the record: 2 with one of these two, else 1.

    Raises
    ------
    InvalidParameterError
        A field of another form.
    InvalidRequestError
        A history that is not legal.

    Examples
    --------
    >>> from datetime import UTC
    >>> request = Request(number=7, kind="subject", received=datetime(2026, 1, 31, 9, tzinfo=UTC))
    >>> request
    Request(7, subject, received, due 2026-02-28 (UTC))
    >>> request.after("hold", datetime(2026, 2, 1, tzinfo=UTC), reason="litigation").after(
    ...     "start", datetime(2026, 2, 2, tzinfo=UTC)
    ... )
    Traceback (most recent call last):
    ...
    expunge.errors.InvalidRequestError: Request 7 is on-hold and cannot start. Release it first, or refuse it.
    """

    number: int
    kind: Kind
    received: datetime
    regime: str = "gdpr"
    zone: str = "UTC"
    handles: tuple[str, ...] = ()
    caller: str = ""
    idempotency: str = ""
    history: tuple[Step, ...] = ()
    action: str = ""
    within: str = ""
    schema: int = 1
    _standing: _Standing = dataclasses.field(init=False, compare=False)
    _told_due: Due = dataclasses.field(init=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.number, int) or isinstance(self.number, bool) or self.number < 1:
            raise InvalidParameterError(f"A request has a number from 1 on, got {self.number!r}.", hint="Count from 1.")
        if self.kind not in KINDS:
            raise InvalidParameterError(
                f"A request is about one of {', '.join(KINDS)}, not {self.kind!r}.", hint="Take one of them."
            )
        read_zone(self.zone)
        object.__setattr__(self, "regime", regime_of(self.regime).name)
        object.__setattr__(self, "received", as_instant(self.received))
        object.__setattr__(self, "handles", tuple(self.handles))
        texts = (*self.handles, self.caller, self.idempotency, self.action, self.within)
        if wrong := [type(v).__name__ for v in texts if not isinstance(v, str)]:
            raise InvalidParameterError(
                f"Handles, caller and idempotency are texts, not {wrong[0]}.", hint="Give texts."
            )
        object.__setattr__(self, "schema", 2 if self.action or self.within else 1)
        object.__setattr__(self, "_standing", _Standing())
        past, steps = self.history, []
        object.__setattr__(self, "history", ())
        for step in past:
            steps.append(self._checked(step))
            object.__setattr__(self, "history", tuple(steps))
            object.__setattr__(self, "_standing", self._after(steps[-1]))
        due = self._due(
            self._standing.stopped
        )  # refuses a date beyond the calendar now, not on the day it is asked for
        object.__setattr__(self, "_told_due", due)

    # ------------------------------------------------------------------ what it says

    @property
    def state(self) -> State:
        """Where it stands: what its history leads to."""
        return self._standing.state

    @property
    def is_extended(self) -> bool:
        """Whether the person was told in time that it takes longer."""
        return self._standing.is_extended

    @property
    def is_final(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.state in FINAL

    @property
    def reason(self) -> str | None:
        """Why it was refused, or is on hold; else None."""
        action = {"refused": "refuse", "on-hold": "hold"}.get(self.state)
        return next((step.reason for step in reversed(self.history) if step.action == action), None)

    def due(self, now: datetime | None = None) -> Due:
        """When the answer is due.

        Parameters
        ----------
        now : datetime, optional
            While the person is being asked who they are, the date may move on with the clock: it is told as if they
            answered at this instant. Without it, as if they had answered at once.
        """
        return self._told_due if now is None else self._due(self._standing.stopped_until(as_instant(now)))

    def _due(self, stopped: timedelta) -> Due:
        regime = regime_of(self.regime)
        return due_date(self.received, regime, zone=self.zone, extended=self.is_extended, stopped=stopped)

    # ------------------------------------------------------------------ what happens to it

    def after(self, action: Action, at: datetime, *, reason: str | None = None) -> Request:
        """The request after one more step.

        Parameters
        ----------
        action : str
        at : datetime
            When; a time before the last step counts as that of the last step.
        reason : str, optional
            One of :data:`REASONS`; refusing, extending and holding need one.

        Raises
        ------
        InvalidRequestError
            A step that is not legal in this state, an extension that comes too late or a second time, a reason that
            is missing or not in the list. The request is as it was.
        """
        at = as_instant(at)
        last = self.history[-1].at if self.history else self.received
        step = self._checked(Step(action=action, at=max(at, last), reason=reason), needs_reason=_NEEDS_REASON_NOW)
        return dataclasses.replace(self, history=(*self.history, step))

    def _checked(self, step: Step, *, needs_reason: tuple[str, ...] = _NEEDS_REASON) -> Step:
        """The step, if it is legal now."""
        action, at = step.action, as_instant(step.at)
        if action not in get_args(Action):
            raise InvalidRequestError(f"No request can {action!r}.", hint=f"There are {', '.join(get_args(Action))}.")
        if at < (self.history[-1].at if self.history else self.received):
            raise InvalidRequestError(
                f"Request {self.number} has a step that lies before the one before it.", hint="Restore it from a copy."
            )
        if wrong := dict([*self._wrong_now(action, at), *_wrong_reason(action, step.reason, needs_reason)]):
            *before, (last, hint) = wrong.items()  # all of it, not the first alone, and each with what can be done
            raise InvalidRequestError(" ".join([*(f"{what} {todo}" for what, todo in before), last]), hint=hint)
        return dataclasses.replace(step, at=at)

    def _wrong_now(self, action: Action, at: datetime) -> Iterator[tuple[str, str]]:
        """Why that is not legal in this state and at this time, and what can be done."""
        if (self.state, action) not in TRANSITIONS:
            yield f"Request {self.number} is {self.state} and cannot {action}.", _ADVICE[self.state]
        elif action == "extend":
            due = self.due(at)
            if regime_of(self.regime).further is None:
                yield f"The regime {regime_of(self.regime).name} knows no extension.", "Answer or refuse it."
            elif self.is_extended:
                yield f"Request {self.number} has been extended once already.", "Answer it."
            elif due.is_over(at):
                yield f"Request {self.number} was due on {due}: it is too late to extend it.", "Answer it now."

    def _after(self, step: Step) -> _Standing:
        """Where one more legal step leads."""
        old, regime = self._standing, regime_of(self.regime)
        to = TRANSITIONS[old.state, step.action]
        asked = (old.is_asked or step.action == "ask-identity") and step.action != "confirm-identity"
        extended = old.is_extended or step.action == "extend"
        if to == "back":
            to = "identity-pending" if asked else "extended" if extended else "received"
        stopped, since = old.stopped_until(step.at), None
        if to == "identity-pending":
            due = due_date(self.received, regime, zone=self.zone, extended=extended, stopped=stopped)
            since = None if due.is_over(step.at) else step.at
        return _Standing(to, extended, asked, stopped, since)

    # ------------------------------------------------------------------ plain data

    def __repr__(self) -> str:
        return f"Request({self.number}, {self.kind}, {self.state}, due {self.due()})"

    __str__ = __repr__

    def to_dict(self) -> dict[str, Any]:
        """The request as plain data, for JSON; its state is told too."""
        return {
            "schema": self.schema, "number": self.number, "kind": self.kind, "received": self.received.isoformat(),
            "regime": self.regime, "zone": self.zone, "handles": list(self.handles), "caller": self.caller,
            "idempotency": self.idempotency, "state": self.state,
            "history": [{"action": s.action, "at": s.at.isoformat(), "reason": s.reason} for s in self.history],
        } | ({"action": self.action, "within": self.within} if self.schema > 1 else {})  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Request:
        """The request from plain data.

        Raises
        ------
        NewerFormatError
            A schema number newer than this code knows.
        TamperedError
            Data that no request wrote: another field or form, a history that is not legal, another state than the
            history leads to.
        """
        schema = data.get("schema")
        if isinstance(schema, int) and not isinstance(schema, bool) and schema > 2:
            raise NewerFormatError(f"This request has schema {schema}; this version reads 2.", hint="Update expunge.")
        values = dict(data)
        try:
            state = values.pop("state")
            steps = [
                Step(action=step["action"], at=datetime.fromisoformat(step["at"]), reason=step["reason"])
                for step in values.pop("history")
            ]
            received = datetime.fromisoformat(values.pop("received"))
            request = cls(received=received, handles=tuple(values.pop("handles")), history=tuple(steps), **values)
            if schema is True or request.to_dict() != data:
                raise TamperedError(
                    f"Request {request.number} is {state}, its history leads elsewhere.", hint="Restore it from a copy."
                )
        except TamperedError:
            raise
        except (ExpungeError, TypeError, KeyError, ValueError, AttributeError):
            raise TamperedError(
                "A request is not in the form in which it was written.", hint="Restore it from a backup."
            ) from None
        return request
