"""When requests run: against a simulation that watches the clock, and with clocks that jump."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.errors import InvalidParameterError
from expunge.workspace.rules.policies import Decision, Policy, Waiting, decide, latest_safe_start, pressing, waiting_of
from expunge.workspace.rules.request_states import Request

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
POLICIES = ("at-once", "every:6h", "at:3", "latest-safe")


def wait(number: int, *, due_h: float, cost_h: float = 0.0, received_h: float = 0.0) -> Waiting:
    return Waiting(
        number=number, received=NOON + received_h * HOUR, due=NOON + due_h * HOUR, cost_s=cost_h * 3600
    )  # fmt: skip


def plain(text: str) -> Policy:
    """Without margin and with honest plans, so that the numbers can be worked out by hand."""
    return Policy.from_text(text, margin_h=0, cost_factor=1)


# ------------------------------------------------------------------ by hand


def test_nothing_waits() -> None:
    assert decide([], Policy(), NOON) == Decision()


def test_at_once_runs_everything_the_most_urgent_first() -> None:
    queue = [wait(1, due_h=900), wait(2, due_h=800), wait(3, due_h=800)]
    assert decide(queue, Policy.from_text("at-once"), NOON).run == (2, 3, 1)


def test_every_six_hours() -> None:
    queue, policy = [wait(1, due_h=900)], Policy.from_text("every:6h")
    first = decide(queue, policy, NOON + HOUR)
    assert (first.run, first.wake) == ((), NOON + 6 * HOUR)
    assert decide(queue, policy, NOON + 6 * HOUR).run == (1,)
    again = decide(queue, policy, NOON + 8 * HOUR, last_run=NOON + 6 * HOUR)
    assert (again.run, again.wake) == ((), NOON + 12 * HOUR)


def test_of_two_reasons_to_wake_the_first_counts() -> None:
    queue = [wait(1, due_h=30, cost_h=1)]
    assert decide(queue, plain("every:1000h"), NOON).wake == NOON + 29 * HOUR
    assert decide(queue, plain("every:7h"), NOON).wake == NOON + 7 * HOUR


def test_at_three_requests() -> None:
    queue, policy = [wait(1, due_h=900), wait(2, due_h=900)], plain("at:3")
    assert decide(queue, policy, NOON).run == ()
    assert decide(queue, policy, NOON).wake == NOON + 900 * HOUR
    assert decide([*queue, wait(3, due_h=900)], policy, NOON).run == (1, 2, 3)


def test_the_latest_safe_time_leaves_room_for_each_in_turn() -> None:
    queue = [wait(1, due_h=10, cost_h=1), wait(2, due_h=12, cost_h=4), wait(3, due_h=100, cost_h=1)]
    assert latest_safe_start(queue, plain("latest-safe")) == NOON + 7 * HOUR  # 12 - (1 + 4)
    careful = Policy.from_text("latest-safe", margin_h=1, cost_factor=1.2)
    assert latest_safe_start(queue, careful) == NOON + 5 * HOUR  # 12 - 1.2 (1 + 4) - 1
    assert decide(queue, plain("latest-safe"), NOON + 7 * HOUR).run == (1, 2, 3)
    assert decide(queue, plain("latest-safe"), NOON + 7 * HOUR - timedelta(seconds=1)).run == ()


def test_no_policy_collects_past_a_due_date() -> None:
    queue = [wait(1, due_h=30, cost_h=2)]
    for text in POLICIES[1:]:
        decision = decide(queue, Policy.from_text(text), NOON + 3 * HOUR, last_run=NOON + 2 * HOUR)
        assert decision.run == (1,), text


def test_what_cannot_be_done_in_time_is_named_and_run_nonetheless() -> None:
    queue = [wait(1, due_h=1, cost_h=2), wait(2, due_h=50, cost_h=1), wait(3, due_h=2, cost_h=1)]
    decision = decide(queue, Policy.from_text("at:100"), NOON)
    assert decision.run == (1, 3, 2)
    assert decision.late == (1, 3)


def test_only_what_waits_is_in_the_queue() -> None:
    first = Request(number=1, kind="subject", received=NOON)
    held = Request(number=2, kind="subject", received=NOON).after("hold", NOON, reason="other")
    running = Request(number=3, kind="subject", received=NOON).after("start", NOON)
    extended = Request(number=4, kind="record", received=NOON).after("extend", NOON, reason="complexity")
    queue = waiting_of([first, held, running, extended], {4: 9.0})
    assert [(one.number, one.cost_s) for one in queue] == [(1, 0.0), (4, 9.0)]
    assert queue[1].due == extended.due().instant


def test_what_no_policy_runs_and_whose_date_comes_is_pressing() -> None:
    new = [Request(number=k, kind="subject", received=NOON, regime=f"days:{9 - k}") for k in range(1, 5)]
    asked = Request(number=9, kind="subject", received=NOON).after("ask-identity", NOON)
    requests = [new[0], *(one.after("hold", NOON, reason="other") for one in new[1:]), asked]
    assert pressing(requests, NOON + 90 * HOUR) == [4, 3]
    assert pressing(requests, NOON + 999 * HOUR) == [4, 3, 2]  # who is asked stops the clock
    assert pressing(requests, NOON) == []


# ------------------------------------------------------------------ against other mathematics

queues = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 6)), min_size=1, max_size=5)


def in_time(order: tuple[Waiting, ...], start: datetime) -> bool:
    at = start
    for one in order:
        at += timedelta(seconds=one.cost_s)
        if at > one.due:
            return False
    return True


@settings(max_examples=50)
@given(queues)
def test_the_latest_safe_time_is_the_latest_of_all_orders(drawn: list[tuple[int, int]]) -> None:
    """Tried out in every order: from that time one of them is in time, a second later none is."""
    queue = [wait(k, due_h=due, cost_h=cost) for k, (due, cost) in enumerate(drawn)]
    start = latest_safe_start(queue, plain("latest-safe"))
    assert start is not None
    orders = list(itertools.permutations(queue))
    assert any(in_time(order, start) for order in orders)
    assert not any(in_time(order, start + timedelta(seconds=1)) for order in orders)


arrivals = st.lists(st.tuples(st.integers(0, 300), st.integers(40, 900), st.integers(0, 3)), min_size=1, max_size=12)


def simulate(drawn: list[tuple[int, int, int]], policy: Policy, jumps: dict[int, int]) -> dict[int, int]:
    """Run a workspace hour by hour; ``jumps`` sets its clock wrong by so many hours from a true hour on.

    Returns the true hour at which each request was done. A request that runs twice is an error.
    """
    waiting: dict[int, Waiting] = {}
    done: dict[int, int] = {}
    last_run, busy, off = None, 0, 0
    for hour in range(2_000):
        off = jumps.get(hour, off)
        clock = NOON + (hour + off) * HOUR
        for number, (at, due, cost) in enumerate(drawn):
            if at == hour:
                waiting[number] = Waiting(
                    number=number, received=clock, due=clock + due * HOUR, cost_s=cost * 3600.0
                )  # fmt: skip
        if hour < busy:
            continue
        decision = decide(list(waiting.values()), policy, clock, last_run=last_run)
        assert decision.wake is None or decision.wake > clock or decision.run
        for number in decision.run:
            assert number not in done, "run twice"
            busy = max(busy, hour) + drawn[number][2]
            done[number] = busy
            del waiting[number]
        if decision.run:
            last_run = clock
        if not waiting and len(done) == len(drawn):
            break
    return done


@settings(max_examples=50)
@given(arrivals, st.sampled_from(POLICIES))
def test_every_request_is_done_once_and_in_time(drawn: list[tuple[int, int, int]], text: str) -> None:
    """With due dates and costs that leave room: one batch is never longer than 36 hours."""
    done = simulate(drawn, Policy.from_text(text, margin_h=40, cost_factor=2), {})
    assert set(done) == set(range(len(drawn)))
    for number, (at, due, _) in enumerate(drawn):
        if due >= 40 + 2 * 36:
            assert done[number] <= at + due


@settings(max_examples=50)
@given(arrivals, st.sampled_from(POLICIES), st.dictionaries(st.integers(0, 320), st.integers(-500, 500), max_size=4))
def test_a_clock_that_jumps_loses_and_doubles_nothing(
    drawn: list[tuple[int, int, int]], text: str, jumps: dict[int, int]
) -> None:
    done = simulate(drawn, Policy.from_text(text), jumps)
    assert set(done) == set(range(len(drawn)))


def test_a_clock_that_went_back_runs_a_collecting_policy_now() -> None:
    queue = [wait(1, due_h=900)]
    for text in ("every:6h", "every:1000h"):
        decision = decide(queue, Policy.from_text(text), NOON - 800 * HOUR, last_run=NOON)
        assert decision.run == (1,)
    late_by_what_was_seen = decide(queue, Policy.from_text("at:3"), NOON - 800 * HOUR, last_run=NOON + 890 * HOUR)
    assert late_by_what_was_seen.run == (1,)


# ------------------------------------------------------------------ forms


@pytest.mark.parametrize("text", [*POLICIES, "every:0.5h", "at:1"])
def test_policies_are_written_as_they_are_read(text: str) -> None:
    assert str(Policy.from_text(text)) == text
    assert Policy.from_text(str(Policy.from_text(text))) == Policy.from_text(text)


@pytest.mark.parametrize(
    "text", ["", "now", "every", "every:h", "every:0h", "every:-1h", "every:1.2.3h", "every:9000h", "at:0", "at:1.5",
             "at:-3", "latest-safe:1h", "AT ONCE", 6, None],
)  # fmt: skip
def test_no_policy(text: object) -> None:
    with pytest.raises(InvalidParameterError):
        Policy.from_text(text)  # type: ignore[arg-type]


def test_arguments_that_do_not_fit() -> None:
    for wrong in ({"kind": "x"}, {"hours": 1}, {"count": 1}, {"margin_h": -1}, {"cost_factor": 0.5},
                  {"margin_h": float("nan")}, {"kind": "at"}, {"kind": "every"}):  # fmt: skip
        with pytest.raises(InvalidParameterError):
            Policy(**wrong)  # type: ignore[arg-type]
    for cost in (-1.0, float("nan"), float("inf"), "1"):
        with pytest.raises(InvalidParameterError):
            Waiting(number=1, received=NOON, due=NOON, cost_s=cost)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="twice"):
        decide([wait(1, due_h=1), wait(1, due_h=2)], Policy(), NOON)


def test_a_cost_beyond_the_calendar_is_late_and_no_error() -> None:
    decision = decide([wait(1, due_h=1, cost_h=1e9)], Policy.from_text("latest-safe"), NOON)
    assert (decision.run, decision.late) == ((1,), (1,))
