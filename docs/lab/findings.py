"""What a run says, in sentences: written from its figures, so that they cannot contradict its tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from expunge.lab.methods import LAB_METHODS
from expunge.lab.results import Run
from expunge.lab.summary import Row, groups, rows_of
from expunge.lab.words import ratio
from expunge.quantities import share_text

Groups = Mapping[tuple[str, str, str], Sequence[Row]]

_CHEAP, _DEAR = 0.5, 0.95  # of the records that a retrain reads
_OWN = ("retrain", "do-nothing", "forget")


def findings(run: Run) -> str:
    """Which method for what, and what fails."""
    found = groups(rows_of(run))
    best = [*_costs(found), *_networks_that_work(found)]
    worst = [*_failed(run), *_fakes(found), *_missed(found), *_networks_that_fail(found), *_accused(found)]
    return "\n".join(["## Which method for what", "", *best, "", "## What fails", "", *worst])


def sized(run: Run) -> str:
    """How long it took."""
    times = list(run.timings.values())
    total = sum(t["total_s"] for t in times)
    draws = {t["cell"].rpartition("/")[2] for t in times if not t["cell"].endswith("r0")}
    longest = max(times, key=lambda t: t["total_s"])
    return (
        f"{len(run.asked)} cells took {total / max(len(times), 1):.1f} s on average beside their references, the "
        f"longest (`{longest['cell']}`) {longest['total_s']:.0f} s. Draws of the data are small and stand in the ids "
        f"(`location@2000`); intervals are over the seeds {_list([f'`{d}`' for d in sorted(draws)])}, so they are "
        "ranges."
    )


def _own(found: Groups) -> Iterable[Row]:
    return (row for rows in found.values() for row in rows if row.scenario.method == "forget" and row.cells)


def _name(row: Row) -> str:
    s = row.scenario
    return f"`{s.model}` on `{s.workload}` ({s.request})"


def _list(texts: Sequence[str]) -> str:
    return "; ".join(texts)


def _costs(found: Groups) -> list[str]:
    rows = sorted(_own(found), key=lambda row: row.score("work_share") or 0.0)
    exact = [row for row in rows if row.guarantee == "exact"]
    equal = sum(bool(row.is_equal) for row in exact)
    out = [
        f"- **Exact**: {equal} of {len(exact)} models with an exact guarantee are the fresh fit, bit for bit, in every "
        "seed."
    ]
    for title, low, high in (
        ("Cheaper than a retrain", 0.0, _CHEAP), ("Somewhat cheaper", _CHEAP, _DEAR),
        ("As dear as a retrain, or dearer", _DEAR, float("inf")),
    ):  # fmt: skip
        told = [
            f"{_name(row)} reads {share_text(row.score('work_share'))} of the records, in {ratio(row.time)} of the time"
            for row in rows if low <= (row.score("work_share") or 0.0) < high
        ]  # fmt: skip
        if told:
            out.append(f"- **{title}**: {_list(told)}.")
    return out


def _networks(found: Groups) -> Iterable[tuple[Row, list[Row]]]:
    """Do-nothing, and the methods for networks beside it, best first."""
    for rows in found.values():
        others = [row for row in rows if row.scenario.method not in _OWN and not _is_control(row) and row.cells]
        idle = next((row for row in rows if row.scenario.method == "do-nothing"), None)
        if others and idle is not None and idle.score("mean_gap") is not None:
            yield idle, sorted(others, key=lambda row: _gap(row))


def _is_control(row: Row) -> bool:
    method = LAB_METHODS.get(row.scenario.method.partition("@")[0])
    return method is not None and method.is_control


def _gap(row: Row) -> float:
    value = row.score("mean_gap")
    return float("inf") if value is None else value


def _networks_that_work(found: Groups) -> list[str]:
    out = []
    for idle, rows in _networks(found):
        good = [r for r in rows if _gap(r) < _gap(idle) and not r.is_accused][:5]
        floor = idle.score("mean_gap_of_a_retrain") or 0.0
        told = [
            f"`{r.scenario.method}` ({100 * _gap(r):.1f} points, {ratio(r.time)} of a retrain's time)" for r in good
        ]
        rest = f": {_list(told)}" if told else ": none"
        out.append(
            f"- **Networks**, {_name(idle)}: nearer to a retrain than the model as it was ({100 * _gap(idle):.1f} "
            f"points of mean gap; a retrain itself {100 * floor:.1f}) and not accused{rest}."
        )
    return out


def _networks_that_fail(found: Groups) -> list[str]:
    out = []
    for idle, rows in _networks(found):
        bad = [f"`{r.scenario.method}` ({100 * _gap(r):.1f})" for r in rows if _gap(r) >= _gap(idle)]
        if bad:
            out.append(
                f"- **No nearer to a retrain than doing nothing** ({100 * _gap(idle):.1f} points), {_name(idle)}: "
                f"{_list(bad)}."
            )
    return out


def _failed(run: Run) -> list[str]:
    return [f"- **`{line['cell']}` failed**: {line['error']['message']}" for line in run.failed]


def _fakes(found: Groups) -> list[str]:
    out = []
    for key, rows in found.items():
        by = {row.scenario.method: row for row in rows}
        for row in rows:
            if _is_control(row) and row.scenario.method != "do-nothing" and "do-nothing" in by and row.cells:
                out.append(
                    f"- **A fake**: `{row.scenario.method}` on `{key[0]}`, `{key[1]}`: mean gap {100 * _gap(row):.1f} "
                    f"points against {100 * _gap(by['do-nothing']):.1f} of doing nothing; the audit says {row.verdict}."
                )
    return out


def _missed(found: Groups) -> list[str]:
    out = []
    for rows in found.values():
        for row in rows:
            n = sum(row.verdicts.values())
            if row.scenario.method == "do-nothing" and row.verdicts.get("not forgotten", 0) < n:
                seen, power = row.verdicts.get("not forgotten", 0), row.score("power") or 0.0
                out.append(
                    f"- **Not caught every time**: a model that forgot nothing is accused in {seen} of {n} seeds, "
                    f"{_name(row)} (power {power:.2f}). Where the power is low the audit says that it cannot tell."
                )
    return out


def _accused(found: Groups) -> list[str]:
    told = []
    for rows in found.values():
        for row in rows:
            if row.scenario.method in ("retrain", "forget") and row.accused:
                told.append(f"`{row.scenario.method}`, {_name(row)}: {row.accused} of {sum(row.verdicts.values())}")
    n = sum(
        sum(row.verdicts.values())
        for rows in found.values()
        for row in rows
        if row.scenario.method in ("retrain", "forget")
    )
    if not told:
        return []
    return [
        f"- **Models that are retrains are accused now and then**, as the audit's level of 5 % allows: {_list(told)}, "
        f"of {n} verdicts on retrains and exact methods. [How often, counted over many](accused.md)."
    ]
