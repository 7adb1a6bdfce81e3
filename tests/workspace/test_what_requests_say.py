"""What a request, its answer and its receipt say: where it ended, what was changed, and what it was called."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

import expunge
from expunge.errors import ForgottenBeforeError, InvalidIdError, InvalidRequestError, UnknownRecordError
from expunge.ledger.page import page
from expunge.workspace.requests.answers import Answer

ANN = "ann"


def people(first: int = 0) -> pd.DataFrame:
    """Twelve rows about four persons, three of each."""
    n = 12
    return pd.DataFrame(
        {
            "id": [str(first + i) for i in range(n)],
            "person": [(ANN, "bo", "cy", "di")[i // 3] for i in range(n)],
            "age": [20 + 3 * i % 17 for i in range(n)],
            "size": [150 + 7 * i % 29 for i in range(n)],
            "label": ["yes" if i % 2 else "no" for i in range(n)],
        }
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two data sets with the same ids and persons; a model has learned from the first."""
    folder = tmp_path_factory.mktemp("template")
    people().to_csv(folder / "t1.csv", index=False)
    people().to_csv(folder / "t2.csv", index=False)
    made = expunge.Workspace.init(folder / "ws")
    for name in ("t1", "t2"):
        made.data_add(folder / f"{name}.csv", record_id="id", subject_id="person")
    made.fit("g", data="t1", target="label", method="gaussian-nb")
    made.close()
    return folder


@pytest.fixture
def ws(template: Path, tmp_path: Path) -> expunge.Workspace:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return expunge.Workspace.open(tmp_path / "ws")


def said(ws: expunge.Workspace, answer: Answer) -> str:
    assert answer.receipt is not None
    return "\n".join(ws.verify(answer.receipt).sentences())


# ---------------------------------------------------------------- limited to one data set


def test_a_request_limited_to_a_data_set_says_so_wherever_it_is_told(ws: expunge.Workspace) -> None:
    (answer,) = ws.forget(subjects=[ANN], data="t2")
    assert "Request 1 (subject in 't2'): done" in answer.lines()[0]
    assert "Something is still held of the person in data 't1', model 'g'" in answer.outside()[0]
    told = answer.to_dict()
    assert (told["within"], told["still_held"]) == (
        "t2",
        [{"what": "data", "name": "t1"}, {"what": "model", "name": "g"}],
    )
    receipt = said(ws, answer)
    assert "forget everything about one person in the data set t2. Completed" in receipt
    assert (
        "the request was limited to it, and when this was signed something was held in data 't1', model 'g'." in receipt
    )
    assert ws.verify(answer.receipt).to_dict()["receipt"]["within"] == "t2"  # type: ignore[arg-type]
    assert "(subject in 't2')" in ws.request_show(1).details()[0]

    (answer,) = ws.forget(subjects=[ANN], data="t2")
    assert answer.request.state == "nothing-held"
    assert "Nothing was held: the data set t2, which it is limited to, knew no record" in said(ws, answer)

    (answer,) = ws.forget(subjects=[ANN])
    assert (answer.still_held, answer.to_dict()["within"]) == ((), None)
    assert all(words not in said(ws, answer) for words in ("limited", "in the data set"))


def test_where_nothing_else_is_held_a_limited_receipt_names_no_place(ws: expunge.Workspace) -> None:
    ws.forget(subjects=["bo"], data="t1")
    (answer,) = ws.forget(subjects=["bo"], data="t2")
    assert answer.still_held == ()
    assert "That anything changed outside the data set 't2': the request was limited to it." in said(ws, answer)


# ---------------------------------------------------------------- what changed


def test_a_receipt_says_which_data_sets_changed_and_by_how_many_records(ws: expunge.Workspace) -> None:
    (answer,) = ws.forget(subjects=[ANN])
    receipt = said(ws, answer)
    assert "One model changed: g. 2 data sets changed: t1, t2." in receipt
    assert "t2: version 1 became version 2; 3 records were taken out." in receipt
    (answer,) = ws.forget(records=["4"], data="t2")
    receipt = said(ws, answer)
    assert "no model had learned from the records. One data set changed: t2." in receipt
    assert "t2: version 2 became version 3; 1 record was taken out." in receipt


def test_requests_of_one_batch_each_say_their_own_records(ws: expunge.Workspace) -> None:
    ws.request_ask(subjects=["bo", "cy"], data="t2")
    ws.request_ask(records=["9"], data="t2")
    assert [
        [change.records for change in ws.verify(answer.receipt).receipt.data]  # type: ignore[arg-type, union-attr]
        for answer in ws.request_run()
    ] == [[3], [3], [1]]


def test_words_are_those_of_what_was_asked(ws: expunge.Workspace) -> None:
    right = people().iloc[[6, 7]].assign(age=[41, 43])[["id", "age"]].to_dict("records")
    (answer,) = ws.rectify(right, data="t1")
    assert answer.receipt is not None
    receipt = said(ws, answer)
    assert "replace records in the data set t1 by corrected ones" in receipt
    assert "version 2 by correcting 2 records" in receipt
    assert "t1: version 1 became version 2; 2 records were corrected." in receipt
    shown = page(ws.verify(answer.receipt), answer.receipt.read_bytes())
    assert "Records corrected" in shown
    assert "the corrected records and all others" in shown
    assert all(
        words not in receipt + shown for words in ("forgetting", "Records forgotten", "remaining records alone,")
    )

    (answer,) = ws.forget(features=["age"], data="t1")
    receipt = said(ws, answer)
    assert "by forgetting columns" in receipt
    assert "t1: version 2 became version 3; columns were taken out." in receipt
    assert "0 record" not in receipt + "".join(answer.lines())


