"""Scenarios of networks hold every method with its dials; the page says what was reached and what was not."""

from __future__ import annotations

import importlib.util
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from expunge.lab import network_scenarios as scenarios
from expunge.lab.models.table import family
from expunge.lab.network_methods import LAB_NETWORK_METHODS
from expunge.lab.network_scenarios import network_cells, tuned
from expunge.lab.results import Run
from expunge.lab.runner import run_cells
from expunge.lab.tuning import Tuned

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page() -> Any:
    """The script that writes the page."""
    spec = importlib.util.spec_from_file_location("network_quality", ROOT / "docs" / "lab" / "network_quality.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_method_is_in_every_setting_of_the_clothes_with_both_controls() -> None:
    cells = list(network_cells())
    for request in scenarios.REQUESTS:
        of_request = [cell for cell in cells if cell.scenario.workload == scenarios.CLOTHES
                      and cell.scenario.model == scenarios.MODEL and cell.scenario.request == request]  # fmt: skip
        names = {cell.scenario.method.partition("@")[0] for cell in of_request}
        assert names == {*LAB_NETWORK_METHODS, "retrain", "do-nothing"}
        assert len(of_request) == 3 * len(names)
    assert {cell.scenario.workload for cell in cells} == {scenarios.CLOTHES, *(w for w, _ in scenarios.SAMPLES)}


def test_the_longer_training_has_the_same_dials_and_as_many_more_passes() -> None:
    cells = [cell for cell in network_cells() if cell.scenario.model == scenarios.LONG]
    assert len({cell.scenario.method for cell in cells}) == len(LAB_NETWORK_METHODS) + 2
    assert scenarios.stretched("euk@strength=0.2,epochs=13,k=2") == "euk@strength=0.2,epochs=32,k=2"


def test_a_graphics_processor_gets_all_pictures_of_cifar_and_half_as_many_passes() -> None:
    cells = list(scenarios.gpu_cells())
    names = {cell.scenario.method.partition("@")[0] for cell in cells}
    assert names >= {"retrain", "do-nothing", "euk", "cfk", "scrub", "ssd", "fine-tuning"}
    assert len(cells) == 3 * len(names)
    assert not {cell.id for cell in cells} & {cell.id for cell in network_cells()}
    assert family(cells[0].scenario.model)[1] == {"augment": 0, "epochs": 20}
    passes = [int(found[1]) for cell in cells if (found := re.search(r"epochs=(\d+)", cell.scenario.method))]
    assert max(passes) <= 10, "twenty of forty, where only the last layers are trained"


@pytest.mark.slow
def test_a_residual_network_runs_through_all_methods_of_its_setting(tmp_path: Path) -> None:
    cells = scenarios.gpu_cells(
        ("digits@300", "resnet18@width=8,augment=0,epochs=1", "random@0.1"), train=(0,), n_references=3
    )
    assert run_cells(list(cells), tmp_path, isolate=False).failed == ()


def test_a_request_without_dials_of_its_own_takes_those_of_the_random_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"random@0.1": {"scrub": "scrub@2"}, "class@3": {"scrub": "scrub@3"}}
    monkeypatch.setattr(scenarios, "_settings", lambda: found)
    assert [tuned("scrub", r) for r in ("random@0.1", "class@3", "subject@1")] == ["scrub@2", "scrub@3", "scrub@2"]
    assert tuned("ssd", "random@0.1") == "ssd"


def line(mean_gap: float, cpu: float, **more: float) -> tuple[dict[str, Any], dict[str, Any]]:
    scores = {"mean_gap": mean_gap, "before_retain_accuracy": 1.0, "mean_gap_of_a_retrain": 0.01, "n_forgotten": 10,
              "n_trained": 100, "work_share": cpu, "forget_accuracy": 0.5, **more}  # fmt: skip
    return scores, {"forget_cpu_s": cpu, "retrain_cpu_s": 1.0, "forget_s": 0.5, "retrain_s": 1.0}


def run_of(
    request: str, lines: dict[str, Any], model: str = scenarios.MODEL, workload: str = scenarios.CLOTHES, **more: str
) -> Run:
    ids = {method: f"{workload}/{model}/{request}/{method}/s0r8" for method in lines}
    environment = {"python": "3", "torch": "2", "device": "cpu", **more}
    return Run(
        Path(), tuple(ids.values()),
        {ids[m]: {"status": "done", "scores": s, "environment": environment} for m, (s, _) in lines.items()},
        {ids[m]: t for m, (_, t) in lines.items()},
    )  # fmt: skip


