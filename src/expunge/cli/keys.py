"""``expunge keys``: who signs."""

from __future__ import annotations

import typer

from expunge.cli.options import At, Json
from expunge.cli.output import Output

keys = typer.Typer(name="keys", help="The key that signs receipts.", no_args_is_help=True)


@keys.command()
def show(workspace: At = None, as_json: Json = False) -> None:
    """Show who signs, and where the secrets lie."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Looking"):
        told = Workspace.open(workspace).keys_show()
    out.result(told, [f"{name}: {value}" for name, value in told.items()])


@keys.command()
def rotate(workspace: At = None, as_json: Json = False) -> None:
    """Make a new signing key; the old one signs that it follows."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Rotating"):
        told = Workspace.open(workspace).keys_rotate()
    out.result(told, [f"{told['old'][:16]} handed over to {told['new'][:16]}; give away {told['public_key']} now."])
