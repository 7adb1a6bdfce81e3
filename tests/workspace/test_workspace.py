"""The facade: lineage, references, gates, retention, secrets, tampering, models from elsewhere."""

from __future__ import annotations

import itertools
import json
import sqlite3
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import expunge
from expunge.cli import run
from expunge.errors import (
    FileNotUsableError,
    ForgottenBeforeError,
    InvalidDataError,
    InvalidParameterError,
    InvalidRequestError,
    SourceChangedError,
    TamperedError,
    UnknownMethodError,
    UnknownNameError,
    UnsupportedEstimatorError,
    UnsupportedRequestError,
)  # fmt: skip
from expunge.ledger import pseudonyms
from expunge.ledger.keys import Signer, generate
from expunge.methods import METHODS
from expunge.workspace.models import models
from expunge.workspace.requests.request_queue import Wish


def people(n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    x = rng.normal(size=n)
    return pd.DataFrame(
        {
            "id": [f"r{i:03d}" for i in range(n)],
            "person": [f"p{i // 3}" for i in range(n)],
            "seen": [f"20{20 + i % 6}-0{1 + i % 9}-15" for i in range(n)],
            "size": np.round(x, 3),
            "age": rng.integers(18, 80, n),
            "group": rng.choice(["a", "b"], n),
            "label": np.where(x + rng.normal(scale=0.3, size=n) > 0, "yes", "no"),
        }
    )


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    people().to_csv(tmp_path / "people.csv", index=False)
    return tmp_path / "people.csv"


@pytest.fixture
def ws(tmp_path: Path, csv: Path) -> expunge.Workspace:
    made = expunge.Workspace.init(tmp_path / "ws")
    made.data_add(csv, record_id="id", subject_id="person")
    made.fit("sums", data="people", target="label", method="gaussian-nb", ignore=["group", "seen"], bare=True)
    return made


def live(ws: expunge.Workspace, name: str) -> Any:
    with ws._core.read() as connection:
        return models.load(ws._core, models.open_model(ws._core, connection, name)).model


# ---------------------------------------------------------------- forgetting and what it equals


def test_the_model_that_forgot_is_that_of_a_fresh_fit_on_a_table_without_the_person(
    ws: expunge.Workspace, tmp_path: Path
) -> None:
    ws.forget(subjects=["p7", "p9"])
    left = people()[lambda frame: ~frame["person"].isin(["p7", "p9"])]
    left.to_csv(tmp_path / "left.csv", index=False)
    ws.data_add(tmp_path / "left.csv", record_id="id", subject_id="person")
    ws.fit("fresh", data="left", target="label", method="gaussian-nb", ignore=["group", "seen"], bare=True)
    assert live(ws, "sums").digest() == live(ws, "fresh").digest()


def test_many_requests_are_carried_out_together_and_each_has_its_receipt(ws: expunge.Workspace) -> None:
    numbers = ws.request_add([Wish(kind="subject", values=(f"p{i}",)) for i in range(5)])
    answers = ws.request_run()
    assert [answer.request.number for answer in answers] == numbers
    assert [answer.models[0]["records"] for answer in answers] == [3] * 5
    assert len({answer.models[0]["digest_after"] for answer in answers}) == 1
    assert ws.status()["models"][0]["version"] == 2
    assert all(ws.verify(answer.receipt) for answer in answers)


def test_the_policy_decides_when_requests_are_carried_out(tmp_path: Path, csv: Path) -> None:
    ws = expunge.Workspace.init(tmp_path / "later", policy="at:3")
    ws.data_add(csv, record_id="id", subject_id="person")
    ws.request_add([Wish(kind="subject", values=("p1",))])
    assert ws.request_run() == []
    assert "collecting" in ws.status()["why"]
    ws.request_add([Wish(kind="subject", values=(f"p{i}",)) for i in (2, 3)])
    assert len(ws.request_run()) == 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"policy": "never"}, "no policy 'never'"),
        ({"regime": "pipl"}, "names no number of days"),
        ({"zone": "Mars/Olympus"}, "no time zone"),
        ({"signing_key": "env:"}, "no signing key"),
        ({"after_switch": ["notify", 3]}, "list of texts"),
    ],
)
def test_a_setting_that_cannot_serve_is_refused_before_anything_is_made(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidParameterError, match=words):
        expunge.Workspace.init(tmp_path / "ws", **settings)
    assert not (tmp_path / "ws").exists()


