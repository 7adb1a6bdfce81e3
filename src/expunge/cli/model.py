"""``expunge model``: what is done with a model as a whole."""

from __future__ import annotations

import typer

from expunge.cli.options import At, Json, Name
from expunge.cli.output import Output

model = typer.Typer(name="model", help="Models: taken out again.", no_args_is_help=True)


@model.callback()
def _model() -> None:
    """Models: taken out again."""


@model.command()
def remove(name: Name, workspace: At = None, as_json: Json = False) -> None:
    """Take a model out: its versions and the predictions kept of it are deleted, and the log says so."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Removing"):
        gone = Workspace.open(workspace).model_remove(name)
    out.result(gone, [f"{name} is removed, and the log says so."])
