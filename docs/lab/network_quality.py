"""Run the scenarios of networks, every method with tuned dials, and write the page of their quality.

python docs/lab/network_quality.py [--run FOLDER] [--jobs N] [--only-page]   runs what is not yet done, writes the page
python docs/lab/network_quality.py --gpu [--jobs N]                          the same for ResNet-18, on a GPU
python docs/lab/network_quality.py --tune [REQUEST ...] [--trials N ...] [--draws N] [--jobs N]   looks for dials

Processes have one thread each, and their number changes no score. What is done is kept at once, dials too: a command
that was stopped goes on. EXPUNGE_DEVICE says where --gpu trains; cuda, if it says nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import zip_longest
from pathlib import Path
from typing import Any

from expunge.lab import network_scenarios as scenarios
from expunge.lab import run_cells
from expunge.lab.cells import Cell
from expunge.lab.environment import code_digest
from expunge.lab.isolation import context_of
from expunge.lab.network_methods import LAB_NETWORK_METHODS
from expunge.lab.results import Run, read_run
from expunge.lab.site import leaderboard_csv
from expunge.lab.summary import rows_of
from expunge.lab.tuning import tune
from expunge.quantities import share_text

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE, TABLE = HERE.parent / "networks-quality.md", HERE / "networks.csv"
SETTINGS = ROOT / "src" / "expunge" / "lab" / "network_settings.json"
BEGIN, END = "<!-- written by docs/lab/network_quality.py -->", "<!-- end -->"
TUNED = ("random@0.1", "class@3")
#: Take longest, and so begin first.
FIRST = ("newton-step", "amnesiac", "stand-ins", "fine-tuning", "euk")
GPU_REQUEST = scenarios.with_model(*scenarios.GPU[1:])
GAPS = ("retain", "forget", "test", "attack")

Key = tuple[str, str, str]
#: By method: scores and times of each seed. The environment of a setting is that of its first line.
Lines = dict[str, list[tuple[dict[str, Any], dict[str, Any]]]]


def main() -> int:
    """Tune if asked to, run, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=ROOT / "build" / "networks")
    parser.add_argument("--only-page", action="store_true")
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--tune", nargs="*", metavar="REQUEST")
    parser.add_argument("--methods", nargs="*", metavar="METHOD", default=list(LAB_NETWORK_METHODS), help="to tune")
    parser.add_argument("--trials", type=int, nargs="+", default=[48], help="of each request; the last one of the rest")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    prepare_environment(asked.gpu)
    if asked.tune is not None:
        requests, last = asked.tune or ([GPU_REQUEST] if asked.gpu else list(TUNED)), asked.trials[-1]
        trials = dict(zip_longest(requests, asked.trials[: len(requests)], fillvalue=last))
        return search(trials, asked.methods, asked.draws, asked.jobs, asked.run)
    if not asked.only_page:
        cells = [cell for group in (gpu_settings() if asked.gpu else settings()) for cell in group]
        report = run_cells(cells, asked.run, n_jobs=asked.jobs, isolate=False, progress=show)
        print(f"{report.n_run} cells run, {report.n_kept} done before, {len(report.failed)} failed", end="")
        print(f", in {report.elapsed_s:.0f} s.", flush=True)
        for line in report.failed:
            print(f"{line['cell']}: {line['error']['message']}")
    run = read_run(asked.run)
    shorter = re.sub(r"\d\.\d{7,}(?:e-?\d+)?", lambda found: f"{float(found[0]):.6g}", leaderboard_csv(rows_of(run)))
    TABLE.write_text(shorter, encoding="utf-8")
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n\n{tables(run)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 1 if run.failed else 0


def prepare_environment(gpu: bool) -> None:
    """One thread for this process and those that it makes, before torch is imported; where the data are; the device."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    shared = ROOT.parent / "shared" / "data"
    if "EXPUNGE_DATA" not in os.environ and shared.is_dir():
        os.environ["EXPUNGE_DATA"] = str(shared)
    if gpu:
        os.environ.setdefault("EXPUNGE_DEVICE", "cuda")
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what deterministic kernels of cuBLAS need
    else:
        os.environ.pop("EXPUNGE_DEVICE", None)


def settings() -> list[list[Cell]]:
    """The cells of each table for a processor, in the order of the page."""
    own = [list(scenarios.network_cells((request,), samples=(), long=())) for request in scenarios.REQUESTS]
    own += [list(scenarios.network_cells((), samples=(), long=(request,))) for request in scenarios.LONG_REQUESTS]
    return own + [list(scenarios.network_cells((), samples=(sample,), long=())) for sample in scenarios.SAMPLES]


def gpu_settings() -> list[list[Cell]]:
    """The same for a graphics processor."""
    return [list(scenarios.gpu_cells())]


def keys() -> list[Key]:
    """Workload, model and request of each table, in the same order."""
    every = [*settings(), *gpu_settings()]
    return [(cells[0].scenario.workload, cells[0].scenario.model, cells[0].scenario.request) for cells in every]


def search(trials: dict[str, int], methods: list[str], draws: int, n_jobs: int, folder: Path) -> int:
    """Find the dials, by request so many trials for each method; those that were found by the same code are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    notes, code = folder / "tuning.jsonl", code_digest()
    lines = [json.loads(text) for text in notes.read_text(encoding="utf-8").splitlines()] if notes.exists() else []
    same = [
        line for line in lines
        if (line["trials"], line["draws"], line["code"]) == (trials.get(line["request"]), draws, code)
    ]  # fmt: skip
    known = {(line["request"], line["method"]): line for line in same}
    for line in known.values():
        keep(line)
    todo = [(request, method) for request in trials for method in [*FIRST, *methods] if method in methods]
    todo = [one for one in dict.fromkeys(todo) if one not in known]
    todo = [one for one in todo if one[0] != GPU_REQUEST or one[1] in scenarios.GPU_METHODS]
    start, failed = time.perf_counter(), []
    with ProcessPoolExecutor(n_jobs, mp_context=context_of(["expunge.lab.tuning", "torch", "optuna"])) as pool:
        asked = {
            pool.submit(tune, f"{stage(request)}/{method}/s0r0", n_trials=trials[request], draws=draws,
                        passes=scenarios.SHORTER if request == GPU_REQUEST else 1.0): (request, method)
            for request, method in todo
        }  # fmt: skip
        for done in as_completed(asked):
            request, method = asked[done]
            try:
                told = done.result()
            except Exception as error:  # the others go on
                failed.append(f"{request} {method}: {type(error).__name__}: {error}")
                print(failed[-1], flush=True)
                continue
            line = {"request": request, "method": method, "best": told.best, "gap": told.gap, "of_draws": told.of_draws,
                    "trials": trials[request], "draws": draws, "code": code}  # fmt: skip
            with notes.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            keep(line)
            each = ", ".join(f"{gap:.4f}" for gap in told.of_draws)
            print(f"{request} {told.best}: mean gap {told.gap:.4f} on validation records ({each})", flush=True)
    spent = time.perf_counter() - start
    print(f"{len(todo) - len(failed)} tuned, {len(known)} known before, {len(failed)} failed, in {spent:.0f} s.")
    return 1 if failed else 0


def stage(request: str) -> str:
    """Workload, model and request of a request that is tuned for."""
    setting = (scenarios.CLOTHES, scenarios.MODEL, request)
    return "/".join(scenarios.GPU if request == GPU_REQUEST else setting)


def keep(line: dict[str, Any]) -> None:
    """Write the dials of a method where scenarios read them."""
    found = json.loads(SETTINGS.read_text(encoding="utf-8"))
    found.setdefault(line["request"], {})[line["method"]] = line["best"]
    ordered = {r: {m: of[m] for m in LAB_NETWORK_METHODS if m in of} for r, of in found.items()}
    other = SETTINGS.with_suffix(".new")
    other.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    os.replace(other, SETTINGS)


def show(done: float, total: float) -> None:
    """A line that says how long it will take."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done:.0f} s of about {total:.0f} s \033[K")


def tables(run: Run) -> str:
    """What was found, then a table for each setting."""
    groups: dict[Key, Lines] = defaultdict(lambda: defaultdict(list))
    refused: dict[Key, Counter[str]] = defaultdict(Counter)
    for cell, line in run.scores.items():
        s = Cell.parse(cell).scenario
        if line["status"] != "done":
            refused[s.workload, s.model, s.request][name(s.method)] += 1
        else:
            times = {**run.timings[cell], "on": device_of(line["environment"])}
            groups[s.workload, s.model, s.request][s.method].append((line["scores"], times))
    order = keys()
    every = [line["environment"] for line in run.scores.values()]
    told = " and ".join(sorted({f"Python {found['python']}, torch {found['torch']}" for found in every}))
    out = [f"{len(every)} cells, {len(run.failed)} failed. {told}; {time.strftime('%Y-%m-%d')}.", "", *targets(groups)]
    seen = {name(method) for lines in groups.values() for method in lines}
    if left := sorted(set(LAB_NETWORK_METHODS) - seen):
        out += [f"Not in this run: {', '.join(f'`{method}`' for method in left)}.", ""]
    if later := [title(key) for key in order if "retrain" not in groups[key]]:
        out += [f"Not run yet, the command goes on with them: {'; '.join(later)}.", ""]
    for key in order:
        if {"retrain", "do-nothing"} <= set(groups[key]):
            out += group(key, groups[key]) + left_out(refused[key])
    return "\n".join(out)


def left_out(refused: Counter[str]) -> list[str]:
    """A line for methods that gave no model, which is an answer, too."""
    told = ", ".join(f"`{method}` ({n} of the seeds)" for method, n in sorted(refused.items()))
    return (
        [f"Refused, because weights or outputs were no longer numbers, and not in the means: {told}.", ""]
        if told
        else []
    )


def device_of(environment: dict[str, Any]) -> str:
    """In words; a graphics processor by its name."""
    return environment.get("gpu") or f"one thread of a {environment['device']}"


def title(key: Key) -> str:
    """Workload and request, and the model where it is not the usual one."""
    workload, model, request = key
    return " · ".join([workload, *([] if model == scenarios.MODEL else [model]), request])


def targets(groups: Any) -> list[str]:
    """The two targets beside what was reached."""
    out = ["| target on Fashion-MNIST | reached by |", "| --- | --- |"]
    one = groups[scenarios.CLOTHES, scenarios.MODEL, TUNED[1]]
    for model, passes in ((scenarios.MODEL, "forty"), (scenarios.LONG, "a hundred")):
        tenth = groups[scenarios.CLOTHES, model, TUNED[0]]
        if "do-nothing" not in tenth:
            continue
        least = mean(tenth, "do-nothing", "mean_gap") / 3
        good = [m for m in ranked(tenth) if mean(tenth, m, "mean_gap") <= least and spent(tenth, m) <= 0.15]
        quick = [m for m in ranked(tenth) if name(m) not in ("retrain", "do-nothing") and spent(tenth, m) <= 0.15]
        told = f"{len(good)}" if len(good) >= 3 else f"**missed**, {len(good)}; the nearest are"
        shown = good if len(good) >= 3 else quick[:3]
        names = ", ".join(f"`{name(m)}` ({100 * mean(tenth, m, 'mean_gap'):.1f})" for m in shown)
        out.append(
            f"| 10 % at random: three methods with a mean gap of at most a third of do-nothing's ({100 * least:.1f} "
            f"points; a retrain has {100 * mean(tenth, 'retrain', 'mean_gap'):.1f}) in at most 15 % of a retrain's "
            f"time, training for {passes} passes | {told}: {names} |"
        )
    if "do-nothing" in one:
        good = [
            m for m in ranked(one)
            if mean(one, m, "forget_accuracy") <= 0.01 and abs(mean(one, m, "rest_gap")) <= 0.01
        ]  # fmt: skip
        good = [m for m in good if m != "retrain"]
        names = ", ".join(f"`{name(m)}` (rest {100 * mean(one, m, 'rest_gap'):+.1f})" for m in good) or "**missed**"
        out.append(
            "| one class: accuracy on it at most 1 %, and on test records of the others within a point of retraining | "
            f"{len(good)}: {names} |"
        )
    return [*out, ""]


def group(key: Key, lines: Lines) -> list[str]:
    """The table of a setting."""
    idle = mean(lines, "do-nothing", "mean_gap")
    known = mean(lines, "do-nothing", "before_retain_accuracy")
    first, seeds, own = lines["do-nothing"][0][0], len(lines["do-nothing"]), "mean_gap_of_a_retrain"
    counts = "counts" if idle >= 0.03 and known >= 0.99 else "**does not count**"
    is_class = key[2].startswith("class")
    gaps = [*GAPS[:2], "rest", GAPS[3]] if is_class else list(GAPS)
    out = [
        f"### {title(key)}", "",
        f"{first['n_forgotten']} of {first['n_trained']} records forgotten, {seeds} seeds. Accuracy on what was "
        f"trained on {100 * known:.1f} %, do-nothing's mean gap {100 * idle:.1f} points: it {counts}. That of a "
        f"retrain is {100 * mean(lines, 'do-nothing', own):.1f}. Measured on {lines['do-nothing'][0][1]['on']}.", "",
        "| method | " + " | ".join(gaps) + " | mean gap | of do-nothing's | records read | time |",
        "|" + " --- |" * (len(gaps) + 5),
    ]  # fmt: skip
    for method in ranked(lines):
        found = 100 * mean(lines, method, "mean_gap")
        mark = "" if found < 100 * idle or method in ("retrain", "do-nothing") else " †"
        row = [f"`{method}`{mark}", *(signed(lines, method, f"{part}_gap") for part in gaps)]
        row += [f"{found:.1f} ± {spread(lines, method, 'mean_gap'):.1f}", share_text(found / 100 / idle)]
        row += [share_text(mean(lines, method, "work_share")), share_text(spent(lines, method))]
        out.append(f"| {' | '.join(row)} |")
    return [*out, ""]


def values(lines: Lines, method: str, score: str) -> list[float]:
    """A score, one a seed."""
    return [float(s[score]) for s, _ in lines[method] if s.get(score) is not None]


def mean(lines: Lines, method: str, score: str) -> float:
    """Over seeds."""
    found = values(lines, method, score)
    return statistics.mean(found) if found else float("nan")


def spread(lines: Lines, method: str, score: str) -> float:
    """Standard deviation over seeds, in points."""
    found = values(lines, method, score)
    return 100 * statistics.stdev(found) if len(found) > 1 else 0.0


def signed(lines: Lines, method: str, score: str) -> str:
    """Mean and deviation in points, with a sign."""
    if not values(lines, method, score):
        return "—"
    return f"{100 * mean(lines, method, score):+.1f} ± {spread(lines, method, score):.1f}"


def spent(lines: Lines, method: str) -> float:
    """Time in units of a retrain's, both as medians: of the processor, or by the clock where a GPU does the work.

    Training once more for a log is not in it.
    """
    own = "_cpu_s" if lines[method][0][1]["on"].startswith("one thread") else "_s"
    whole = statistics.median({t[f"retrain{own}"] for of_method in lines.values() for _, t in of_method})
    return float(statistics.median(t[f"forget{own}"] for _, t in lines[method]) / whole)


def ranked(lines: Lines) -> list[str]:
    """Methods by their mean gap."""
    return sorted(lines, key=lambda method: mean(lines, method, "mean_gap"))


def name(method: str) -> str:
    """Without its dials."""
    return method.partition("@")[0]


if __name__ == "__main__":
    raise SystemExit(main())
