"""Nothing left, where one would not look: categories, kept predictions, names of callers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

import expunge
from expunge.errors import InvalidRequestError, UnknownRecordError
from workspace import life
from workspace.searching import search

TEXT, PERSON, RECORD = life.SECRET_TEXT, life.PEOPLE[0], "record-5d1f0c7a93e8"
CANARIES: dict[str, str | float] = {"text": TEXT, "person": PERSON, "record": RECORD, "number": life.SECRET_NUMBER}

CELLS = life.people()["size"]


def people() -> pd.DataFrame:
    frame = life.people()
    frame.loc[0, "id"] = RECORD
    return frame


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tables, only one of which holds the person, and a model that learned from the other."""
    folder = tmp_path_factory.mktemp("template")
    people().to_csv(folder / "all.csv", index=False)
    people().iloc[2:].to_csv(folder / "others.csv", index=False)
    made = expunge.Workspace.init(folder / "ws")
    for name in ("all", "others"):
        made.data_add(folder / f"{name}.csv", record_id="id", subject_id="person")
    made.fit("others", data="others", target="label", method="gaussian-nb", ignore=["job"])
    made.close()
    return folder


@pytest.fixture
def ws(template: Path, tmp_path: Path) -> expunge.Workspace:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return expunge.Workspace.open(tmp_path / "ws")


def kept(ws: expunge.Workspace) -> set[str]:
    return {path.name for path in (ws.path / "predictions").iterdir()}


def test_no_bucket_remembers_a_category_or_a_note_of_a_frame(tmp_path: Path) -> None:
    frame = people().astype({"job": "category", "person": "category"})
    frame.attrs = {"note": f"about {TEXT}"}
    frame.to_parquet(tmp_path / "typed.parquet", index=False)
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "typed.parquet", record_id="id", subject_id="person", name="typed")
    assert ("text", "utf-8") in search(ws.path, CANARIES, CELLS)
    ws.forget(subjects=[PERSON])
    assert search(ws.path, CANARIES, CELLS) == {}


def test_predictions_about_a_person_are_deleted_whichever_model_made_them(
    ws: expunge.Workspace, tmp_path: Path
) -> None:
    ws.predict("others", tmp_path / "all.csv", keep="about-all.csv")
    people().iloc[[0, 5]].drop(columns="person").to_csv(tmp_path / "some.csv", index=False)
    ws.predict("others", tmp_path / "some.csv", keep="no-persons.csv")
    people().iloc[4:6].to_csv(tmp_path / "two.csv", index=False)
    ws.predict("others", tmp_path / "two.csv", keep="about-another.csv")
    assert ("record", "utf-8") in search(ws.path / "predictions", CANARIES, CELLS)
    found = {one.name: one.records for one in ws.find(subjects=[PERSON]) if one.what == "prediction"}
    assert found == {"about-all.csv": 2}
    (answer,) = ws.forget(subjects=[PERSON])
    assert answer.models == ()  # no model had learned from the person
    assert kept(ws) == {"about-another.csv"}
    assert search(ws.path, CANARIES, CELLS) == {}
    verdict = ws.verify(answer.receipt)
    assert "about-all.csv, no-persons.csv" in verdict.receipt.notes[0]  # type: ignore[union-attr]


def test_a_person_of_whom_only_predictions_are_kept_is_found_and_forgotten(
    ws: expunge.Workspace, tmp_path: Path
) -> None:
    ws.predict("others", tmp_path / "all.csv", keep="scores.parquet")
    strange = people().head(1).assign(id="n1", person="somebody-9c1")
    strange.to_csv(tmp_path / "strange.csv", index=False)
    ws.predict("others", tmp_path / "strange.csv", keep="strange.csv")
    assert [one.name for one in ws.find(subjects=["somebody-9c1"])] == ["strange.csv"]
    (answer,) = ws.forget(subjects=["somebody-9c1"])
    assert answer.request.state == "nothing-held"
    assert ws.verify(answer.receipt).receipt.notes == (  # type: ignore[union-attr]
        "kept predictions were deleted: strange.csv",
    )
    assert kept(ws) == {"scores.parquet"}
    with pytest.raises(UnknownRecordError):
        ws.forget(records=["n1"])
    (answer,) = ws.forget(records=[RECORD])
    assert kept(ws) == set()
    assert search(ws.path, {"record": RECORD}) == {}


