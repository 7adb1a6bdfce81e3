"""What commands print: for people through rich, for programs as one JSON object."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from expunge.cli.near_options import near_option
from expunge.errors import EXIT_CODES, ExpungeError, exit_code
from expunge.unseen import escaped, seen

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

__all__ = [
    "INTERRUPTED",
    "Output",
    "adopted_line",
    "counted",
    "in_words_of_here",
    "model_lines",
    "show_answers",
    "show_error",
    "show_interrupted",
    "show_unforeseen",
    "show_usage",
]

#: So many columns of a model are named.
_COLUMNS = 24
#: Exit code after Ctrl-C, as in shells.
INTERRUPTED = 130
#: So many predictions are shown on a terminal.
SHOWN = 20

#: What errors and plans say to who writes Python, and what they say here. A test looks whether each of the first is
#: still said.
_IN_PYTHON_AND_HERE = (
    ("model.record_ids_ lists what the model knows.", "Ids are compared as they are written: 7 is not 007."),
    (
        "later ones in the same process do not",
        "every command reads it from its file, so collect requests (`expunge request add`) and carry them out together",
    ),
    ("Pass subject_ids to fit.", "Name their column at `expunge fit --subject-id COLUMN`."),
    ("learn() more records.", "Fit it on more records."),
    ("RetrainClassifier can.", "Models fitted with --method retrain can."),
    ("RetrainRegressor can.", "Models fitted with --method retrain can."),
    ("a method that is exact (ReplayTrainer, SISAClassifier)", "a method that is exact (replayed-network, sisa)"),
    ("Use aggregation='vote'.", "Use --option aggregation=vote."),
    (
        "Use n_slices=1, or row-wise steps (Normalizer, HashingVectorizer, FunctionTransformer).",
        "No estimator of --estimator can, since each learns scales and categories first: leave n_slices out, and take "
        "more shards for faster forgetting (--option n_shards=20).",
    ),
)


class Output:
    """What one command prints.

    Parameters
    ----------
    as_json : bool
        Print one JSON object and nothing else.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.notes: list[str] = []

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show that something is being done (on a terminal), and tell warnings as notes."""
        with self._warnings():
            if self.as_json or not sys.stderr.isatty():
                yield
            else:
                from rich.console import Console

                with Console(stderr=True).status(what):
                    yield

    @contextmanager
    def _warnings(self) -> Iterator[None]:
        """Warnings as notes: told at once, for what is warned of may take long, or collected for JSON."""

        def tell(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
            note = " ".join(str(message).split())
            if not issubclass(category, UserWarning) or note in self.notes:
                return
            self.notes.append(note)
            if not self.as_json:
                sys.stderr.write(f"Note: {seen(note)}\n")

        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = tell
            yield

    @contextmanager
    def measuring(self, what: str) -> Iterator[Callable[[float, float], None] | None]:
        """Say how long it will take, then show a bar (on a terminal); give what is to be called with seconds done and
        seconds in all."""
        with self._warnings():
            if self.as_json:
                yield None
                return
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            console = Console(stderr=True)
            told: list[float] = []
            bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console)
            bar.disable = not console.is_terminal
            task = bar.add_task(what, total=None)

            def progress(done: float, total: float) -> None:
                if not told and total > 2:
                    console.print(f"{what} takes about {total:.0f} s.", highlight=False)
                told.append(total)
                bar.update(task, completed=done, total=total)

            with bar:
                yield progress

    def result(self, data: dict[str, Any], lines: Sequence[str], *, plain: bool = False) -> None:
        """Print what came out: the data as JSON (``plain``: as it is, without notes), or the lines."""
        if self.as_json:
            _print_json(data if plain else {**data, "notes": [*data.get("notes", ()), *self.notes]})
            return
        for line in lines:
            sys.stdout.write(f"{seen(line)}\n")

    def table(
        self, data: dict[str, Any], columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "",
        lines: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Print rows as a table and lines below it, or the data as JSON."""
        if not self.as_json:
            print_table(columns, rows, title)
        self.result(data, lines)

    def frame(self, frame: pd.DataFrame) -> None:
        """Print a frame: as JSON; as a table of the first rows on a terminal; else as CSV."""
        if self.as_json:
            self.result({"predictions": frame.to_dict("records")}, [])
            return
        if not sys.stdout.isatty():  # a file: it holds what the frame holds
            sys.stdout.write(frame.to_csv(index=False))
            return
        more = [f"... and {len(frame) - SHOWN} more; --out FILE writes all."] if len(frame) > SHOWN else []
        print_table(list(frame.columns), frame.head(SHOWN).to_numpy().tolist())
        self.result({}, more)


def show_answers(out: Output, answers: Sequence[Any], *, nothing: str = "") -> None:
    """Print how requests stand; the exit code is that of the first that could not be carried out.

    Raises
    ------
    typer.Exit
        A request failed; the code is that of its error.
    """
    import typer

    lines = [line for answer in answers for line in answer.lines()]
    lines += dict.fromkeys(line for answer in answers for line in answer.outside())
    out.result({"requests": [answer.to_dict() for answer in answers]}, lines or [nothing])
    if failed := [answer.problem_code for answer in answers if answer.problem_code]:
        raise typer.Exit(EXIT_CODES.get(failed[0], 1))