def test_predictions_that_cannot_be_kept_leave_no_entry(
    ws: expunge.Workspace, csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidParameterError, match="neither"):
        ws.predict("sums", csv, keep="scores.txt")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pd.DataFrame, "to_csv", full)
        with pytest.raises(FileNotUsableError, match="No space left"):
            ws.predict("sums", csv, keep="scores.csv")
    assert [found.what for found in ws.find(subjects=["p1"]) if found.what == "prediction"] == []
    ws.predict("sums", csv, keep="scores.csv")  # the name was not taken
    assert (ws.path / "predictions" / "scores.csv").is_file()


def test_status_names_requests_on_hold_whose_date_comes(
    tmp_path: Path, csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [datetime(2020, 3, 1, 12, tzinfo=UTC)]
    ws = expunge.Workspace.init(tmp_path / "held", policy="at:9", clock=lambda: now[0])
    ws.data_add(csv, record_id="id", subject_id="person")
    first, _ = ws.request_add([Wish(kind="subject", values=(f"p{i}",)) for i in (1, 2)])
    ws.request_step(first, "hold", reason="litigation")
    assert ws.status()["pressing"] == []
    now[0] += timedelta(days=29)
    assert ws.status()["pressing"] == [first], "the other waits for its policy"
    assert run(["status", "--workspace", str(ws.path)]) == 0
    assert "Decide on 1: " in capsys.readouterr().out
    assert ws.status()["overdue"] == {}
    now[0] += timedelta(days=3)
    assert ws.status()["overdue"] == {1: "2020-04-01", 2: "2020-04-01"}
    assert [one.overdue for one in ws.request_list()] == [True, True]
    assert "overdue since 2020-04-01" in ws.request_show(2).lines()[0]
    for command in (["status"], ["request", "list"]):  # by the clock of this machine
        assert run([*command, "--workspace", str(ws.path)]) == 0
        assert capsys.readouterr().out.count("overdue since 2020-04-01") == 2
    ws.request_run([2])
    assert ws.status()["overdue"] == {1: "2020-04-01"}


def test_a_method_that_cannot_is_said_before_a_request_is_taken_in(
    ws: expunge.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expunge.GaussianNB, "_requests", ("records", "subjects"))
    with pytest.raises(UnsupportedRequestError):
        ws.forget(features=["age"])
    assert ws.request_list(every=True) == []
    assert "age" in ws.data_list()[0]["columns"]


def test_a_model_whose_plug_in_is_missing_keeps_no_request_out(
    ws: expunge.Workspace, csv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ws.data_add(csv, record_id="id", subject_id="person", name="others")
    ws.fit("other", data="others", target="label", method="multinomial-nb", ignore=["group", "seen"])
    ws.close()
    with monkeypatch.context() as patched:
        patched.delitem(METHODS, "GaussianNB")
        assert run(["forget", "--subject", "p7", "--workspace", str(ws.path)]) == 13
        told = capsys.readouterr().err
        assert "Model 'sums' cannot be read: there is no method 'GaussianNB'." in told
        assert told.index("Install the package") < told.index("Request 1 waits: `expunge request run`")
        opened = expunge.Workspace.open(ws.path)
        opened.request_ask(records=["r001"], data="others")
        first, second = opened.request_run()
        assert ["'sums' cannot be read" in first.problem, second.problem] == [True, ""]
        with pytest.raises(UnknownMethodError, match="Model 'sums' cannot be read"):
            opened.plan(subjects=["p7"])
        opened.close()
    assert [one.request.state for one in expunge.Workspace.open(ws.path).request_run()] == ["done"]


def test_an_audit_sees_the_forgotten_rows_and_its_figures_are_in_the_receipt(ws: expunge.Workspace) -> None:
    def audit(model: Any, rows: Any) -> dict[str, Any]:
        return {"n": len(rows), "confidence": float(model.predict_proba(rows.X).max(axis=1).mean())}

    (answer,) = ws.forget(subjects=["p4"], audit=audit)
    assert answer.receipt is not None
    told = ws.verify(answer.receipt).receipt.models[0].audit  # type: ignore[union-attr]
    assert told["n"] == 3
    assert 0.5 <= float(told["confidence"]) <= 1


def test_a_receipt_names_the_one_before_it(ws: expunge.Workspace) -> None:
    first, second = (ws.forget(subjects=[person])[0].receipt for person in ("p1", "p2"))
    before, after = (ws.verify(path).receipt.models[0] for path in (first, second))  # type: ignore[union-attr]
    assert before.previous is None
    assert after.previous is not None
    replayed = ws.verify(second, replay=True)
    assert replayed
    assert "has the digest" in str(replayed)
    with pytest.raises(UnsupportedRequestError, match="nothing was replayed"):
        ws.verify(first, replay=True)


def test_a_replay_that_gives_other_bits_is_told(ws: expunge.Workspace) -> None:
    (answer,) = ws.forget(subjects=["p1"])
    salt = ws.path / "keys" / "salt"
    held = salt.read_bytes()
    salt.write_bytes(b"0" * 32 + b"\n")
    other = expunge.Workspace.open(ws.path)
    assert not other.verify(answer.receipt, replay=True)  # another seed: the claim is that of the run
    salt.write_bytes(held)
    assert expunge.Workspace.open(ws.path).verify(answer.receipt, replay=True)


# ---------------------------------------------------------------- lineage


def test_a_request_stays_open_while_something_derived_is_untouched(ws: expunge.Workspace, tmp_path: Path) -> None:
    ws.data_derive("student", model="sums", place="s3://models/student", kind="model elsewhere")
    ws.predict("sums", tmp_path / "people.csv").merge(people()[["id", "person"]], on="id").to_csv(
        tmp_path / "scores.csv", index=False
    )
    ws.data_add(tmp_path / "scores.csv", record_id="id", derived_from=["sums"], name="scores")
    found = {(one.what, one.name) for one in ws.find(subjects=["p3"])}
    assert found == {
        ("data", "people"), ("model", "sums"), ("model elsewhere", "student"), ("data", "scores"),
    }  # fmt: skip
    (answer,) = ws.forget(subjects=["p3"])
    assert answer.request.state == "running"
    assert answer.waiting == ("student", "data:scores")
    assert answer.receipt is None
    ws.close()
    again = expunge.Workspace.open(ws.path)
    assert again.request_show(1).waiting == ("student", "data:scores")
    again.request_settle(1, "student")
    with pytest.raises(InvalidRequestError, match="does not wait"):
        again.request_settle(1, "student")
    done = again.request_settle(1, "data:scores")
    assert done.request.state == "done"
    assert again.verify(done.receipt).receipt.notes == (  # type: ignore[union-attr]
        "settled by the owner: student", "settled by the owner: data:scores",
    )  # fmt: skip


def test_a_command_runs_after_the_switch(tmp_path: Path, csv: Path) -> None:
    code = "import os, pathlib; pathlib.Path('told.txt').write_text(os.environ['EXPUNGE_SWITCHED'])"
    ws = expunge.Workspace.init(tmp_path / "ws", after_switch=[sys.executable, "-c", code])
    ws.data_add(csv, record_id="id", subject_id="person")
    ws.fit("sums", data="people", target="label", method="gaussian-nb", ignore=["group", "seen"])
    ws.forget(subjects=["p1"])
    assert (ws.path / "told.txt").read_text() == "sums=2"


# ---------------------------------------------------------------- references


def test_data_that_is_referred_to_is_read_again_and_compared(tmp_path: Path, csv: Path) -> None:
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(csv, record_id="id", subject_id="person", reference=True)
    assert "r017" not in "".join(str(path) for path in (ws.path / "chunks").rglob("*"))
    ws.fit("far", data="people", target="label", method="gaussian-nb", ignore=["group", "seen"])
    (answer,) = ws.forget(subjects=["p5"])
    assert answer.models[0]["records"] == 3
    with pytest.raises(SourceChangedError, match=r"people\.csv.* still holds 3 records"):
        ws.fit("again", data="people", target="label", method="gaussian-nb", ignore=["group", "seen"])
    left = people()[lambda frame: frame["person"] != "p5"]
    left.to_csv(csv, index=False)
    ws.fit("again", data="people", target="label", method="gaussian-nb", ignore=["group", "seen"])
    assert live(ws, "again").digest() == live(ws, "far").digest()
    assert ws.verify(answer.receipt, replay=True)
    left.assign(age=1).to_csv(csv, index=False)
    with pytest.raises(SourceChangedError, match="were changed"):
        ws.fit("third", data="people", target="label", method="gaussian-nb", ignore=["group", "seen"])
    left.iloc[5:].to_csv(csv, index=False)
    with pytest.raises(SourceChangedError, match="lacks 5 records"):
        ws.fit("third", data="people", target="label", method="gaussian-nb", ignore=["group", "seen"])


def test_a_relative_path_names_the_same_file_from_another_folder(
    tmp_path: Path, csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(tmp_path / "people.db") as connection:
        people().to_sql("people", connection, index=False)
    ws = expunge.Workspace.init(tmp_path / "ws")
    monkeypatch.chdir(ws.path)
    people()[:60].to_csv(csv, index=False)
    people()[60:].to_csv(tmp_path / "rest.csv", index=False)
    ws.data_add("../people.csv", record_id="id", subject_id="person", reference=True, name="far")
    ws.data_add("../people.csv", record_id="id", subject_id="person")
    ws.data_append("people", "../rest.csv")
    ws.data_add("sqlite:///../people.db", query="SELECT * FROM people", record_id="id", subject_id="person",
                reference=True, name="queried")  # fmt: skip
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    people(9).to_csv("people.csv", index=False)
    for name in ("far", "queried"):
        ws.fit(name, data=name, target="label", method="gaussian-nb", ignore=["group", "seen"], bare=True)
    assert [ws.data_show(name)["n_records"] for name in ("far", "queried")] == [60, 120]
    (answer,) = ws.forget(subjects=["p1"])
    told = [line for line in answer.outside() if "the workspace's" in line]
    assert told[0].startswith(f"{csv} is not"), told
    assert told[1].startswith(f"{csv}, {tmp_path / 'rest.csv'} are not"), told


def test_data_comes_from_a_query_or_an_address(tmp_path: Path, csv: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        people().to_sql("people", connection, index=False)
    connection.close()
    ws = expunge.Workspace.init(tmp_path / "ws")
    told = ws.data_add(
        f"sqlite:///{tmp_path / 'shop.db'}", query="SELECT * FROM people", record_id="id", subject_id="person",
        reference=True, name="shop",
    )  # fmt: skip
    assert (told["n_records"], told["kind"]) == (120, "referenced")
    ws.fit("sums", data="shop", target="label", method="gaussian-nb", ignore=["group", "seen"])
    ws.data_add(f"file://{csv}", record_id="id", name="address")
    ws.fit("same", data="address", target="label", method="gaussian-nb", ignore=["group", "seen", "person"])
    assert live(ws, "same").predict(people()[["size", "age"]]).tolist() == (
        live(ws, "sums").predict(people()[["size", "age"]]).tolist()
    )


# ---------------------------------------------------------------- gates


def test_a_version_that_does_not_pass_its_gate_is_not_used(tmp_path: Path, csv: Path) -> None:
    holdout = people(200).tail(80)
    holdout.assign(person="nobody").to_csv(tmp_path / "holdout.csv", index=False)
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(csv, record_id="id", subject_id="person")
    ws.data_add(tmp_path / "holdout.csv", record_id="id", subject_id="person")
    given = {"data": "people", "target": "label", "method": "gaussian-nb", "ignore": ["group", "seen"]}
    ws.fit("easy", gate={"data": "holdout", "max_drop": 0.9}, **given)  # type: ignore[arg-type]
    ws.fit("hard", gate={"data": "holdout", "max_gap": 0.0, "subgroup": "group"}, **given)  # type: ignore[arg-type]
    (answer,) = ws.forget(subjects=["p1"])
    states = {model["name"]: model["state"] for model in ws.status()["models"]}
    assert states == {"easy": "current", "hard": "candidate"}
    notes = {model["model"]: model["notes"] for model in answer.models}
    assert notes["easy"] == []
    assert "a retrain is proposed" in notes["hard"][0]
    assert len(ws.predict("easy", csv)) == 120
    for ask in (lambda: ws.predict("hard", csv), lambda: ws.export("hard", tmp_path / "out")):
        with pytest.raises(InvalidRequestError, match=r"candidate and not in use.*--force.*promote"):
            ask()
    ws.promote("hard", reason="the gap was there before")
    assert len(ws.predict("hard", csv)) == 120
    with pytest.raises(InvalidParameterError):
        ws.fit("bad", gate={"data": "holdout", "max_dorp": 1}, **given)  # type: ignore[arg-type]


# ---------------------------------------------------------------- retention


def test_outdated_records_are_forgotten_through_the_same_queue(tmp_path: Path, csv: Path) -> None:
    now = datetime(2025, 6, 1, tzinfo=UTC)
    ws = expunge.Workspace.init(tmp_path / "ws", clock=lambda: now)
    ws.data_add(csv, record_id="id", subject_id="person", keep="24months", time_column="seen")
    ws.fit("sums", data="people", target="label", method="gaussian-nb", ignore=["group"])
    old = int((people()["seen"] < "2023-06-01").sum()) + int((people()["seen"] == "2023-06-01").sum())
    assert ws.status()["outlived"] == {"people": old}
    (answer,) = ws.data_expire()
    assert answer.models[0]["records"] == old
    assert ws.status()["outlived"] == {}
    assert ws.data_list()[0]["n_records"] == 120 - old
    assert ws.verify(answer.receipt).receipt.action == "expire"  # type: ignore[union-attr]
    assert ws.data_expire() == []
    with pytest.raises(InvalidParameterError):
        ws.data_add(csv, record_id="id", name="other", keep="24months")


# ---------------------------------------------------------------- secrets


def rows_of(ws: expunge.Workspace) -> bytes:
    """Everything the database and the receipts hold."""
    ws._core.db.truncate_log()
    out = b"".join(path.read_bytes() for path in (ws.path / "receipts").iterdir())
    with sqlite3.connect(ws.path / "ledger.db") as connection:
        dumped = "\n".join(connection.iterdump())
    connection.close()
    return out + dumped.encode()


def test_nobody_can_link_an_entry_to_a_forgotten_person_without_the_tombstone_key(ws: expunge.Workspace) -> None:
    core = ws._core
    numbers = ws.request_add([Wish(kind="subject", values=("p8",), caller="office", key="mail 8")])
    with core.read() as connection:
        from expunge.workspace.requests import request_queue

        key = core.secrets.pool.key(request_queue.fetch(core, connection, numbers[0])[0]["key"])
    name = pseudonyms.pseudonym(key, "subject", "p8")
    assert [entry["subject"] for entry in ws.log() if entry["kind"] == "request"] == [name]
    ws.request_run()
    assert name in [entry.get("subject") for entry in ws.log()]  # the entry stays, and the log verifies
    assert ws.verify()
    with pytest.raises(Exception, match="shredded"):
        core.secrets.pool.key(0)
    # with all other keys of the workspace: no handle of the person is left in any table
    dumped = rows_of(ws).decode(errors="replace").lower()
    for kind, value in (("subject", "p8"), *(("record", f"r0{24 + i}") for i in range(3))):
        assert core.secrets.handle(kind, value).hex() not in dumped  # type: ignore[arg-type]
    assert key.hex() not in dumped
    assert "mail 8" not in dumped
    # the tombstone alone is there, in a table without times and links
    with sqlite3.connect(ws.path / "ledger.db") as connection:
        held = connection.execute("SELECT * FROM tombstones")
        tombstones = list(held)
    connection.close()
    assert [len(row) for row in tombstones] == [1] * 4
    assert tombstones == sorted(tombstones)
    assert (core.secrets.tombstone("subject", "p8"),) in tombstones


def test_what_was_forgotten_cannot_come_again_unless_it_is_logged(ws: expunge.Workspace, csv: Path) -> None:
    ws.forget(subjects=["p8"])
    with pytest.raises(ForgottenBeforeError, match="Of 120 rows 3 are about persons"):
        ws.data_add(csv, record_id="id", subject_id="person", name="back")
    ws.data_add(csv, record_id="id", subject_id="person", name="back", override="new-consent")
    with pytest.raises(ForgottenBeforeError):
        ws.fit("again", data="back", target="label", method="gaussian-nb", ignore=["group", "seen"])
    ws.fit("again", data="back", target="label", method="gaussian-nb", ignore=["group", "seen"], override="new-consent")
    assert [entry["reason"] for entry in ws.log() if entry["kind"] == "override"] == ["new-consent"] * 2


def test_the_guard_can_be_switched_off(tmp_path: Path, csv: Path) -> None:
    ws = expunge.Workspace.init(tmp_path / "ws", tombstones=False)
    ws.data_add(csv, record_id="id", subject_id="person")
    ws.forget(subjects=["p8"])
    with sqlite3.connect(ws.path / "ledger.db") as connection:
        assert connection.execute("SELECT count(*) FROM tombstones").fetchone() == (0,)
    connection.close()
    ws.data_add(csv, record_id="id", subject_id="person", name="back")
    assert {one["name"]: one["n_records"] for one in ws.status()["data"]} == {"people": 117, "back": 120}
    assert [entry for entry in ws.log() if entry["kind"] == "override"] == []
    assert ws.verify()


def test_a_correction_leaves_no_tombstone(ws: expunge.Workspace, tmp_path: Path) -> None:
    people().iloc[[5]].assign(age=33).to_csv(tmp_path / "right.csv", index=False)
    (answer,) = ws.rectify(tmp_path / "right.csv", data="people")
    assert answer.request.state == "done"
    with sqlite3.connect(ws.path / "ledger.db") as connection:
        assert connection.execute("SELECT count(*) FROM tombstones").fetchone() == (0,)
    connection.close()
    ws.fit("fresh", data="people", target="label", method="gaussian-nb", ignore=["group", "seen"], bare=True)
    assert live(ws, "fresh").digest() == live(ws, "sums").digest()


def test_the_key_that_signs_may_lie_elsewhere(tmp_path: Path, csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(tmp_path / "key.pem")
    monkeypatch.setenv("MY_KEY", (tmp_path / "key.pem").read_text())
    ws = expunge.Workspace.init(tmp_path / "a", signing_key="env:MY_KEY")
    assert not (ws.path / "keys" / "ed25519.pem").exists()
    ws.data_add(csv, record_id="id", subject_id="person")
    assert ws.verify(ws.forget(subjects=["p1"])[0].receipt)

    held = Signer.from_file(tmp_path / "key.pem")
    service = Signer.from_callable(held.public_pem, held.sign)
    ws = expunge.Workspace.init(tmp_path / "b", signing_key="callable", signer=service)
    ws.data_add(csv, record_id="id", subject_id="person")
    assert ws.verify(ws.forget(subjects=["p1"])[0].receipt)
    ws.close()
    with pytest.raises(InvalidParameterError, match="stays elsewhere"):
        expunge.Workspace.open(tmp_path / "b").head()
    assert expunge.Workspace.open(tmp_path / "b", signer=service).head().key_id == held.key_id


# ---------------------------------------------------------------- tampering


TAMPERED: dict[str, tuple[str, str]] = {
    "requests": ("UPDATE requests SET due = '2099-01-01'", "Row 1 of table 'requests'"),
    "versions": ("UPDATE model_versions SET number = 9", "of table 'model_versions'"),
    "models": ("UPDATE models SET name = 'other'", "Row 1 of table 'models'"),
    "data": ("UPDATE datasets SET card = replace(card, 'person', 'age')", "Row 1 of table 'datasets'"),
    "log": ("UPDATE log SET entry = replace(entry, 'start', 'stall') WHERE number = 2", "ntry 2"),
    "receipts": ("UPDATE receipts SET envelope = x'00'", "Row 1 of table 'receipts'"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_changed_row_is_named(ws: expunge.Workspace, what: str) -> None:
    statement, words = TAMPERED[what]
    ws.forget(subjects=["p1"])
    ws.close()
    with sqlite3.connect(ws.path / "ledger.db") as connection:
        assert connection.execute(statement).rowcount
    connection.close()
    verdict = expunge.Workspace.open(ws.path).verify() if what != "requests" else ws.verify()
    assert not verdict
    assert words in str(verdict)


def test_a_changed_or_missing_chunk_is_named(ws: expunge.Workspace) -> None:
    chunk = max((path for path in (ws.path / "chunks").rglob("*") if path.is_file()), key=lambda p: p.stat().st_size)
    data = chunk.read_bytes()
    chunk.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    ws.close()
    again = expunge.Workspace.open(ws.path)
    assert chunk.name[:12] in str(again.verify())
    chunk.unlink()
    assert "missing" in str(again.verify())
    chunk.write_bytes(data)
    (chunk.parent / ("0" * 64)).write_bytes(b"left behind")
    assert "named by nothing" in str(again.verify())


def test_a_rewritten_and_signed_log_is_caught(ws: expunge.Workspace, tmp_path: Path) -> None:
    ws.forget(subjects=["p1"])
    kept = tmp_path / "head.json"
    kept.write_bytes(ws.head().envelope)
    ws.forget(subjects=["p2"])
    assert ws.verify(since=kept)
    # the owner rewrites the log from the start, with their own keys
    ws.close()
    other = expunge.Workspace.open(ws.path)
    core = other._core
    from expunge.workspace.database.tables import log, log_hashes
    from expunge.workspace.storage import journal

    with core.write() as connection:
        entries = [entry for entry in journal.open_log(connection) if entry.kind != "removal"]
        connection.execute(log.delete())
        connection.execute(log_hashes.delete())
        journal.open_log(connection).append(entries)
    assert not other.verify(since=kept)


# ---------------------------------------------------------------- callers


def test_callers_that_wait_together_are_all_taken_in(ws: expunge.Workspace) -> None:
    numbers: list[int] = []

    def ask(caller: int) -> None:
        for i in range(5):
            numbers.extend(ws.request_add([Wish(kind="subject", values=(f"x{caller}-{i}",), caller=str(caller))]))

    threads = [threading.Thread(target=ask, args=(caller,)) for caller in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 41))
    assert ws.verify()


def test_the_fault_of_one_caller_is_not_that_of_another(ws: expunge.Workspace) -> None:
    bad = Wish(kind="subject", values=("a",), regime="nowhere")
    results: dict[str, Any] = {}

    def ask(name: str, wish: Wish) -> None:
        try:
            results[name] = ws.request_add([wish])
        except InvalidParameterError as error:
            results[name] = error

    barrier: Callable[[], object] = ws._commits._turn.acquire
    barrier()
    threads = [
        threading.Thread(target=ask, args=("bad", bad)),
        threading.Thread(target=ask, args=("good", Wish(kind="subject", values=("b",)))),
    ]
    for thread in threads:
        thread.start()
    while len(ws._commits._waiting) < 2:
        pass
    ws._commits._turn.release()
    for thread in threads:
        thread.join()
    assert isinstance(results["bad"], InvalidParameterError)
    assert results["good"] == [1]


# ---------------------------------------------------------------- models from elsewhere


def numbers(n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(np.round(rng.normal(size=(n, 3)), 3), columns=["a", "b", "c"])
    frame.insert(0, "person", [f"p{i // 2}" for i in range(n)])
    frame.insert(0, "id", [f"r{i}" for i in range(n)])
    return frame.assign(
        price=lambda f: np.round(2 * f["a"] - f["b"] + rng.normal(scale=0.1, size=n), 3),
        label=lambda f: np.where(f["a"] + rng.normal(scale=0.5, size=n) > 0, "yes", "no"),
    )


@pytest.mark.parametrize("kind", ["Ridge", "GaussianNB", "BernoulliNB"])
def test_a_fitted_estimator_is_taken_over_and_is_exact_from_then_on(tmp_path: Path, kind: str) -> None:
    import skops.io
    from sklearn.linear_model import Ridge
    from sklearn.naive_bayes import BernoulliNB, GaussianNB

    frame = numbers()
    frame.to_parquet(tmp_path / "t.parquet")
    theirs = {"Ridge": Ridge(alpha=0.5), "GaussianNB": GaussianNB(), "BernoulliNB": BernoulliNB(alpha=0.3)}[kind]
    target, other = ("price", "label") if kind == "Ridge" else ("label", "price")
    theirs.fit(frame[["a", "b", "c"]], frame[target])
    skops.io.dump(theirs, tmp_path / "m.skops")
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "t.parquet", record_id="id", subject_id="person", name="t")
    told = ws.adopt("m", tmp_path / "m.skops", data="t", target=target, ignore=(other,), tolerance=1e-5)
    assert told["difference"] <= 1e-5
    assert told["guarantee"]["kind"] == "exact"
    (answer,) = ws.forget(subjects=["p3"])
    assert answer.models[0]["guarantee"]["kind"] == "exact"
    verdict = ws.verify(answer.receipt, replay=True)
    assert verdict
    old = f"{tmp_path / 'm.skops'}, which m was taken over from, is not the workspace's"  # and still knows the person
    assert [line.startswith(old) for line in answer.outside()] == [False, True]
    assert "the model 'm' was taken over" in " ".join(verdict.not_proved)
    assert str(tmp_path) not in str(verdict.receipt), "a path is nobody else's business"
    if kind == "Ridge":
        ws.fit("m", data="t", target=target, ignore=[other], method="ridge", replace=True)
        ws.forget(features=["b"])
        assert ws.forget(subjects=["p4"])[0].outside()[1].startswith(old), "no fit and no column deletes a file"


def test_what_cannot_be_taken_over_is_said_in_words(tmp_path: Path) -> None:
    import skops.io
    from sklearn.linear_model import LogisticRegression, Ridge

    frame = numbers()
    frame.to_parquet(tmp_path / "t.parquet")
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "t.parquet", record_id="id", subject_id="person", name="t")
    X = frame[["a", "b", "c"]]
    skops.io.dump(LogisticRegression().fit(X, frame["label"]), tmp_path / "logistic.skops")
    with pytest.raises(UnsupportedEstimatorError, match=r"keeps nothing.*--method sisa"):
        ws.adopt("m", tmp_path / "logistic.skops", data="t", target="label", ignore=("price",))
    weighted = Ridge().fit(X, frame["price"], sample_weight=np.arange(1, 91))
    skops.io.dump(weighted, tmp_path / "weighted.skops")
    with pytest.raises(UnsupportedEstimatorError, match="with weights"):
        ws.adopt("m", tmp_path / "weighted.skops", data="t", target="price", ignore=("label",))
    frame.assign(c=frame["c"].mask(frame["c"] > 1)).to_parquet(tmp_path / "gaps.parquet")
    frame.assign(c="text").to_parquet(tmp_path / "texts.parquet")
    for name, said in (("gaps", "takes no missing values"), ("texts", "these columns are text: 'c'")):
        ws.data_add(tmp_path / f"{name}.parquet", record_id="id", subject_id="person", name=name)
        with pytest.raises(InvalidDataError, match=said) as caught:
            ws.adopt("m", tmp_path / "weighted.skops", data=name, target="price", ignore=("label",))
        assert "--ignore c" in caught.value.hint
        assert "--bare" not in caught.value.hint  # adopt has no such option
        with pytest.raises(InvalidDataError, match=said) as caught:
            ws.fit("m", data=name, target="price", method="ridge", ignore=["label"], bare=True)
        assert caught.value.hint.startswith("Leave --bare out, ")
    (tmp_path / "no.skops").write_bytes(b"no")
    with pytest.raises((TamperedError, UnsupportedEstimatorError, InvalidDataError)):
        ws.adopt("m", tmp_path / "no.skops", data="t", target="price", ignore=("label",))
    assert ws.status()["models"] == []
    assert ws.verify()


# ---------------------------------------------------------------- names


def test_a_name_that_is_taken_is_said_before_a_file_is_read(ws: expunge.Workspace, tmp_path: Path) -> None:
    missing = tmp_path / "not-there.csv"
    for make in (
        lambda: ws.fit("sums", data=missing, record_id="id", target="label"),
        lambda: ws.adopt("sums", missing, data="people", target="label"),
    ):
        with pytest.raises(InvalidRequestError, match="There is a model 'sums' already"):
            make()
    with pytest.raises(FileNotUsableError):
        ws.fit("sums", data=missing, record_id="id", target="label", replace=True)


def test_unknown_names_are_named_with_those_there_are(ws: expunge.Workspace, csv: Path) -> None:
    for ask in (
        lambda: ws.predict("smus", csv),
        lambda: ws.fit("m", data="poeple", target="label"),
        lambda: ws.request_show(7),
        lambda: ws.forget(records=["r001"], data="poeple"),
    ):
        with pytest.raises(UnknownNameError, match="There is no"):
            ask()
    assert json.loads(json.dumps(ws.status()))["data"][0]["name"] == "people"
    assert next(itertools.islice(ws.log(), 0, 1))["kind"] == "new-version"
