"""``expunge audit``."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from expunge.cli.options import At, Delimiter, Encoding, Json, refuse_given
from expunge.cli.output import Output
from expunge.errors import EXIT_CODES, InvalidRequestError

File = Path | None
Model = Annotated[str | None, typer.Argument(metavar="MODEL", help="Name of the model that has forgotten.")]
Table = Annotated[
    File, typer.Option("--data", metavar="FILE", help="Table with the known, forgotten and held-out records.")
]
Forgotten = Annotated[File, typer.Option(metavar="FILE", help="Ids that were forgotten, one per line.")]
HeldOut = Annotated[
    File, typer.Option(metavar="FILE", help="Ids never trained on; default: all others that the model does not know.")
]
Count = Annotated[
    int, typer.Option("--references", metavar="N", help="Models to train without the records; 39 or more; 0: digests.")
]
Known = Annotated[int, typer.Option(metavar="N", help="Models to train with them, for the power; 14 or more.")]
Halves = Annotated[int, typer.Option(metavar="N", help="Models on random halves, for the online attacks; even.")]
Unlearned = Annotated[
    int, typer.Option(metavar="N", help="Models to train with them and make forget, for the rows that take many.")
]
FromScores = Annotated[File, typer.Option("--scores", metavar="FILE", help="A table of scores instead of a model.")]
Test = Annotated[bool, typer.Option("--self-test", help="Audit the audit: fake unlearners must be caught.")]
Trials = Annotated[int, typer.Option(help="Independent models of each control of the self-test.")]
Alpha = Annotated[float, typer.Option(help="Chance to accuse a retrained model, at most.")]
Seed = Annotated[int, typer.Option(help="Of the references.")]
Jobs = Annotated[int, typer.Option(help="Processes.")]
Keep = Annotated[File, typer.Option("--store", metavar="FOLDER", help="Keep references here, to go on or to repeat.")]
Attach = Annotated[
    int | None, typer.Option(metavar="REQUEST", help="Sign the figures, in a receipt that follows that of the request.")
]
Report = Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Write the report: .html or .json; repeat.")]

#: Options that only the audit of a model reads.
_OF_MODEL = (
    "data", "forgotten", "held_out", "references", "unforgotten", "halves", "unlearned", "store", "attach", "workspace",
)  # fmt: skip
#: What is audited -> the options that are not read then.
_PASSED_OVER = {
    "a model": ("trials",),
    "a table of scores": (*_OF_MODEL, "trials", "seed", "jobs"),
    "a self-test": (*_OF_MODEL, "delimiter", "encoding", "report"),
}


def audit(
    context: typer.Context, model: Model = None, data: Table = None, forgotten: Forgotten = None,
    held_out: HeldOut = None, references: Count = 48, unforgotten: Known = 16, halves: Halves = 0,
    unlearned: Unlearned = 0, scores: FromScores = None, self_test: Test = False, trials: Trials = 200,
    alpha: Alpha = 0.05, seed: Seed = 0, jobs: Jobs = 1, store: Keep = None, report: Report = None,
    attach: Attach = None, delimiter: Delimiter = None, encoding: Encoding = None, workspace: At = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say whether a model has forgotten, how sure that is, and whether the audit could have known."""
    out = Output(as_json)
    _refuse_mixed(context, {"a model": model is not None, "a table of scores": scores is not None,
                            "a self-test": self_test})  # fmt: skip
    if self_test:
        return _self_test(out, trials=trials, seed=seed, alpha=alpha, n_jobs=jobs)
    with out.measuring("Training references") as bar:
        found, signed = _audited(
            workspace, model, data, forgotten, held_out, scores, n_references=references, n_unforgotten=unforgotten,
            n_halves=halves, n_unlearned=unlearned, seed=seed, n_jobs=jobs, store=store, progress=_timed(bar),
            alpha=alpha, attach=attach, delimiter=delimiter, encoding=encoding,
        )  # fmt: skip
    written = [f"Report: {found.save(path)}" for path in report or ()]
    return out.result(found.to_dict() | signed, [*found.lines(), *written, *map("Receipt: {}".format, signed.values())])


def _refuse_mixed(context: typer.Context, asked: dict[str, bool]) -> None:
    """Refuse another number of things to audit than one, and options that are for another."""
    if sum(asked.values()) != 1:
        raise InvalidRequestError(
            "Give MODEL with --data and --forgotten, or --scores, or --self-test.", hint="See `expunge audit --help`."
        )
    what = next(name for name, is_asked in asked.items() if is_asked)
    refuse_given(context, _PASSED_OVER[what], what)


def _audited(
    workspace: File, model: str | None, data: File, forgotten: File, held_out: File, scores: File, **given: Any
) -> tuple[Any, dict[str, str]]:
    """The report on a table of scores, or on a model of the workspace, and where the receipt went that has it."""
    from expunge.workspace import Workspace, audit_scores, read_ids

    if scores is not None:
        return audit_scores(scores, **{name: given[name] for name in ("alpha", "delimiter", "encoding")}), {}
    if model is None or data is None or forgotten is None:
        raise InvalidRequestError(
            "MODEL needs --data, a table, and --forgotten, a file with ids.", hint="See `expunge audit --help`."
        )
    others = read_ids(held_out) if held_out else None
    opened, number = Workspace.open(workspace), given["attach"]
    found = opened.audit(model, data, forgotten=read_ids(forgotten), held_out=others, **given)
    return found, {} if number is None else {"receipt": opened.request_show(number).audits[-1]["receipt"]}


def _self_test(out: Output, **given: Any) -> None:
    from expunge.lab.controls import run_self_test

    with out.measuring("Auditing the audit") as bar:
        found = run_self_test(**given, progress=_timed(bar))
    out.table(found.to_dict(), found.columns, found.cells(), title=found.title, lines=found.closing())
    if not found.passed:
        raise typer.Exit(EXIT_CODES["check-failed"])


def _timed(bar: Callable[[float, float], None] | None) -> Callable[[int, int, float], None] | None:
    """From how many are done and how long the rest takes to the seconds that a bar shows."""
    start = time.perf_counter()

    def progress(done: int, total: int, seconds_left: float) -> None:
        spent = time.perf_counter() - start
        if bar is not None:
            bar(spent, spent + seconds_left)

    return None if bar is None else progress