# ---------------------------------------------------------------- whose record


def test_a_record_of_several_data_sets_is_refused_until_one_is_named(ws: expunge.Workspace) -> None:
    before = [data["n_records"] for data in ws.data_list()]
    for ask in (ws.forget, ws.plan, ws.request_ask):
        with pytest.raises(InvalidRequestError, match=r"Record '1' is in 2 data sets: 't1', 't2'.* --data"):
            ask(records=["1"])  # type: ignore[operator]
    assert [data["n_records"] for data in ws.data_list()] == before
    assert not ws.request_list(every=True)
    plan = ws.plan(records=["1"], data="t2")
    assert plan.to_dict()["data"] == [{"data": "t2", "records": 1, "features": []}]
    assert "t2: 1 record taken out." in plan.lines()
    ws.forget(records=["1"], data="t2")
    ws.forget(records=["1"])  # there is one left, and nobody else's
    assert [data["n_records"] for data in ws.data_list()] == [n - 1 for n in before]


def test_a_request_that_came_in_while_its_record_was_alone_waits_where_it_is_not(
    ws: expunge.Workspace, tmp_path: Path
) -> None:
    people(100).to_csv(tmp_path / "t3.csv", index=False)
    ws.data_add(tmp_path / "t3.csv", record_id="id", subject_id="person")
    ws.request_ask(records=["105"])
    ws.data_add(tmp_path / "t3.csv", record_id="id", subject_id="person", name="t4")
    with pytest.raises(InvalidRequestError, match=r"is in 2 data sets: 't3', 't4'.*Request 1 waits"):
        ws.request_run([1])
    assert ws.request_show(1).request.state == "received"


# ---------------------------------------------------------------- small words


def test_a_new_record_about_a_forgotten_person_is_told_from_a_forgotten_record(
    ws: expunge.Workspace, tmp_path: Path
) -> None:
    ws.forget(subjects=[ANN])
    new = people(5000).iloc[[2, 3]]
    new.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(
        ForgottenBeforeError, match="Of 2 rows 1 is about a person who was forgotten before, record '5002'"
    ):
        ws.data_append("t1", tmp_path / "new.csv")
    pd.concat([people().iloc[[0]].assign(person="ed"), new]).to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(ForgottenBeforeError, match="rows 1 was forgotten before, record '0' and 1 is about a person"):
        ws.data_append("t1", tmp_path / "new.csv")


def test_what_expires_is_listed_as_that(tmp_path: Path) -> None:
    ws = expunge.Workspace.init(tmp_path / "ws")
    people().assign(seen="2001-01-01").to_csv(tmp_path / "old.csv", index=False)
    ws.data_add(tmp_path / "old.csv", record_id="id", subject_id="person", keep="24months", time_column="seen")
    (answer,) = ws.data_expire()
    assert (answer.to_dict()["kind"], answer.to_dict()["action"]) == ("record", "expire")
    assert answer.lines()[0].startswith("Request 1 (expire in 'old'): done")
    assert "forget records in the data set old that were kept as long as agreed" in said(ws, answer)


# ---------------------------------------------------------------- ids that look alike


@pytest.mark.parametrize(
    ("asked", "held"),
    [("ju\u0308rgen", "J\u00fcrgen"), ("ANN@X.org", "ann@x.org"), ("p-17", "P-17"), ("Ju\u0308rgen ", "J\u00fcrgen")],
)
def test_an_id_that_only_its_letters_tell_from_a_held_one_is_told_with_the_answer(
    tmp_path: Path, asked: str, held: str
) -> None:
    ws = expunge.Workspace.init(tmp_path / "ws")
    rows = people().replace({"person": {"ann": held}})
    rows.to_csv(tmp_path / "t.csv", index=False)
    ws.data_add(tmp_path / "t.csv", record_id="id", subject_id="person")
    with pytest.raises(UnknownRecordError, match="which only its spelling tells from what was asked"):
        ws.plan(subjects=[asked])
    (answer,) = ws.forget(subjects=[asked])
    assert (answer.request.state, answer.respelled) == ("nothing-held", (held,))
    assert "by small letters or capitals, or by how accents are written" in said(ws, answer)
    (answer,) = ws.forget(subjects=[held])
    assert (answer.request.state, answer.respelled) == ("done", ())
    assert "another spelling" not in said(ws, answer)


@pytest.mark.parametrize("wrong", ["", "J\udcc3\udcbcrgen"])
def test_what_is_the_id_of_nobody_is_refused_by_every_way_in(ws: expunge.Workspace, wrong: str) -> None:
    for ask in (ws.find, ws.plan, ws.forget, ws.request_ask):
        for kind in ("subjects", "records"):
            with pytest.raises(InvalidIdError, match=r"is empty|is no text"):
                ask(**{kind: [wrong]})  # type: ignore[operator]
    assert ws.request_list(every=True) == []
