"""What people read: of requests, plans, data that lies outside, work that a kill had interrupted."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from expunge.cli import run
from expunge.errors import EXIT_CODES
from expunge.workspace.rules.request_states import REASONS
from expunge.workspace.tabular.card import Card
from expunge.workspace.tabular.preparing import prepared, warn_of_names
from expunge.workspace.tabular.reading import read_rows
from expunge.workspace.tabular.schema import choose_schema
from expunge.workspace.tabular.tables import read_table
from workspace.test_growing import people

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        code = run([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Run) -> Path:
    """A workspace with a data set and a model in the working folder."""
    people()[:45].to_csv(tmp_path / "people.csv", index=False)
    people()[45:].to_csv(tmp_path / "more.csv", index=False)
    monkeypatch.chdir(tmp_path)
    for line in ("init ws", "data add people.csv --record-id id --subject-id person --workspace ws"):
        assert call(*line.split())[0] == 0
    monkeypatch.chdir(tmp_path / "ws")
    assert call("fit", "sums", "--data", "people", "--target", "label", "--method", "gaussian-nb", "--bare")[0] == 0
    return tmp_path


def words(text: str) -> str:
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


def test_a_request_tells_all_that_is_known_of_it(call: Run, home: Path) -> None:
    assert call("request", "add", "--subject", "p1", "--caller", "erika@office", "--key", "mail 1")[0] == 0
    assert call("request", "hold", 1)[0] == 2
    code, _, err = call("request", "hold", 1, "--reason", "because")
    assert code == EXIT_CODES["invalid-request"]
    assert "litigation, legal-retention, clarification, other" in err
    assert call("request", "hold", 1, "--reason", "litigation")[0] == 0
    _, out, _ = call("request", "show", 1)
    told = json.loads(call("request", "show", 1, "--json")[1])["requests"][0]
    assert "on-hold (litigation)" in out
    assert "hold: litigation, the data may be evidence" in out
    assert "Under gdpr" in out
    assert "erika" not in out
    assert re.fullmatch("[0-9a-f]{16}", told["caller"])
    assert told["caller"] in out
    assert [(step["action"], step["reason"]) for step in told["history"]] == [("hold", "litigation")]
    assert told["due"]
    assert call("request", "release", 1)[0] == 0
    code, out, _ = call("request", "run", 1)
    assert "people: data version 1 -> 2, 3 records taken out, files rewritten." in out
    assert f"{home / 'people.csv'} is not the workspace's" in out
    (row,) = [line for line in call("data", "list")[1].splitlines() if "people" in line]
    assert "None" not in row
    assert " - " in f"{row} "


@pytest.mark.parametrize("action", REASONS)
def test_help_names_the_reasons_that_there_are(call: Run, action: str) -> None:
    out = words(call("request", action, "--help")[1])
    assert f"One of {', '.join(REASONS[action])}." in out


def test_help_is_in_groups(call: Run) -> None:
    out = call("--help")[1]
    assert [name for name in ("Data and models", "Requests", "Proof", "More") if name in out] == [
        "Data and models", "Requests", "Proof", "More",
    ]  # fmt: skip


def test_receipts_are_numbered_as_requests(call: Run, home: Path) -> None:
    code, out, _ = call("forget", "--subject", "p1", "--subject", "nobody", "--subject", "p2")
    assert code == 0
    assert re.findall(r"Request (\d)|receipts/(\d+)", out) == [
        ("1", ""), ("", "0001"), ("2", ""), ("", "0002"), ("3", ""), ("", "0003"),
    ]  # fmt: skip
    assert out.count("is not the workspace's") == 1


def test_a_plan_tells_what_is_rewritten(call: Run, home: Path) -> None:
    _, out, _ = call("plan", "--subject", "p1")
    assert re.search(r"The workspace rewrites about [\d.]+ kB of files, [\d.]+ m?s in all\.", out)
    told = json.loads(call("plan", "--subject", "p1", "--json")[1])
    assert told["rewrite_bytes"] > 0
    assert told["expected_s"] > told["plans"][0]["expected_s"]


def test_data_grows_and_goes(call: Run, home: Path) -> None:
    code, out, _ = call("data", "append", "people", home / "more.csv", "--learn")
    assert code == 0
    assert out.splitlines() == ["people: 15 new records, 60 in all.", "sums has learned them."]
    code, _, err = call("data", "remove", "people")
    assert code == EXIT_CODES["invalid-request"]
    assert "expunge model remove sums" in err
    assert call("model", "remove", "sums")[1] == "sums is removed, and the log says so.\n"
    assert call("data", "remove", "people")[0] == 0
    assert call("forget", "--subject", "p1")[0] == 0
    assert call("data", "add", home / "people.csv", "--record-id", "id", "--name", "../evil")[0] == 9


def test_rows_without_a_target_are_refused_or_left_out(call: Run, home: Path) -> None:
    people().assign(label=lambda frame: frame["label"].where(frame.index % 10 > 0, "")).to_csv("gaps.csv", index=False)
    call("data", "add", "gaps.csv", "--record-id", "id", "--subject-id", "person")
    fit = ("fit", "gaps", "--data", "gaps", "--target", "label", "--method", "gaussian-nb", "--bare")
    code, _, err = call(*fit)
    assert code == EXIT_CODES["invalid-data"]
    assert re.search(r"Record 'r0\d0' has no target 'label', and 5 more\.", err)
    assert "--drop-missing-target" in err
    told = json.loads(call(*fit, "--drop-missing-target", "--json")[1])
    assert told["n_records"] == 54
    found = json.loads(call("find", "--subject", "p0", "--data", "gaps", "--json")[1])["found"]
    assert [(one["what"], one["records"]) for one in found] == [("data", 3), ("model", 2)]
    assert call("forget", "--subject", "p0", "--data", "gaps")[0] == 0
    assert "has the digest" in call("verify", "receipts/0001.json", "--replay")[1]


def test_an_export_needs_no_ids_and_a_taken_place_is_told(call: Run, home: Path) -> None:
    assert call("export", "sums", "out")[0] == 0
    assert "--force replaces an export" in call("export", "sums", "out")[2]
    people().drop(columns=["id", "person", "label"]).to_csv("bare.csv", index=False)
    for name in ("out", "sums"):
        code, out, _ = call("predict", name, "--data", "bare.csv", "--json")
        rows: Any = json.loads(out)["predictions"]
        assert code == 0
        assert [row["row"] for row in rows] == list(range(1, 61))


def test_ids_files_with_marks_are_read(call: Run, home: Path) -> None:
    Path("ids.txt").write_bytes("\ufeffp1\r\n\ufeffp2\n".encode())
    found = json.loads(call("find", "--ids-from", "ids.txt", "--by", "subject", "--json")[1])["found"]
    assert [(one["what"], one["records"]) for one in found] == [("data", 3), ("model", 3)] * 2


def test_one_of_several_files_may_hold_the_person(call: Run, home: Path) -> None:
    assert call("data", "append", "people", home / "more.csv")[0] == 0
    told = call("forget", "--subject", "p1")[1].splitlines()[-1]
    assert "people.csv, " in told
    assert told.endswith("One of these may hold it, and the workspace does not know which.")


def test_the_names_of_a_request_stand_together(call: Run, home: Path) -> None:
    assert call("forget", "--subject", "p1")[0] == 0
    (one,) = json.loads(call("request", "list", "--all", "--json")[1])["requests"]
    assert one["known_as"].startswith("r-")
    assert f"Receipts and the log call it {one['known_as']}." in call("request", "show", 1)[1]
    entries = [entry for entry in json.loads(call("log", "--json")[1])["entries"] if entry.get("request")]
    assert {(entry["request"], entry["number"]) for entry in entries} == {(one["known_as"], 1)}
    assert re.search(rf" 1 +{one['known_as']}", call("log")[1])


def test_status_counts_and_tells_what_a_model_has_not_learned(call: Run, home: Path) -> None:
    assert f"{home / 'ws'}: 1 data set, 1 model, " in call("status")[1]
    assert "knows" not in call("status")[1]
    people()[45:46].assign(person="").to_csv(home / "one.csv", index=False)
    out = call("data", "append", "people", home / "one.csv")[1]
    assert out.startswith(
        "people: 1 new record, 46 in all.\n1 row names no person and can be forgotten by record only."
    )
    out = call("status")[1]
    assert "sums knows 45 of 46 records of 'people'." in out
    assert "Data set people: 46 records, copied." in out
    people()[:9].assign(person=["", "p", *[""] * 7]).to_csv(home / "few.csv", index=False)
    out = call("data", "add", home / "few.csv", "--record-id", "id", "--subject-id", "person")[1]
    assert "8 rows name no person and can be forgotten by record only." in out
    assert call("fit", "odd", "--data", "few", "--method", "isolation-forest", "--ignore", "label")[1].splitlines()[
        1
    ] == ("Task: anomaly detection.")


def test_hints_name_what_helps(call: Run, home: Path) -> None:
    err = call("fit", "m", "--data", "people", "--target", "label", "--method", "ridge")[2]
    assert "ridge-classifier" in err
    people()[:1].assign(id="R999").to_csv(home / "right.csv", index=False)
    err = call("rectify", home / "right.csv", "--data", "people")[2]
    assert "No record 'R999' in 'people': never added" in err
    (home / "ids.txt").write_text("\n")
    for by, words in (("person", "It takes one of record, subject, class, feature."), ("record", "holds no id")):
        assert words in call("forget", "--ids-from", home / "ids.txt", "--by", by)[2]


def test_columns_that_name_rows_or_persons_are_named_at_a_fit(call: Run, home: Path) -> None:
    frame = people()
    frame["note"] = [f"note {i * i}" for i in range(len(frame))]
    frame["called"] = [f"Name of {person}" for person in frame["person"]]  # as many rows as the person has
    frame["town"] = [("Ulm", "Köln", "")[i % 3] for i in range(len(frame))]
    frame["street"] = [f"street {i % 25}" for i in range(len(frame))]  # many, and nobody's own
    frame.to_csv(home / "named.csv", index=False)
    assert call("data", "add", home / "named.csv", "--record-id", "id", "--subject-id", "person")[0] == 0
    fit = ("fit", "m", "--data", "named", "--target", "label", "--method", "gaussian-nb")
    code, _, err = call(*fit)
    assert (code, "for every person: 'note', 'called'. " in err, "--ignore note --ignore called." in err) == (
        0,
        True,
        True,
    )
    assert call(*fit, "--force", "--ignore", "note", "--ignore", "called")[2] == ""

    table = read_table(home / "named.csv")
    schema = choose_schema(table, record_id="id", target="label", subject_id="person")
    rows = read_rows(table, schema)
    for method, estimator in (("CategoricalNB", None), ("SISAClassifier", "logistic"), ("ForestClassifier", None)):
        card = Card(schema=schema, method=method, estimator=estimator, options={})
        with pytest.warns(UserWarning, match="'note', 'called'"):
            warn_of_names(prepared(card), card, rows)
    words = choose_schema(
        table, record_id="id", target="label", ignore=[c for c in schema.columns if c != "note"] + ["person"]
    )
    card = Card(schema=words, method="MultinomialNB", estimator=None, options={"words": "counts"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_names(prepared(card), card, read_rows(table, words))  # words of a text are no categories


def test_a_request_that_meets_damage_is_said_to_wait(call: Run, home: Path) -> None:
    for path in (home / "ws" / "chunks").rglob("*"):
        if path.is_file() and path.read_bytes().startswith(b"PAR1"):
            path.write_bytes(b"damaged")
    code, _, err = call("forget", "--subject", "p1")
    assert (code, err.count("\n")) == (EXIT_CODES["tampered"], 1)
    assert "from a copy of the workspace" in err
    assert "--force" in err
    assert "Request 1 waits: `expunge request run`" in err
    assert "received" in call("request", "list")[1]
