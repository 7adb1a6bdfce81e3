"""The report of a run: a folder of pages that need nothing outside themselves, and the tables as CSV."""

from __future__ import annotations

import csv
import importlib.resources
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from expunge.errors import FileNotUsableError
from expunge.lab.cells import Cell
from expunge.lab.honesty import check_run
from expunge.lab.pictures import Curve, Dot, curves, pareto, scatter
from expunge.lab.results import Run, read_run, write
from expunge.lab.summary import Row, groups, rows_of, title_of
from expunge.lab.sweeps import SWEEPS, Sweep
from expunge.lab.words import (
    AXES,
    CARDS,
    HEADINGS,
    bytes_text,
    gap,
    interval,
    method_text,
    percent,
    ratio,
    seconds,
    unit_of,
)

__all__ = ["write_site"]

_LEAST_COST = 1e-5


def write_site(folder: str | Path, out: str | Path | None = None) -> Path:
    """Write the pages of a run.

    Parameters
    ----------
    folder : path
        Of the run.
    out : path, optional
        Default: ``report`` in it.

    Returns
    -------
    Path
        ``index.html``; beside it a page for each method, ``leaderboard.csv`` and ``cells.csv``.

    Raises
    ------
    FileNotUsableError
        No run, or a place that cannot be written.
    """
    run = read_run(folder)
    target = Path(out) if out is not None else run.folder / "report"
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileNotUsableError(f"Cannot make the folder {str(target)!r}: {error.strerror}.") from error
    rows = rows_of(run)
    found = groups(rows)
    methods = sorted({row.scenario.method for row in rows if row.n_references})
    common = {"methods": methods, "page_of": page_of, "run": run, "method_text": method_text}
    write(target / "index.html", _page("lab_index.html", **common, **_index(run, rows, found)))
    for method in methods:
        mine = [row for row in rows if row.scenario.method == method and row.n_references]
        write(target / page_of(method), _page("lab_method.html", **common, **_method(method, mine, found)))
    write(target / "leaderboard.csv", leaderboard_csv(rows))
    write(target / "cells.csv", cells_csv(run))
    return target / "index.html"


def page_of(method: str) -> str:
    """File of the page of a method."""
    return f"method-{method.replace('@', '-').replace('=', '-').replace(',', '-')}.html"


def _index(run: Run, rows: Sequence[Row], found: dict[Any, list[Row]]) -> dict[str, Any]:
    environment: dict[str, Any] = next((line["environment"] for line in run.scores.values()), {})
    checks = check_run(run)
    return {
        "checks": checks, "all_hold": all(check.passed is not False for check in checks),
        "environment": environment, "n_seeds": max((len(row.cells) for row in rows), default=0),
        "groups": [{"title": title_of(key), "unit": unit_of(own[0].measure), "table": board(own),
                    "picture": _front(own)} for key, own in found.items()],
        "headings": HEADINGS, "failed": run.failed, "sweeps": _sweeps(run), "spread": _spread(found),
        "order": _order(run), "drift": _drift(run), "n_groups": len(found),
    }  # fmt: skip


