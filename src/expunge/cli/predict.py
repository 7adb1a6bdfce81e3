"""``expunge predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import Data, Delimiter, Directory, Encoding, Json
from expunge.cli.output import Output


def predict(
    model: Directory,
    data: Data,
    out: Annotated[Path | None, typer.Option(help="Write to this new .csv or .parquet file.")] = None,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="A column for each class.")] = False,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    as_json: Json = False,
) -> None:
    """Predict the target for the rows of a CSV or Parquet file."""
    from expunge.workspace import ModelDirectory
    from expunge.workspace.tables import write_table

    output = Output(as_json)
    with output.working("Predicting"):
        opened = ModelDirectory.open(model)
        frame = opened.predict(data, delimiter=delimiter, encoding=encoding, probabilities=probabilities)
    if out is None:
        output.frame(frame)
    else:
        written = str(write_table(frame, out))
        output.result({"path": written, "n_rows": len(frame)}, [f"Wrote {len(frame):,} predictions to {written}."])
