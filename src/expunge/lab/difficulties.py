"""From a run to what it shows: the three difficulties of unlearning, and what turning a dial does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from expunge.lab.cells import Cell
from expunge.lab.intervals import bootstrap
from expunge.lab.pictures import Curve, curves
from expunge.lab.results import Run
from expunge.lab.summary import Row, title_of
from expunge.lab.sweeps import SWEEPS, Sweep
from expunge.lab.words import AXES
from expunge.quantities import share_text

__all__ = ["drift_of", "order_of", "spread_of", "sweep_curves", "sweep_pictures"]

_HALF = 0.5  # of a retrain: a request that costs so much has rebuilt the model


def sweep_pictures(run: Run) -> list[dict[str, Any]]:
    """A picture for each score of each sweep that the run holds: name, title, picture, names of the lines."""
    out = []
    for name, sweep in SWEEPS.items():
        for score in sweep.shows:
            lines = sweep_curves(run, sweep, score)
            if lines:
                low, high = min(min(line.x) for line in lines), max(max(line.x) for line in lines)
                is_log = low > 0 and high >= 20 * low
                picture = curves(lines, across=sweep.axis, up=AXES.get(score, score), log=is_log)
                out.append({
                    "name": f"{name}-{score}", "title": sweep.title, "picture": picture,
                    "names": [line.name for line in lines],
                })  # fmt: skip
    return out


def sweep_curves(run: Run, sweep: Sweep, score: str) -> list[Curve]:
    """The lines of a sweep with two points or more: means over seeds, and bands where there are several."""
    out = []
    for line in sweep.lines:
        places, found = [], []
        for x, scenario in line.points:
            lines = [run.scores.get(cell.id, {}) for cell in sweep.cells() if cell.scenario == scenario]
            values = [told["scores"].get(score) for told in lines if told.get("status") == "done"]
            known = [value for value in values if value is not None]
            if known and not isinstance(x, str):
                places.append(float(x))
                found.append(bootstrap(known))
        band = len(sweep.train) > 1
        if len(places) > 1:
            out.append(Curve(line.name, places, [i.value for i in found], [i.low for i in found] if band else (),
                             [i.high for i in found] if band else ()))  # fmt: skip
    return out


def spread_of(found: Mapping[Any, Sequence[Row]]) -> list[list[str]]:
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
                    share_text(retrain.score("retrain_disagreement")), same])  # fmt: skip
    return out


def order_of(run: Run) -> list[list[str]]:
    """Incrementality: what removing an early or a late record costs and changes."""
    out = []
    for line in SWEEPS["order"].lines:
        for when, scenario in line.points:
            for cell, told in run.scores.items():
                if Cell.parse(cell).scenario == scenario and told["status"] == "done":
                    s = told["scores"]
                    out.append([line.name, str(when), share_text(s["work_share"]), share_text(s["changed_share"]),
                                f"{s['changed_most']:.3g}"])  # fmt: skip
    return out


def drift_of(run: Run) -> list[dict[str, Any]]:
    """Sequences: quality after so many requests, and what each request read."""
    out = []
    for name, line in run.scores.items():
        told = line.get("sequence") or {}
        if line["status"] != "done" or len(told.get("steps", ())) < 2:
            continue
        s = Cell.parse(name).scenario
        whole = line["scores"]["work_of_a_retrain"]
        works = [work / whole for work in told["works"]]
        out.append({
            "name": f"sequence-{s.workload}-{s.model}-{len(works)}".replace("@", "-"),
            "title": f"{s.workload} · {s.model} · {s.method}", "n": len(works), "is_equal": line["scores"]["is_equal"],
            "rebuilds": sum(work >= _HALF for work in works), "most": share_text(max(works)),
            "all": share_text(sum(works)),
            "accuracy": curves([Curve("quality", told["steps"], told["drift"])], across="requests", up="test quality",
                               log=True),
            "work": curves([Curve("work", range(1, len(works) + 1), works)], across="request",
                           up="records read, in retrains"),
        })  # fmt: skip
    return out
