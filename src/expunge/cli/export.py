"""``expunge export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import Directory, Json
from expunge.cli.output import Output


def export(
    model: Directory,
    to: Annotated[Path, typer.Argument(metavar="TO", help="New folder for the export.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an export or model that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a copy that predicts the same and knows no record."""
    from expunge.workspace import ModelDirectory

    out = Output(as_json)
    with out.working("Exporting"):
        made = ModelDirectory.open(model).export(to, overwrite=force)
    out.result(made.describe(), [f"{made.path} predicts, and knows no record."])
