"""Run the reference matrix and write what is committed of it: scores, times, a table, and the page around it.

python docs/lab/reference.py [--jobs N] [--run FOLDER] [--only-page]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from findings import findings, sized

from expunge.lab import run_cells, write_site
from expunge.lab.honesty import check_run
from expunge.lab.isolation import Limits
from expunge.lab.matrices import MATRICES
from expunge.lab.results import Run, read_run
from expunge.lab.site import leaderboard_csv
from expunge.lab.summary import groups, rows_of, title_of
from expunge.lab.words import gap, interval, ratio, unit_of
from expunge.quantities import bytes_text, share_text

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = HERE / "reference.md"
BEGIN, END = "<!-- written by docs/lab/{name}.py -->", "<!-- end -->"
KEPT = ("cells.json", "scores.jsonl", "timings.jsonl", "references.jsonl")


def main() -> int:
    """Run, then write."""
    asked = arguments(__doc__ or "", "lab")
    run = run_matrix("small", asked)
    keep(run, HERE)
    (HERE / "leaderboard.csv").write_text(leaderboard_csv(rows_of(run)), encoding="utf-8")
    put(PAGE, "reference", f"{tables(run)}\n{findings(run)}\n\n## How it was sized\n\n{sized(run)}\n")
    return 1 if run.failed else 0


def arguments(what: str, folder: str) -> argparse.Namespace:
    """Of the command."""
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--run", type=Path, default=ROOT / "build" / folder)
    parser.add_argument("--only-page", action="store_true")
    return parser.parse_args()


def run_matrix(name: str, asked: argparse.Namespace) -> Run:
    """Run a matrix, unless only the page is asked for, and write its report."""
    shared = ROOT.parent / "shared" / "data"
    if "EXPUNGE_DATA" not in os.environ and shared.is_dir():
        os.environ["EXPUNGE_DATA"] = str(shared)
    if not asked.only_page:
        limits = Limits(1800, 8 * 2**30)
        report = run_cells(MATRICES[name].cells(), asked.run, n_jobs=asked.jobs, limits=limits, progress=show)
        sys.stderr.write("\n")
        sys.stdout.write(f"{report.n_run} cells run, {report.n_kept} done before, {len(report.failed)} failed.\n")
    sys.stdout.write(f"Report: {write_site(asked.run)}\n")
    return read_run(asked.run)


def keep(run: Run, folder: Path) -> None:
    """Copy what is committed of a run."""
    folder.mkdir(exist_ok=True)
    for name in KEPT:
        if run.folder.resolve() != folder.resolve() and (run.folder / name).exists():
            shutil.copyfile(run.folder / name, folder / name)


def put(page: Path, name: str, text: str) -> None:
    """Replace the written part of a page."""
    begin = BEGIN.format(name=name)
    head, _, rest = page.read_text(encoding="utf-8").partition(begin)
    page.write_text(f"{head}{begin}\n\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def show(done: float, total: float) -> None:
    """A line that says how long it will take."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done:.0f} s of about {total:.0f} s \033[K")


def tables(run: Run) -> str:
    """The tables of the page."""
    first = next(iter(run.scores.values()))["environment"]
    spent = sum(t["total_s"] for t in run.timings.values()) / 60
    trained = sum(t["elapsed_s"] for t in run.references.values()) / 60
    machine = (
        f"Python {first['python']}, NumPy {first['numpy']}, scikit-learn {first['scikit-learn']}, {first['device']}"
    )
    lines = [
        f"{len(run.asked)} cells, {len(run.failed)} failed; {spent:.0f} minutes of cells and {trained:.0f} of "
        f"references, each on one thread. {machine}; {time.strftime('%Y-%m-%d')}.",
        "", "| the laboratory checks itself | found | holds |", "| --- | --- | --- |",
        *(f"| {c.name} | {c.told} | {'yes' if c.passed else 'nothing to see' if c.passed is None else '**NO**'} |"
          for c in check_run(run)),
        "",
    ]  # fmt: skip
    head = ("method", "audit says", "retain gap", "forget gap", "test gap", "mean gap (a retrain's)", "records read",
            "time", "storage")  # fmt: skip
    for key, rows in groups(rows_of(run)).items():
        lines += [f"### {title_of(key)}", ""]
        if (unit := unit_of(rows[0].measure)) != "accuracy":
            lines += [f"Quality is {unit}; gaps are hundredths of it.", ""]
        lines += [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
        for row in rows:
            name = f"`{row.scenario.method}`" + (", equal" if row.is_equal else "")
            if not row.cells:
                why = row.failed[0]["error"]["message"]
                lines.append(f"| {name} | **failed**: {why} |" + " |" * (len(head) - 2))
                continue
            floor = row.score("mean_gap_of_a_retrain")
            mean = interval(row.scores.get("mean_gap"), 100) + (f" ({100 * floor:.2g})" if floor else "")
            gaps = [gap(row.scores.get(f"{part}_gap")) for part in ("retain", "forget", "test")]
            cost = [share_text(row.score("work_share")), ratio(row.time), bytes_text(row.score("state_bytes"))]
            verdict = (row.verdict or "—") + (f"; {row.remark}" if row.remark else "")
            cells = [name, verdict, *gaps, mean, *cost]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
