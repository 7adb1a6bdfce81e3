"""``expunge predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from expunge.cli.options import At, Data, Delimiter, Encoding, Json
from expunge.cli.output import Output

Model = Annotated[str, typer.Argument(metavar="NAME", help="Name of a model, or folder of an export.")]
To = Annotated[Path | None, typer.Option("--out", help="Write to this new .csv or .parquet file.")]
Keep = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Keep in the workspace under this name, as scores.csv, until the model forgets."),
]
Chances = Annotated[bool, typer.Option("--probabilities", help="A column for each class.")]


def predict(
    name: Model, data: Data, out: To = None, keep: Keep = None, probabilities: Chances = False,
    delimiter: Delimiter = None, encoding: Encoding = None, workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Predict the target for the rows of a CSV or Parquet file."""
    from expunge.workspace import predict as predicted
    from expunge.workspace import write_table

    output = Output(as_json)
    with output.working("Predicting"):
        given: dict[str, Any] = {
            "delimiter": delimiter,
            "encoding": encoding,
            "probabilities": probabilities,
            "keep": keep,
        }
        frame = predicted(name, data, workspace=workspace, **given)
    if out is None:
        output.frame(frame)
    else:
        written = str(write_table(frame, out))
        output.result({"path": written, "n_rows": len(frame)}, [f"Wrote {len(frame):,} predictions to {written}."])
