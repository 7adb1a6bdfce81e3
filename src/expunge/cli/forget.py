"""``expunge forget``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from expunge.cli.options import Asked, At, Caller, DataName, Json, Key, Received, Regime, asks
from expunge.cli.output import Output, show_answers

Audit = Annotated[
    int,
    typer.Option(metavar="N", help="Audit each model against N references before the rows go; figures in the receipt."),
]
HeldOut = Annotated[str | None, typer.Option(metavar="NAME", help="For --audit: data that no model has learned.")]


@asks
def forget(
    asked: Asked, data: DataName = None, audit: Audit = 0, held_out: HeldOut = None, caller: Caller = "", key: Key = "",
    received: Received = None, regime: Regime = None, workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Forget persons, records, classes or columns in every model and data set, with a receipt."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Forgetting"):
        wish: Any = {**asked, "caller": caller, "key": key, "received": received, "regime": regime}
        answers = Workspace.open(workspace).forget(**wish, data=data, audit=audit, held_out=held_out)
    show_answers(out, answers)
