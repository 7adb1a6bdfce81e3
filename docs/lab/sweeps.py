"""Run every sweep and write what is committed of it: scores, times, pictures, and the page around them.

python docs/lab/sweeps.py [--jobs N] [--run FOLDER] [--only-page]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reference import HERE, arguments, keep, put, run_matrix

from expunge.lab.difficulties import drift_of, order_of, spread_of, sweep_curves, sweep_pictures
from expunge.lab.pictures import Curve, standalone
from expunge.lab.results import Run, read_run
from expunge.lab.summary import groups, rows_of
from expunge.lab.sweeps import SWEEPS
from expunge.lab.words import AXES

PAGE = HERE / "sweeps.md"
FOLDER = HERE / "sweeps"


def main() -> int:
    """Run, then write."""
    run = run_matrix("sweeps", arguments(__doc__ or "", "lab-sweeps"))
    keep(run, FOLDER)
    for old in FOLDER.glob("*.svg"):
        old.unlink()
    put(PAGE, "sweeps", "\n".join([*difficulties(run, read_run(HERE)), *others(run), ""]))
    return 1 if run.failed else 0


def difficulties(run: Run, reference: Run) -> list[str]:
    """The three of them: retrain against retrain, early against late, and much against little."""
    spread = spread_of(groups(rows_of(reference)))
    order = order_of(run)
    return [
        "## Stochasticity: no two retrains are alike", "",
        "Of the [reference run](reference.md): models trained on the same records under other seeds, and the model "
        "after forgetting against the fit of its own seed.", "",
        *_table(("group", "spread of test quality", "records on which two retrains differ",
                 "largest difference of an answer, same seed"), spread),
        "", "## Incrementality: what came early is dear to forget", "",
        "Of 64 records the one that costs most to forget, and the one that costs least.", "",
        *_table(("model", "record", "records read, of a retrain", "decisions that change",
                 "largest change of an answer"), order),
        "", "## Catastrophic forgetting: accuracy against the share forgotten", "",
        *_sweep(run, "share"),
    ]  # fmt: skip


def others(run: Run) -> list[str]:
    """A section for each of the other sweeps, and one for long sequences."""
    out = []
    for name in SWEEPS:
        if name not in ("share", "order", "tiny-share") and (told := _sweep(run, name)):
            out += ["", f"## {SWEEPS[name].title}", "", *told]
    for one in drift_of(run):
        if one["n"] < 1000:
            continue
        end = "bit for bit that of a fresh fit: nothing has drifted" if one["is_equal"] else "not that of a fresh fit"
        out += [
            "", f"### {one['n']:,} requests: {one['title']}", "",
            f"All together read {one['all']} of a retrain, the dearest {one['most']}; {one['rebuilds']} cost half a "
            f"retrain or more. After the last, the model is {end}.", "",
            _picture(f"{one['name']}-quality", one["accuracy"], "test quality after so many requests"),
            _picture(f"{one['name']}-work", one["work"], "records read by each request"),
        ]  # fmt: skip
    return out


def _sweep(run: Run, name: str) -> list[str]:
    sweep, out = SWEEPS[name], []
    for picture in sweep_pictures(run):
        if picture["name"] in {f"{name}-{score}" for score in sweep.shows}:
            out.append(_picture(picture["name"], picture["picture"], sweep.title, picture["names"]))
    for score in sweep.shows:
        for line in sweep_curves(run, sweep, score):
            out.append(f"- **{line.name}**, {AXES.get(score, score)}: {_told(line, sweep.axis)}.")
    return out


def _told(line: Curve, axis: str) -> str:
    first, *rest = [f"{y:.3g} at {{}}{x:g}" for x, y in zip(line.x, line.y, strict=True)]
    return ", ".join([first.format(f"{axis} "), *(point.format("") for point in rest)])


def _picture(name: str, picture: str, alt: str, names: Sequence[str] = ()) -> str:
    path = FOLDER / f"{name}.svg"
    path.write_text(standalone(picture, names), encoding="utf-8")
    return f"![{alt}]({Path(FOLDER.name) / path.name})\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(head)} |", "|" + " --- |" * len(head), *(f"| {' | '.join(row)} |" for row in rows)]


if __name__ == "__main__":
    raise SystemExit(main())
