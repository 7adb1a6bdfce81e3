"""``expunge fit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import Data, Delimiter, Encoding, Json, column_types, json_values
from expunge.cli.output import Output

Text = str | None
Texts = list[str] | None

NewFolder = Annotated[Path, typer.Argument(metavar="MODEL", help="New folder for the model.")]
RecordId = Annotated[Text, typer.Option(metavar="COLUMN", help="Column with a different id in each row.")]
Target = Annotated[Text, typer.Option(metavar="COLUMN", help="Column with what is to be predicted.")]
SubjectId = Annotated[Text, typer.Option(metavar="COLUMN", help="Column with the person each row is about.")]
Method = Annotated[str, typer.Option(help="See `expunge methods`.")]
Estimator = Annotated[Text, typer.Option(help="logistic, linear, hist-gradient-boosting or lightgbm.")]
Task = Annotated[Text, typer.Option(help="classification or regression.")]
Options = Annotated[Texts, typer.Option(metavar="NAME=VALUE", help="Of the method, as n_shards=10; may be repeated.")]
Types = Annotated[Texts, typer.Option(metavar="NAME=TYPE", help="Not to be inferred, as age=number,job=text.")]
Ignore = Annotated[Texts, typer.Option(metavar="COLUMN", help="Not to learn from; may be repeated.")]
SchemaFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A table.json; its columns are used as they are.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a model that is there.")]


def fit(
    model: NewFolder, data: Data, record_id: RecordId = None, target: Target = None, subject_id: SubjectId = None,
    method: Method = "sisa", estimator: Estimator = None, task: Task = None, option: Options = None,
    columns: Types = None, ignore: Ignore = None, schema: SchemaFile = None, delimiter: Delimiter = None,
    encoding: Encoding = None, force: Force = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Fit a model on a CSV or Parquet file and put it into a new folder."""
    from expunge.workspace import ModelDirectory

    out = Output(as_json)
    with out.working("Fitting"):
        made = ModelDirectory.fit(
            model, data, record_id=record_id, target=target, subject_id=subject_id, method=method, estimator=estimator,
            task=task, options=json_values(option), columns=column_types(columns), ignore=ignore or (), schema=schema,
            delimiter=delimiter, encoding=encoding, overwrite=force,
        )  # fmt: skip
    out.result(made.describe(), made.summary())