def test_the_page_names_those_that_reach_the_targets_and_marks_those_that_do_not_beat_doing_nothing(page: Any) -> None:
    random = run_of("random@0.1", {
        "do-nothing": line(0.12, 0.0), "retrain": line(0.01, 1.0), "scrub@2": line(0.04, 0.15), "ssd": line(0.03, 0.16),
        "euk": line(0.041, 0.01), "cfk": line(0.2, 0.1),
    })  # fmt: skip
    text = page.tables(random)
    assert "**missed**, 1; the nearest are: `scrub` (4.0), `euk` (4.1), `cfk` (20.0) |" in text
    assert "it counts" in text
    rows = {row.split("|")[1].strip() for row in text.splitlines() if row.startswith("| `")}
    assert rows == {"`do-nothing`", "`retrain`", "`scrub@2`", "`ssd`", "`euk`", "`cfk` †"}
    reached = {f"m{i}": line(0.04, 0.15) for i in range(3)}
    text = page.tables(run_of("random@0.1", {"do-nothing": line(0.12, 0.0), "retrain": line(0.01, 1.0), **reached}))
    assert "for forty passes | 3: `m0` (4.0), `m1` (4.0), `m2` (4.0) |" in text
    long = page.tables(
        run_of("random@0.1", {"do-nothing": line(0.12, 0.0), "retrain": line(0.01, 1.0)}, scenarios.LONG)
    )
    assert "for a hundred passes | **missed**, 0" in long
    assert f"· {scenarios.LONG} · random@0.1" in long
    weak = page.tables(run_of("random@0.1", {"do-nothing": line(0.02, 0.0), "retrain": line(0.01, 1.0)}))
    assert "does not count" in weak
    one = page.tables(run_of("class@3", {
        "do-nothing": line(0.4, 0.0, rest_gap=0.0, forget_accuracy=1.0), "retrain": line(0.01, 1.0, rest_gap=0.02),
        "euk": line(0.02, 0.1, rest_gap=-0.01, forget_accuracy=0.01),
        "ssd": line(0.02, 0.1, rest_gap=-0.011, forget_accuracy=0.0),
    }))  # fmt: skip
    assert "| 1: `euk` (rest -1.0) |" in one


def test_a_table_says_where_it_was_measured_and_takes_the_clock_of_a_graphics_processor(page: Any) -> None:
    workload, model, request = scenarios.GPU
    lines = {"do-nothing": line(0.12, 0.0), "retrain": line(0.01, 1.0), "euk": line(0.02, 0.1)}
    text = page.tables(run_of(request, lines, model, workload, device="cuda", gpu="Some Card"))
    assert "Measured on Some Card." in text
    assert next(row for row in text.splitlines() if row.startswith("| `euk`")).endswith("| 10 % | 50 % |")
    text = page.tables(run_of(request, lines))
    assert "Measured on one thread of a cpu." in text
    assert next(row for row in text.splitlines() if row.startswith("| `euk`")).endswith("| 10 % | 10 % |")


def test_dials_are_kept_as_each_method_ends_and_not_looked_for_again(
    page: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    def tune(cell: str, *, n_trials: int, draws: int, passes: float) -> Tuned:
        method = cell.split("/")[3]
        assert passes == (0.5 if cell.startswith("cifar10") else 1.0)
        asked.append(method)
        if method == "cfk" and len(asked) < 3:
            raise ValueError("no luck")
        return Tuned(f"{method}@2", 0.5, (0.4, 0.6), ())

    settings = tmp_path / "settings.json"
    settings.write_text('{"random@0.1": {"ssd": "ssd@3", "euk": "euk@1"}}', encoding="utf-8")
    monkeypatch.setattr(page, "SETTINGS", settings)
    monkeypatch.setattr(page, "tune", tune)
    monkeypatch.setattr(page, "ProcessPoolExecutor", lambda n, mp_context: ThreadPoolExecutor(1))
    assert page.search({"random@0.1": 4}, ["cfk", "euk"], 2, 1, tmp_path) == 1
    found = json.loads(settings.read_text(encoding="utf-8"))
    assert found == {"random@0.1": {"ssd": "ssd@3", "euk": "euk@2"}}
    assert page.search({"random@0.1": 4}, ["cfk", "euk"], 2, 1, tmp_path) == 0
    assert sorted(asked) == ["cfk", "cfk", "euk"]
    assert page.search({"random@0.1": 5}, ["euk"], 2, 1, tmp_path) == 0
    assert asked[-1] == "euk", "another number of trials is another search"
    before = len(asked)
    assert page.search({page.GPU_REQUEST: 4}, ["newton-step", "ssd"], 2, 1, tmp_path) == 0
    assert asked[before:] == ["ssd"], "not every method is tried on a graphics processor"
