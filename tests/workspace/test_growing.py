"""Data sets that grow, and what is taken out of a workspace: other mathematics is a fit on the whole table."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import expunge
from expunge.errors import (
    DuplicateRecordError,
    ExpungeError,
    ForgottenBeforeError,
    InvalidDataError,
    InvalidParameterError,
    InvalidRequestError,
    UnknownNameError,
    UnsupportedRequestError,
)
from expunge.workspace.models import models
from expunge.workspace.requests import appending


def people(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"id": [f"r{i:03d}" for i in range(n)], "person": [f"p{i // 3}" for i in range(n)]})
    return frame.assign(
        size=np.round(rng.normal(size=n), 3), age=rng.integers(18, 80, n), label=rng.choice(["yes", "no"], n)
    )


@pytest.fixture
def ws(tmp_path: Path) -> expunge.Workspace:
    people()[:45].to_csv(tmp_path / "people.csv", index=False)
    people()[45:].to_csv(tmp_path / "more.csv", index=False)
    people().to_csv(tmp_path / "all.csv", index=False)
    made = expunge.Workspace.init(tmp_path / "ws")
    made.data_add(tmp_path / "people.csv", record_id="id", subject_id="person")
    made.fit("sums", data="people", target="label", method="gaussian-nb", bare=True)
    return made


def live(ws: expunge.Workspace, name: str) -> Any:
    with ws._core.read() as connection:
        return models.load(ws._core, models.open_model(ws._core, connection, name)).model


def names(ws: expunge.Workspace) -> set[str]:
    return set(ws._core.store.names())


# ---------------------------------------------------------------- growing


def test_a_model_that_learned_what_was_appended_is_that_of_the_whole_table(
    ws: expunge.Workspace, tmp_path: Path
) -> None:
    told = ws.data_append("people", tmp_path / "more.csv", learn=True)
    assert (told["appended"], told["n_records"], told["learned"], told["refit"]) == (15, 60, ["sums"], [])
    ws.data_add(tmp_path / "all.csv", record_id="id", subject_id="person")
    ws.fit("whole", data="all", target="label", method="gaussian-nb", bare=True)
    assert live(ws, "sums").digest() == live(ws, "whole").digest()
    assert [(one["name"], one["version"]) for one in ws.status()["models"]] == [("sums", 2), ("whole", 1)]
    assert [entry["records"] for entry in ws.log() if entry["kind"] == "append"] == [15]
    ws.close()
    again = expunge.Workspace.open(ws.path)
    assert again.verify()
    (answer,) = again.forget(subjects=["p18"])  # of the new ones
    assert answer.models[0]["records"] == 3
    assert again.verify(answer.receipt, replay=True)


def test_a_model_that_did_not_learn_them_is_named_and_nothing_is_said_of_it(
    ws: expunge.Workspace, tmp_path: Path
) -> None:
    told = ws.data_append("people", tmp_path / "more.csv")
    assert (told["learned"], told["refit"]) == ([], ["sums"])
    assert [(one.what, one.name, one.records) for one in ws.find(subjects=["p18"])] == [("data", "people", 3)]
    assert [(one.what, one.records) for one in ws.find(subjects=["p1"])] == [("data", 3), ("model", 3)]
    (answer,) = ws.forget(subjects=["p18"])
    assert answer.models == ()
    assert len(live(ws, "sums").record_ids_) == 45
    (answer,) = ws.forget(subjects=["p1"])
    verdict = ws.verify(answer.receipt, replay=True)  # on the records that the model learned
    assert "has the digest" in str(verdict)
    ws.forget(subjects=["p2"])
    with pytest.raises(UnsupportedRequestError, match="nothing was replayed: sums has version 3 now"):
        ws.verify(answer.receipt, replay=True)
    assert ws.verify(answer.receipt)
    assert ws.fit("sums", data="people", target="label", method="gaussian-nb", bare=True, replace=True)
    assert [one.records for one in ws.find(subjects=["p19"])] == [3, 3]


def test_a_file_that_no_model_was_fitted_on_does_not_stay(tmp_path: Path, ws: expunge.Workspace) -> None:
    before = [one["name"] for one in ws.data_list()]
    for wrong in ({"target": "lable"}, {"target": "label", "options": {"n_shards": "two"}}):
        with pytest.raises(ExpungeError):
            ws.fit("m", data=tmp_path / "all.csv", record_id="id", subject_id="person", **wrong)
        assert [one["name"] for one in ws.data_list()] == before
    named = {"record_id": "id", "subject_id": "person"}
    assert ws.fit("m", data=tmp_path / "all.csv", target="label", method="gaussian-nb", bare=True, **named)
    assert [one["name"] for one in ws.data_list()] == [*before, "all"]


def test_records_are_dated_by_when_they_came_in(tmp_path: Path, ws: expunge.Workspace) -> None:
    made = ws.data_list()[0]["created"]
    start = datetime.fromisoformat(made)

    def at(days: int) -> expunge.Workspace:
        return expunge.Workspace.open(ws.path, clock=lambda: start + timedelta(days=days))

    def since(**asked: Any) -> str:
        return next(one.since for one in at(3).find(**asked) if one.what == "data")[:10]

    at(1).data_append("people", tmp_path / "more.csv")
    people()[3:4].assign(age=55).to_csv(tmp_path / "right.csv", index=False)
    at(2).rectify(tmp_path / "right.csv", data="people")
    day = [(start + timedelta(days=days)).date().isoformat() for days in range(3)]
    assert [since(subjects=[who]) for who in ("p0", "p18")] == [day[0], day[1]]
    assert since(records=["r003"]) == day[2]
    assert since(subjects=["p1"]) == day[0]  # two of the three rows are as old as the data set


def test_what_may_not_be_appended_is_refused_and_nothing_has_changed(ws: expunge.Workspace, tmp_path: Path) -> None:
    before, held = ws.data_list(), names(ws)
    more = people()[45:]
    wrong: list[tuple[pd.DataFrame, type[Exception], str]] = [
        (people()[40:], DuplicateRecordError, "has record 'r04[0-4]' already.*rectify"),
        (more.drop(columns="age"), InvalidDataError, "lack the column 'age'"),
        (more.assign(new=1), InvalidDataError, "has no column 'new'"),
        (more.assign(size="tall"), InvalidDataError, "'size' is read as numbers"),
    ]
    for frame, kind, words in wrong:
        frame.to_csv(tmp_path / "wrong.csv", index=False)
        with pytest.raises(kind, match=words):
            ws.data_append("people", tmp_path / "wrong.csv", learn=True)
        assert (ws.data_list(), names(ws)) == (before, held)
    with pytest.raises(UnknownNameError):
        ws.data_append("poeple", tmp_path / "more.csv")
    ws.data_add(tmp_path / "all.csv", record_id="id", reference=True)
    with pytest.raises(InvalidRequestError, match="only referred to"):
        ws.data_append("all", tmp_path / "more.csv")
    assert ws.verify()


@pytest.mark.parametrize(("place", "n_records"), [("data-chunks-written", 45), ("data-committed", 60)])
def test_what_is_appended_is_there_or_not(
    ws: expunge.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, n_records: int
) -> None:
    def interrupt(name: str) -> None:
        if name == place:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(appending.faults, "at", interrupt)
        with pytest.raises(KeyboardInterrupt):
            ws.data_append("people", tmp_path / "more.csv", learn=True)
    ws.close()
    again = expunge.Workspace.open(ws.path)
    assert again.data_list()[0]["n_records"] == n_records
    assert len(live(again, "sums").record_ids_) == n_records
    assert again.verify()


def test_forgotten_rows_are_refused_left_out_or_let_in_with_a_reason(ws: expunge.Workspace, tmp_path: Path) -> None:
    ws.forget(subjects=["p2"])
    back = pd.concat([people()[5:9].assign(id=[f"x{i}" for i in range(4)]), people()[50:52]])
    back.to_csv(tmp_path / "back.csv", index=False)
    with pytest.raises(ForgottenBeforeError, match=r"Of 6 rows 3 are about persons.*--skip-forgotten"):
        ws.data_append("people", tmp_path / "back.csv")
    with pytest.raises(InvalidParameterError, match="not both"):
        ws.data_append("people", tmp_path / "back.csv", skip_forgotten=True, override="consent")
    told = ws.data_append("people", tmp_path / "back.csv", skip_forgotten=True, learn=True)
    assert (told["appended"], told["skipped"]) == (3, 3)
    assert ws.find(subjects=["p2"]) == []
    told = ws.data_add(tmp_path / "all.csv", record_id="id", subject_id="person", skip_forgotten=True)
    assert (told["n_records"], told["skipped"]) == (57, 3)
    people()[6:9].to_csv(tmp_path / "only.csv", index=False)
    with pytest.raises(InvalidDataError, match="Every row"):
        ws.data_add(tmp_path / "only.csv", record_id="id", subject_id="person", skip_forgotten=True)
    with pytest.raises(InvalidParameterError, match="only referred to"):
        ws.data_add(tmp_path / "only.csv", record_id="id", skip_forgotten=True, reference=True)
    assert [entry["kind"] for entry in ws.log()].count("override") == 0


def test_kept_predictions_that_are_deleted_are_named_each_time(ws: expunge.Workspace, tmp_path: Path) -> None:
    def keep(name: str) -> str:
        ws.predict("sums", tmp_path / "people.csv", keep=name)
        return name

    def notes(answer: Any) -> tuple[str, ...]:
        return ws.verify(answer.receipt).receipt.notes  # type: ignore[union-attr]

    name = keep("grown.csv")
    grown = ws.data_append("people", tmp_path / "more.csv", learn=True)
    assert (grown["predictions"], f"kept predictions were deleted: {name}" in grown["notes"]) == ([name], True)
    name = keep("Forgotten.csv")
    (answer,) = ws.forget(subjects=["p1"])
    assert (answer.predictions, f"Kept predictions were deleted: {name}." in answer.lines()) == ((name,), True)
    assert f"kept predictions were deleted: {name}" in notes(answer)
    name = keep("corrected.csv")
    (tmp_path / "right.csv").write_text("id,age\nr010,33\n")
    (answer,) = ws.rectify(tmp_path / "right.csv", data="people")
    assert (answer.to_dict()["predictions"], notes(answer)) == ([name], (f"kept predictions were deleted: {name}",))
    name = keep("after.csv")
    with pytest.warns(UserWarning, match=f"Kept predictions were deleted: {name}"):
        ws.fit("sums", data="people", target="label", method="gaussian-nb", bare=True, replace=True)
    assert not list((ws.path / "predictions").iterdir())


# ---------------------------------------------------------------- taking out


def test_a_model_and_its_data_are_taken_out_and_nothing_of_them_stays(ws: expunge.Workspace, tmp_path: Path) -> None:
    ws.data_derive("student", model="sums", place="elsewhere")
    ws.predict("sums", tmp_path / "people.csv", keep="scores.csv")
    with pytest.raises(InvalidRequestError, match="'sums' learned from 'people'"):
        ws.data_remove("people")
    with pytest.raises(InvalidRequestError, match="'student' was derived from 'sums'"):
        ws.model_remove("sums")
    ws.data_remove("student")
    (number,) = ws.request_ask(subjects=["p1"])
    for ask in (lambda: ws.model_remove("sums"), lambda: ws.data_remove("people")):
        with pytest.raises(InvalidRequestError, match=f"Request {number} is open"):
            ask()
    ws.request_run([number])
    ws.predict("sums", tmp_path / "people.csv", keep="again.csv")
    assert ws.model_remove("sums")["version"] == 2
    assert not list((ws.path / "predictions").iterdir())
    ws.data_remove("people")
    assert (ws.data_list(), ws.status()["models"], names(ws)) == ([], [], set())
    told = [(e["what"], e["name"], e["version"]) for e in ws.log() if e["kind"] == "withdrawal"]
    assert told == [("derived", "student", 0), ("model", "sums", 2), ("data", "people", 2)]
    for ask in (lambda: ws.model_remove("sums"), lambda: ws.data_remove("people")):
        with pytest.raises(UnknownNameError):
            ask()
    assert ws.verify()
    # the guard stays, and versions are not named twice
    with pytest.raises(ForgottenBeforeError):
        ws.data_add(tmp_path / "people.csv", record_id="id", subject_id="person")
    ws.data_add(tmp_path / "people.csv", record_id="id", subject_id="person", skip_forgotten=True)
    assert ws.fit("sums", data="people", target="label", method="gaussian-nb", bare=True)["version"] == 3


def test_names_that_are_none_are_refused(ws: expunge.Workspace, tmp_path: Path) -> None:
    held, given = names(ws), {"data": "people", "target": "label", "method": "gaussian-nb"}
    for name in ("../evil", "", "a/b", "a\nb", "\x1b[2J", " ", ".hidden", "-rf", "x" * 101, "data:x"):
        for ask in (
            lambda name=name: ws.data_add(tmp_path / "all.csv", record_id="id", name=name),
            lambda name=name: ws.fit(name, **given),
            lambda name=name: ws.data_derive(name, model="sums", place="elsewhere"),
        ):
            with pytest.raises(InvalidParameterError, match="is no name of a"):
                ask()
    assert names(ws) == held


def test_names_in_any_script_are_names(ws: expunge.Workspace) -> None:
    assert ws.fit("收入 2026-v1.0", data="people", target="label", method="gaussian-nb", bare=True)["version"] == 1
