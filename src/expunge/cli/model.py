"""``expunge model``: what is done with a model as a whole."""

from __future__ import annotations

from typing import Annotated

import typer

from expunge.cli.options import At, Json, Name, json_values
from expunge.cli.output import Output, model_lines

model = typer.Typer(
    name="model", help="Models: listed, shown; how a network forgets is changed; taken out.", no_args_is_help=True
)

Method = Annotated[str | None, typer.Option(help="How it forgets from here on, as scrub. See `expunge methods`.")]
Options = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="Of the method, as epochs=2; a limit, as max_retain_drop=0.05; strength."),
]


@model.callback()
def _model() -> None:
    """Models: listed, shown; how a network forgets is changed; taken out."""


@model.command("list")
def list_(workspace: At = None, as_json: Json = False) -> None:
    """List the models."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Listing"):
        found = Workspace.open(workspace).model_list()
    columns = ("name", "version", "state", "data", "n_records", "n_data")
    out.table({"models": found}, columns, [[one[name] for name in columns] for one in found])


@model.command()
def show(name: Name, workspace: At = None, as_json: Json = False) -> None:
    """Show a model: what it learned from which columns, by which method, and what it promises."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Looking"):
        found = Workspace.open(workspace).model_show(name)
    out.result(found, model_lines(found))


@model.command()
def change(
    name: Name, method: Method = None, option: Options = None, workspace: At = None, as_json: Json = False
) -> None:
    """Change by which method, how strongly and within which limits a trained network forgets; the log says so."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Changing"):
        made = Workspace.open(workspace).model_change(name, method=method, options=json_values(option, "--option"))
    out.result(made, [*model_lines(made), "From here on it forgets so; requests that wait: `expunge request run`."])


@model.command()
def remove(name: Name, workspace: At = None, as_json: Json = False) -> None:
    """Take a model out: its versions and the predictions kept of it are deleted, and the log says so."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Removing"):
        gone = Workspace.open(workspace).model_remove(name)
    out.result(gone, [f"{name} is removed, and the log says so."])
