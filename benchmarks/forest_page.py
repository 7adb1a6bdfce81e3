"""Tables and picture of ``forest.py``: from JSON lines to the page of forests."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import duration, middle, ratio, table

__all__ = ["PAGE", "picture", "speed_tables"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "methods" / "forests.md"
Lines = dict[str, dict[str, Any]]


class Cases:
    """Lines of one kind, by data and depth: over several forests."""

    def __init__(self, lines: Lines, kind: str, which: int) -> None:
        self.which = which
        self.by: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for piece, line in lines.items():
            name, data, *rest = piece.split("/")
            if name == kind:
                self.by.setdefault((data, int(rest[0])), []).append(line)

    def each(self, key: tuple[str, int], name: str) -> list[float]:
        """A time of each forest: wall or processor."""
        return [line[name][self.which] for line in self.by.get(key, []) if name in line]

    def pairs(self, key: tuple[str, int], ours: str, theirs: str) -> tuple[list[float], list[float]]:
        """Times of forests of both, grown in the same run."""
        both = [line for line in self.by.get(key, []) if theirs in line]
        return [line[ours][self.which] for line in both], [line[theirs][self.which] for line in both]

    def all(self, key: tuple[str, int], name: str) -> list[float]:
        """Times of single calls, over all forests."""
        return [t for line in self.by.get(key, []) for t in line[name][self.which]]

    def mean(self, key: tuple[str, int], name: str) -> float:
        found = [line[name] for line in self.by[key] if name in line]
        return statistics.mean(found) if found else float("nan")


def speed_tables(lines: Lines, *, processor: bool) -> str:
    """What was measured, beside the targets."""
    cases = Cases(lines, "speed", int(processor))
    machines = sorted({line["machine"] for line in lines.values() if "machine" in line})
    threads = sorted({line["threads"] for line in lines.values() if "threads" in line})
    what = "Processor time" if processor else "Wall time"
    note = f"{what}; {', '.join(map(str, threads))} thread(s); {'; '.join(machines)}."
    head = ["what", "target", "measured", "met"]
    parts = []
    if found := targets(lines, cases):
        parts.append(table("Targets", head, found, "At 100,000 × 20 and 100 trees, where nothing else is said."))
    parts.append(table(
        "Fit and questions, 100 trees",
        ["data, depth", "forests", "fit", "scikit-learn's fit", "ratio", "AUC ours / theirs",
         "rows a second at predict, against theirs"], fits(cases),
    ))  # fmt: skip
    parts.append(table(
        "Forgetting and correcting one record", ["data, depth", "what", "median", "mean", "99th percentile"],
        changes(cases),
    ))  # fmt: skip
    parts.append(table(
        "Other arguments", ["data, depth", "`max_features`, `n_thresholds`", "fit", "forget: median", "mean",
                            "records read, median / mean", "AUC"], arguments(lines, int(processor)),
    ))  # fmt: skip
    parts.append(table(
        "The floor of forgetting one record",
        ["data, depth", "nodes on its paths", "time to touch two cache lines for each, at random", "measured, median",
         "records read, median / mean"], floors(cases), note,
    ))  # fmt: skip
    return "\n".join(parts).replace("## ", "### ")


def name_of(key: tuple[str, int]) -> str:
    return f"{key[0].capitalize() if key[0] == 'adult' else f'{int(key[0]):,} × 20'}, {key[1]}"


def fits(cases: Cases) -> list[list[Any]]:
    rows = []
    for key, found in cases.by.items():
        ours, theirs = cases.pairs(key, "fit", "their_fit")
        asked = cases.pairs(key, "ask", "their_ask")
        rows.append([
            name_of(key), len(found), middle(cases.each(key, "fit")), middle(theirs) if theirs else "",
            ratio(ours, theirs) if theirs else "",
            f"{cases.mean(key, 'auc'):.4f}" + (f" / {cases.mean(key, 'their_auc'):.4f}" if theirs else ""),
            ratio(asked[1], asked[0]) if theirs else "",
        ])  # fmt: skip
    return rows


def three(found: list[float]) -> list[str]:
    return [duration(v) for v in (statistics.median(found), statistics.mean(found), float(np.percentile(found, 99)))]


def changes(cases: Cases) -> list[list[Any]]:
    rows = []
    for key in cases.by:
        name = name_of(key)
        part = f"with `share=0.1` (fit {duration(statistics.median(cases.each(key, 'part_fit')))}, AUC "
        part += f"{cases.mean(key, 'part_auc'):.4f})"
        batch = [a / b for a, b in zip(cases.each(key, "batch"), cases.each(key, "fit"), strict=True)]
        rows += [
            [name, "forget", *three(cases.all(key, "forget"))],
            [name, "forget, with digests before and after", *three(cases.all(key, "digest"))],
            [name, f"forget, {part}", *three(cases.all(key, "part"))],
            [name, "rectify", *three(cases.all(key, "rectify"))],
            [name, "forget 1 % at once", duration(statistics.median(cases.each(key, "batch"))),
             f"{statistics.median(batch):.1%} of a fit", ""],
        ]  # fmt: skip
    return rows


def arguments(lines: Lines, which: int) -> list[list[Any]]:
    """One forest for each pair of arguments."""
    rows = []
    for piece, line in lines.items():
        kind, data, depth, *pair = piece.split("/")
        if kind == "arguments":
            forget, work = line["forget"][which], " / ".join(f"{number:,}" for number in line["work"])
            times = [duration(t) for t in (line["fit"][which], float(np.median(forget)), float(np.mean(forget)))]
            rows.append([name_of((data, int(depth))), pair[0].replace(",", ", "), *times, work, f"{line['auc']:.4f}"])
    return rows


def floors(cases: Cases) -> list[list[Any]]:
    rows = []
    for key, found in cases.by.items():
        work = [f"{statistics.median(line['work'][i] for line in found):,.0f}" for i in (0, 1)]
        rows.append([
            name_of(key), f"{cases.mean(key, 'path'):,.0f}", duration(cases.mean(key, "floor")),
            duration(statistics.median(cases.all(key, "forget"))), " / ".join(work),
        ])  # fmt: skip
    return rows


def targets(lines: Lines, cases: Cases) -> list[list[Any]]:
    """A line for each target of which something was measured."""
    rows: list[list[Any]] = []
    ten, twenty, adult, half = ("100000", 10), ("100000", 20), ("adult", 10), ("500000", 10)

    def at_most(what: str, limit: float, found: float, form: Callable[[float], str] = duration) -> None:
        rows.append([what, f"at most {form(limit)}", form(found), "yes" if found <= limit else "no"])

    def at_least(what: str, limit: float, found: float) -> None:
        form = "{:,.0f} ×" if limit > 1 else "{:.2f} ×"
        rows.append([what, f"at least {form.format(limit)}", form.format(found), "yes" if found >= limit else "no"])

    def times_(x: float) -> str:
        return f"{x:.3g} ×"

    for key, limit in ((ten, 0.06), (twenty, 0.06), (adult, 0.5)):
        ours, theirs = cases.pairs(key, "fit", "their_fit")
        if theirs:
            found = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            at_most(f"fit against scikit-learn's, {name_of(key)}", limit, found, times_)
    limits = {
        (ten, "forget"): (3e-4, 1e-3, 1e-2), (twenty, "forget"): (1.4e-3, 4e-3, None), (ten, "digest"): (5e-3,),
        (ten, "part"): (6e-5, 1.5e-4),
    }  # fmt: skip
    words = {"forget": "forget one record", "digest": "the same with digests", "part": "the same with `share=0.1`"}
    for (key, name), wanted in limits.items():
        if key in cases.by:
            found_ = cases.all(key, name)
            values = statistics.median(found_), statistics.mean(found_), float(np.percentile(found_, 99))
            for word, limit_, value in zip(("median", "mean", "99th percentile"), wanted, values, strict=False):
                if limit_ is not None:
                    at_most(f"{words[name]}, depth {key[1]}: {word}", limit_, value)
    if ten in cases.by:
        shares = [a / b for a, b in zip(cases.each(ten, "batch"), cases.each(ten, "fit"), strict=True)]
        at_most("forget 1 % at once, against a fit", 0.1, statistics.median(shares), lambda x: f"{x:.1%}")
        ours, theirs = cases.pairs(ten, "ask", "their_ask")
        at_least("rows a second at predict, against scikit-learn's", 0.8, statistics.median(
            b / a for a, b in zip(ours, theirs, strict=True)))  # fmt: skip
    if half in cases.by:
        fit, forgets = statistics.median(cases.each(half, "fit")), cases.all(half, "forget")
        at_least("500,000 × 20: our own fit against forgetting, median", 20_000, fit / statistics.median(forgets))
        at_least("500,000 × 20: our own fit against forgetting, mean", 5_000, fit / statistics.mean(forgets))
    for data in ("10000", "100000", "500000", "adult"):
        for depth in (10, 20):
            both = [lines.get(f"memory/{data}/{depth}/{whose}") for whose in ("ours", "theirs")]
            if both[0] and both[1] and both[0]["peak"]:
                mine = (both[0]["peak"] - both[0]["data"]) / both[1]["peak"]
                sizes = " / ".join(f"{line['peak'] / 1e6:,.0f} MB" for line in both if line)
                what = (
                    f"peak memory of a fit without the data ({both[0]['data'] / 1e6:,.0f} MB), against scikit-learn's"
                )
                rows.append([f"{name_of((data, depth))}: {what}", "at most 4 ×", f"{mine:.3g} × ({sizes})",
                             "yes" if mine <= 4 else "no"])  # fmt: skip
    if first := lines.get("first/10000/10"):
        at_most("first fit, removal and question of a process, kernels compiled before", 1.0,
                first["first_all"][cases.which])  # fmt: skip
    if big := lines.get("curve/10000000/10"):
        rows.append([f"10,000,000 × 20, depth 10, {big['trees']} trees: peak memory", "at most 24 GB",
                     f"{(big['peak'] + big['data']) / 1e9:.1f} GB with the data of the caller",
                     "yes" if big["peak"] + big["data"] <= 24e9 else "no"])  # fmt: skip
    return rows


def picture(lines: Lines, *, processor: bool) -> str:
    """Cost of forgetting a record against the number of records, drawn and as a table; nothing if it is not there."""
    found = [line for piece, line in lines.items() if piece.startswith("curve/")]
    if not found:
        return ""
    import matplotlib.pyplot as plt

    found.sort(key=lambda line: line["n"])
    which, sizes = int(processor), [line["n"] for line in found]
    medians, means = ([f(line["forget"][which]) for line in found] for f in (statistics.median, statistics.mean))
    fits_ = [line["fit"][which] for line in found]
    axes = plt.subplots(figsize=(7.2, 4.2))[1]
    for label, values, style in (("our own fit", fits_, "s:"), ("forgetting one record, mean", means, "o--"),
                                 ("forgetting one record, median", medians, "o-")):  # fmt: skip
        axes.loglog(sizes, values, style, label=label)
        axes.annotate(duration(values[-1]), (sizes[-1], values[-1]), xytext=(0, 7), textcoords="offset points",
                      ha="right")  # fmt: skip
    axes.set_xlabel("records")
    axes.set_ylabel("seconds")
    axes.margins(y=0.12)
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(frameon=False)
    axes.figure.savefig(PAGE.parent / "forests-cost.png", dpi=120, bbox_inches="tight")
    rows = [
        [f"{line['n']:,}", duration(fit), *three(line["forget"][which]), f"{fit / a:,.0f} × / {fit / b:,.0f} ×",
         f"{(line['peak'] or 0) / 1e9:.2f} GB"]
        for line, fit, a, b in zip(found, fits_, medians, means, strict=True)
    ]  # fmt: skip
    head = ["records", "fit", "forget: median", "mean", "99th percentile", "faster than the fit: median / mean",
            "peak memory of the fit"]  # fmt: skip
    text = table("Ten thousand to ten million records, depth 10", head, rows, f"{found[-1]['trees']} trees.")
    words = "The cost of forgetting a record hardly grows with the number of records, that of a fit does"
    return text.replace("## ", "### ") + f"\n![{words}](forests-cost.png)\n"
