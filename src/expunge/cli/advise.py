"""``expunge advise``: advice that is measured on the user's own table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.fit import Estimator, Ignore, RecordId, SubjectId, Target, Task, Types
from expunge.cli.options import Data, Delimiter, Encoding, Json, column_types, integers, json_values
from expunge.cli.output import Output

__all__ = ["advise"]

Text = str | None
Deletions = Annotated[float, typer.Option(metavar="NUMBER", help="Requests to forget in a month.")]
Deadline = Annotated[str, typer.Option(metavar="TIME", help="Until when each must be done, as 30d, 12h or 90s.")]
Batch = Annotated[
    Text,
    typer.Option(metavar="TIME", help="How long requests are collected; 0s: not. Default: half the deadline."),
]
MaxLoss = Annotated[float, typer.Option(metavar="NUMBER", help="How much accuracy, or R², may be given up.")]
Shards = Annotated[Text, typer.Option(metavar="NUMBERS", help="To compare, as 5,10,20.")]
Slices = Annotated[Text, typer.Option(metavar="NUMBERS", help="To compare, as 1,4; for estimators that can continue.")]
Sample = Annotated[int, typer.Option(metavar="NUMBER", help="Records to measure on, people whole.")]
Seed = Annotated[int, typer.Option(metavar="NUMBER", help="Of the sample, the folds and the draws.")]
Options = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="Of the estimator, as estimator__model__C=0.1.")
]
Plot = Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw the trade-off.")]
Html = Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a page with table and picture.")]

Table = Annotated[
    Path | None, typer.Option("--data", metavar="FILE", help="CSV or Parquet file to measure on; else made-up records.")
]
Records = Annotated[
    int | None, typer.Option("--records", metavar="NUMBER", help="Without a file: records that the model learns from.")
]
Columns = Annotated[
    int | None, typer.Option("--numbers", metavar="NUMBER", help="Without a file: numbers in each record.")
]
Gone = Annotated[int, typer.Option("--deletions", metavar="NUMBER", help="Records to forget, one at a time.")]
Wanted = Annotated[float, typer.Option("--accuracy", metavar="NUMBER", help="That is wanted, between 0 and 1.")]
Epsilon = Annotated[float, typer.Option(metavar="NUMBER", help="The most that may be spent.")]
Ceiling = Annotated[
    float | None,
    typer.Option(metavar="NUMBER", help="Of made-up records: accuracy of the best rule there is; default: 0.95."),
]

advise = typer.Typer(
    name="advise", no_args_is_help=True, help="Advise on how to set up a model that will have to forget."
)


@advise.callback()
def _advise() -> None:
    """Advise on how to set up a model that will have to forget."""


@advise.command()
def shards(
    data: Data, deletions: Deletions, deadline: Deadline = "30d", record_id: RecordId = None, target: Target = None,
    subject_id: SubjectId = None, batch: Batch = None, max_loss: MaxLoss = 0.01, estimator: Estimator = None,
    task: Task = None, option: Options = None, columns: Types = None, ignore: Ignore = None, shards: Shards = None,
    slices: Slices = None, sample: Sample = 20_000, seed: Seed = 0, delimiter: Delimiter = None,
    encoding: Encoding = None, plot: Plot = None, html: Html = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Say how many shards and slices a table wants, or that plain retraining is cheaper."""
    from expunge.workspace import Workspace, advice

    out = Output(as_json)
    advice.check_files(plot, html)
    with out.measuring("Measuring") as progress:
        found = Workspace.advise_shards(
            data, record_id=record_id, target=target, subject_id=subject_id, deletions=deletions, deadline=deadline,
            batch=batch, max_loss=max_loss, estimator=estimator, task=task, options=json_values(option, "--option"),
            columns=column_types(columns), ignore=ignore or (), shards=integers(shards, "--shards"),
            slices=integers(slices, "--slices"), sample=sample, seed=seed, delimiter=delimiter, encoding=encoding,
            progress=progress,
        )  # fmt: skip
    written = advice.write_files(found, plot, html)
    out.table(found.to_dict(), advice.COLUMNS, found.rows(), lines=[*found.lines(), *map(str, written)])


@advise.command()
def privacy(
    deletions: Gone, accuracy: Wanted, data: Table = None, target: Target = None, record_id: RecordId = None,
    subject_id: SubjectId = None, columns: Types = None, ignore: Ignore = None, records: Records = None,
    numbers: Columns = None, epsilon: Epsilon = 1.0, ceiling: Ceiling = None, seed: Seed = 0,
    delimiter: Delimiter = None, encoding: Encoding = None, plot: Plot = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Compare retraining, certificates, noisy steps and doing nothing, on your table or on made-up records."""
    from expunge.workspace import Workspace, advice

    out = Output(as_json)
    advice.check_plot(plot)
    with out.measuring("Measuring") as progress:
        found = Workspace.advise_privacy(
            data, n=records, d=numbers, deletions=deletions, accuracy=accuracy, epsilon=epsilon, ceiling=ceiling,
            seed=seed, target=target, record_id=record_id, subject_id=subject_id, columns=column_types(columns),
            ignore=ignore or (), delimiter=delimiter, encoding=encoding, progress=progress,
        )  # fmt: skip
    written = advice.write_privacy(found, plot)
    out.table(found.to_dict(), advice.PRIVACY_COLUMNS, found.rows(), lines=[*found.lines(), *written])