def board(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """A leaderboard: cells as texts, with what colours them."""
    out = []
    for row in rows:
        equal = "equal" if row.is_equal else ""
        cells = [
            row.guarantee or "—", f"{row.verdict or '—'} {f'[{row.remark}]' if row.remark else ''}",
            *(gap(row.scores.get(f"{part}_gap")) for part in ("retain", "forget", "test")),
            interval(row.scores.get("attack_auc")), _mean_gap(row), percent(row.score("work_share")), ratio(row.time),
            bytes_text(row.score("state_bytes")),
        ]  # fmt: skip
        kind = "failed" if row.failed else "bad" if _is_bad(row) else ""
        error = row.failed[0]["error"]["message"] if row.failed else ""
        out.append({
            "method": row.scenario.method, "cells": [two_lines(cell) for cell in cells], "kind": kind, "equal": equal,
            "error": error, "n_failed": len(row.failed),
        })  # fmt: skip
    return out


def _is_bad(row: Row) -> bool:
    """Accused by more seeds than chance explains, and not the fresh fit itself."""
    return row.is_accused and not row.is_equal


def two_lines(text: str) -> tuple[str, str]:
    """A number, and what stands behind it in brackets.

    Examples
    --------
    >>> two_lines("0.5 [0.4, 0.6]"), two_lines("exact")
    (('0.5', '[0.4, 0.6]'), ('exact', ''))
    """
    at = next((i for i, letter in enumerate(text) if letter in "[("), len(text))
    return text[:at].rstrip(), text[at:]


def _mean_gap(row: Row) -> str:
    own, floor = row.scores.get("mean_gap"), row.score("mean_gap_of_a_retrain")
    return "—" if own is None else f"{interval(own, 100)} (retrain {100 * floor:.2g})" if floor else interval(own, 100)


def _dots(rows: Sequence[Row]) -> list[Dot]:
    out = []
    for row in rows:
        cost, own = row.time, row.score("mean_gap")
        if cost is not None and own is not None:
            kind = "bad" if _is_bad(row) else "good" if row.verdict else ""
            out.append(Dot(max(cost.value, _LEAST_COST), 100 * own, row.scenario.method, kind))
    return out


def _front(rows: Sequence[Row]) -> str:
    return scatter(_dots(rows), across="time, as a share of a retrain", up="mean gap, points")


def _method(method: str, rows: Sequence[Row], found: dict[Any, list[Row]]) -> dict[str, Any]:
    cards = []
    for row in rows:
        key = (row.scenario.workload, row.scenario.model, row.scenario.request)
        dots = _dots(found[key])
        front = {dots[i].name for i in pareto(dots)}
        cards.append({
            "title": title_of(key), "row": board([row])[0], "on_front": method in front,
            "figures": [(name, what, interval(row.scores.get(score), scale), gap(row.beyond_retrain.get(score), scale))
                        for name, score, scale, what in CARDS],
            "cells": row.cells, "verdict": row.verdict, "remark": row.remark,
            "unit": unit_of(row.measure), "time": ratio(row.time), "seconds": seconds(row.seconds),
        })  # fmt: skip
    return {"method": method, "cards": cards}


def _sweeps(run: Run) -> list[dict[str, Any]]:
    out = []
    for sweep in SWEEPS.values():
        if any(isinstance(x, str) for line in sweep.lines for x, _ in line.points):
            continue
        for score in sweep.shows:
            lines = [line for line in _lines(run, sweep, score) if len(line.x) > 1]
            if lines:
                log = max(max(line.x) for line in lines) >= 20 * max(1e-9, min(min(line.x) for line in lines))
                picture = curves(lines, across=sweep.axis, up=AXES.get(score, score), log=log and min(lines[0].x) > 0)
                out.append({"title": sweep.title, "picture": picture, "names": [line.name for line in lines]})
    return out


def _lines(run: Run, sweep: Sweep, score: str) -> list[Curve]:
    from expunge.lab.intervals import bootstrap

    out = []
    for line in sweep.lines:
        places, found = [], []
        for x, scenario in line.points:
            values = [
                run.scores[cell.id]["scores"][score] for cell in sweep.cells()
                if cell.scenario == scenario and run.scores.get(cell.id, {}).get("status") == "done"
                and run.scores[cell.id]["scores"].get(score) is not None
            ]  # fmt: skip
            if values:
                places.append(float(x))
                found.append(bootstrap(values))
        band = len(sweep.train) > 1
        out.append(Curve(line.name, places, [i.value for i in found], [i.low for i in found] if band else (),
                         [i.high for i in found] if band else ()))  # fmt: skip
    return out


def _spread(found: dict[Any, list[Row]]) -> list[list[str]]:
    """Stochasticity: retrain against retrain under other seeds, and forgetting against the fit of the same seed."""
    out = []
    for key, rows in found.items():
        by = {row.scenario.method: row for row in rows}
        own = by.get("forget")
        retrain = by.get("retrain") or own
        if retrain is None or retrain.score("retrain_spread") is None:
            continue
        same = "—" if own is None else f"{own.score('largest_difference') or 0:.3g}"
        out.append([title_of(key), f"{100 * (retrain.score('retrain_spread') or 0):.2f} points",
                    percent(retrain.score("retrain_disagreement")), same])  # fmt: skip
    return out


def _order(run: Run) -> list[list[str]]:
    """Incrementality: what removing an early or a late record costs and changes."""
    out = []
    for line in SWEEPS["order"].lines:
        for when, scenario in line.points:
            for cell, told in run.scores.items():
                if Cell.parse(cell).scenario == scenario and told["status"] == "done":
                    s = told["scores"]
                    out.append([line.name, str(when), percent(s["work_share"]), percent(s["changed_share"]),
                                f"{s['changed_most']:.3g}"])  # fmt: skip
    return out


def _drift(run: Run) -> list[dict[str, Any]]:
    """Sequences: accuracy after so many requests, and what each request read."""
    out = []
    for name, line in run.scores.items():
        told = line.get("sequence") or {}
        if line["status"] != "done" or len(told.get("steps", ())) < 2:
            continue
        s = Cell.parse(name).scenario
        whole = line["scores"]["work_of_a_retrain"]
        works = [work / whole for work in told["works"]]
        out.append({
            "title": f"{s.workload} · {s.model} · {s.method}", "n": len(works), "is_equal": line["scores"]["is_equal"],
            "rebuilds": sum(work >= 0.5 for work in works), "most": percent(max(works)), "all": percent(sum(works)),
            "accuracy": curves([Curve("quality", told["steps"], told["drift"])], across="requests", up="test quality",
                               log=True),
            "work": curves([Curve("work", range(1, len(works) + 1), works)], across="request",
                           up="records read, retrains"),
        })  # fmt: skip
    return out


def leaderboard_csv(rows: Sequence[Row]) -> str:
    """Every row with the mean, the ends of the interval, and the paired difference to the retrain of each score."""
    names = sorted({name for row in rows for name in row.scores})
    head = ["workload", "model", "request", "method", "references", "seeds", "failed", "guarantee", "verdict",
            "is_equal", "time_share", "time_share_low", "time_share_high"]  # fmt: skip
    head += [f"{name}{end}" for name in names for end in ("", "_low", "_high", "_beyond_retrain")]
    out = [head]
    for row in rows:
        s, time = row.scenario, row.time
        line: list[Any] = [s.workload, s.model, s.request, s.method, row.n_references, len(row.cells), len(row.failed),
                           row.guarantee, row.verdict, row.is_equal]  # fmt: skip
        line += [time.value, time.low, time.high] if time else ["", "", ""]
        for name in names:
            found, beyond = row.scores.get(name), row.beyond_retrain.get(name)
            line += [found.value, found.low, found.high] if found else ["", "", ""]
            line.append(beyond.value if beyond else "")
        out.append(line)
    return _csv(out)


def cells_csv(run: Run) -> str:
    """Every cell with its scores and times."""
    names = sorted({name for line in run.scores.values() for name in line.get("scores", {})})
    times = ["train_s", "forget_s", "retrain_s", "references_s", "total_s", "peak_bytes"]
    out: list[list[Any]] = [["cell", "status", "error", *names, *times]]
    for cell, line in run.scores.items():
        scores, timing = line.get("scores", {}), run.timings.get(cell, {})
        error = line.get("error", {}).get("message", "")
        out.append(
            [cell, line["status"], error, *(scores.get(n, "") for n in names), *(timing.get(t, "") for t in times)]
        )
    return _csv(out)


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([["" if v is None else v for v in row] for row in rows])
    return stream.getvalue()


def _page(template: str, **values: Any) -> str:
    import jinja2

    from expunge import __version__

    folder = importlib.resources.files("expunge.lab").joinpath("templates")
    loader = jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8"))
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=loader
    )
    return environment.get_template(template).render(version=__version__, **values)
