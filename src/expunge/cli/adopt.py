"""``expunge adopt``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import At, Json, Name
from expunge.cli.output import Output, model_lines

File = Annotated[Path, typer.Argument(metavar="FILE", help="A fitted scikit-learn estimator, saved by skops.")]
Data = Annotated[str, typer.Option(metavar="NAME", help="The data set it was fitted on.")]
Target = Annotated[str, typer.Option(metavar="COLUMN", help="Column it predicts.")]
Tolerance = Annotated[float, typer.Option(help="Largest difference of a predicted number or probability.")]
Ignore = Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="Not learned from; may be repeated.")]
Trusted = Annotated[list[str] | None, typer.Option(metavar="TYPE", help="A type in the file that you trust.")]


def adopt(
    name: Name, file: File, data: Data, target: Target, tolerance: Tolerance = 1e-6, ignore: Ignore = None,
    trusted: Trusted = None, workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Take over an estimator that was trained elsewhere, if it can forget exactly from here on."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Taking over"):
        made = Workspace.open(workspace).adopt(
            name, file, data=data, target=target, tolerance=tolerance, ignore=tuple(ignore or ()),
            trusted=tuple(trusted or ()),
        )  # fmt: skip
    told = f"It predicts as the one taken over did, but for {made['difference']:.3g}, and is exact from here on."
    out.result(made, [*model_lines(made), told])
