"""Sentences that say what to type next: of recommenders, indexes of passages, methods, days and the lab."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
import pytest

from expunge import Workspace
from expunge.cli import run
from expunge.errors import InvalidDataError, UnknownMethodError, UnsupportedRequestError
from expunge.lab.cells import Cell
from expunge.lab.runner import check_cells
from expunge.workspace import list_all_methods

SEEN = pd.DataFrame(
    {"id": range(5), "user": ["ann", "ann", "ben", "cho", "cho"], "item": ["tea", "pie", "tea", "tea", "jam"],
     "rating": [1, 2, 3, 4, 5]}
)  # fmt: skip
TOLD = pd.DataFrame({"id": ["a", "b"], "text": ["The mill was built by Ada.", "Mo wrote the ballad."]})


def test_a_recommender_says_what_it_reads_and_for_whom_it_answers(tmp_path: Path) -> None:
    SEEN.to_csv(tmp_path / "seen.csv", index=False)
    ws = Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "seen.csv", record_id="id", subject_id="user")
    with pytest.raises(InvalidDataError, match=r"also 'rating'.*--ignore rating"):
        ws.fit("taste", data="seen", target="item", method="popularity")
    with pytest.raises(InvalidDataError, match="Give --target item"):
        ws.fit("taste", data="seen", target="rating", method="popularity")
    with pytest.raises(UnsupportedRequestError, match="put together in Python"):
        ws.fit("taste", data="seen", target="item", method="pipeline")
    ws.fit("taste", data="seen", target="item", method="popularity", ignore=["rating"])
    answers = ws.predict("taste", tmp_path / "seen.csv")
    assert list(answers.columns) == ["id", "user", "prediction"]
    assert answers["user"].tolist() == SEEN["user"].tolist()


def test_an_index_takes_questions(tmp_path: Path) -> None:
    TOLD.to_csv(tmp_path / "told.csv", index=False)
    pd.DataFrame({"question": ["Who built the mill?"]}).to_csv(tmp_path / "asked.csv", index=False)
    ws = Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "told.csv", record_id="id")
    ws.fit("index", data="told", method="passage-index")
    assert ws.predict("index", tmp_path / "asked.csv")["prediction"].tolist() == ["a"]


def test_columns_of_days_and_of_times_are_told(tmp_path: Path) -> None:
    days = [f"2026-01-{1 + i % 28:02d}" for i in range(40)]
    table = pd.DataFrame({"id": range(40), "age": range(40), "born": days, "seen": days, "label": ["a", "b"] * 20})
    table.to_csv(tmp_path / "table.csv", index=False)
    ws = Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "table.csv", record_id="id", keep="900d", time_column="seen")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ws.fit("m", data="table", target="label", method="decision-tree")
    said = " ".join(str(one.message) for one in told)
    assert "The column 'seen' is the time that counts" in said
    assert "The texts of 'born' look like days" in said
    assert "(nearly) every row" not in said


def test_methods_by_task_have_short_names() -> None:
    found = list_all_methods("regression")
    assert {card.task for card in found} == {"regression"}
    assert {card.name: card.short for card in found}["forest-regressor"] == "forest"


def test_the_lab_takes_the_names_of_the_command_line() -> None:
    cell = Cell.parse("breast-cancer/estimator@nearest-centroid/random/forget/s0")
    assert cell.id == "breast-cancer/estimator@NearestCentroid/random/forget/s0"
    check_cells([cell])
    with pytest.raises(UnknownMethodError):
        check_cells([Cell.parse("breast-cancer/estimator@nearest-mean/random/forget/s0")])


def test_a_request_that_is_taken_in_says_that_it_waits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", str(tmp_path / "ws"), "--set", "policy=at:3"]) == 0
    assert run(["request", "show", "x", "--workspace", str(tmp_path / "ws")]) == 2
    assert "'number': this is no integer." in capsys.readouterr().err
    TOLD.assign(person=["p", "q"]).to_csv(tmp_path / "told.csv", index=False)
    ws = Workspace.open(tmp_path / "ws")
    ws.data_add(tmp_path / "told.csv", record_id="id", subject_id="person")
    assert run(["request", "add", "--subject", "p", "--workspace", str(tmp_path / "ws")]) == 0
    assert "It waits: `expunge request run` carries out what is due" in capsys.readouterr().out
