"""``expunge request``: each command hands what it was given to the facade, and prints what it says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

import expunge.workspace
from expunge.cli.request import request
from expunge.errors import InvalidRequestError
from expunge.workspace.request_states import Request

ARRIVAL = datetime(2026, 3, 5, 14, tzinfo=UTC)


class Answer:
    """What the facade says about a request."""

    def __init__(self, one: Request) -> None:
        self.request = one

    def to_dict(self) -> dict[str, Any]:
        return {"request": self.request.number, "state": self.request.state}

    def lines(self) -> list[str]:
        return [f"{self.request}."]


class Facade:
    """Stands for the workspace: keeps what it was asked, and answers with two requests."""

    asked: list[Any]

    def __init__(self) -> None:
        first = Request(number=1, kind="subject", received=ARRIVAL, regime="days:90")
        second = Request(number=2, kind="record", received=ARRIVAL)
        self.requests = {1: first, 2: second}
        Facade.asked = []

    @classmethod
    def open(cls, path: Path | None) -> Facade:
        made = cls()
        cls.asked.append(("open", path))
        return made

    def request_add(self, wishes: Any) -> list[int]:
        self.asked.append(("add", wishes))
        return [1, 2, 2]

    def request_add_file(self, path: Path) -> list[int]:
        self.asked.append(("file", str(path)))
        return list(range(1, 5_001))

    def request_list(self, *, every: bool = False) -> list[Answer]:
        self.asked.append(("list", every))
        return [Answer(one) for one in self.requests.values()]

    def request_show(self, number: int) -> Answer:
        self.asked.append(("show", number))
        return Answer(self.requests[number])

    def request_step(self, number: int, action: Any, *, reason: str | None = None) -> Answer:
        self.asked.append((action, number, reason))
        return Answer(self.requests[number].after(action, ARRIVAL, reason=reason))

    def request_run(self, numbers: list[int] | None = None) -> list[Answer]:
        self.asked.append(("run", numbers))
        return [Answer(self.requests[number]) for number in numbers or ()]


class Asking:
    """Stands for what makes wishes of options."""

    @staticmethod
    def wishes_of(**named: Any) -> dict[str, Any]:
        return named


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setattr(expunge.workspace, "Workspace", Facade, raising=False)
    monkeypatch.setattr("expunge.cli.request._wishes_of", lambda: Asking.wishes_of)

    def call(*arguments: str) -> tuple[list[Any], str]:
        typer.main.get_command(request).main(args=list(arguments), prog_name="request", standalone_mode=False)
        return Facade.asked[1:], capsys.readouterr().out

    return call


def test_add_by_options(call: Any) -> None:
    asked, out = call(
        "add", "--subject", "p-1", "--data", "people", "--received", "2026-03-05T15:00+01:00", "--regime", "ccpa",
        "--caller", "portal", "--key", "k-1",
    )  # fmt: skip
    want = {
        "subjects": ["p-1"],
        "data": "people",
        "received": ARRIVAL,
        "regime": "ccpa",
        "caller": "portal",
        "key": "k-1",
    }
    assert asked == [("add", want), ("show", 1), ("show", 2)]
    assert out.index("2026-04-05") < out.index("2026-06-03")  # the most urgent first


@pytest.mark.parametrize(
    "named",
    [
        ("--subject", "p-1", "--subject", "p-2"),
        ("--subject", "p-1", "--record", "7"),
        ("--class", "a", "--record", "7"),
    ],
)
def test_a_key_is_for_one_request(call: Any, named: tuple[str, ...]) -> None:
    """Else the second person would be taken for the first one asking again, and never be forgotten."""
    with pytest.raises(InvalidRequestError, match="--key is for one request"):
        call("add", *named, "--key", "k-1")
    assert len(call("add", *named)[0]) > 1
    assert len(call("add", "--record", "7", "--record", "8", "--key", "k-1")[0]) > 1


def test_add_a_file_tells_how_many(call: Any) -> None:
    asked, out = call("add", "--from", "people.csv")
    assert asked == [("file", "people.csv")]
    assert out == "5,000 requests, 1 to 5000.\n"
    assert len(json.loads(call("add", "--from", "people.csv", "--json")[1])["requests"]) == 5_000


def test_add_nothing_and_bad_times(call: Any) -> None:
    with pytest.raises(InvalidRequestError, match="what to forget"):
        call("add")
    with pytest.raises(ValueError, match="cannot be read"):
        call("add", "--subject", "p-1", "--received", "last week")
    for more in (("--subject", "p-1"), ("--received", "2026-03-05"), ("--regime", "gdpr"), ("--key", "k")):
        with pytest.raises(InvalidRequestError, match="--from stands alone"):
            call("add", "--from", "people.csv", *more)


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("list",), ("list", False)),
        (("list", "--all"), ("list", True)),
        (("show", "2"), ("show", 2)),
        (("hold", "2", "--reason", "litigation"), ("hold", 2, "litigation")),
        (("hold", "2"), ("hold", 2, None)),
        (("ask-identity", "2"), ("ask-identity", 2, None)),
        (("extend", "2", "--reason", "complexity"), ("extend", 2, "complexity")),
        (("refuse", "2", "--reason", "legal-claims"), ("refuse", 2, "legal-claims")),
        (("run",), ("run", None)),
        (("run", "1", "2"), ("run", [1, 2])),
    ],
)
def test_each_command_asks_the_facade(call: Any, arguments: tuple[str, ...], asked: tuple[Any, ...]) -> None:
    got, out = call(*arguments)
    assert got == [asked]
    assert out
    assert isinstance(json.loads(call(*arguments, "--json")[1]), dict)


@pytest.mark.parametrize(("action", "state"), [("release", "received"), ("confirm-identity", "received")])
def test_steps_that_are_not_legal_are_refused_by_name(call: Any, action: str, state: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"Request 2 is {state} and cannot {action}"):
        call(action, "2")


@pytest.mark.parametrize("action", ["extend", "refuse"])
def test_reasons_are_asked_for(call: Any, action: str) -> None:
    with pytest.raises(InvalidRequestError, match="needs a reason"):
        call(action, "2")


def test_the_folder_is_handed_on(call: Any) -> None:
    call("list", "--workspace", "ws")
    assert Facade.asked[0] == ("open", Path("ws"))


def test_nothing_to_run_is_said(call: Any) -> None:
    assert call("run")[1] == "Nothing is to be run now.\n"
