"""Requests: each legal step leads where the table says, each other one is refused by name, whatever came before."""

from __future__ import annotations

import dataclasses
import itertools
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import InvalidParameterError, InvalidRequestError, NewerFormatError, TamperedError
from expunge.workspace.rules.request_states import FINAL, REASONS, TRANSITIONS, WAITING, Action, Request, State, Step

ARRIVAL = datetime(2026, 1, 31, 9, tzinfo=UTC)
ACTIONS: tuple[Action, ...] = get_args(Action)
STATES: tuple[State, ...] = get_args(State)

#: A shortest way to every state.
WAYS: dict[str, tuple[Action, ...]] = {
    "received": (),
    "identity-pending": ("ask-identity",),
    "on-hold": ("hold",),
    "extended": ("extend",),
    "running": ("start",),
    "done": ("start", "finish"),
    "nothing-held": ("find-nothing",),
    "refused": ("refuse",),
}


def new(**more: Any) -> Request:
    return Request(number=7, kind="subject", received=ARRIVAL, **more)


def at(days: float) -> datetime:
    return ARRIVAL + timedelta(days=days)


def step(request: Request, action: Action, days: float = 1) -> Request:
    return request.after(action, at(days), reason="other" if action in ("refuse", "extend", "hold") else None)


def walked(*actions: Action) -> Request:
    request = new()
    for action in actions:
        request = step(request, action)
    return request


def test_there_is_a_way_to_every_state() -> None:
    assert set(WAYS) == set(STATES)
    assert {state: walked(*way).state for state, way in WAYS.items()} == {state: state for state in WAYS}


@pytest.mark.parametrize(("state", "action"), list(itertools.product(STATES, ACTIONS)))
def test_each_step_is_legal_by_the_table_or_refused_by_name(state: State, action: Action) -> None:
    request = walked(*WAYS[state])
    if (state, action) in TRANSITIONS:
        to = TRANSITIONS[state, action]
        assert step(request, action).state == ("received" if to == "back" else to)
        return
    before = request.to_dict()
    with pytest.raises(InvalidRequestError, match=f"Request 7 is {state} and cannot {action}") as caught:
        step(request, action)
    assert caught.value.hint
    assert request.to_dict() == before


def test_nothing_leaves_the_final_states_and_everything_else_can_be_left() -> None:
    assert {state for state in STATES if not any(begin == state for begin, _ in TRANSITIONS)} == set(FINAL)
    assert {state for state, action in TRANSITIONS if action == "start"} == set(WAITING)
    assert all(TRANSITIONS.keys() & {(state, "refuse")} for state in (*WAITING, "identity-pending", "on-hold"))


@pytest.mark.parametrize(
    ("way", "state"),
    [
        (("extend", "hold", "release"), "extended"),
        (("hold", "extend"), "on-hold"),
        (("hold", "extend", "release"), "extended"),
        (("ask-identity", "hold", "release"), "identity-pending"),
        (("ask-identity", "extend"), "identity-pending"),
        (("ask-identity", "extend", "confirm-identity"), "extended"),
        (("ask-identity", "hold", "extend", "release", "confirm-identity"), "extended"),
        (("extend", "start", "give-back"), "extended"),
        (("start", "give-back", "start", "finish"), "done"),
        (("ask-identity", "confirm-identity", "ask-identity"), "identity-pending"),
    ],
)
def test_a_request_returns_to_what_it_was(way: tuple[Action, ...], state: State) -> None:
    assert walked(*way).state == state


# ------------------------------------------------------------------ a model of the same, by other means


class Model:
    """What a request does, written as rules for a person who files papers: flags, and no table."""

    def __init__(self) -> None:
        self.flags: set[str] = set()
        self.end: str | None = None

    def state(self) -> str:
        if self.end:
            return self.end
        for flag, name in (
            ("runs", "running"),
            ("held", "on-hold"),
            ("asked", "identity-pending"),
            ("long", "extended"),
        ):
            if flag in self.flags:
                return name
        return "received"

    def take(self, action: str) -> bool:
        free = self.end is None and "runs" not in self.flags
        ready = free and not self.flags & {"held", "asked"}
        changes: dict[str, tuple[bool, str, str]] = {
            "ask-identity": (ready, "asked", ""),
            "confirm-identity": (free and "asked" in self.flags and "held" not in self.flags, "", "asked"),
            "hold": (free and "held" not in self.flags, "held", ""),
            "release": (free and "held" in self.flags, "", "held"),
            "extend": (free and "long" not in self.flags, "long", ""),
            "start": (ready, "runs", ""),
            "give-back": (self.end is None and "runs" in self.flags, "", "runs"),
        }
        ends = {"refuse": (free, "refused"), "finish": ("runs" in self.flags and not self.end, "done"),
                "find-nothing": ((ready or "runs" in self.flags) and not self.end, "nothing-held")}  # fmt: skip
        if action in ends:
            legal, end = ends[action]
            self.end = end if legal else self.end
            return legal
        legal, plus, minus = changes[action]
        if legal:
            self.flags = (self.flags | {plus}) - {minus, ""}
        return legal


