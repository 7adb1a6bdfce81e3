"""The demonstration finds what it says, and its report needs nothing outside itself and names nobody."""

from __future__ import annotations

import html.parser
import json
import re
from pathlib import Path

import numpy as np
import pytest

from expunge.cli import run
from expunge.errors import EXIT_CODES, ExpungeError
from expunge.lab import DemoResult, run_demo
from expunge.lab.demo import N_FORGOTTEN, N_PEOPLE, N_SHARDS, invent_people, shard_of_owner
from expunge.lab.demo_page import report_html


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> DemoResult:
    return run_demo(tmp_path_factory.mktemp("démo") / "rapport-é")


@pytest.fixture(scope="module")
def page(result: DemoResult) -> str:
    assert result.report is not None
    return result.report.read_text(encoding="utf-8")


def test_people_are_300_with_a_few_records_each() -> None:
    people = invent_people()
    _, counts = np.unique(people.owners.astype(str), return_counts=True)
    assert len(counts) == N_PEOPLE
    assert set(counts.tolist()) == {4, 5}
    assert len(people.y) + len(people.y_test) == 1797
    assert len({shard_of_owner(record, None) for record in people.ids if record.startswith("p-017/")}) == 1


def test_every_model_equals_a_fresh_fit(result: DemoResult) -> None:
    assert [row.name for row in result.models] == ["Retrain", "SISA", "MultinomialNB"]
    assert all(row.is_equal and row.guarantee == "exact" for row in result.models)
    assert all(row.accuracy_after == row.accuracy_retrained for row in result.models)
    assert all(row.accuracy_before > 0.85 for row in result.models)


def test_work_is_counted(result: DemoResult) -> None:
    retrain, sisa, sums = result.models
    assert retrain.work == result.n_records - result.n_forgotten
    assert sums.work == result.n_forgotten
    touched = sum(n for n, was in result.shards if was)
    assert sisa.work == touched - result.n_forgotten
    assert 1 <= sum(was for _, was in result.shards) <= N_FORGOTTEN
    assert (len(result.shards), sum(n for n, _ in result.shards)) == (N_SHARDS, result.n_records)
    assert sums.work_share < sisa.work_share < retrain.work_share == 1.0


def test_the_boundary_moves_for_one_record_and_not_for_the_other(result: DemoResult) -> None:
    influence = result.influence
    assert influence.influential.moved > 0.05
    assert influence.harmless.moved == 0.0
    for case in (influence.influential, influence.harmless):
        assert case.is_equal
        assert np.array_equal(case.after, case.retrained)
        assert case.moved == case.moved_retrained == float(np.mean(case.after != case.before))
    assert influence.influential.record != influence.harmless.record
    assert influence.n_harmless >= 1


def test_results_are_json_that_says_the_same(result: DemoResult) -> None:
    assert result.results is not None
    told = json.loads(result.results.read_text(encoding="utf-8"))
    assert [model["is_equal"] for model in told["models"]] == [True, True, True]
    assert told == json.loads(json.dumps(result.to_dict()))
    assert sorted(path.name for path in result.results.parent.iterdir()) == ["report.html", "results.json"]


def test_the_report_needs_nothing_outside_itself(page: str) -> None:
    assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", re.sub(r"data:image/png;base64,[\w+/=]+", "", page)) == []
    sources: list[str] = []

    class Collect(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in ("script", "link", "iframe", "object")
            sources.extend(value or "" for name, value in attrs if name in ("src", "srcset", "href", "action"))

    Collect().feed(page)
    assert len(sources) == 12
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in page


def test_the_report_says_what_the_table_says_and_names_nobody(result: DemoResult, page: str) -> None:
    for row in result.rows():
        assert all(f">{cell}<" in page for cell in row)
    assert f"{100 * result.influence.influential.moved:.1f} % of the plane" in page
    shown = page.replace("p-17", "", 2)  # the example of a command; nobody's name, for they have three digits
    assert not any(owner in shown for owner in set(invent_people().owners.tolist()))


def test_the_report_would_say_so_if_a_model_were_not_equal(result: DemoResult) -> None:
    import dataclasses

    wrong = dataclasses.replace(
        result, models=(dataclasses.replace(result.models[0], is_equal=False), *result.models[1:])
    )
    page = report_html(wrong)
    assert 'class="no">no<' in page
    assert "bit for bit, the model it would be" not in page
    assert "2 of 3" in page


def test_the_command_prints_a_table_and_writes_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, result: DemoResult
) -> None:
    monkeypatch.setattr("expunge.lab.run_demo", lambda out: result)
    assert run(["demo", "--out", str(tmp_path / "d")]) == 0
    out = capsys.readouterr().out
    assert all(cell in out for row in result.rows() for cell in row)
    assert str(result.report) in out
    assert run(["demo", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_people"] == N_PEOPLE


def test_a_place_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "datei").write_text("x", encoding="utf-8")
    for place in (tmp_path / "datei", tmp_path / "nirgends" / "d"):
        with pytest.raises(ExpungeError) as caught:
            run_demo(place)
        assert EXIT_CODES[caught.value.code] == 16