def counted(n: int, what: str) -> str:
    """So many of something, in words: 1 model, 2 models."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def model_lines(told: dict[str, Any]) -> list[str]:
    """A model, for people."""
    columns = ", ".join(f"{name} ({kind})" for name, kind in list(told["columns"].items())[:_COLUMNS])
    if (more := len(told["columns"]) - _COLUMNS) > 0:
        columns += f" and {more:,} more"
    estimator = f" of {told['estimator']} models" if told["estimator"] else ""
    return [
        f"{told['name']}, version {told['version']} ({told['state']}): {told['method']}{estimator}, "
        f"{counted(told['n_records'], 'record')} of {told['data']!r}.",
        f"Task: {told['task']}" + (f" of {told['target']!r}." if told["target"] is not None else "."),
        f"Columns: {columns}.",
        f"Guarantee: {told['guarantee']['kind']}: {told['guarantee']['statement']}.",
    ]


def adopted_line(told: dict[str, Any]) -> str:
    """How near a model that was taken over is to what it was."""
    if "measured" not in told:
        return f"It predicts as the one taken over did, but for {told['difference']:.3g}, and is exact from here on."
    if told["task"] == "classification":
        return f"It answers {told['measured']:.1%} of the records of its data rightly."
    return f"Its mean absolute error on the records of its data is {told['measured']:.4g}."


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """A table for people, on its side if it is too wide; what the cells hold is never taken for markup."""
    from rich.console import Console

    columns, texts = [seen(str(name)) for name in columns], [[_cell(value) for value in row] for row in rows]
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    title = seen(title)
    table = _grid(columns, texts, title)
    wanted = console.measure(table, options=console.options.update(width=10_000)).maximum
    if wanted > console.width and len(rows) < len(columns):
        turned = list(zip(columns, *texts, strict=True))
        table = _grid(turned[0], turned[1:], title)
    console.print(table)


def _grid(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else seen(str(value))


def show_error(error: ExpungeError, *, as_json: bool) -> int:
    """One sentence about a foreseen error, in words of the command line, and its exit code."""
    return _show(error.code, error.message, in_words_of_here(error.hint), exit_code(error), as_json=as_json)


def in_words_of_here(text: str) -> str:
    """What is said to who writes Python, for who types commands."""
    for python, here in _IN_PYTHON_AND_HERE:
        text = text.replace(python, here)
    return text


def show_usage(error: Any, arguments: Sequence[str], *, as_json: bool) -> int:
    """What is wrong with the command line. Nothing, where it names no command: the help was asked for, and is shown."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return 0
    kind, message, hint = type(error).__name__, error.format_message(), "See --help."
    message = re.sub(r"Input should be a valid (\w+), unable to parse.*", r"this is no \1.", message)
    if kind == "MissingParameter" and error.ctx is not None:
        message = _missing(error.ctx, list(arguments))
    if kind == "NoSuchOption" and error.ctx is not None:
        message, hint = f"{error.message}.", near_option(error.ctx, error.option_name)
    return _show("usage", message, hint, 2, as_json=as_json)


def _missing(context: Any, rest: list[str]) -> str:
    """All that a command line lacks, where the parser stops at the first of it."""
    for name in context.command_path.split()[1:]:
        rest = rest[rest.index(name) + 1 :]
    given = context.command.make_context(context.info_name, rest, resilient_parsing=True).params
    lacking = [one for one in context.command.params if one.required and given.get(one.name) is None]
    names = [" ".join((*(o for o in one.opts if o[:1] == "-"), one.metavar or one.name.upper())) for one in lacking]
    told = [f"{name} ({(one.help or '').rstrip('.')})" for name, one in zip(names, lacking, strict=True)]
    return f"Missing: {'; '.join(told)}."


def show_unforeseen(error: Exception, *, as_json: bool) -> int:
    """A short message about an error nobody foresaw."""
    what = f"Unforeseen {type(error).__name__}: {' '.join(str(error).split())}"
    return _show("error", what, "Run `expunge --debug ...` for the trace, and report it.", 1, as_json=as_json)


def show_interrupted(*, as_json: bool) -> int:
    """What stands after Ctrl-C."""
    hint = "What was done before stands. A request that was taken in waits: `expunge request run` carries it out."
    return _show("interrupted", "Interrupted, and nothing is half done.", hint, INTERRUPTED, as_json=as_json)


def _show(code: str, message: str, hint: str, number: int, *, as_json: bool) -> int:
    if as_json:
        _print_json({"error": {"code": code, "message": message, "hint": hint}})
    else:
        sys.stderr.write(seen(f"Error: {message} {hint}".rstrip().replace("\n", " ")) + "\n")
    return number


def _print_json(data: dict[str, Any]) -> None:
    sys.stdout.write(escaped(json.dumps(data, ensure_ascii=False, default=str)) + "\n")
