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
from expunge.lab.difficulties import drift_of, order_of, spread_of, sweep_pictures
from expunge.lab.honesty import check_run
from expunge.lab.pictures import Dot, pareto, scatter
from expunge.lab.results import Run, read_run, write
from expunge.lab.summary import Row, groups, rows_of, title_of
from expunge.lab.words import CARDS, HEADINGS, gap, interval, method_text, ratio, unit_of
from expunge.quantities import bytes_text, duration_text, share_text

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
                    "references": references_of(run, own), "pictures": _fronts(own)} for key, own in found.items()],
        "headings": HEADINGS, "failed": run.failed, "sweeps": sweep_pictures(run), "spread": spread_of(found),
        "order": order_of(run), "drift": drift_of(run), "n_groups": len(found),
    }  # fmt: skip


def references_of(run: Run, rows: Sequence[Row]) -> str:
    """What the references of a group took; they are shared by its methods, and charged to none."""
    shared = {Cell.parse(cell).shared for row in rows for cell in row.cells}
    found = [line for name, line in run.references.items() if name in shared]
    if not found:
        return ""
    n, spent = sum(line["n_models"] for line in found), sum(line["elapsed_s"] for line in found)
    most = bytes_text(max(line["peak_bytes"] for line in found))
    return f"References: {n} models in {duration_text(spent)}, {most} of memory at most; shared by all methods here."


def board(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """A leaderboard: cells as texts, with what colours them."""
    out = []
    for row in rows:
        equal = "equal" if row.is_equal else ""
        cells = [
            row.guarantee or "—", f"{row.verdict or '—'} {f'[{row.remark}]' if row.remark else ''}",
            *(gap(row.scores.get(f"{part}_gap")) for part in ("retain", "forget", "test")),
            interval(row.scores.get("attack_auc")), _mean_gap(row), share_text(row.score("work_share")),
            ratio(row.time), bytes_text(row.score("state_bytes")),
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


def _dots(rows: Sequence[Row], score: str = "mean_gap", scale: float = 100.0) -> list[Dot]:
    out = []
    for row in rows:
        cost, own = row.time, row.score(score)
        if cost is not None and own is not None:
            kind = "bad" if _is_bad(row) else "good" if row.verdict else ""
            out.append(Dot(max(cost.value, _LEAST_COST), scale * abs(own), row.scenario.method, kind))
    return out


def _fronts(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Quality against cost, and privacy against cost."""
    across = "time, as a share of a retrain"
    drawn = [
        ("Quality against cost", scatter(_dots(rows), across=across, up="mean gap, points")),
        ("Privacy against cost", scatter(_dots(rows, "attack_gap", 1.0), across=across, up="attack, gap in AUC")),
    ]
    return [pair for pair in drawn if pair[1]]


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
            "unit": unit_of(row.measure), "time": ratio(row.time), "seconds": duration_text(row.seconds),
        })  # fmt: skip
    return {"method": method, "cards": cards}


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
