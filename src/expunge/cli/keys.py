"""``expunge keys``: who signs."""

from __future__ import annotations

from typing import Annotated

import typer

from expunge.cli.options import At, Json
from expunge.cli.output import Output, counted

keys = typer.Typer(name="keys", help="Keys that sign receipts, numbers that blind them.", no_args_is_help=True)


@keys.command()
def show(workspace: At = None, as_json: Json = False) -> None:
    """Show who signs, and where the secrets lie."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Looking"):
        told = Workspace.open(workspace).keys_show()
    out.result(told, [f"{name}: {value}" for name, value in told.items()])


@keys.command()
def shred_nonces(
    requests: Annotated[list[int] | None, typer.Argument(help="Of these requests; default: of all.")] = None,
    workspace: At = None,
    as_json: Json = False,
) -> None:
    """Destroy the numbers that blind the digests before in receipts: nobody can test a guess afterwards."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Shredding"):
        told = Workspace.open(workspace).keys_shred_nonces(requests)
    out.result(
        told, [f"Destroyed for {counted(len(told['shredded']), 'receipt')}; those for the digests after are kept."]
    )


@keys.command()
def rotate(workspace: At = None, as_json: Json = False) -> None:
    """Make a new signing key; the old one signs that it follows."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Rotating"):
        told = Workspace.open(workspace).keys_rotate()
    out.result(
        told,
        [
            f"{told['old'][:16]} handed over to {told['new'][:16]}; give away {told['public_key']} now.",
            f"What was signed before is verified with {told['old_public_key']}.",
        ],
    )
