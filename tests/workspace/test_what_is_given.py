"""What is given to the verbs of a workspace: taken as it is meant, or refused in a sentence before anything is done."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import expunge
from expunge.cli import run
from expunge.errors import (
    ExpungeError,
    FileNotUsableError,
    InvalidDataError,
    InvalidIdError,
    InvalidParameterError,
    InvalidRequestError,
    UnknownNameError,
    exit_code,
)
from expunge.workspace import verify
from expunge.workspace.database.tables import metadata
from expunge.workspace.models import models
from expunge.workspace.requests.request_queue import Wish

N = 40


def people() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [str(i) for i in range(N)],
            "person": [str(i // 2) for i in range(N)],
            "a": np.arange(N) * 1.0,
            "b": np.arange(N) * 2.0,
            "ab": np.arange(N) % 7,
            "y": ["hi", "lo"] * (N // 2),
        }
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[expunge.Workspace, Path]:
    folder = tmp_path_factory.mktemp("given")
    people().to_csv(folder / "people.csv", index=False)
    ws = expunge.Workspace.init(folder / "ws")
    ws.data_add(folder / "people.csv", record_id="id", subject_id="person", name="people")
    ws.fit("m", data="people", target="y", method="gaussian-nb")
    return ws, folder


def rows_of(ws: expunge.Workspace, *people: str) -> list[int]:
    """How many rows the data set holds of each."""
    return [sum(found.records or 0 for found in ws.find(subjects=[one]) if found.what == "data") for one in people]


SPELLED = {
    "12": "12",
    "13": np.str_("13"),
    "14": np.array(["14"]),
    "15": pd.Series(["15"]),
    "16": iter(["16"]),
}


@pytest.mark.parametrize("person", SPELLED)
def test_a_text_is_one_person(kept: tuple[expunge.Workspace, Path], person: str) -> None:
    ws, _ = kept
    assert rows_of(ws, person, *"123456") == [2] * 7
    (answer,) = ws.forget(subjects=SPELLED[person])
    assert answer.request.state == "done"
    assert rows_of(ws, person, *"123456") == [0] + [2] * 6


def test_a_text_is_one_record_class_or_column(kept: tuple[expunge.Workspace, Path]) -> None:
    ws, folder = kept
    assert [plan.n_records for _, plan in ws.plan(records="38", data="people")] == [1]
    assert [plan.n_records for _, plan in ws.plan(records=np.array(["38", "39"]))] == [2]
    assert ws.find(classes="hi") == ws.find(classes=np.str_("hi")) == ws.find(classes=["hi"]) != []
    assert ws.find(features="ab") == ws.find(features=["ab"]) != []
    assert Wish(kind="record", values="38").values == ("38",)  # type: ignore[arg-type]
    assert Wish(kind="record", values=np.array([3, 8])).values == (3, 8)  # type: ignore[arg-type]
    ws.fit("left", data="people", target="y", method="gaussian-nb", ignore="ab")
    with ws._core.read() as connection:
        assert models.open_model(ws._core, connection, "left").card.card.schema.ignored == ("ab",)
    with pytest.raises(InvalidRequestError, match="'38'"):
        ws.audit("m", folder / "people.csv", forgotten="38")


@pytest.mark.parametrize(
    "wrong", [True, b"17", 0.5, {"17": 1}, {"17"}, [None], ["17", 17], [True], np.array(["1"], "S")]
)
def test_what_is_no_id_is_refused(kept: tuple[expunge.Workspace, Path], wrong: Any) -> None:
    ws, _ = kept
    frame = people()
    model = expunge.GaussianNB().fit(frame[["a"]], frame.y, record_ids=frame.id, subject_ids=frame.person)
    n = len(ws.request_list(every=True))
    for name in ("subjects", "records"):
        for verb in (ws.find, ws.plan, ws.forget, ws.request_ask):
            with pytest.raises(InvalidIdError):
                verb(**{name: wrong})
    with pytest.raises(InvalidIdError):
        model.forget(wrong)
    with pytest.raises(InvalidIdError):
        model.forget(subjects=wrong)
    with pytest.raises(InvalidIdError):
        Wish(kind="record", values=wrong)
    assert len(ws.request_list(every=True)) == n


@pytest.mark.parametrize("name", ["classes", "features"])
@pytest.mark.parametrize("wrong", [b"hi", None, [[1]], [float("nan")], [np.datetime64("2020-01-01")], 1j])
def test_what_is_no_label_is_refused(kept: tuple[expunge.Workspace, Path], name: str, wrong: Any) -> None:
    for verb in (kept[0].find, kept[0].plan, kept[0].forget, kept[0].request_ask):
        with pytest.raises(InvalidRequestError):
            verb(**{name: wrong})


#: For each type of column: what is written as it is, or as the plain value it equals; and what is refused.
WRITTEN: dict[type, tuple[Any, ...]] = {int: (7, np.int64(8)), str: ("a", np.str_("ä")), bytes: (b"a", np.bytes_(b"b"))}
REFUSED: dict[type, tuple[Any, ...]] = {
    int: (True, np.True_, 1.5, 2**63, "7"),
    str: (True, 3, 0.5, float("nan"), b"x", "\0", "\ud800", ["a"]),
    bytes: (True, "x", 3),
}


@pytest.mark.parametrize("name", [name for name, table in metadata.tables.items() if "seal" in table.columns])
def test_a_row_reads_back_as_it_was_sealed_or_is_not_written(kept: tuple[expunge.Workspace, Path], name: str) -> None:
    db, table = kept[0]._core.db, metadata.tables[name]
    key = next(iter(table.primary_key.columns)).name
    plain = {one.name: WRITTEN[one.type.python_type][0] for one in table.columns if one.name != key}
    with db.write() as connection:
        for column in table.columns:
            if column.name in ("seal", key):
                continue
            kind = column.type.python_type
            for value in (*WRITTEN[kind], *([None] if column.nullable else [])):
                number = db.insert(connection, table, plain | {"name": str(time.time_ns()), column.name: value})
                assert db.numbered(connection, table, number)[column.name] == value
                assert db.update(connection, table, number, **{column.name: value})[column.name] == value
                assert db.numbered(connection, table, number)[column.name] == value
            for value in (*REFUSED[kind], *([] if column.nullable else [None])):
                with pytest.raises(InvalidParameterError, match=column.name):
                    db.insert(connection, table, plain | {column.name: value})
                with pytest.raises(InvalidParameterError, match=column.name):
                    db.update(connection, table, number, **{column.name: value})
        connection.rollback()


@pytest.mark.parametrize("place", [True, None, 3, 0.5, b"x", "\ud800"])
def test_what_is_derived_lies_at_a_place_in_words(kept: tuple[expunge.Workspace, Path], place: Any) -> None:
    with pytest.raises(InvalidParameterError, match="place"):
        kept[0].data_derive("d", model="m", place=place)
    assert rows_of(kept[0], "1") == [2]


NAMES: tuple[Any, ...] = (True, 10**25, np.int64(3), "\ud800", "\0", "x" * 300, [])
PATHS: tuple[Any, ...] = (True, None, "\ud800", "\0", "x" * 300, "x/" * 3000)
NUMBERS: tuple[Any, ...] = (True, 10**25, "\ud800", [[]])
#: Arguments of verbs, and what cannot be meant by them.
ODD: dict[str, dict[str, tuple[Any, ...]]] = {
    "forget": {"data": NAMES},
    "plan": {"data": NAMES},
    "find": {"data": NAMES},
    "fit": {"data": (*NAMES, *PATHS), "method": (None, [], True), "target": (True, "\ud800"), "name": NAMES},
    "predict": {"data": PATHS, "name": NAMES, "delimiter": (True,), "encoding": (True, "\0", "é"), "keep": NAMES},
    "data_append": {"name": NAMES, "source": PATHS[2:], "delimiter": (True,), "encoding": (True, "\0")},
    "rectify": {"data": NAMES, "path": PATHS, "delimiter": (True,), "encoding": (True, "\0")},
    "data_remove": {"name": NAMES},
    "model_remove": {"name": NAMES},
    "export": {"name": NAMES, "path": PATHS},
    "verify": {"receipt": (*PATHS[:1], *PATHS[2:]), "key": (*PATHS[:1], *PATHS[2:]), "since": (*PATHS[:1], *PATHS[2:])},
    "influence": {"name": NAMES, "data": (*PATHS[:1], *PATHS[2:])},
    "audit": {"name": NAMES, "data": PATHS},
    "request_add": {"wishes": (None, "x", [True])},
    "request_add_file": {"path": PATHS},
    "request_show": {"number": NUMBERS},
    "request_step": {"number": NUMBERS},
    "request_settle": {"number": NUMBERS},
    "request_run": {"numbers": NUMBERS},
    "keys_shred_nonces": {"requests": NUMBERS},
}
USUAL: dict[str, dict[str, Any]] = {
    "forget": {"subjects": "1"},
    "plan": {"subjects": "1"},
    "find": {"subjects": "1"},
    "fit": {"name": "odd", "data": "people", "target": "y", "method": "gaussian-nb"},
    "predict": {"name": "m", "data": "people.csv"},
    "data_append": {"name": "people", "source": "people.csv"},
    "rectify": {"data": "people", "path": "people.csv"},
    "export": {"name": "m", "path": "exported"},
    "verify": {"receipt": "ws/receipts/0001.json"},
    "influence": {"name": "m"},
    "audit": {"name": "m", "data": "people.csv", "forgotten": "38"},
    "request_step": {"action": "hold"},
    "request_settle": {"name": "d"},
}


@pytest.mark.parametrize("verb", ODD)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    kept: tuple[expunge.Workspace, Path], verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws, folder = kept
    monkeypatch.chdir(folder)
    for name, values in ODD[verb].items():
        for value in values:
            with pytest.raises(ExpungeError) as caught:
                getattr(ws, verb)(**USUAL.get(verb, {}) | {name: value})
            assert len(str(caught.value)) < 700
    assert rows_of(ws, "1") == [2]


#: What one branch of a verb would pass over in silence: the verb, what is given, and words of the refusal.
PASSED_OVER: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("fit", {"record_id": "id"}, "'people' is a data set; --record-id is of a file"),
    ("fit", {"subject_id": "person"}, "--subject-id is of a file"),
    ("fit", {"delimiter": ";"}, "--delimiter is of a file"),
    ("fit", {"encoding": "cp1252"}, "--encoding is of a file"),
    ("fit", {"method": "retrain", "bare": True}, "RetrainClassifier wraps an estimator"),
    ("fit", {"method": "pca", "target": None, "drop_missing_target": True}, "learns from no target"),
    ("fit", {"gate": {"data": "people", "max_gap": 0.1}}, "subgroup and max_gap go together"),
    ("fit", {"gate": {"data": "people", "max_drop": 0.1, "subgroup": "ab"}}, "subgroup and max_gap go together"),
    ("predict", {"data": "people.parquet", "delimiter": ";"}, "is a Parquet file"),
    ("predict", {"data": "people.parquet", "encoding": "cp1252"}, "is a Parquet file"),
    ("data_add", {"query": "SELECT 1", "delimiter": ";"}, "of a CSV file"),
    ("data_append", {"query": "SELECT 1", "encoding": "utf-8"}, "of a CSV file"),
    ("influence", {"positive": "hi"}, "for a gap"),
    ("influence", {"delimiter": ";"}, "none is named"),
    ("audit", {"n_references": 0, "n_halves": 2}, "no other model is trained"),
    ("audit", {"n_references": 0, "n_unlearned": 2}, "no other model is trained"),
    ("request_ask", {"subjects": "1", "held_out": "people"}, "for an audit"),
    ("request_ask", {"subjects": "1", "audit": 2}, "4 references or more"),
    ("request_ask", {"features": "a", "audit": 4}, "records, not columns"),
    ("adopt", {"path": "x.skops", "target": "y", "state": "x"}, "state is of a network, and this takes over an est"),
    ("adopt", {"task": "tiny", "state": "x", "tolerance": 0.1}, "tolerance is of an estimator, and this takes over a"),
    ("advise_privacy", {"n": 400, "d": 3, "subject_id": "person"}, "subject_id is of a table"),
    ("advise_privacy", {"data": "people.csv", "ceiling": 0.9}, "of made-up records"),
)


@pytest.mark.parametrize(("verb", "given", "words"), PASSED_OVER, ids=[f"{a}-{list(b)[-1]}" for a, b, _ in PASSED_OVER])
def test_what_would_be_passed_over_is_refused(
    kept: tuple[expunge.Workspace, Path], verb: str, given: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws, folder = kept
    monkeypatch.chdir(folder)
    people().to_parquet("people.parquet", index=False)
    usual = {
        "data_add": {"source": "sqlite:///x.db", "record_id": "id"},
        "adopt": {"name": "odd", "data": "people"},
        "advise_privacy": {"accuracy": 0.8, "deletions": 3},
    }
    with pytest.raises((InvalidParameterError, InvalidRequestError)) as caught:
        getattr(ws, verb)(**{**USUAL, **usual}.get(verb, {}) | given)
    assert words in str(caught.value)
    assert caught.value.hint
    assert [one["name"] for one in ws.data_list()] == ["people"]


def test_a_page_without_a_receipt_is_refused(kept: tuple[expunge.Workspace, Path]) -> None:
    with pytest.raises(InvalidRequestError, match="A page is of one receipt"):
        verify(workspace=kept[0].path, html=kept[1] / "page.html")
    assert not (kept[1] / "page.html").exists()


@pytest.mark.parametrize("error", [InvalidDataError, KeyboardInterrupt])
def test_a_fit_that_fails_takes_its_file_out_again(
    kept: tuple[expunge.Workspace, Path], error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        seen.extend(one["name"] for one in ws.data_list())
        raise error("no")

    (ws, folder), seen = kept, list[str]()
    new = people()
    new.assign(id="n" + new.id, person="n" + new.person).to_csv(folder / "more.csv", index=False)
    monkeypatch.setattr("expunge.workspace.models.fitting.prepare_fit", fail)
    with pytest.raises(error):
        ws.fit("n", data=folder / "more.csv", target="y", record_id="id", subject_id="person")
    assert seen == ["people", "more"]
    assert [one["name"] for one in ws.data_list()] == ["people"]


def test_bytes_that_are_no_text_on_the_command_line_name_nothing(
    kept: tuple[expunge.Workspace, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--workspace", str(kept[0].path)]
    assert run(["forget", "--subject", "1", "--data", "a\udcff", *at]) == exit_code(UnknownNameError(""))
    assert run(["predict", "m", "--data", "a\udcff.csv", *at]) == exit_code(FileNotUsableError(""))
    assert "Unforeseen" not in capsys.readouterr().err
