"""Runs go on where they stopped, repeat byte for byte, show what failed, and hold their limits."""

from __future__ import annotations

import csv
import dataclasses
import html.parser
import json
import multiprocessing
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from expunge.cli import run as command
from expunge.errors import (
    EXIT_CODES,
    CellFailedError,
    CellOverLimitError,
    FileNotUsableError,
    InvalidDataError,
    InvalidParameterError,
    InvalidRequestError,
    NotReproducedError,
    UnknownNameError,
)  # fmt: skip
from expunge.lab import Cell, Seeds, isolation, run_cells, runner, write_site
from expunge.lab.environment import code_digest, environment
from expunge.lab.honesty import check_run
from expunge.lab.isolation import Job, Limits, do_isolated
from expunge.lab.learners import Outcome
from expunge.lab.methods import Method
from expunge.lab.plugins import registered
from expunge.lab.results import Run, append, line_of, read_run
from expunge.lab.summary import Row, rows_of
from expunge.lab.verbs import compare_runs, reproduce
from processes import start_server

GROUP = [
    Cell.parse(f"digits@500/tree/random@0.3/{method}/s{seed}")
    for method in ("retrain", "do-nothing", "forget") for seed in (0, 1)
]  # fmt: skip
QUICK = [Cell.parse(f"breast-cancer/tree/random@{share}/forget/s0r0") for share in (0.1, 0.3, 0.5)]


def broken(learner: Any, model: Any, records: Any, ids: Any, seed: int) -> Outcome:
    raise ZeroDivisionError("<b>no</b> such luck")