@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.floats(-2, 0.4, allow_nan=False)), max_size=25))
def test_any_sequence_of_steps(steps: list[tuple[Action, float]]) -> None:
    """Also with a clock that goes backwards: times never go back, due dates never come earlier, nothing is lost."""
    request, model, now = new(), Model(), 0.0
    for action, passed in steps:
        now += passed
        before, due = request, request.due().instant
        legal = model.take(action)
        if legal:
            request = step(request, action, now)
            assert request.due().instant >= due
        else:
            with pytest.raises(InvalidRequestError):
                step(request, action, now)
            assert request is before
        assert request.state == model.state()
    times = [request.received, *(one.at for one in request.history)]
    assert times == sorted(times)
    data = json.loads(json.dumps(request.to_dict()))
    assert Request.from_dict(data) == request
    assert Request.from_dict(data).due() == request.due()


# ------------------------------------------------------------------ the clock


def test_a_hold_does_not_stop_the_clock() -> None:
    held = step(step(new(), "hold", 2), "release", 20)
    assert held.due() == new().due()
    assert held.due(at(300)) == new().due()


def test_the_question_of_identity_stops_the_clock_of_the_european_law_by_whole_days() -> None:
    asked = step(new(), "ask-identity", 2)
    assert asked.due().day == date(2026, 2, 28)
    assert asked.due(at(12.9)).day == date(2026, 3, 10)
    answered = step(asked, "confirm-identity", 12.9)
    assert answered.due().day == answered.due(at(500)).day == date(2026, 3, 10)
    again = step(step(answered, "ask-identity", 13), "confirm-identity", 13.9)
    assert again.due() == answered.due()


def test_it_stops_no_other_clock() -> None:
    for regime in ("ccpa", "pipl:15", "days:30+30"):
        asked = step(step(new(regime=regime), "ask-identity", 2), "confirm-identity", 12)
        assert asked.due() == new(regime=regime).due()


def test_a_hold_in_between_runs_the_clock_again() -> None:
    asked = step(step(step(step(new(), "ask-identity", 1), "hold", 4), "release", 14), "confirm-identity", 16)
    assert asked.due().day == date(2026, 2, 28) + timedelta(days=3 + 2)


def test_a_question_after_the_due_date_stops_nothing() -> None:
    late = step(new(), "ask-identity", 40)
    assert late.due(at(100)).day == date(2026, 2, 28)


def test_extension_only_before_the_due_date_and_once() -> None:
    due = new().due().instant
    extended = new().after("extend", due - timedelta(microseconds=1), reason="complexity")
    assert extended.due().day == date(2026, 4, 28)
    with pytest.raises(InvalidRequestError, match=r"was due on 2026-02-28 .UTC.: it is too late to extend it"):
        new().after("extend", due, reason="complexity")
    with pytest.raises(InvalidRequestError, match="is extended and cannot extend"):
        extended.after("extend", due, reason="complexity")
    held = extended.after("hold", due, reason="other")
    with pytest.raises(InvalidRequestError, match="extended once already"):
        held.after("extend", due, reason="complexity")
    with pytest.raises(InvalidRequestError, match="knows no extension"):
        new(regime="days:30").after("extend", at(1), reason="complexity")


def test_all_that_is_wrong_with_a_step_is_said_at_once() -> None:
    extended = new().after("extend", at(1), reason="complexity")
    with pytest.raises(InvalidRequestError) as caught:
        extended.after("extend", at(2), reason="haste")
    for words in ("is extended and cannot extend", "it is extended once", "no reason to extend", "number-of-requests"):
        assert words in str(caught.value)
    with pytest.raises(
        InvalidRequestError, match=r"too late to extend it. Answer it now. To extend a request needs a reason"
    ):
        new().after("extend", at(60))


