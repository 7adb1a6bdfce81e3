"""``expunge export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import At, Json, Name
from expunge.cli.output import Output


def export(
    name: Name,
    to: Annotated[Path, typer.Argument(metavar="TO", help="New folder for the export.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an export that is there.")] = False,
    workspace: At = None,
    as_json: Json = False,
) -> None:
    """Write a copy of the version in use that predicts the same and knows no record."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Exporting"):
        path = Workspace.open(workspace).export(name, to, overwrite=force)
    out.result({"path": str(path)}, [f"{path} predicts, and knows no record."])
