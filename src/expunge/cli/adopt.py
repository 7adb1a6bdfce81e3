"""``expunge adopt``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import At, Json, Name, json_values
from expunge.cli.output import Output, adopted_line, model_lines

Texts = list[str] | None

File = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A fitted scikit-learn estimator, saved by skops.")]
Data = Annotated[str, typer.Option(metavar="NAME", help="The data set it was fitted or trained on.")]
Target = Annotated[str | None, typer.Option(metavar="COLUMN", help="Column it predicts; else that of the task.")]
Tolerance = Annotated[
    float | None, typer.Option(help="Largest difference of a predicted number or probability of an estimator; 1e-6.")
]
Ignore = Annotated[Texts, typer.Option(metavar="COLUMN", help="Not learned from; may be repeated.")]
Trusted = Annotated[Texts, typer.Option(metavar="TYPE", help="A type in the file that you trust.")]
Task = Annotated[str | None, typer.Option(help="Of a network: name of its blueprint, entered under expunge.tasks.")]
State = Annotated[Path | None, typer.Option(metavar="FILE", help="Of a network: its weights, as safetensors.")]
Method = Annotated[str | None, typer.Option(help="Of a network: how it forgets, as scrub. See `expunge methods`.")]
Options = Annotated[Texts, typer.Option(metavar="NAME=VALUE", help="Of the method, as epochs=2; or a limit, strength.")]
Log = Annotated[Path | None, typer.Option(metavar="FILE", help="For amnesiac: the log of the training.")]
Start = Annotated[Path | None, typer.Option(metavar="FILE", help="For single-step: the weights before training.")]


def adopt(
    name: Name, data: Data, file: File = None, target: Target = None, task: Task = None, state: State = None,
    method: Method = None, option: Options = None, log: Log = None, start: Start = None, tolerance: Tolerance = None,
    ignore: Ignore = None, trusted: Trusted = None, workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Take over an estimator that can forget exactly from here on, or a network that forgets by a method you choose."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    given = {"task": task, "state": state, "method": method, "options": json_values(option, "--option") or None,
             "log": log, "start": start, "tolerance": tolerance, "trusted": tuple(trusted or ()) or None}  # fmt: skip
    with out.working("Taking over"):
        made = Workspace.open(workspace).adopt(
            name, file, data=data, target=target, ignore=tuple(ignore or ()),
            **{option: value for option, value in given.items() if value is not None},
        )  # fmt: skip
    out.result(made, [*model_lines(made), adopted_line(made)])
