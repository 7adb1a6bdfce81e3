"""``expunge promote``."""

from __future__ import annotations

from typing import Annotated

import typer

from expunge.cli.options import At, Json, Name
from expunge.cli.output import Output, model_lines


def promote(
    name: Name, reason: Annotated[str, typer.Option(help="Why; it is kept.")], workspace: At = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Put a version that did not pass its gate into use all the same."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Promoting"):
        told = Workspace.open(workspace).promote(name, reason=reason)
    out.result(told, model_lines(told))
