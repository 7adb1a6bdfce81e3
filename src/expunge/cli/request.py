"""``expunge request``: requests that wait, and what is done with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from expunge.cli.options import Asked, At, Caller, DataName, Json, Key, Received, Regime, asks
from expunge.cli.output import Output, show_answers
from expunge.errors import InvalidRequestError

request = typer.Typer(name="request", help="Requests: taken in, listed, held, carried out.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="Number of the request.")]
#: The codes are those of ``REASONS`` in :mod:`expunge.workspace.rules.request_states`, which help does not import.
HoldReason = Annotated[
    str, typer.Option("--reason", metavar="CODE", help="One of litigation, legal-retention, clarification, other.")
]
ExtendReason = Annotated[
    str, typer.Option("--reason", metavar="CODE", help="One of complexity, number-of-requests, other.")
]
RefuseReason = Annotated[
    str,
    typer.Option(
        "--reason", metavar="CODE",
        help="One of unfounded-or-excessive, identity-not-shown, expression, legal-obligation, public-health, "
        "archiving-or-research, legal-claims, no-ground, withdrawn, other.",
    ),
]  # fmt: skip
File = Annotated[Path | None, typer.Option("--from", metavar="FILE", help="Thousands at once: CSV or JSON lines.")]
Every = Annotated[bool, typer.Option("--all", help="Those that are done, too.")]


@request.command()
@asks
def add(
    asked: Asked | None = None, file: File = None, data: DataName = None, caller: Caller = "", key: Key = "",
    received: Received = None, regime: Regime = None, workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Take requests in, durably, to be carried out later."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    wish: Any = {**(asked or {}), "data": data, "caller": caller, "key": key, "received": received, "regime": regime}
    if file is not None and any(wish.values()):
        raise InvalidRequestError("A file says what is asked for and by whom.", hint="Give --from FILE alone.")
    with out.working("Taking in"):
        opened = Workspace.open(workspace)
        numbers = opened.request_ask(**wish) if file is None else opened.request_add_file(file)
    told = f"{len(numbers):,} requests, number {numbers[0]} to {numbers[-1]}. They wait" if len(numbers) > 1 else ""
    way = "`expunge request run` carries out what is due by the policy, `expunge request run NUMBER` that one now."
    out.result({"requests": numbers}, [f"{told or f'Request {numbers[0]}. It waits'}: {way}"])


@request.command("list")
def list_(every: Every = False, workspace: At = None, as_json: Json = False) -> None:
    """List the open requests, or all."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Listing"):
        found = [answer.to_dict() for answer in Workspace.open(workspace).request_list(every=every)]
    columns = ("request", "kind", "data", "state", "due", "receipt")
    told = {one["request"]: f"overdue since {one['due']}" if one["overdue"] else one["due"] for one in found}
    rows = [
        {**one, "kind": one["action"] or one["kind"], "data": one["within"], "due": told[one["request"]]}
        for one in found
    ]
    out.table({"requests": found}, columns, [[one[name] for name in columns] for one in rows])


@request.command()
def show(number: Number, workspace: At = None, as_json: Json = False) -> None:
    """Show one request: its state, due date and law, a hash of who asked, and what became of it when."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Looking"):
        answer = Workspace.open(workspace).request_show(number)
    out.result({"requests": [answer.to_dict()]}, answer.details())


def _step(action: str, number: int, reason: str | None, workspace: Path | None, as_json: bool) -> None:
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Writing"):
        answer = Workspace.open(workspace).request_step(number, action, reason=reason)
    show_answers(out, [answer])


@request.command()
def hold(number: Number, reason: HoldReason, workspace: At = None, as_json: Json = False) -> None:
    """Put a request on hold; the clock goes on."""
    _step("hold", number, reason, workspace, as_json)


@request.command()
def release(number: Number, workspace: At = None, as_json: Json = False) -> None:
    """End a hold."""
    _step("release", number, None, workspace, as_json)


@request.command()
def extend(number: Number, reason: ExtendReason, workspace: At = None, as_json: Json = False) -> None:
    """Take the further period, once, before the first is over; the person has been told."""
    _step("extend", number, reason, workspace, as_json)


@request.command()
def refuse(number: Number, reason: RefuseReason, workspace: At = None, as_json: Json = False) -> None:
    """Refuse a request, with a reason."""
    _step("refuse", number, reason, workspace, as_json)


@request.command()
def identity(
    number: Number,
    confirmed: Annotated[bool, typer.Option("--confirmed", help="The person has answered.")] = False,
    workspace: At = None,
    as_json: Json = False,
) -> None:
    """Note that the person was asked who they are, or has answered."""
    _step("confirm-identity" if confirmed else "ask-identity", number, None, workspace, as_json)


@request.command()
def run(
    numbers: Annotated[list[int] | None, typer.Argument(help="Default: those that the policy says.")] = None,
    workspace: At = None,
    as_json: Json = False,
) -> None:
    """Carry out what waits."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Forgetting"):
        answers = Workspace.open(workspace).request_run(numbers)
    show_answers(out, answers, nothing="Nothing is to be carried out now.")


@request.command()
def settle(
    number: Number, name: Annotated[str, typer.Argument(help="What the request waits for.")], workspace: At = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say that something derived has been deleted or made anew elsewhere."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Writing"):
        answer = Workspace.open(workspace).request_settle(number, name)
    show_answers(out, [answer])
