"""``expunge rectify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import At, Caller, Delimiter, Encoding, Json, Key
from expunge.cli.output import Output, show_answers

File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Parquet file: ids, and what is right about them.")]
Data = Annotated[str, typer.Option(metavar="NAME", help="The data set they belong to.")]


def rectify(
    file: File, data: Data, delimiter: Delimiter = None, encoding: Encoding = None, caller: Caller = "", key: Key = "",
    workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Correct records under their ids: whole rows, or the columns that were wrong alone."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Rectifying"):
        opened = Workspace.open(workspace)
        answers = opened.rectify(file, data=data, delimiter=delimiter, encoding=encoding, caller=caller, key=key)
    show_answers(out, answers)
