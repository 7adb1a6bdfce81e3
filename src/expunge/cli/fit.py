"""``expunge fit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import At, Delimiter, Encoding, Json, Name, Override, column_types, json_values
from expunge.cli.output import Output, model_lines

Text = str | None
Texts = list[str] | None

Data = Annotated[str, typer.Option(metavar="NAME", help="A data set, or a CSV or Parquet file, which is added first.")]
RecordId = Annotated[Text, typer.Option(metavar="COLUMN", help="Of a file: column with a different id in each row.")]
Target = Annotated[Text, typer.Option(metavar="COLUMN", help="Column with what is to be predicted.")]
SubjectId = Annotated[Text, typer.Option(metavar="COLUMN", help="Of a file: column with the person each row is about.")]
Method = Annotated[str, typer.Option(help="See `expunge methods`.")]
Estimator = Annotated[
    Text, typer.Option(help="logistic (classes), linear (numbers), hist-gradient-boosting, lightgbm or network.")
]
Task = Annotated[Text, typer.Option(help="classification or regression; else that of the method, or of the target.")]
Options = Annotated[Texts, typer.Option(metavar="NAME=VALUE", help="Of the method, as n_shards=10; may be repeated.")]
Types = Annotated[Texts, typer.Option(metavar="NAME=TYPE", help="Not to be inferred, as age=number,job=text.")]
Ignore = Annotated[Texts, typer.Option(metavar="COLUMN", help="Not to learn from; may be repeated.")]
SchemaFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A table.json; its columns are used as they are.")
]
Bare = Annotated[
    bool,
    typer.Option("--bare", help="Give a method of numbers the columns as they are: nothing encoded, filled, scaled."),
]
Drop = Annotated[bool, typer.Option("--drop-missing-target", help="Do not learn from rows without a target.")]
Gate = Annotated[
    Texts, typer.Option(metavar="NAME=VALUE", help="data=HOLDOUT, max_drop=0.02, subgroup=COLUMN, max_gap=0.1.")
]
Force = Annotated[bool, typer.Option("--force", help="Fit a model that is there anew.")]


def fit(
    name: Name, data: Data, target: Target = None, record_id: RecordId = None, subject_id: SubjectId = None,
    method: Method = "sisa", estimator: Estimator = None, task: Task = None, option: Options = None,
    columns: Types = None, ignore: Ignore = None, schema: SchemaFile = None, gate: Gate = None,
    delimiter: Delimiter = None, encoding: Encoding = None, bare: Bare = False, drop_missing_target: Drop = False,
    force: Force = False, override: Override = "", workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Fit a model on a data set of the workspace."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Fitting"):
        made = Workspace.open(workspace).fit(
            name, data=data, target=target, record_id=record_id, subject_id=subject_id, method=method,
            estimator=estimator, task=task, options=json_values(option, "--option"), columns=column_types(columns),
            ignore=ignore or (), schema=schema, gate=json_values(gate, "--gate"), delimiter=delimiter,
            encoding=encoding, bare=bare, drop_missing_target=drop_missing_target, replace=force, override=override,
        )  # fmt: skip
    out.result(made, model_lines(made))
