"""``expunge lab``: every method on every task, against a retrain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import Json
from expunge.cli.output import Output, counted

lab = typer.Typer(name="lab", help="Every method on every task, against a retrain.", no_args_is_help=True)

What = Annotated[
    list[str] | None, typer.Argument(metavar="WHAT", help="Matrices, sweeps, ids of cells, or patterns of ids.")
]
Cell = Annotated[str, typer.Argument(metavar="CELL", help="Id of a cell, as adult/forest/subject/forget/s0.")]
In = Annotated[Path, typer.Option("--run", metavar="FOLDER", help="Folder of the run.")]
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for the results; a run that was stopped goes on.")]
Jobs = Annotated[int, typer.Option(help="Cells side by side.")]
Time = Annotated[float | None, typer.Option(metavar="SECONDS", help="Longest time of a cell.")]
Memory = Annotated[int | None, typer.Option(metavar="MB", help="Most memory of a cell, beyond the libraries.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a run.")]
Site = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where to write; default: report in the run.")]
Trials = Annotated[int, typer.Option(help="Settings to try: the same for every method.")]
Draws = Annotated[int, typer.Option(help="Models, each with a forget set of its own, that a setting is judged on.")]
RUN = Path("lab-run")


@lab.command("list")
def list_(what: What = None, as_json: Json = False) -> None:
    """List what there is; or the cells of matrices, sweeps and patterns."""
    from expunge.lab.verbs import list_things

    out = Output(as_json)
    with out.working("Listing"):
        told = list_things(what or ())
    if what:
        out.result(told, told["cells"])
    else:
        rows = [(kind, name, text) for kind, table in told["things"].items() for name, text in table.items()]
        out.table(told, ("kind", "name", "what"), rows)


@lab.command()
def run(
    what: What = None, out: Out = RUN, jobs: Jobs = 1, time_limit: Time = 1800, memory_limit: Memory = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Run cells; those that are done are kept, those that failed are run again."""
    from expunge.lab.isolation import Limits
    from expunge.lab.matrices import choose
    from expunge.lab.runner import run_cells

    shown = Output(as_json)
    cells = choose(what or ["tiny"])
    limits = Limits(time_limit, None if memory_limit is None else memory_limit * 2**20)
    with shown.measuring(f"Running {counted(len(cells), 'cell')}") as progress:
        report = run_cells(cells, out, n_jobs=jobs, limits=limits, progress=progress)
    report.check()
    told = {"folder": str(out), "asked": report.n_asked, "run": report.n_run}
    shown.result(told, [f"{counted(report.n_run, 'cell')} run, {report.n_kept} done before, in {str(out)!r}."])


@lab.command()
def show(cell: Cell, run: In = RUN, as_json: Json = False) -> None:
    """Show one cell."""
    from expunge.lab.verbs import cell_lines, show_cell

    out = Output(as_json)
    told = show_cell(cell, run)
    out.result(told, cell_lines(told))


@lab.command()
def compare(first: Folder, second: Folder, as_json: Json = False) -> None:
    """Compare two runs on the cells that both have."""
    import dataclasses

    from expunge.lab.verbs import compare_runs

    out = Output(as_json)
    found = compare_runs(first, second)
    lines = [
        f"{found.n_equal} of {found.n_both} cells have the same scores, byte for byte; {len(found.only_first)} are in "
        f"the first run alone, {len(found.only_second)} in the second."
    ]
    out.table(dataclasses.asdict(found), found.columns, found.rows, lines=lines)


@lab.command()
def report(folder: Folder = RUN, out: Site = None, as_json: Json = False) -> None:
    """Write the pages and tables of a run."""
    from expunge.lab.site import write_site

    shown = Output(as_json)
    with shown.working("Writing"):
        page = write_site(folder, out)
    shown.result({"page": str(page)}, [f"Report: {page}"])


@lab.command()
def reproduce(cell: Cell, run: In = RUN, as_json: Json = False) -> None:
    """Run one cell again and compare its scores, byte for byte."""
    from expunge.lab.verbs import reproduce, reproduced_lines

    out = Output(as_json)
    with out.working("Running it again, references too"):
        told = reproduce(cell, run)
    out.result(told, reproduced_lines(told))


@lab.command()
def tune(cell: Cell, trials: Trials = 20, draws: Draws = 3, as_json: Json = False) -> None:
    """Look for the dials of a method by the gap on validation records, never on audited ones."""
    import dataclasses

    from expunge.lab.tuning import tune

    out = Output(as_json)
    with out.working(f"Trying {trials} settings on {draws} draws"):
        found = tune(cell, n_trials=trials, draws=draws)
    each = ", ".join(f"{gap:.4f}" for gap in found.of_draws)
    shown = f"{found.best}: mean gap {found.gap:.4f} on validation records; of each draw {each}."
    out.result(dataclasses.asdict(found), [shown])


@lab.command()
def fetch(name: Annotated[str, typer.Argument(help="Name of a workload.")], as_json: Json = False) -> None:
    """Fetch the data of a workload into EXPUNGE_DATA, on a machine with a network."""
    from expunge.lab.workloads.fetching import fetch

    out = Output(as_json)
    with out.working("Fetching"):
        path = fetch(name)
    out.result({"file": str(path)}, [f"Written: {path}"])
