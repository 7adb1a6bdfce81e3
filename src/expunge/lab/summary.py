"""From cells to rows: seeds taken together, methods side by side, differences to the retrain pair by pair."""

from __future__ import annotations

import dataclasses
import statistics
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from scipy import stats

from expunge.audit.statistics import Interval
from expunge.lab.cells import Cell, Scenario
from expunge.lab.intervals import bootstrap, paired_bootstrap
from expunge.lab.results import Run

__all__ = ["ACCUSATIONS", "ALPHA", "Ratio", "Row", "groups", "rows_of", "title_of"]

ACCUSATIONS = ("not forgotten", "over-forgotten")
#: Level of a verdict: so often a retrain is accused.
ALPHA = 0.05


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Times in units of a retrain: median and range over seeds.

    Parameters
    ----------
    value, low, high : float
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Ratio | None:
        """Of one value a seed; None of none."""
        return cls(statistics.median(values), min(values), max(values)) if values else None


@dataclasses.dataclass(frozen=True)
class Row:
    """A scenario over its seeds.

    Parameters
    ----------
    scenario : Scenario
    n_references : int
    cells : tuple of str
        Ids of those that are done.
    failed : tuple of dict
        Lines of those that failed.
    scores : dict of str to Interval
        Numeric scores: means with bootstrap intervals over seeds.
    beyond_retrain : dict of str to Interval
        Their paired differences to the retrain of the same seeds, where there is one.
    verdicts : dict of str to int
    guarantee : str
    is_equal : bool or None
        Whether every seed gives, bit for bit, the fresh fit of the same seed.
    time : Ratio or None
        Of forgetting, in units of a retrain.
    seconds : float or None
        Median time of forgetting.
    measure : str
        What quality is counted in.
    """

    scenario: Scenario
    n_references: int
    cells: tuple[str, ...]
    failed: tuple[dict[str, Any], ...]
    scores: dict[str, Interval]
    beyond_retrain: dict[str, Interval]
    verdicts: dict[str, int]
    guarantee: str
    is_equal: bool | None
    time: Ratio | None
    seconds: float | None
    measure: str = "accuracy"

    def score(self, name: str) -> float | None:
        """Mean of a score; None where it was not measured."""
        return self.scores[name].value if name in self.scores else None

    @property
    def verdict(self) -> str:
        """What the audit said, with counts where seeds differ, most often first; empty where it said nothing."""
        said = sorted(self.verdicts, key=lambda v: (-self.verdicts[v], v))
        return said[0] if len(said) == 1 else ", ".join(f"{self.verdicts[name]} {name}" for name in said)

    @property
    def accused(self) -> int:
        """Verdicts that say not forgotten or over-forgotten."""
        return sum(self.verdicts.get(name, 0) for name in ACCUSATIONS)

    @property
    def chance(self) -> float:
        """How often so many verdicts or more accuse, of as many retrains with references of their own."""
        return float(stats.binom.sf(self.accused - 1, sum(self.verdicts.values()), ALPHA))

    @property
    def is_accused(self) -> bool:
        """Whether the verdicts together accuse, at the level of one: more of them than chance explains."""
        return bool(self.accused) and self.chance <= ALPHA + 1e-9  # one accusation of one seed counts

    @property
    def remark(self) -> str:
        """What must stand beside an accusation, so that nobody takes chance for a fault; else empty."""
        if not self.accused or (self.is_accused and not self.is_equal):
            return ""
        n, often = sum(self.verdicts.values()), f"{100 * self.chance:.2g} %"
        told = f"{self.accused} of {n} happens to {often} of retrains"
        return f"the fresh fit itself, accused by chance: {told}" if self.is_equal else f"may be chance: {told}"


def rows_of(run: Run) -> list[Row]:
    """A row for each scenario of a run that has a line, in the order of their ids."""
    lines: dict[tuple[Scenario, int], list[tuple[Cell, dict[str, Any]]]] = defaultdict(list)
    for name, line in run.scores.items():
        cell = Cell.parse(name)
        lines[cell.scenario, cell.n_references].append((cell, line))
    out = []
    for (scenario, n), found in sorted(lines.items(), key=lambda pair: pair[0]):
        retrain = dataclasses.replace(scenario, method="retrain")
        twins = {cell.seeds: line for cell, line in lines.get((retrain, n), []) if line["status"] == "done"}
        out.append(_row(scenario, n, found, twins, run))
    return out


def _row(scenario: Scenario, n: int, found: list[tuple[Cell, dict[str, Any]]], twins: Any, run: Run) -> Row:
    done = [
        (cell, line["scores"]) for cell, line in sorted(found, key=lambda pair: pair[0]) if line["status"] == "done"
    ]
    names = sorted({name for _, scores in done for name, value in scores.items() if _is_number(value)})
    scores, beyond = {}, {}
    for name in names:
        values = [(cell, s[name]) for cell, s in done if _is_number(s.get(name))]
        scores[name] = bootstrap([value for _, value in values])
        pairs = [(v, twins[c.seeds]["scores"].get(name)) for c, v in values if c.seeds in twins]
        pairs = [(own, other) for own, other in pairs if _is_number(other)]
        if pairs:
            beyond[name] = paired_bootstrap(*zip(*pairs, strict=True))
    verdicts: dict[str, int] = defaultdict(int)
    for _, s in done:
        if s.get("verdict"):
            verdicts[s["verdict"]] += 1
    times = [run.timings[cell.id] for cell, _ in done if cell.id in run.timings]
    return Row(
        scenario=scenario, n_references=n, cells=tuple(cell.id for cell, _ in done),
        failed=tuple(line for _, line in found if line["status"] == "failed"), scores=scores, beyond_retrain=beyond,
        verdicts=dict(verdicts), guarantee=str(done[0][1].get("guarantee", "")) if done else "",
        is_equal=all(s.get("is_equal") for _, s in done) if done else None,
        time=Ratio.of([t["forget_s"] / t["retrain_s"] for t in times if t["retrain_s"] > 0]),
        seconds=statistics.median(t["forget_s"] for t in times) if times else None,
        measure=str(done[0][1].get("measure", "accuracy")) if done else "accuracy",
    )  # fmt: skip


def groups(rows: Iterable[Row]) -> dict[tuple[str, str, str], list[Row]]:
    """Rows of the audited scenarios by workload, model and request: exact ones first, then by their mean gap."""
    out: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.n_references:
            s = row.scenario
            out[s.workload, s.model, s.request].append(row)

    def place(row: Row) -> tuple[bool, bool, float]:
        gap = row.score("mean_gap")
        return bool(row.failed and not row.cells), gap is None, gap if gap is not None else 0.0

    return {key: sorted(found, key=place) for key, found in sorted(out.items())}


def title_of(key: tuple[str, str, str]) -> str:
    """A heading for a group."""
    workload, model, request = key
    return f"{workload} · {model} · {request}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
