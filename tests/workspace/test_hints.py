"""What a workspace says about tables that are probably not as they were meant."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import expunge
from expunge.errors import InvalidDataError
from workspace.test_growing import people


@pytest.fixture
def ws(tmp_path: Path) -> expunge.Workspace:
    people().to_csv(tmp_path / "people.csv", index=False)
    made = expunge.Workspace.init(tmp_path / "ws")
    made.data_add(tmp_path / "people.csv", record_id="id", subject_id="person")
    return made


def test_a_target_of_a_class_for_each_record_is_told(ws: expunge.Workspace) -> None:
    with pytest.warns(UserWarning, match=r"The target 'size' has 60 classes in 60 records\. Numbers are learned by"):
        ws.fit(
            "sums",
            data="people",
            target="size",
            task="classification",
            method="gaussian-nb",
            bare=True,
            ignore=["label"],
        )


def test_a_column_of_persons_that_is_not_there_has_a_near_name(ws: expunge.Workspace, tmp_path: Path) -> None:
    with pytest.raises(InvalidDataError, match="no column 'Persons'") as refused:
        ws.data_add(tmp_path / "people.csv", name="again", record_id="id", subject_id="Persons")
    assert refused.value.hint == "Did you mean 'person'?"
    pd.DataFrame([range(20)], columns=[f"c{i:02d}" for i in range(20)]).to_csv(tmp_path / "wide.csv", index=False)
    with pytest.raises(InvalidDataError) as refused:
        ws.data_add(tmp_path / "wide.csv", name="wide", record_id="id")
    assert refused.value.hint.endswith("'c11' and 8 more.")


def test_new_classes_are_told_by_growing_and_the_last_one_by_plans_and_answers(
    ws: expunge.Workspace, tmp_path: Path
) -> None:
    ws.fit("sums", data="people", target="label", method="gaussian-nb", bare=True)
    people(62)[60:].assign(label="maybe").to_csv(tmp_path / "more.csv", index=False)
    with pytest.warns(UserWarning, match="New class 'maybe'"):
        ws.data_append("people", tmp_path / "more.csv", learn=True)
    assert "one class" not in str(list(ws.plan(classes=["maybe"])))
    ws.forget(classes=["maybe"])
    told = "one class is left, and the model can answer nothing else"
    assert any(told in line for line in ws.plan(classes=["yes"]).lines())
    (answer,) = ws.forget(classes=["yes"])
    assert any(told in line for line in answer.lines())
    assert ws.verify()
