"""``expunge request``: take requests in, hold, extend or refuse them, and carry out those whose time has come."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from expunge.cli.options import By, Classes, Features, IdsFrom, Json, Records, Subjects, request_of
from expunge.cli.output import Output
from expunge.errors import InvalidRequestError

__all__ = ["request"]

request = typer.Typer(name="request", no_args_is_help=True, help="Requests to forget: take in, hold, extend, run.")

Where = Annotated[
    Path | None, typer.Option("--workspace", metavar="DIR", help="Folder of the workspace; default: upwards from here.")
]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Of the request; see `expunge request list`.")]
Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="NUMBER...", help="Default: those whose time has come by the policy.")
]
From = Annotated[
    Path | None, typer.Option("--from", metavar="FILE", help="CSV or JSON lines: kind, id, received, regime, ...")
]  # fmt: skip
DataSet = Annotated[str | None, typer.Option("--data", metavar="NAME", help="Data set it is limited to.")]
Received = Annotated[
    str | None, typer.Option(metavar="TIME", help="When it arrived, as 2026-03-05 or 2026-03-05T14:00Z; default: now.")
]
RegimeName = Annotated[str | None, typer.Option("--regime", help="gdpr, ccpa, pipl:N, days:N or days:N+M.")]
Caller = Annotated[str, typer.Option(metavar="NAME", help="System that asks.")]
Key = Annotated[str, typer.Option(help="The caller's own key: asking again with it is the same request.")]
Every = Annotated[bool, typer.Option("--all", help="Final ones too.")]
Reason = Annotated[str, typer.Option(metavar="CODE", help="As the error lists them, legal-claims for instance.")]
Why = Annotated[
    str | None, typer.Option("--reason", metavar="CODE", help="litigation, legal-retention, clarification.")
]


@request.command("add")
def request_add(
    subject: Subjects = None, record: Records = None, class_: Classes = None, feature: Features = None,
    ids_from: IdsFrom = None, by: By = None, from_file: From = None, data: DataSet = None, received: Received = None,
    regime: RegimeName = None, caller: Caller = "", key: Key = "", workspace: Where = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Take requests in and leave them in the queue: one for each person, or all of a file in one transaction."""
    with Output(as_json).working("Taking in"):
        opened = _open(workspace)
        if from_file is not None:
            _refuse_beside_a_file(subject, record, class_, feature, ids_from, by, data, received, regime, caller, key)
            numbers = opened.request_add_file(from_file)
        else:
            named = request_of(record, subject, class_, feature, ids_from, by)
            numbers = opened.request_add(_wishes(named, data, received, regime, caller, key))
    _show_numbers(Output(as_json), opened, numbers)


@request.command("list")
def request_list(every: Every = False, workspace: Where = None, as_json: Json = False) -> None:
    """All open requests with their due dates, the most urgent first."""
    _show_all(Output(as_json), _open(workspace).request_list(every=every))


@request.command("show")
def request_show(number: Number, workspace: Where = None, as_json: Json = False) -> None:
    """How one request stands, and its receipt."""
    _show_one(Output(as_json), _open(workspace).request_show(number))


@request.command("hold")
def request_hold(number: Number, reason: Why = None, workspace: Where = None, as_json: Json = False) -> None:
    """Put a request on hold. Its clock runs on."""
    _show_one(Output(as_json), _open(workspace).request_step(number, "hold", reason=reason))


@request.command("release")
def request_release(number: Number, workspace: Where = None, as_json: Json = False) -> None:
    """Let a request on hold go on."""
    _show_one(Output(as_json), _open(workspace).request_step(number, "release"))


@request.command("ask-identity")
def request_ask_identity(number: Number, workspace: Where = None, as_json: Json = False) -> None:
    """Note that the person was asked who they are."""
    _show_one(Output(as_json), _open(workspace).request_step(number, "ask-identity"))


@request.command("confirm-identity")
def request_confirm_identity(number: Number, workspace: Where = None, as_json: Json = False) -> None:
    """Note that the person has shown who they are."""
    _show_one(Output(as_json), _open(workspace).request_step(number, "confirm-identity"))


@request.command("extend")
def request_extend(number: Number, reason: Reason = "", workspace: Where = None, as_json: Json = False) -> None:
    """Note that the person was told, in time, that it takes longer."""
    _show_one(Output(as_json), _open(workspace).request_step(number, "extend", reason=reason or None))


@request.command("refuse")
def request_refuse(number: Number, reason: Reason = "", workspace: Where = None, as_json: Json = False) -> None:
    """Refuse a request, for a reason out of the list."""
    _show_one(Output(as_json), _open(workspace).request_step(number, "refuse", reason=reason or None))


@request.command("run")
def request_run(numbers: Numbers = None, workspace: Where = None, as_json: Json = False) -> None:
    """Carry out requests: those named, or those whose time has come."""
    out = Output(as_json)
    with out.working("Forgetting"):
        answers = _open(workspace).request_run(numbers or None)
    out.result(
        {"requests": [answer.to_dict() for answer in answers]},
        [line for answer in answers for line in answer.lines()] or ["Nothing is to be run now."],
    )


# ------------------------------------------------------------------ what the commands share


def _open(folder: Path | None) -> Any:
    return importlib.import_module("expunge.workspace").Workspace.open(folder)


def _refuse_beside_a_file(*options: object) -> None:
    if any(options):
        raise InvalidRequestError("--from stands alone.", hint="Each line of the file says all there is to say.")


def _wishes(
    named: dict[str, list[str]], data: str | None, received: str | None, regime: str | None, caller: str, key: str
) -> Any:
    """Requests of the options. One key for several would make all but the first look like a repetition."""
    from expunge.workspace.deadlines import read_arrival

    if key and len(named.get("subjects", ())) + len(named.keys() - {"subjects"}) > 1:
        raise InvalidRequestError("--key is for one request.", hint="Name one person, or give a file with --from.")
    arrival = None if received is None else read_arrival(received)
    return _wishes_of()(**named, data=data, received=arrival, regime=regime, caller=caller, key=key)


def _wishes_of() -> Any:
    return importlib.import_module("expunge.workspace.asking").wishes_of


def _show_numbers(out: Output, opened: Any, numbers: Sequence[int]) -> None:
    """Of a few requests how each stands; of many how many there are."""
    different = list(dict.fromkeys(numbers))
    if len(different) > 20:
        out.result({"requests": different}, [f"{len(different):,} requests, {different[0]} to {different[-1]}."])
    else:
        _show_all(out, [opened.request_show(number) for number in different])


def _show_all(out: Output, answers: Sequence[Any]) -> None:
    ordered = sorted(answers, key=lambda answer: (answer.request.is_final, answer.request.due().instant))
    rows = [
        (one.request.number, one.request.kind, one.request.state, str(one.request.due()), one.request.reason or "")
        for one in ordered
    ]
    if not rows:
        out.result({"requests": []}, ["No request is open."])
        return
    out.table({"requests": [one.to_dict() for one in ordered]}, ["number", "about", "state", "due", "reason"], rows)


def _show_one(out: Output, answer: Any) -> None:
    out.result(answer.to_dict(), answer.lines())