BROKEN = {"broken": Method("raises", broken)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with an audited group, a sweep, and a cell that fails."""
    folder = tmp_path_factory.mktemp("lauf-ö") / "run"
    with registered(methods=BROKEN):
        failing = Cell.parse("digits@500/tree/random@0.3/broken/s0")
        told: list[tuple[float, float]] = []
        report = run_cells([*GROUP, *QUICK, failing], folder, isolate=False, progress=lambda *one: told.append(one))
    assert len(told) == 1 + 1 + 10, "before the references and the cells are done, how long it will take"
    assert 0 < told[0][0] < told[0][1]
    assert (report.n_asked, report.n_run, len(report.failed)) == (10, 10, 1)
    with pytest.raises(CellFailedError, match="such luck"):
        report.check()
    return folder


def test_references_are_trained_once_and_shared(folder: Path) -> None:
    assert len(list((folder / "references").glob("*.npy"))) == 40 + 14
    (charged,) = read_run(folder).references.values()
    assert charged["n_models"] == 40 + 14
    assert charged["elapsed_s"] > 0
    append(folder / "references.jsonl", {**charged, "elapsed_s": 1e-6})
    assert read_run(folder).references[charged["cell"]] == charged, "reading them again is no training"


def test_lines_hold_what_they_must(folder: Path) -> None:
    run = read_run(folder)
    done = run.scores[GROUP[0].id]
    assert set(done) == {"cell", "schema", "status", "scores", "sequence", "n_references", "digests", "seeds",
                         "environment"}  # fmt: skip
    assert {"expunge", "numpy", "scikit-learn", "device", "threads", "machine", "blas"} <= set(done["environment"])
    assert not any(name.endswith("_s") or "time" in name for name in done["scores"]), "times stand apart"
    assert set(run.timings) == set(run.scores) - {line["cell"] for line in run.failed}
    assert list(run.scores) == sorted(run.scores, key=Cell.parse)
    (failed,) = run.failed
    assert failed["error"]["code"] == "cell-failed"
    assert "ZeroDivisionError" in failed["error"]["message"]


def test_a_run_that_was_killed_goes_on_and_ends_with_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    run_cells(QUICK, tmp_path, isolate=False)
    whole = (tmp_path / "scores.jsonl").read_bytes()
    (tmp_path / "scores.jsonl").write_bytes(whole[: len(whole) // 2])  # cut off in the middle of a line
    report = run_cells(QUICK, tmp_path, isolate=False)
    assert 1 <= report.n_run <= 2
    assert (tmp_path / "scores.jsonl").read_bytes() == whole
    assert run_cells(QUICK, tmp_path, isolate=False).n_run == 0


def test_processes_that_share_what_cells_have_in_common_change_no_byte(tmp_path: Path) -> None:
    cells = [
        Cell.parse(f"breast-cancer/centroid/random@0.2/{method}/s{seed}r2")
        for method in ("retrain", "forget", "do-nothing") for seed in (0, 1)
    ]  # fmt: skip
    start_server()
    for name, n_jobs in (("one", 1), ("two", 2)):
        report = run_cells(cells, tmp_path / name, isolate=False, n_jobs=n_jobs)
        assert (report.n_run, report.failed) == (6, ())
    one, two = (tmp_path / name for name in ("one", "two"))
    assert (one / "scores.jsonl").read_bytes() == (two / "scores.jsonl").read_bytes()
    kept = [sorted(path.name for path in (run / "references").glob("*.npy")) for run in (one, two)]
    assert kept[0] == kept[1]
    charged = [next(iter(read_run(run).references.values()))["n_models"] for run in (one, two)]
    assert charged == [3, 3]


def test_a_process_that_ends_before_it_has_told_of_all_fails_those_that_are_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Dying:
        exitcode = -9

        def __init__(self, target: Any, args: Any, daemon: bool) -> None:
            self.pipe = args[1]

        def start(self) -> None:
            self.pipe.send_bytes(b'{"status": "done"}')

        def join(self) -> None:
            pass

    context = SimpleNamespace(Pipe=multiprocessing.Pipe, Process=Dying)
    monkeypatch.setattr(isolation, "context_of", lambda preloaded: context)
    jobs = [Job("cell", cell.id, tmp_path) for cell in QUICK]
    told = list(isolation.do_together([jobs], 1))
    assert [(job, line["status"]) for job, line in told] == list(zip(jobs, ("done", "failed", "failed"), strict=True))
    context.Process = None
    (_, line), *_ = isolation.do_together([jobs], 1)
    assert "TypeError" in line["error"]["message"], "and nobody waits for ever"


def test_a_kill_between_the_two_lines_of_a_cell_loses_no_time_that_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def killed_after_the_first(path: Path, data: dict[str, Any]) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path)
        append(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(runner, "append", killed_after_the_first)
        with pytest.raises(KeyboardInterrupt):
            run_cells(QUICK[:1], tmp_path, isolate=False)
    run_cells(QUICK[:1], tmp_path, isolate=False)
    run = read_run(tmp_path)
    assert set(run.timings) == set(run.scores) == {cell.id for cell in QUICK[:1]}


@pytest.mark.slow
def test_a_command_that_is_killed_at_any_instant_goes_on(tmp_path: Path) -> None:
    """Killed outright again and again, the run ends with the bytes of one that was left alone."""
    cells = [
        f"breast-cancer/tree/random@0.2/{method}/s{seed}r6" for method in ("retrain", "forget") for seed in range(3)
    ]
    program = [sys.executable, "-c", "from expunge.cli import main; main()", "lab", "run", *cells, "--out"]
    subprocess.run([*program, str(tmp_path / "whole")], check=True, capture_output=True)
    wait, n_killed = 1.0, 0
    while True:
        running = subprocess.Popen(
            [*program, str(tmp_path / "cut")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            assert running.wait(wait) == 0
            break
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            n_killed, wait = n_killed + 1, wait * 1.3
    assert n_killed >= 2
    for name in ("scores.jsonl", "cells.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    both = [{path.name for path in (tmp_path / run / "references").glob("*.npy")} for run in ("cut", "whole")]
    assert both[0] == both[1]


def test_a_line_that_was_changed_by_hand_is_refused(tmp_path: Path) -> None:
    run_cells(QUICK[:1], tmp_path, isolate=False)
    path = tmp_path / "scores.jsonl"
    path.write_text("{oops\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(InvalidDataError, match="Line 1"):
        read_run(tmp_path)
    (tmp_path / "cells.json").write_text('{"cells": [', encoding="utf-8")
    with pytest.raises(FileNotUsableError, match="no run"):
        run_cells(QUICK[:1], tmp_path, isolate=False)


def test_bad_input_is_refused_before_anything_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPUNGE_DATA", str(tmp_path / "nowhere"))
    out = tmp_path / "run"
    with pytest.raises(UnknownNameError, match="tree"):
        run_cells([*QUICK, Cell.parse("digits/treee/random/forget/s0")], out)
    with pytest.raises(FileNotUsableError, match="EXPUNGE_DATA"):
        run_cells([Cell.parse("adult/tree/random/forget/s0")], out)
    with pytest.raises(InvalidRequestError):
        run_cells([], out)
    assert not out.exists()
    with pytest.raises(FileNotUsableError, match="no run"):
        read_run(tmp_path)


def test_a_device_that_is_not_there_is_refused_and_one_that_is_gets_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setenv("EXPUNGE_DEVICE", "cuda:77")
    with pytest.raises(InvalidParameterError, match=r"cuda:77.*cannot use"):
        run_cells(QUICK[:1], tmp_path / "run")
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda name: f"card of {name}")
    assert environment()["gpu"] == "card of cuda:77"


def test_references_of_other_code_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell.parse("breast-cancer/tree@2/random@0.1/do-nothing/s0r4")
    run_cells([cell], tmp_path, isolate=False)
    first = set((tmp_path / "references").glob("*.npy"))
    run_cells([dataclasses.replace(cell, seeds=Seeds(1))], tmp_path, isolate=False)
    assert set((tmp_path / "references").glob("*.npy")) == first, "of the same code they are shared"
    monkeypatch.setattr("expunge.lab.environment.code_digest", lambda: "other")
    run_cells([dataclasses.replace(cell, seeds=Seeds(2))], tmp_path, isolate=False)
    assert len(list((tmp_path / "references").glob("*.npy"))) == 2 * len(first)
    checks = {check.name: check.passed for check in check_run(read_run(tmp_path))}
    assert checks["One version of the code made all cells"] is False


def test_a_digest_of_the_code_changes_with_what_decides_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.py", "lab/site.py", "cli/b.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1\n", encoding="utf-8")
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    found = []
    for name in ("a.py", "lab/site.py", "cli/b.py"):
        found.append(code_digest.__wrapped__())
        (tmp_path / name).write_text("2\n", encoding="utf-8")
    assert found[0] != found[1] == found[2] == code_digest.__wrapped__()


def test_too_much_time_or_memory_is_recorded_as_such(tmp_path: Path) -> None:
    start = time.monotonic()
    slow = do_isolated(Job("cell", "digits/sisa-mlp/random/retrain/s0r0", tmp_path), Limits(time_s=0.2))
    assert slow["error"]["code"] == "cell-over-limit"
    assert "0.2 s" in slow["error"]["message"]
    assert time.monotonic() - start < 60
    report = run_cells(QUICK[:1], tmp_path / "run", limits=Limits(time_s=0.01))
    with pytest.raises(CellOverLimitError, match=r"1 of 1 cells failed.*0.01 s"):
        report.check()
    if os.path.exists("/proc/self/statm"):
        large = do_isolated(Job("cell", QUICK[0].id, tmp_path), Limits(memory_bytes=2**20))
        assert large["error"]["code"] == "cell-over-limit", large


def test_a_cell_in_a_process_of_its_own_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    told = do_isolated(Job("cell", QUICK[0].id, tmp_path), Limits(600))
    here = read_run(folder).line(QUICK[0].id)
    for line in (told["scores"], here):
        line["environment"] = {}
    assert line_of(told["scores"]) == line_of(here)


def test_models_that_a_process_of_its_own_has_trained_are_told_at_once(tmp_path: Path) -> None:
    seconds: list[float] = []
    job = Job("references", "breast-cancer/tree/random@0.3/forget/s0r2", tmp_path)
    assert do_isolated(job, Limits(60), seconds.append)["n_models"] == len(seconds) == 3


def test_the_lab_checks_itself(folder: Path) -> None:
    run = read_run(folder)
    checks = {check.name: check for check in check_run(run)}
    assert [name for name, check in checks.items() if check.passed is False] == ["No cell failed or is missing"]

    def with_scores(method: str, **changed: Any) -> Run:
        scores = {
            name: {**line, "scores": {**line["scores"], **changed}} if f"/{method}/" in name else line
            for name, line in run.scores.items()
        }
        return dataclasses.replace(run, scores=scores)

    def fails(run: Run) -> list[str]:
        return [check.name for check in check_run(run) if check.passed is False][:-1]

    assert fails(with_scores("do-nothing", verdict="cannot tell")) == [
        "Do-nothing is flagged wherever the power is 0.8 or more"
    ]
    assert fails(with_scores("retrain", test_accuracy=0.0, forget_accuracy=0.0)) == [
        "A retrain lies where retrains lie"
    ]
    assert fails(with_scores("forget", is_equal=False)) == ["Exact means equal"]
    asked = tuple(name for name in run.asked if "/do-nothing/" not in name)
    assert fails(dataclasses.replace(run, asked=asked)) == ["Retrain and do-nothing are in every group"]


def test_a_cell_is_reproduced_to_the_byte(folder: Path, tmp_path: Path) -> None:
    told = reproduce(GROUP[0].id, folder)
    assert told["is_equal"]
    assert told["differences"] == {}
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("cells.json", "scores.jsonl"):
        (copy / name).write_bytes((folder / name).read_bytes())
    path = copy / "scores.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    line = next(line for line in lines if line["cell"] == QUICK[0].id)
    line["scores"]["test_accuracy"] += 1e-9
    path.write_text("".join(map(line_of, lines)), encoding="utf-8")
    with pytest.raises(NotReproducedError, match="test_accuracy"):
        reproduce(QUICK[0].id, copy)
    line["environment"]["numpy"] = "0.1"
    path.write_text("".join(map(line_of, lines)), encoding="utf-8")
    told = reproduce(QUICK[0].id, copy)
    assert not told["is_equal"]
    assert told["environment"].keys() == {"numpy"}
    assert told["differences"]["test_accuracy"] == pytest.approx(1e-9, rel=1e-3)
    found = compare_runs(folder, copy)
    assert (found.n_both, found.n_equal) == (9, 8)
    assert [row[:2] for row in found.rows] == [("test_accuracy", "1")]


def test_verdicts_of_a_row_are_counted_and_chance_is_called_chance(folder: Path) -> None:
    """Twin: the binomial sum of three tosses that come up one time in twenty."""
    row = next(row for row in rows_of(read_run(folder)) if row.scenario.method == "retrain")

    def with_verdicts(*verdicts: str, is_equal: bool = False) -> Row:
        return dataclasses.replace(row, verdicts={v: verdicts.count(v) for v in verdicts}, is_equal=is_equal)

    once = with_verdicts("forgotten", "over-forgotten", "forgotten")
    twice = with_verdicts("not forgotten", "over-forgotten", "cannot tell")
    assert (once.accused, twice.accused) == (1, 2)
    assert once.chance == pytest.approx(1 - 0.95**3)
    assert twice.chance == pytest.approx(3 * 0.05**2 * 0.95 + 0.05**3)
    assert not once.is_accused
    assert "may be chance" in once.remark
    assert "1 of 3 happens to 14 % of retrains" in once.remark
    assert once.verdict == "2 forgotten, 1 over-forgotten"
    assert twice.is_accused
    assert twice.remark == ""
    assert with_verdicts("not forgotten").is_accused, "one of one"
    equal = with_verdicts("not forgotten", "not forgotten", "forgotten", is_equal=True)
    assert "fresh fit itself" in equal.remark
    assert with_verdicts("forgotten").remark == with_verdicts().remark == ""


# ---------------------------------------------------------------- the report


@pytest.fixture(scope="module")
def site(folder: Path) -> Path:
    return write_site(folder).parent


def test_pages_need_nothing_outside_themselves(site: Path) -> None:
    pages = sorted(site.glob("*.html"))
    names = ["index.html", "method-broken.html", "method-do-nothing.html", "method-forget.html", "method-retrain.html"]
    assert [page.name for page in pages] == names
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text) == []
        links: list[str] = []

        class Collect(html.parser.HTMLParser):
            def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]], links: list[str] = links) -> None:
                assert tag not in ("script", "link", "iframe", "object", "img")
                links.extend(value or "" for name, value in attrs if name == "href")

        Collect().feed(text)
        assert all((site / link).is_file() for link in links), page.name
        assert 'name="viewport"' in text
        assert "prefers-color-scheme: dark" in text


def test_the_index_shows_what_failed_in_red_and_what_holds(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    assert '<tr class="failed"><td>digits@500/tree/random@0.3/broken/s0</td>' in text
    assert "&lt;b&gt;no&lt;/b&gt; such luck" in text
    assert "<b>no</b>" not in text
    assert text.count('class="yes">holds') == 6
    assert "not forgotten" in text
    assert '<circle class="dot bad' in text
    assert f"expunge lab reproduce {GROUP[0].id.replace('retrain', 'broken')}" not in text


def test_tables_are_csv(site: Path) -> None:
    with (site / "leaderboard.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    audited = {row["method"]: row for row in rows if row["references"] == "40"}
    assert float(audited["do-nothing"]["mean_gap"]) > float(audited["retrain"]["mean_gap"])
    assert float(audited["retrain"]["mean_gap_beyond_retrain"]) == 0
    assert audited["forget"]["is_equal"] == "True"
    assert audited["broken"]["failed"] == "1"
    with (site / "cells.csv").open(encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    assert len(cells) == 10
    assert all(float(cell["total_s"]) > 0 for cell in cells if cell["status"] == "done")


# ---------------------------------------------------------------- the command


def test_the_command(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("expunge.lab.runner.do_isolated", lambda job, **given: isolation.do(job))

    def call(*arguments: object) -> tuple[int, str]:
        code = command(["lab", *map(str, arguments)])
        return code, capsys.readouterr().out

    assert call("list")[0] == 0
    assert call("list", "tiny-share")[1].splitlines() == [cell.id for cell in QUICK]
    out = tmp_path / "run"
    assert call("run", QUICK[0].id, "--out", out, "--json")[0] == 0
    assert json.loads(call("run", QUICK[0].id, "--out", out, "--json")[1])["run"] == 0
    assert "Equal to a fresh fit" in call("show", QUICK[0].id, "--run", out)[1]
    assert json.loads(call("show", QUICK[0].id, "--run", out, "--json")[1])["scores"]["is_equal"]
    assert "failed (cell-failed)" in call("show", "digits@500/tree/random@0.3/broken/s0", "--run", folder)[1]
    assert "1 of 1 cells have the same scores" in call("compare", out, folder)[1]
    assert (out / "report" / "index.html") == Path(json.loads(call("report", out, "--json")[1])["page"])
    assert "byte for byte" in call("reproduce", QUICK[0].id, "--run", out)[1]
    assert call("show", "digits/tree/random/forget/s9", "--run", out)[0] == EXIT_CODES["unknown-name"]
    assert call("run", "smal", "--out", out)[0] == EXIT_CODES["unknown-name"]
    with registered(methods=BROKEN):
        assert call("run", "digits@100/tree/random/broken/s0r0", "--out", out)[0] == EXIT_CODES["cell-failed"]
