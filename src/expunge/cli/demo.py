"""``expunge demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import Json
from expunge.cli.output import Output


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("expunge-demo"),
    as_json: Json = False,
) -> None:
    """Show on digits what forgetting is: a table, and a report with pictures."""
    from expunge.lab import run_demo

    output = Output(as_json)
    with output.working("Training, forgetting and training again; less than a minute"):
        result = run_demo(out)
    output.table(result.to_dict(), result.columns, result.rows(), title=result.title, lines=result.closing())