def test_a_missed_date_stays_missed_when_the_clock_goes_back() -> None:
    seen_late = new().after("hold", at(60), reason="other")
    with pytest.raises(InvalidRequestError, match="too late"):
        seen_late.after("extend", at(1), reason="complexity")


# ------------------------------------------------------------------ reasons, privacy, plain data


def test_reasons_come_from_the_list() -> None:
    for action in ("refuse", "extend", "hold"):
        with pytest.raises(InvalidRequestError, match="needs a reason"):
            new().after(action, at(1))  # type: ignore[arg-type]
    for action in ("refuse", "extend", "hold", "start"):
        with pytest.raises(InvalidRequestError) as caught:
            new().after(action, at(1), reason="Erika Mustermann asked us twice")  # type: ignore[arg-type]
        assert "Erika" not in str(caught.value)
    assert new().after("refuse", at(1), reason="legal-claims").reason == "legal-claims"
    # a hold of old, without a reason, can still be read
    old = new().after("hold", at(1), reason="other").to_dict()
    old["history"][0]["reason"] = None
    assert Request.from_dict(old).state == "on-hold"
    assert set(REASONS) <= set(ACTIONS)
    held = new().after("hold", at(1), reason="litigation")
    assert held.after("extend", at(2), reason="complexity").reason == "litigation"
    assert held.after("release", at(2)).reason is None


def test_what_is_shown_names_nobody() -> None:
    request = new(handles=("c0ffee",), caller="erika@example.org", idempotency="beef")
    for shown in (repr(request), str(request), f"{[request]}", f"{request._standing}"):
        assert not any(secret in shown for secret in ("c0ffee", "erika", "beef"))
    assert repr(request) == "Request(7, subject, received, due 2026-02-28 (UTC))"


def test_a_request_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        new().number = 8  # type: ignore[misc]


@pytest.mark.parametrize(
    "field",
    [
        {"number": 0},
        {"number": True},
        {"number": "7"},
        {"kind": "person"},
        {"regime": "pipl"},
        {"zone": "Mars"},
        {"caller": None},
        {"handles": (b"x",)},
        {"idempotency": 5},
    ],
)
def test_fields_of_another_form(field: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError):
        Request(**{"number": 7, "kind": "subject", "received": ARRIVAL, **field})


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    data = json.loads(json.dumps(walked("hold", "release", "start", "finish").to_dict()))
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return dict(data)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("state",), "received"),
        (("schema",), 0),
        (("schema",), True),
        (("schema",), None),
        (("number",), "7"),
        (("number",), 0),
        (("kind",), "person"),
        (("regime",), "GDPR"),
        (("received",), "2026-01-31T09:00:00"),
        (("received",), "2027-01-31T09:00:00+00:00"),
        (("received",), 5),
        (("handles",), "abc"),
        (("history",), []),
        (("history",), None),
        (("history", 0, "action"), "extend"),
        (("history", 0, "action"), "destroy"),
        (("history", 1, "at"), "2025-01-01T00:00:00+00:00"),
        (("history", 0, "reason"), "a name"),
        (("history", 0, "more"), 1),
        (("more",), 1),
    ],
)
def test_data_that_no_request_wrote_is_refused(path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises(TamperedError):
        Request.from_dict(changed(path, value))


def test_a_later_schema_is_refused_as_such() -> None:
    with pytest.raises(NewerFormatError, match="schema 3"):
        Request.from_dict(changed(("schema",), 3))


def test_an_old_sample_loads_forever() -> None:
    sample = {
        "schema": 1, "number": 3, "kind": "rectify", "received": "2026-01-31T09:00:00+00:00", "regime": "days:30+15",
        "zone": "Europe/Berlin", "handles": ["0a", "0b"], "caller": "portal", "idempotency": "ff",
        "state": "refused",
        "history": [
            {"action": "hold", "at": "2026-02-01T09:00:00+00:00", "reason": "litigation"},
            {"action": "refuse", "at": "2026-02-02T09:00:00+00:00", "reason": "legal-claims"},
        ],
    }  # fmt: skip
    request = Request.from_dict(sample)
    assert (request.state, request.reason, request.due().day) == ("refused", "legal-claims", date(2026, 3, 2))
    assert request.history[0] == Step(action="hold", at=datetime(2026, 2, 1, 9, tzinfo=UTC), reason="litigation")
