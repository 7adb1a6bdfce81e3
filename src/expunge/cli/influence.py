"""``expunge influence``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from expunge.cli.options import At, Delimiter, Encoding, Json, Name
from expunge.cli.output import Output

Text = str | None
Data = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Table of unseen records: their mean loss. Default: each one's own.")
]
Top = Annotated[int, typer.Option(metavar="N", min=1, help="How many to list.")]
Which = Annotated[
    Literal["largest", "raises", "lowers"],
    typer.Option(help="Changes of either sign; raises: forgetting raises it (of a loss: helpful); lowers: harmful."),
]
Gap = Annotated[Text, typer.Option(metavar="COLUMN", help="Of that table: the gap in equal opportunity instead.")]
Positive = Annotated[Text, typer.Option(metavar="LABEL", help="The label that is an opportunity, for --gap.")]
Method = Annotated[Text, typer.Option(help="leave-one-out (default), influence-functions (networks), tracin or trak.")]
By = Annotated[Literal["record", "subject"], typer.Option(help="Each record, or each person with all records.")]
Sample = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Ask about so many only, chosen by a hash of their ids.")
]
Seed = Annotated[int, typer.Option(help="Of the sample.")]
Picture = Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw the scores; the picture shows ids.")]


def influence(
    name: Name, data: Data = None, top: Top = 20, which: Which = "largest", gap: Gap = None, positive: Positive = None,
    method: Method = None, by: By = "record", sample: Sample = None, seed: Seed = 0, picture: Picture = None,
    delimiter: Delimiter = None, encoding: Encoding = None, workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """List the records or persons that moved a model most: what forgetting each would change."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.measuring("Looking for influence") as progress:
        found = Workspace.open(workspace).influence(
            name, data, gap=gap, positive=positive, method=method, by=by, sample=sample, seed=seed,
            delimiter=delimiter, encoding=encoding, progress=progress,
        )  # fmt: skip
    listed = found.top(top, which=which)
    written = [] if picture is None else [f"Picture: {found.plot(picture, k=top)}"]
    columns = (by, "change", *(() if found.subjects is None else ("subject",)))
    rows = [one[: len(columns)] for one in listed]
    told = found.to_dict(top, which=which)
    out.table(told, columns, rows, lines=[found.sentence(), found.guarantee.sentence(), *written])