def test_predictions_of_a_model_that_was_replaced_are_deleted(ws: expunge.Workspace, tmp_path: Path) -> None:
    ws.predict("others", tmp_path / "all.csv", keep="scores.csv")
    ws.fit("others", data="all", target="label", method="gaussian-nb", ignore=["job"], replace=True)
    assert kept(ws) == set()


def test_data_without_a_column_of_persons_is_named_wherever_a_person_is_asked_about(
    ws: expunge.Workspace, tmp_path: Path
) -> None:
    people().drop(columns="person").to_csv(tmp_path / "visits.csv", index=False)
    with pytest.warns(UserWarning, match="'visits' is not searched when a person is forgotten"):
        ws.data_add(tmp_path / "visits.csv", record_id="id")
    named = "Data set 'visits' has no column of persons and was not searched."
    with pytest.warns(UserWarning, match=named):
        assert {one.name for one in ws.find(subjects=[PERSON])} == {"all"}
    assert any(line.startswith(named) for line in ws.plan(subjects=[PERSON]).lines())
    with pytest.raises(UnknownRecordError, match=named):
        ws.plan(subjects=["nobody"])
    for ask in (ws.find, ws.plan, ws.forget):  # to answer that nothing is held would be wrong
        with pytest.raises(InvalidRequestError, match="nobody can be looked for in it"):
            ask(subjects=[PERSON], data="visits")
    for person, state in ((PERSON, "done"), ("nobody", "nothing-held")):
        (answer,) = ws.forget(subjects=[person])
        assert (answer.request.state, answer.unsearched) == (state, ("visits",))
        assert any(line.startswith(named) for line in answer.outside())
        assert [text for text in ws.verify(answer.receipt).not_proved if "'visits'" in text]
    for asked in ({"records": [RECORD]}, {"subjects": [life.PEOPLE[1]], "data": "all"}):
        (answer,) = ws.forget(**asked)
        assert answer.unsearched == ()
        assert not [text for text in ws.verify(answer.receipt).not_proved if "'visits'" in text]


def test_a_receipt_names_how_many_rows_name_no_person(ws: expunge.Workspace, tmp_path: Path) -> None:
    frame = people()
    frame.loc[30:, "person"] = None
    frame.to_csv(tmp_path / "some.csv", index=False)
    assert ws.data_add(tmp_path / "some.csv", record_id="id", subject_id="person", name="some")["nameless"] == 10
    for person in (PERSON, "nobody"):
        (answer,) = ws.forget(subjects=[person])
        (told,) = [text for text in ws.verify(answer.receipt).not_proved if "which name no person" in text]
        assert told.startswith("That rows of the data set 'some' which name no person, 10 in all, and what")
    for asked in ({"records": [frame.id[29]], "data": "some"}, {"subjects": [life.PEOPLE[1]], "data": "all"}):
        (answer,) = ws.forget(**asked)
        assert not [text for text in ws.verify(answer.receipt).not_proved if "which name no person" in text]


def test_of_several_persons_those_of_whom_nothing_is_held_are_named(ws: expunge.Workspace) -> None:
    with pytest.warns(UserWarning, match="Nothing is held of subject 'nobody'. Ids are compared as they are written"):
        assert ws.find(subjects=["nobody", PERSON]) == ws.find(subjects=[PERSON])


def test_a_caller_may_be_the_person(ws: expunge.Workspace) -> None:
    ws.forget(subjects=[PERSON], caller=PERSON, key=f"{PERSON}-1")
    assert ws.forget(subjects=[PERSON], caller=PERSON, key=f"{PERSON}-1")[0].request.number == 1
    assert search(ws.path, {"person": PERSON}) == {}


def test_a_label_goes_with_its_record_and_a_receipt_says_what_a_state_remembers(ws: expunge.Workspace) -> None:
    frame = people()[["id", "person", "size", "label"]].fillna(170.0)
    frame.loc[2, "label"] = "diagnosis-77e1f0c2"  # of the second person
    frame.to_csv(ws.path.parent / "labels.csv", index=False)
    ws.data_add(ws.path.parent / "labels.csv", record_id="id", subject_id="person")
    ws.fit(
        "m", data="labels", target="label", method="certified-logistic-regression", bare=True, options={"delta": 1e-3}
    )
    assert search(ws.path, {"label": "diagnosis-77e1f0c2"})
    (answer,) = ws.forget(subjects=[life.PEOPLE[1]])
    assert search(ws.path, {"label": "diagnosis-77e1f0c2"}) == {}
    told = [text for text in ws.verify(answer.receipt).not_proved if "stored state" in text]
    assert ["'m'" in text for text in told] == [True]
