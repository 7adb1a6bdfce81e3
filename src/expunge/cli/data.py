"""``expunge data``: the data sets of a workspace."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from expunge.cli.options import At, Delimiter, Encoding, Json, Override
from expunge.cli.output import Output, counted, show_answers

data = typer.Typer(name="data", help="Data sets: copied, or referred to.", no_args_is_help=True)

Source = Annotated[
    str, typer.Argument(metavar="FILE", help="CSV or Parquet file, by path or URL; a database with --query.")
]
Text = str | None
RecordId = Annotated[str, typer.Option(metavar="COLUMN", help="Column with a different id in each row.")]
SubjectId = Annotated[Text, typer.Option(metavar="COLUMN", help="Column with the person each row is about.")]
DataName = Annotated[Text, typer.Option("--name", help="Default: that of the file.")]
Reference = Annotated[bool, typer.Option("--reference", help="Do not copy; keep keyed hashes of the rows.")]
Query = Annotated[str, typer.Option(metavar="SQL", help="Rows of a database, by its SQLAlchemy URL.")]
Keep = Annotated[Text, typer.Option(metavar="DURATION", help="How long records are kept, as 24months.")]
TimeColumn = Annotated[Text, typer.Option(metavar="COLUMN", help="Column with the time that counts.")]
Skip = Annotated[bool, typer.Option("--skip-forgotten", help="Leave out rows that were forgotten before.")]
Learn = Annotated[bool, typer.Option("--learn", help="Models that learned from the set, and can, learn these too.")]
SetName = Annotated[str, typer.Argument(metavar="NAME", help="Name of a data set.")]
Derived = Annotated[list[str] | None, typer.Option(metavar="MODEL", help="Its predictions are in the data.")]


@data.command()
def add(
    source: Source, record_id: RecordId, subject_id: SubjectId = None, name: DataName = None,
    reference: Reference = False, query: Query = "", keep: Keep = None, time_column: TimeColumn = None,
    derived_from: Derived = None, skip_forgotten: Skip = False, override: Override = "", delimiter: Delimiter = None,
    encoding: Encoding = None, workspace: At = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Add a data set."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Adding"):
        made = Workspace.open(workspace).data_add(
            source, record_id=record_id, subject_id=subject_id, name=name, reference=reference, query=query,
            keep=keep, time_column=time_column, derived_from=derived_from or (), skip_forgotten=skip_forgotten,
            override=override, delimiter=delimiter, encoding=encoding,
        )  # fmt: skip
    lines = [f"{made['name']}: {counted(made['n_records'], 'record')}, {made['kind']}.", *_told_of_rows(made)]
    out.result(made, lines)


def _told_of_rows(made: dict[str, Any]) -> list[str]:
    """What is to be known of rows that were left out, or that came in without a person."""
    out, n, skipped = [], made["nameless"], made["skipped"]
    if skipped:
        were = "was" if skipped == 1 else "were"
        out.append(f"{counted(skipped, 'row')} that {were} forgotten before {were} left out.")
    if n:
        out.append(
            f"{counted(n, 'row')} {'names' if n == 1 else 'name'} no person and can be forgotten by record only."
        )
    return out


@data.command()
def append(
    name: SetName, source: Source, learn: Learn = False, query: Query = "", skip_forgotten: Skip = False,
    override: Override = "", delimiter: Delimiter = None, encoding: Encoding = None, workspace: At = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Take new records into a data set."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Appending"):
        made = Workspace.open(workspace).data_append(
            name, source, learn=learn, query=query, skip_forgotten=skip_forgotten, override=override,
            delimiter=delimiter, encoding=encoding,
        )  # fmt: skip
    lines = [f"{name}: {counted(made['appended'], 'new record')}, {made['n_records']:,} in all.", *_told_of_rows(made)]
    lines += [f"{model} has learned them." for model in made["learned"]]
    lines += [f"{model} has not: append with --learn, or fit it again with --force." for model in made["refit"]]
    out.result(made, [*lines, *made["notes"]])


@data.command()
def remove(name: SetName, workspace: At = None, as_json: Json = False) -> None:
    """Take a data set out, or the entry of something derived; nothing of it stays."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Removing"):
        gone = Workspace.open(workspace).data_remove(name)
    out.result(gone, [f"{name} is removed, and the log says so."])


@data.command("list")
def list_(workspace: At = None, as_json: Json = False) -> None:
    """List the data sets."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Listing"):
        found = Workspace.open(workspace).data_list()
    columns = ("name", "kind", "version", "n_records", "keep")
    out.table({"data": found}, columns, [[one[name] for name in columns] for one in found])


@data.command()
def show(name: SetName, workspace: At = None, as_json: Json = False) -> None:
    """Show a data set: its columns, where its rows came from, and how long they are kept."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Looking"):
        found = Workspace.open(workspace).data_show(name)
    out.result(found, [f"{one}: {value}" for one, value in found.items()])


@data.command()
def expire(workspace: At = None, as_json: Json = False) -> None:
    """Forget the records that have been kept as long as their data sets say."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Forgetting"):
        answers = Workspace.open(workspace).data_expire()
    show_answers(out, answers, nothing="No record has expired.")


@data.command()
def derive(
    name: Annotated[str, typer.Argument(help="Name of what was derived.")],
    model: Annotated[str, typer.Option(help="The model it was derived from.")],
    place: Annotated[str, typer.Option(help="Where it lies: a path or an address.")],
    kind: Annotated[str, typer.Option(help="file or 'model elsewhere'.")] = "file",
    workspace: At = None,
    as_json: Json = False,
) -> None:
    """Enter something derived from a model that lies elsewhere; requests stay open until it is settled."""
    from expunge.workspace import Workspace

    out = Output(as_json)
    with out.working("Entering"):
        made = Workspace.open(workspace).data_derive(name, model=model, place=place, kind=kind)
    out.result(made, [f"{name} was derived from {model}: a request waits until it is settled."])
