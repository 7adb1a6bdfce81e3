"""What goes wrong once, or was tampered with, is named and stops nothing else."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sqlite3
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

import expunge
from expunge.cli import run
from expunge.errors import (
    EXIT_CODES,
    ForgottenBeforeError,
    InvalidRequestError,
    NewerFormatError,
    SourceChangedError,
)
from expunge.workspace.models import gates
from expunge.workspace.requests import asking
from expunge.workspace.requests.request_queue import Wish
from expunge.workspace.rules.policies import Policy
from workspace import life


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    frame = life.people().assign(grade=np.arange(40) % 3)
    frame.to_parquet(folder / "people.parquet", index=False)
    made = expunge.Workspace.init(folder / "ws")
    made.data_add(folder / "people.parquet", record_id="id", subject_id="person", name="people")
    made.fit("m", data="people", target="label", method="gaussian-nb", ignore=["job", "grade"])
    made.close()
    return folder


@pytest.fixture
def ws(template: Path, tmp_path: Path) -> expunge.Workspace:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return expunge.Workspace.open(tmp_path / "ws")


def states(answers: list[Any]) -> list[str]:
    return [answer.request.state for answer in answers]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish(kind="subject", values=("x",), data="nowhere"), "no data set 'nowhere'"),
        (Wish(kind="feature", values=("label",)), "predicts 'label'"),
    ],
)
def test_a_request_that_cannot_be_carried_out_stops_no_other(ws: expunge.Workspace, wish: Wish, words: str) -> None:
    ws.request_add([wish, Wish(kind="subject", values=(life.PEOPLE[1],))])
    bad, good = ws.request_run()
    assert states([bad, good]) == ["received", "done"]
    assert words in bad.problem
    assert words in "\n".join(bad.lines())
    assert good.to_dict()["problem"] == ""
    with pytest.raises(Exception, match=words):
        ws.request_run()  # alone it is an error, as ever
    expunge.Workspace.open(ws.path).request_step(1, "refuse", reason="other")


def test_the_exit_code_says_that_one_waits_though_others_are_done(
    ws: expunge.Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    ws.request_add(
        [Wish(kind="subject", values=("x",), data="nowhere"), Wish(kind="subject", values=(life.PEOPLE[1],))]
    )
    code = run(["request", "run", "--json", "--workspace", str(ws.path)])
    bad, good = json.loads(capsys.readouterr().out)["requests"]
    assert code == EXIT_CODES["unknown-name"]
    assert (bad["problem_code"], good["problem_code"], good["state"]) == ("unknown-name", "", "done")


def test_a_batch_that_fails_is_tried_one_by_one(ws: expunge.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    forget = expunge.GaussianNB.forget

    def poisoned(self: Any, record_ids: Any = None, **more: Any) -> Any:
        if "r004" in list(record_ids or ()):
            raise InvalidRequestError("not this one")
        return forget(self, record_ids, **more)

    ws.fit("bare", data="people", target="label", method="gaussian-nb", ignore=["job", "grade"], bare=True)
    monkeypatch.setattr(expunge.GaussianNB, "forget", poisoned)
    ws.request_add([Wish(kind="subject", values=(life.PEOPLE[i],)) for i in (1, 2, 3)])
    answers = ws.request_run()
    assert states(answers) == ["done", "received", "done"]
    assert "not this one" in answers[1].problem
    assert ws.verify()
    monkeypatch.undo()
    assert states(ws.request_run()) == ["done"]


def test_a_class_is_asked_of_each_model_in_its_own_kind(ws: expunge.Workspace) -> None:
    ws.fit(
        "grades", data="people", target="grade", method="gaussian-nb", ignore=["job", "label"], task="classification"
    )
    (answer,) = ws.forget(classes=["yes"])
    assert answer.request.state == "done"


def test_a_correction_that_was_answered_is_answered_again_whatever_came_since(ws: expunge.Workspace) -> None:
    path = ws.path.parent / "right.csv"
    life.people().iloc[[6]][["id", "size"]].to_csv(path, index=False)
    (first,) = ws.rectify(path, data="people", caller="desk", key="k")
    ws.forget(records=["r006"])
    (again,) = ws.rectify(path, data="people", caller="desk", key="k")
    assert (again.request.number, again.receipt) == (first.request.number, first.receipt)


def test_a_workspace_that_began_what_cannot_be_carried_out_opens(ws: expunge.Workspace) -> None:
    ws.request_add([Wish(kind="feature", values=("label",))])
    core = ws._core
    from expunge.workspace.requests import carrying_out

    carrying_out._start(core, [1])  # and the process is killed
    ws.close()
    again = expunge.Workspace.open(ws.path)
    assert states(again.request_list()) == ["received"]
    assert again.request_step(1, "refuse", reason="other").request.state == "refused"


@pytest.mark.parametrize("asked", [{"subjects": [life.PEOPLE[0]]}, {"records": ["r000", "r001"]}])
def test_who_asks_again_after_a_kill_gets_the_receipt_of_the_request_that_was_interrupted(
    ws: expunge.Workspace, asked: dict[str, Any]
) -> None:
    from expunge.workspace.requests import carrying_out

    carrying_out._start(ws._core, ws.request_ask(**asked))  # and the process is killed
    ws.close()
    with pytest.warns(UserWarning, match="Finished interrupted request 1"):
        again = expunge.Workspace.open(ws.path)
    (answer,) = again.forget(**asked)
    assert (answer.request.number, answer.request.state) == (1, "done")
    assert answer.receipt == ws.path / "receipts" / "0001.json"
    assert len(again.request_list(every=True)) == 1
    if "subjects" in asked:  # from then on it is a question of its own
        assert states(again.forget(**asked)) == ["nothing-held"]


def test_a_gate_that_lost_what_it_looks_at_lets_nothing_pass_and_stops_nothing(ws: expunge.Workspace) -> None:
    frame = life.people().assign(grade=0, id=[f"h{i}" for i in range(40)], person="nobody")
    frame.to_parquet(ws.path.parent / "holdout.parquet", index=False)
    ws.data_add(ws.path.parent / "holdout.parquet", record_id="id", subject_id="person", name="holdout")
    gate = {"data": "holdout", "max_gap": 1.0, "subgroup": "job"}
    ws.fit("gated", data="people", target="label", method="gaussian-nb", ignore=["grade"], gate=gate)
    ws.forget(features=["job"])
    assert states(ws.forget(subjects=[life.PEOPLE[1]])) == ["done"]
    gated = next(model for model in ws.status()["models"] if model["name"] == "gated")
    assert gated["state"] == "candidate"
    assert "no column 'job' any more" in gated["gate"]["why"]
    ws.forget(subjects=["nobody"])
    ws.forget(subjects=[life.PEOPLE[2]])
    gated = next(model for model in ws.status()["models"] if model["name"] == "gated")
    assert "no record left" in gated["gate"]["why"]


def test_what_was_forgotten_in_one_data_set_alone_may_stay_in_another(ws: expunge.Workspace) -> None:
    for name in ("other", "third"):
        ws.data_add(ws.path.parent / "people.parquet", record_id="id", subject_id="person", name=name)
    ws.forget(subjects=[life.PEOPLE[1]], data="people")
    ws.fit("from-other", data="other", target="label", method="gaussian-nb", ignore=["job", "grade"])
    ws.forget(subjects=[life.PEOPLE[1]])
    with pytest.raises(ForgottenBeforeError):
        ws.data_add(ws.path.parent / "people.parquet", record_id="id", subject_id="person", name="fourth")


def test_a_request_waits_for_everything_however_far_down(ws: expunge.Workspace, tmp_path: Path) -> None:
    scores = ws.predict("m", tmp_path / "people.parquet").merge(life.people()[["id", "size"]], on="id")
    scores.to_parquet(tmp_path / "scores.parquet", index=False)
    ws.data_add(tmp_path / "scores.parquet", record_id="id", name="scores", derived_from=["m"])
    ws.fit("student", data="scores", target="prediction", method="gaussian-nb")
    ws.data_derive("deployed", model="student", place="s3://models/student")
    ws.fit("else", data="people", target="grade", method="gaussian-nb", ignore=["job", "label"])
    (answer,) = ws.forget(subjects=[life.PEOPLE[4]])
    assert answer.waiting == ("data:scores", "model:student", "deployed")
    for name in answer.waiting:
        assert states([ws.request_show(1)]) == ["running"]
        ws.request_settle(1, name)
    assert states([ws.request_show(1)]) == ["done"]


def test_an_index_that_lacks_a_person_is_named(ws: expunge.Workspace, tmp_path: Path) -> None:
    ws.data_add(tmp_path / "people.parquet", record_id="id", subject_id="person", name="far", reference=True)
    handle = ws._core.secrets.handle("subject", life.PEOPLE[2])
    assert ws.verify()
    ws.close()
    for number, name in ((1, "people"), (2, "far")):
        with sqlite3.connect(ws.path / "ledger.db") as connection:
            where = "FROM row_index WHERE subject = ? AND dataset = ?"
            held = connection.execute(f"SELECT * {where}", (handle, number)).fetchall()
            connection.execute(f"DELETE {where}", (handle, number))
        connection.close()
        told = str(expunge.Workspace.open(ws.path).verify())
        assert f"The index of data set '{name}' is not what was written" in told
        with sqlite3.connect(ws.path / "ledger.db") as connection:
            connection.executemany("INSERT INTO row_index VALUES (?, ?, ?, ?, ?, ?)", held)
        connection.close()
    assert expunge.Workspace.open(ws.path).verify()


def test_a_changed_receipt_beside_the_database_is_named(ws: expunge.Workspace) -> None:
    (answer,) = ws.forget(subjects=[life.PEOPLE[2]])
    assert answer.receipt is not None
    whole = answer.receipt.read_bytes()
    for place in (20, 900, len(whole) - 20):
        answer.receipt.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert "Receipt 0001.json is not what was written" in str(ws.verify())
    answer.receipt.unlink()
    assert expunge.Workspace.open(ws.path).verify()  # it was written again


def test_a_key_is_handed_over_once_whatever_is_killed(ws: expunge.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def killed(source: Any, target: Any) -> None:
        if str(source).endswith(".next"):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        ws.keys_rotate()
    monkeypatch.undo()
    ws.close()
    again = expunge.Workspace.open(ws.path)
    again.forget(subjects=[life.PEOPLE[2]])  # signed by the old key
    told = again.keys_rotate()
    (answer,) = again.forget(subjects=[life.PEOPLE[3]])
    assert again.head().key_id == told["new"]
    assert again.verify(answer.receipt)
    assert again.verify(), str(again.verify())
    assert [entry["kind"] for entry in again.log()].count("rotation") == 1


def test_a_workspace_of_a_later_version_is_left_as_it_is(ws: expunge.Workspace) -> None:
    ws.close()
    with sqlite3.connect(ws.path / "ledger.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    def everything() -> dict[str, tuple[bytes, int]]:
        files = [path for path in ws.path.rglob("*") if path.is_file()]
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    before = everything()
    with pytest.raises(NewerFormatError, match="form '9999'"):
        expunge.Workspace.open(ws.path)
    assert everything() == before
    config = ws.path / "workspace.json"
    config.write_text(config.read_text().replace('"format": 1', '"format": 2'))
    before = everything()
    with pytest.raises(NewerFormatError, match="format 2"):
        expunge.Workspace.open(ws.path)
    assert everything() == before


def test_a_database_of_the_first_form_is_brought_to_that_of_today(ws: expunge.Workspace) -> None:
    ws.close()
    with sqlite3.connect(ws.path / "ledger.db") as connection:
        connection.execute("DROP TABLE predicted")
        connection.execute("ALTER TABLE row_index DROP COLUMN came")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    again = expunge.Workspace.open(ws.path)
    made = {one["name"]: one["created"] for one in again.data_list()}
    assert all(one.since == made[one.name] for one in again.find(subjects=[life.PEOPLE[2]]) if one.what == "data")
    assert states(again.forget(subjects=[life.PEOPLE[2]])) == ["done"]
    assert again.verify()


def test_the_latest_safe_time_knows_what_is_planned(ws: expunge.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from expunge.workspace.requests import costs

    monkeypatch.setattr(costs, "SAMPLE", 2)
    plan, hours = expunge.Pipeline.plan, [0.0]
    monkeypatch.setattr(
        expunge.Pipeline, "plan",
        lambda self, *a, **k: dataclasses.replace(plan(self, *a, **k), expected_s=3600 * hours[0]),
    )  # fmt: skip
    ws.request_add([Wish(kind="subject", values=(person,)) for person in life.PEOPLE[1:4]])
    policy = Policy.from_text("latest-safe")
    free = asking.due_now(ws._core, policy).wake
    hours[0] = 5.0
    assert free is not None
    assert asking.due_now(ws._core, policy).wake == free - timedelta(hours=3 * 5 * policy.cost_factor)
    hours[0] = 24 * 31.0
    assert asking.due_now(ws._core, policy).run == (1, 2, 3)
    assert asking.due_now(ws._core, policy).late == (1, 2, 3)


def test_a_gate_that_saw_its_score_fall_says_by_how_much(
    ws: expunge.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life.people().assign(person="nobody").to_parquet(ws.path.parent / "holdout.parquet", index=False)
    ws.data_add(ws.path.parent / "holdout.parquet", record_id="id", name="holdout")
    fit = {"data": "people", "target": "label", "method": "gaussian-nb", "ignore": ["job", "grade"]}
    ws.fit("gated", gate={"data": "holdout", "max_drop": 0.02}, **fit)  # type: ignore[arg-type]
    scores = iter([0.9, 0.879, 0.879, 0.859])
    monkeypatch.setattr(gates, "figures", lambda *_: {"score": next(scores)})
    (answer,) = ws.forget(subjects=[life.PEOPLE[1]])
    told = {model["model"]: model["notes"] for model in answer.models}
    assert told["gated"] == ["not in use: its score fell by 0.021, more than 0.02; a retrain is proposed"]
    assert told["m"] == []
    (answer,) = ws.forget(subjects=[life.PEOPLE[2]])  # a candidate stays one until it is promoted or fitted again
    assert {model["name"]: model["state"] for model in ws.status()["models"]} == {"m": "current", "gated": "candidate"}


def test_the_command_after_a_switch_that_fails_is_told_in_the_receipt(tmp_path: Path, template: Path) -> None:
    for command, note in ((["false"], "ended with code 1"), (["/nowhere/deploy"], "could not be run")):
        folder = tmp_path / note[:5]
        ws = expunge.Workspace.init(folder, after_switch=command)
        ws.data_add(template / "people.parquet", record_id="id", subject_id="person", name="people")
        ws.fit("m", data="people", target="label", method="gaussian-nb", ignore=["job", "grade"], bare=True)
        (answer,) = ws.forget(subjects=[life.PEOPLE[1]])
        assert answer.request.state == "done"
        assert note in ws.verify(answer.receipt).receipt.notes[0]  # type: ignore[union-attr]


def test_work_aside_of_any_library_lies_inside_and_is_gone(
    ws: expunge.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, seen = ws.path / "tmp", []
    fit = expunge.GaussianNB.fit

    def looked(self: Any, *arguments: Any, **more: Any) -> Any:
        seen.extend([tempfile.gettempdir(), os.environ["JOBLIB_TEMP_FOLDER"], os.environ["TMPDIR"]])
        (inside / "memmap").mkdir()
        (inside / "memmap" / "rows.pkl").write_text(life.SECRET_TEXT)
        return fit(self, *arguments, **more)

    monkeypatch.setattr(expunge.GaussianNB, "fit", looked)
    before = tempfile.gettempdir()
    ws.fit("bare", data="people", target="label", method="gaussian-nb", ignore=["job", "grade"], bare=True)
    assert seen == [str(inside)] * 3
    assert list(inside.iterdir()) == []
    assert tempfile.gettempdir() == before


@pytest.mark.parametrize("kind", ["parquet", "query", "memory"])
def test_a_source_of_any_kind_is_refused_by_name_while_it_holds_a_forgotten_record(tmp_path: Path, kind: str) -> None:
    frame, place = life.people(), ""
    ws = expunge.Workspace.init(tmp_path / "ws")

    def put(frame: Any) -> dict[str, Any]:
        nonlocal place
        if kind == "parquet":
            frame.to_parquet(tmp_path / "far.parquet", index=False)
            place = str(tmp_path / "far.parquet")
        elif kind == "memory":
            place = "memory://far.csv"
            with fsspec.open(place, "w") as stream:
                frame.to_csv(stream, index=False)
        else:
            with sqlite3.connect(tmp_path / "far.db") as connection:
                frame.to_sql("people", connection, index=False, if_exists="replace")
            connection.close()
            place = f"sqlite:///{tmp_path / 'far.db'}"
            return {"query": "SELECT * FROM people"}
        return {}

    more = put(frame)
    ws.data_add(place, record_id="id", subject_id="person", name="far", reference=True, **more)
    fit = {"data": "far", "target": "label", "method": "gaussian-nb", "ignore": ["job"]}
    ws.fit("m", **fit)  # type: ignore[arg-type]
    ws.forget(subjects=[life.PEOPLE[1]])
    left = frame[frame["person"] != life.PEOPLE[1]]
    for rows, words in (
        (frame, "still holds 2 records that were forgotten"), (left.assign(size=1.0), "were changed"),
        (left.iloc[3:], "lacks 3 records"),
    ):  # fmt: skip
        put(rows)
        with pytest.raises(SourceChangedError, match=words) as refused:
            ws.fit("again", **fit)  # type: ignore[arg-type]
        assert place in str(refused.value)
    put(left.sample(frac=1, random_state=0))
    ws.fit("again", **fit)  # type: ignore[arg-type]
    assert ws.find(subjects=[life.PEOPLE[1]]) == []
