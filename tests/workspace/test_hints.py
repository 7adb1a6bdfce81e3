"""What a workspace says about tables that are probably not as they were meant."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import expunge
from expunge.errors import InvalidDataError, UnknownRecordError
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


# ---------------------------------------------------------------- ids that only their spelling tells apart


def numbered(path: Path, name: str, persons: list[object]) -> Path:
    rows = {"id": [f"{name}{i}" for i in range(len(persons))], "person": persons, "age": range(len(persons))}
    pd.DataFrame(rows).to_csv(path / f"{name}.csv", index=False)
    return path / f"{name}.csv"


def test_persons_that_a_frame_wrote_as_numbers_with_a_point_are_told(tmp_path: Path) -> None:
    ws = expunge.Workspace.init(tmp_path / "ws")
    with pytest.warns(UserWarning, match=r"Every id in column 'person' ends in \.0"):
        ws.data_add(numbered(tmp_path, "points", [3, None, 4]), record_id="id", subject_id="person")
    numbered(tmp_path, "more", [5.0, None]).rename(tmp_path / "later.csv")
    with pytest.warns(UserWarning, match=r"Every id in column 'person' ends in \.0"):
        ws.data_append("points", tmp_path / "later.csv")
    told = "Something is held of '3.0', which only its spelling tells from what was asked"
    with pytest.warns(UserWarning, match=told):
        assert ws.find(subjects=["3"]) == []
    with pytest.raises(UnknownRecordError, match=told):
        ws.plan(subjects=["3"])
    (answer,) = ws.forget(subjects=["3"])
    assert (answer.request.state, answer.to_dict()["respelled"]) == ("nothing-held", ["3.0"])
    assert any(told in line for line in answer.outside())
    not_proved = ws.verify(answer.receipt).receipt.not_proved
    assert any("under another spelling" in line for line in not_proved)
    assert "3.0" not in "".join(not_proved)
    assert [one.records for one in ws.find(subjects=["3.0"])] == [1], "nothing was guessed"
    (answer,) = ws.forget(subjects=["3.0"])
    assert (answer.request.state, answer.respelled) == ("done", ())
    assert not any("spelling" in line for line in ws.verify(answer.receipt).receipt.not_proved)


def test_an_id_that_is_held_may_be_held_elsewhere_in_another_spelling(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(numbered(tmp_path, "plain", ["3", "4"]), record_id="id", subject_id="person")
    ws.data_add(numbered(tmp_path, "mixed", ["3.0", "x"]), record_id="id", subject_id="person")
    pd.DataFrame({"id": [3, 4], "person": [3, 4]}).to_parquet(tmp_path / "kinds.parquet", index=False)
    ws.data_add(tmp_path / "kinds.parquet", record_id="id", subject_id="person")
    assert ws.plan(subjects=["3"]).respelled == ("3.0",)
    assert ws.plan(subjects=["3", "3.0"]).respelled == ()
    assert [one.name for one in ws.find(subjects=["3", "3.0"])] == ["plain", "kinds", "mixed"]
    assert not recwarn.list, "all of them are asked for, and of 'x' nobody would say that it is a number"
    assert ws.plan(subjects=["3.0"], data="mixed").respelled == ()
    assert ws.plan(subjects=[3]).respelled == ("3", "3.0")
    (answer,) = ws.forget(subjects=["3 "], data="plain")
    assert (answer.request.state, answer.respelled) == ("nothing-held", ("3",))
    with pytest.raises(UnknownRecordError, match=r"Something is held of 3,"):
        ws.forget(records=["3.0"])
    with pytest.raises(UnknownRecordError, match=r"Something is held of 'plain1',"):
        ws.forget(records=["plain0", "plain1 "])
    (three, _) = ws.forget(subjects=["3", "4"])
    assert three.respelled == ("3.0",)
    assert any("under another spelling" in line for line in ws.verify(three.receipt).receipt.not_proved)
