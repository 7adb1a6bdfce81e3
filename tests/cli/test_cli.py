"""Every command, in words and as JSON; every foreseen mistake is one sentence, an exit code, and nothing written."""

from __future__ import annotations

import ast
import builtins
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer

import expunge
from expunge.cli import app, near_options, output, run
from expunge.errors import EXIT_CODES
from expunge.methods import kebab
from expunge.methods.networks import NETWORK_METHODS, NETWORK_MODELS
from expunge.methods.preprocessing import categories
from expunge.workspace import Workspace, list_methods
from expunge.workspace.models import models as workspace_models
from expunge.workspace.tabular.schema import TASKS, has_target

SRC = Path(expunge.__file__).parent
FORGETTING = ("plan", "forget")

Run = Callable[..., tuple[int, str, str]]


def people(n: int = 120) -> pd.DataFrame:
    """A table whose ids, columns, labels and texts are not ASCII, and whose ids look like numbers."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    return pd.DataFrame(
        {
            "kennung": [f"{i:03d}" for i in range(n)],
            "persønn": [f"ö-{i // 4}" for i in range(n)],
            "größe": [f"{v:.4f}" for v in x],
            "gewicht": [f"{v:.4f}" for v in rng.normal(size=n)],
            "入力": rng.choice(["青", "白", "été"], size=n),
            "урожай": np.where(x + rng.normal(scale=0.3, size=n) > 0, "süß", "salé"),
        }
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "datos-ñ" / "leute ü.csv"
    path.parent.mkdir()
    people().to_csv(path, index=False)
    return path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        code = run([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


def names(path: Path) -> tuple[object, ...]:
    return ("--data", path, "--record-id", "kennung", "--subject-id", "persønn", "--target", "урожай")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace, and the working folder in it."""
    folder = tmp_path / "arbeit-ñ"
    Workspace.init(folder).close()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("modèles")
    people().to_csv(folder / "leute.csv", index=False)
    ws = Workspace.init(folder / "arbeit-é")
    ws.data_add(folder / "leute.csv", record_id="kennung", subject_id="persønn")
    ws.fit("ernte", data="leute", target="урожай", method="retrain")
    ws.close()
    return folder / "arbeit-é"


@pytest.fixture
def model(fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a model in a workspace in the working folder."""
    monkeypatch.chdir(shutil.copytree(fitted, tmp_path / "arbeit-é"))
    return "ernte"


def loaded(name: str) -> Any:
    """A model of the workspace in the working folder."""
    ws = Workspace.open()
    with ws._core.read() as connection:
        found = workspace_models.open_model(ws._core, connection, name)
    live = workspace_models.load(ws._core, found).model
    ws.close()
    return live


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but those of the database, and every row of that."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    out = {str(p.relative_to(folder)): p.read_bytes() for p in files if "ledger.db" not in p.name and p.name != "lock"}
    for path in (path for path in files if path.name == "ledger.db"):
        with sqlite3.connect(path) as connection:
            out[str(path.relative_to(folder))] = "\n".join(connection.iterdump()).encode()
        connection.close()
    return out


# ---------------------------------------------------------------- each command


@pytest.mark.parametrize("method", ["sisa", "retrain"])
def test_a_person_is_forgotten_and_the_model_is_that_of_a_fresh_fit(
    call: Run, data: Path, home: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = call("fit", "alt", *names(data), "--method", method)
    assert code == 0
    assert all(
        word in out for word in ("120 records", "größe (number)", "入力 (text)", "урожай", "classification", "exact")
    )

    before = contents(home)
    code, out, _ = call("find", "--subject", "ö-3")
    assert (code, "leute ü" in out, "alt" in out) == (0, True, True)
    code, out, _ = call("plan", "--subject", "ö-3", "--record", "007")
    assert (code, "4 records" in out, "1 record" in out) == (0, True, True)
    assert contents(home) == before

    code, out, _ = call("forget", "--subject", "ö-3", "--record", "007", "--json")
    told = json.loads(out)["requests"]
    assert (code, [request["state"] for request in told]) == (0, ["done", "done"])
    assert [request["models"][0]["records"] for request in told] == [4, 1]
    assert told[0]["models"][0]["guarantee"]["kind"] == "exact"

    assert call("fit", "neu", "--data", "leute ü", "--target", "урожай", "--method", method)[0] == 0
    assert loaded("neu").digest() == loaded("alt").digest()
    assert "007" not in set(loaded("alt").record_ids_.tolist())
    code, out, _ = call("verify", told[0]["receipt"], "--key", "public.pem")
    assert (code, "no byte of it has changed" in out, "Not proved" in out) == (0, True, True)
    assert all(words in out for words in ("The request was carried out", "forgetting 4 records", "Guarantee: exact"))
    assert call("verify")[0] == 0
    monkeypatch.chdir(home.parent)
    code, _, err = call("verify", told[0]["receipt"])
    assert (code, "--key public.pem" in err, "--workspace DIR" in err) == (EXIT_CODES["invalid-request"], True, True)
    monkeypatch.chdir(home)
    assert call("find", "--subject", "ö-3")[1].startswith("Nothing is held of it: forgotten before, or never known")


def test_fit_tells_what_it_decided_as_json(call: Run, data: Path, home: Path) -> None:
    code, out, err = call("fit", "m", *names(data), "--option", "n_shards=3", "--json")
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert (told["method"], told["estimator"], told["options"]) == ("SISAClassifier", "logistic", {"n_shards": 3})
    assert told["columns"] == {"größe": "number", "gewicht": "number", "入力": "text"}
    assert (told["n_records"], told["version"], told["state"], told["data"]) == (120, 1, "current", "leute ü")
    assert loaded("m").n_shards == 3


def test_predict_writes_csv_json_and_files(call: Run, data: Path, model: str, tmp_path: Path) -> None:
    code, out, _ = call("predict", model, "--data", data)
    lines = out.splitlines()
    assert (code, lines[0], len(lines)) == (0, "kennung,prediction", 121)
    assert lines[8].startswith("007,s")

    shown = json.loads(call("predict", model, "--data", data, "--probabilities", "--json")[1])["predictions"]
    assert (shown[7]["kennung"], set(shown[7])) == ("007", {"kennung", "prediction", "p(salé)", "p(süß)"})
    assert {row["prediction"] for row in shown} == {"süß", "salé"}

    code, out, _ = call("predict", model, "--data", data, "--out", tmp_path / "voraus.parquet")
    assert (code, "120 predictions" in out) == (0, True)
    written = pd.read_parquet(tmp_path / "voraus.parquet")
    assert written["prediction"].tolist() == [row["prediction"] for row in shown]


def test_kept_predictions_are_deleted_when_their_model_forgets(call: Run, data: Path, model: str) -> None:
    assert call("predict", model, "--data", data, "--keep", "voraus.csv")[0] == 0
    assert Path("predictions/voraus.csv").is_file()
    assert "voraus.csv" in call("find", "--subject", "ö-3")[1]
    assert call("forget", "--subject", "ö-3")[0] == 0
    assert not Path("predictions/voraus.csv").exists()


def test_an_export_predicts_the_same_and_knows_no_record(call: Run, data: Path, model: str, tmp_path: Path) -> None:
    deployed = tmp_path / "déploiement"
    assert call("export", model, deployed)[0] == 0
    assert call("predict", deployed, "--data", data)[1] == call("predict", model, "--data", data)[1]
    held = b"".join(contents(deployed).values())
    assert "ö-3".encode() not in held


def test_classes_and_columns_are_forgotten_too(call: Run, data: Path, model: str, tmp_path: Path) -> None:
    told = json.loads(call("forget", "--feature", "入力", "--json")[1])["requests"][0]
    assert (told["state"], told["models"][0]["records"]) == ("done", 0)
    assert json.loads(call("data", "list", "--json")[1])["data"][0]["columns"] == [
        "kennung", "persønn", "größe", "gewicht", "урожай",
    ]  # fmt: skip
    assert call("predict", model, "--data", data)[0] == 0  # the column may be there, and is not read
    plan, out = (call(verb, "--feature", "gewicht")[1].splitlines() for verb in FORGETTING)
    assert plan[0].startswith("ernte: exact · columns · reads ")
    assert out[1].startswith("ernte: version 2 -> 3, column 'gewicht' forgotten, ")
    assert out[2].startswith("leute: data version 2 -> 3, column 'gewicht' taken out, ")
    assert "by forgetting columns; to do so" in call("verify", out[3].removeprefix("Receipt: "))[1]
    assert call("forget", "--class", "süß")[0] == 0
    assert set(pd.read_csv(io.StringIO(call("predict", model, "--data", data)[1]))["prediction"]) == {"salé"}
    assert call("forget", "--class", "salé")[0] == 0
    assert call("predict", model, "--data", data)[0] == EXIT_CODES["dormant-model"]


def test_corrected_rows_take_the_place_of_the_old_ones(call: Run, data: Path, model: str, tmp_path: Path) -> None:
    right = people()
    right.loc[7, "größe"] = "9.9"
    right.iloc[[7]].to_csv(tmp_path / "richtig.csv", index=False)
    code, out, _ = call("rectify", tmp_path / "richtig.csv", "--data", "leute", "--json")
    assert (code, json.loads(out)["requests"][0]["state"]) == (0, "done")
    assert call("fit", "neu", "--data", "leute", "--target", "урожай", "--method", "retrain")[0] == 0
    assert loaded("neu").digest() == loaded(model).digest()
    right.iloc[[7]].assign(kennung="neu").to_csv(tmp_path / "fremd.csv", index=False)
    assert call("rectify", tmp_path / "fremd.csv", "--data", "leute")[0] == EXIT_CODES["unknown-record"]


def test_requests_wait_are_held_and_are_carried_out(call: Run, model: str, tmp_path: Path) -> None:
    (tmp_path / "viele.csv").write_text("kind,id,key\nsubject,ö-1,a\nsubject,ö-2,b\nrecord,100,c\n", encoding="utf-8")
    code, out, _ = call("request", "add", "--from", tmp_path / "viele.csv", "--json")
    assert (code, json.loads(out)["requests"]) == (0, [1, 2, 3])
    assert json.loads(call("request", "add", "--from", tmp_path / "viele.csv", "--json")[1])["requests"] == [1, 2, 3]
    assert call("request", "hold", 2, "--reason", "litigation")[0] == 0
    assert call("request", "run", 2)[0] == EXIT_CODES["invalid-request"]
    told = json.loads(call("request", "run", "--json")[1])["requests"]
    assert [(one["request"], one["state"]) for one in told] == [(1, "done"), (3, "done")]
    assert call("request", "release", 2)[0] == 0
    assert "extended" in call("request", "extend", 2, "--reason", "complexity")[1]
    assert call("request", "refuse", 2, "--reason", "legal-duty")[0] in (0, EXIT_CODES["invalid-request"])
    assert "2" in call("request", "list", "--all")[1]
    assert call("request", "show", 9)[0] == EXIT_CODES["unknown-name"]


def test_a_file_of_requests_stands_alone(call: Run, model: str, tmp_path: Path) -> None:
    (tmp_path / "asked.csv").write_text("kind,id\nsubject,ö-1\n")
    for beside in (("--subject", "ö-2"), ("--data", "leute"), ("--caller", "a"), ("--key", "1"), ("--regime", "ccpa")):
        code, _, err = call("request", "add", "--from", tmp_path / "asked.csv", *beside)
        assert (code, "Give --from FILE alone." in err) == (EXIT_CODES["invalid-request"], True)
    assert json.loads(call("request", "list", "--json")[1])["requests"] == []


def test_a_letter_has_a_day_of_its_own_and_a_law(call: Run, model: str) -> None:
    when = ("--received", "2026-03-05", "--regime", "ccpa", "--json")
    assert call("request", "add", "--subject", "ö-3", *when)[0] == 0
    (asked,) = json.loads(call("request", "list", "--json")[1])["requests"]
    assert (asked["due"], asked["regime"]) == ("2026-04-19", "ccpa")
    assert json.loads(call("forget", "--subject", "ö-4", *when)[1])["requests"][0]["due"] == "2026-04-19"
    before = contents(Path())
    assert call("forget", "--subject", "ö-5", "--received", "spring")[0] == EXIT_CODES["invalid-data"]
    assert call("forget", "--subject", "ö-5", "--regime", "mine")[0] == EXIT_CODES["invalid-parameter"]
    assert contents(Path()) == before


def test_what_a_model_and_a_data_set_are_is_told_again(call: Run, model: str) -> None:
    (listed,) = json.loads(call("model", "list", "--json")[1])["models"]
    assert (listed["name"], listed["n_records"], listed["n_data"]) == (model, 120, 120)
    shown = json.loads(call("model", "show", model, "--json")[1])
    assert (shown["method"], shown["target"]) == ("RetrainClassifier", "урожай")
    assert "Guarantee: exact" in call("model", "show", model)[1]
    assert json.loads(call("data", "show", "leute", "--json")[1])["subject_id"] == "persønn"
    assert call("data", "show", "niemand")[0] == call("model", "show", "niemand")[0] == EXIT_CODES["unknown-name"]


def test_asking_again_under_the_same_key_is_the_same_request(call: Run, model: str) -> None:
    first = json.loads(call("forget", "--subject", "ö-3", "--caller", "amt", "--key", "7", "--json")[1])["requests"]
    again = json.loads(call("forget", "--subject", "ö-3", "--caller", "amt", "--key", "7", "--json")[1])["requests"]
    assert first[0]["receipt"] == again[0]["receipt"]
    other = json.loads(call("forget", "--subject", "ö-3", "--json")[1])["requests"]
    assert (other[0]["state"], other[0]["receipt"] != first[0]["receipt"]) == ("nothing-held", True)


def test_a_page_a_head_and_another_key(call: Run, model: str, tmp_path: Path) -> None:
    assert call("forget", "--subject", "ö-3")[0] == 0
    code, out, _ = call("log", "--head")
    (tmp_path / "head.json").write_text(out, encoding="utf-8")
    assert (code, call("keys", "rotate")[0]) == (0, 0)
    assert call("forget", "--subject", "ö-4")[0] == 0
    old_key = json.loads(call("keys", "show", "--json")[1])
    assert old_key["rotations"] == 1
    page = tmp_path / "beleg.html"
    assert call("verify", "receipts/0002.json", "--workspace", ".", "--html", page, "--replay")[0] == 0
    assert "<html" in page.read_text(encoding="utf-8")
    assert [entry["kind"] for entry in json.loads(call("log", "--json")[1])["entries"]].count("receipt") == 2
    assert "ernte" in call("status")[1]


def test_ids_come_from_a_file(call: Run, model: str, tmp_path: Path) -> None:
    listed = tmp_path / "liste.txt"
    listed.write_text("ö-1\n\nö-2\n", encoding="utf-8")
    plans = json.loads(call("plan", "--ids-from", listed, "--by", "subject", "--json")[1])["plans"]
    assert [plan["n_records"] for plan in plans] == [4, 4]
    assert call("plan", "--ids-from", listed)[0] == EXIT_CODES["invalid-request"]
    assert call("plan", "--ids-from", listed, "--by", "person")[0] == EXIT_CODES["invalid-request"]
    assert call("plan", "--ids-from", tmp_path / "keine", "--by", "record")[0] == EXIT_CODES["file-not-usable"]


def test_ids_come_from_standard_input(model: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "expunge", "forget", "--ids-from", "-", "--by", "record", "--json"],
        input=b"007\r\n042\n", capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(SRC.parent)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["requests"][0]["models"][0]["records"] == 2


def test_integer_ids_and_labels_of_parquet_stay_integers(call: Run, tmp_path: Path, home: Path) -> None:
    frame = pd.DataFrame(
        {"id": range(40), "wer": [i // 4 for i in range(40)], "x": np.arange(40.0), "y": [i % 2 for i in range(40)]}
    )
    frame.to_parquet(tmp_path / "t.parquet")
    given = ("--data", tmp_path / "t.parquet", "--record-id", "id", "--subject-id", "wer", "--target", "y")
    assert call("fit", "m", *given, "--method", "gaussian-nb")[0] == 0
    told = json.loads(call("forget", "--record", "17", "--subject", "9", "--json")[1])["requests"]
    assert sum(request["models"][0]["records"] for request in told) == 5
    assert call("plan", "--class", "1")[0] == 0
    code, out, _ = call("forget", "--record", "p-17", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (EXIT_CODES["unknown-record"], "unknown-record")
    rows = json.loads(call("predict", "m", "--data", tmp_path / "t.parquet", "--json")[1])["predictions"]
    assert (type(rows[0]["id"]), type(rows[0]["prediction"])) == (int, int)


@pytest.mark.parametrize(
    ("method", "estimator"),
    [("ridge", None), ("sisa", None), ("retrain", "hist-gradient-boosting"), ("sisa", "lightgbm")],
)
def test_numbers_are_predicted_by_regression(
    call: Run, data: Path, home: Path, method: str, estimator: str | None
) -> None:
    if estimator == "lightgbm":
        pytest.importorskip("lightgbm")
    chosen = ("--estimator", estimator) if estimator else ()
    left_out = ("--ignore", "入力", "--ignore", "урожай", "--ignore", "persønn") if method == "ridge" else ()
    given = ("--data", data, "--record-id", "kennung", "--target", "größe", "--method", method)
    code, out, _ = call("fit", "m", *given, *chosen, *left_out, "--json")
    assert (code, json.loads(out)["task"]) == (0, "regression")
    assert call("forget", "--record", "007")[0] == 0
    assert call("predict", "m", "--data", data, "--probabilities")[0] == EXIT_CODES["invalid-parameter"]
    assert call("predict", "m", "--data", data)[0] == 0


def test_methods_are_listed_with_what_they_promise(call: Run) -> None:
    told = json.loads(call("methods", "--json")[1])["methods"]
    networks = [method for method in told if method["task"] == "network"]
    assert [method["python"].rpartition(".")[2] for method in networks] == [
        *sorted(NETWORK_MODELS), *sorted(NETWORK_METHODS),
    ]  # fmt: skip
    told = [method for method in told if method["task"] != "network"]
    assert [method["python"] for method in told] == sorted(expunge.methods.METHODS)
    assert [method["name"] for method in told] == [kebab(name) for name in sorted(expunge.methods.METHODS)]
    assert {method["guarantee"] for method in told} <= {"exact", "certified", "bounded", "empirical"}
    assert all(method["task"] in (*TASKS, "other") for method in told)
    out = call("methods")[1]
    assert all(method["name"] in out for method in told)
    assert len(list_methods()) == len(told)


def test_every_predicting_method_can_be_fitted_by_its_name(call: Run, tmp_path: Path, home: Path) -> None:
    frame = pd.DataFrame(
        {
            "id": [f"{i:02d}" for i in range(40)],
            "a": range(40),
            "b": [i % 7 for i in range(40)],
            "y": [i % 2 for i in range(40)],
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.drop(7).to_csv(tmp_path / "left.csv", index=False)  # an encoder that forgot a value does not know it
    words = frame[["id"]].assign(text=[f"word{i % 7} word{i % 3}" for i in range(40)])
    words.to_csv(tmp_path / "words.csv", index=False)
    told = [f"word{i % 3} word{i % 7} are here" for i in range(40)]
    asked = frame[["id"]].assign(question=[f"which word{i % 3}?" for i in range(40)], passage=told)
    asked.assign(y=[text.partition(" are")[0] for text in told]).to_csv(tmp_path / "asked.csv", index=False)
    seen = frame[["id"]].assign(user=[f"u{i % 9}" for i in range(40)], y=[f"item{i % 7}" for i in range(40)])
    seen.to_csv(tmp_path / "seen.csv", index=False)
    sets = {"question answering": "asked", "recommendation": "seen"}
    for data in ("t", "words", "asked", "seen"):
        assert call("data", "add", tmp_path / f"{data}.csv", "--record-id", "id")[0] == 0
    options = {"hashing-vectorizer": ("--option", "n_features=16")}
    wanted = {method.name: method.task for method in list_methods() if method.task != "other"}
    for name, task in wanted.items():
        target = ("--target", "y") if has_target(task) else ()
        of_texts = "words" if name.endswith("-vectorizer") or task == "retrieval" else "t"
        given = ("--data", sets.get(task, of_texts), *target, *options.get(name, ()))
        assert call("fit", name, *given, "--method", name)[0] == 0, name
    changed = []
    for data in ("t", "words", "asked", "seen"):
        told = json.loads(call("forget", "--record", "07", "--data", data, "--json")[1])["requests"][0]
        changed += [change["model"] for change in told["models"]]
    assert sorted(changed) == sorted(wanted)
    for name in ("ridge-classifier", "one-hot-encoder", "pca"):
        assert call("predict", name, "--data", tmp_path / "left.csv")[0] == 0, name
    assert call("predict", "count-vectorizer", "--data", tmp_path / "words.csv")[0] == 0


def test_texts_that_name_single_records_are_refused_by_column(
    call: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(categories, "MOST_CATEGORIES", 30)
    frame = pd.DataFrame({"id": [f"{i:02d}" for i in range(40)], "note": [f"note {i}" for i in range(40)]})
    frame.assign(town="Ulm", y=frame.index % 2).to_csv(tmp_path / "t.csv", index=False)
    assert call("data", "add", tmp_path / "t.csv", "--record-id", "id")[0] == 0
    fit = ("fit", "m", "--data", "t", "--target", "y", "--method", "multinomial-nb")
    code, _, err = call(*fit)
    assert code == EXIT_CODES["invalid-data"]
    assert "Column 'note' has 40 different categories" in err
    assert "Leave it out" in err
    assert call(*fit, "--ignore", "note")[0] == 0
    code, out, _ = call("forget", "--record", "07")
    assert "1 record forgotten" in out
    assert call("verify", "--replay")[0] == EXIT_CODES["invalid-request"]


def test_version_and_help(call: Run) -> None:
    assert call("--version")[:2] == (0, f"expunge {expunge.__version__}\n")
    assert "forget" in call("--help")[1]


# ---------------------------------------------------------------- bad input: one sentence, a code, nothing written


def edited(data: Path, **cells: object) -> Path:
    frame = people().astype(object)
    for place, value in cells.items():
        column, _, row = place.partition("__")
        frame.loc[int(row), column] = value
    frame.to_csv(data, index=False)
    return data


def keep(data: Path) -> None:
    """The table is good; an option is not."""


BAD_TABLES: dict[str, tuple[Callable[[Path], Any], tuple[object, ...], str, str]] = {
    "unknown column": (keep, ("--target", "ernte"), "invalid-data", "no column 'ernte'"),
    "duplicate id": (lambda path: edited(path, kennung__3="007"), (), "duplicate-record", "'007'"),
    "missing id": (lambda path: edited(path, kennung__3=""), (), "invalid-id", "Row 4"),
    "empty file": (lambda path: path.write_bytes(b""), (), "invalid-data", "is empty"),
    "no rows": (lambda path: people(0).to_csv(path, index=False), (), "invalid-data", "no rows"),
    "one class": (
        lambda path: people().assign(урожай="süß").to_csv(path, index=False), (), "invalid-data", "one class, 'süß'",
    ),
    "missing label": (lambda path: edited(path, урожай__2=""), (), "invalid-data", "'002' has no target"),
    "not a number": (lambda path: edited(path, größe__2="inf"), (), "invalid-data", "record '002' has 'inf'"),
    "missing number": (
        lambda path: edited(path, größe__2=""), ("--method", "gaussian-nb", "--ignore", "入力", "--bare"),
        "invalid-data", "record '002' has no 'größe'",
    ),
    "target not finite": (
        lambda path: edited(path, größe__2="inf"), ("--target", "größe", "--task", "regression"), "invalid-data",
        "record '002' has 'inf'",
    ),
    "text for sums": (keep, ("--method", "gaussian-nb", "--bare"), "invalid-data", "Leave --bare out"),
    "not UTF-8": (lambda path: path.write_bytes("a,b\né,1\n".encode("latin-1")), (), "invalid-data", "not UTF-8"),
    "unknown encoding": (keep, ("--encoding", "utf-9"), "invalid-parameter", "no encoding 'utf-9'"),
    "slices of a pipeline": (keep, ("--option", "n_slices=2"), "unsupported-estimator", "--option n_shards=20"),
    "out of range": (
        lambda path: edited(path, gewicht__2="1e30"), ("--method", "gaussian-nb", "--ignore", "入力"), "out-of-range",
        "Record '002' has 1e+30 in column 'gewicht': ",
    ),
    "ragged": (lambda path: path.write_bytes(path.read_bytes() + b"1,2\n"), (), "invalid-data", "has 2 cells"),
    "wrong delimiter": (keep, ("--delimiter", ";"), "invalid-data", "Is the delimiter ','?"),
    "no file": (lambda path: path.unlink(), (), "file-not-usable", "No such file"),
    "unknown method": (keep, ("--method", "ssia"), "unknown-method", "sisa"),
    "method of another task": (
        keep, ("--method", "ridge", "--task", "classification"), "invalid-parameter", "is for regression",
    ),
    "unknown option": (keep, ("--option", "n_shard=3"), "invalid-parameter", "n_shards"),
    "option without value": (keep, ("--option", "n_shards"), "invalid-parameter", "name=value"),
    "bad option": (keep, ("--option", "n_shards=0"), "invalid-parameter", "n_shards"),
    "unknown estimator": (keep, ("--estimator", "forest"), "invalid-parameter", "logistic"),
    "estimator of another task": (keep, ("--estimator", "linear"), "invalid-parameter", "not for classification"),
    "estimator for sums": (
        keep, ("--method", "gaussian-nb", "--estimator", "logistic"), "invalid-parameter", "takes no estimator",
    ),
    "bad type": (keep, ("--columns", "größe=date"), "invalid-parameter", "'date'"),
    "bad value for the estimator": (
        keep, ("--option", "estimator__model__C=-1"), "invalid-parameter", "'C' parameter of LogisticRegression",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_table_is_one_sentence_and_no_model_is_made(call: Run, data: Path, home: Path, case: str) -> None:
    spoil, options, code, words = BAD_TABLES[case]
    spoil(data)
    arguments = ("fit", "m", *names(data), *options)
    number, out, err = call(*arguments)
    assert (number, out) == (EXIT_CODES[code], ""), err
    assert words in err
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert json.loads(call("data", "list", "--json")[1])["data"] == [], "what no model was fitted on does not stay"
    reading = options if options[:1] in (("--delimiter",), ("--encoding",)) else ()
    is_added = call("data", "add", *arguments[3:8], "--name", "rows", *reading)[0] == 0
    before = contents(home)
    again = ("--data", "rows", *arguments[8:]) if is_added else arguments[2:]
    number, out, err = call("fit", "m", *again, "--json")
    error = json.loads(out)["error"]
    assert (number, error["code"], set(error), err) == (EXIT_CODES[code], code, {"code", "message", "hint"}, "")
    assert contents(home) == before
    assert json.loads(call("status", "--json")[1])["models"] == []


BAD_REQUESTS = {
    "unknown record": (("--record", "999"), "unknown-record", "'999'"),
    "a number is not the id": (("--record", "7"), "unknown-record", "'7'"),
    "unknown class": (("--class", "bitter"), "unknown-record", "'bitter'"),
    "unknown column": (("--feature", "farbe"), "unknown-record", "'farbe'"),
    "twice": (("--record", "007", "--record", "007"), "invalid-request", "named twice"),
    "nothing": ((), "invalid-request", "what to forget"),
    "column and record": (("--record", "007", "--feature", "größe"), "invalid-request", "alone"),
    "no option in Python's words": ((), "invalid-request", "With --record, --subject, --class or --feature"),
    "no attribute in Python's words": (("--record", "7"), "unknown-record", "as they are written"),
}


@pytest.mark.parametrize("command", FORGETTING)
@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_bad_request_is_one_sentence_and_nothing_changes(call: Run, model: str, command: str, case: str) -> None:
    options, code, words = BAD_REQUESTS[case]
    before = contents(Path())
    number, out, err = call(command, *options)
    assert (number, out, err.count("\n")) == (EXIT_CODES[code], "", 1)
    assert words in err
    assert json.loads(call(command, *options, "--json")[1])["error"]["code"] == code
    assert contents(Path()) == before


def test_nothing_is_held_of_an_unknown_person_and_a_receipt_says_so(call: Run, model: str) -> None:
    assert call("plan", "--subject", "niemand")[0] == EXIT_CODES["unknown-record"]
    told = json.loads(call("forget", "--subject", "niemand", "--json")[1])["requests"][0]
    assert (told["state"], told["models"]) == ("nothing-held", [])
    assert call("verify", told["receipt"], "--key", "public.pem")[0] == 0


def test_a_name_that_is_taken_is_left_alone(call: Run, data: Path, model: str, tmp_path: Path) -> None:
    before = contents(Path())
    given = ("fit", model, "--data", "leute", "--target", "урожай")
    code, _, err = call(*given)
    assert (code, "--force" in err, contents(Path())) == (EXIT_CODES["invalid-request"], True, before)
    assert call(*given, "--method", "nein", "--force")[0] == EXIT_CODES["unknown-method"]
    assert contents(Path()) == before
    assert call(*given, "--force")[0] == 0
    assert json.loads(call("status", "--json")[1])["models"][0]["version"] == 2
    (tmp_path / "voll").mkdir()
    (tmp_path / "voll" / "wichtig.txt").write_text("x", encoding="utf-8")
    assert call("export", model, tmp_path / "voll")[0] == EXIT_CODES["file-not-usable"]
    assert call("export", model, data)[0] == EXIT_CODES["file-not-usable"]
    assert call("init", ".")[0] == EXIT_CODES["file-not-usable"]


def test_an_export_is_replaced_when_forced(call: Run, model: str, tmp_path: Path) -> None:
    to = tmp_path / "export"
    assert call("export", model, to)[0] == 0
    old = contents(to)
    code, _, err = call("export", model, to)
    assert (code, "--force" in err, contents(to)) == (EXIT_CODES["file-not-usable"], True, old)
    assert call("forget", "--subject", "ö-3")[0] == 0
    assert call("export", model, to, "--force")[0] == 0
    assert contents(to) != old
    (to / "wichtig.txt").write_text("x", encoding="utf-8")
    assert call("export", model, to, "--force")[0] == EXIT_CODES["file-not-usable"]


def test_a_table_in_another_form_makes_the_same_model(call: Run, data: Path, home: Path, tmp_path: Path) -> None:
    """Another encoding, tabs, and gzip: the digest is the same; so are the predictions."""
    fit = ("--method", "retrain", *names(data)[2:])
    assert call("fit", "a", "--data", data, *fit)[0] == 0
    other = tmp_path / "andere.csv.gz"
    people().to_csv(other, index=False, sep="\t", encoding="utf-16", compression="gzip")
    given = ("--data", other, "--encoding", "utf-16", "--delimiter", "tab")
    assert call("fit", "b", *given, *fit)[0] == 0
    assert loaded("a").digest() == loaded("b").digest()
    assert call("predict", "a", "--data", data)[1] == call("predict", "b", *given)[1]
    code, _, err = call("predict", "b", "--data", other)
    assert (code, "--encoding utf-16" in err) == (EXIT_CODES["invalid-data"], True)


def test_where_there_is_no_workspace_it_is_said(call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = call("plan", "--record", "007")
    assert (code, "expunge init" in err) == (EXIT_CODES["file-not-usable"], True)
    assert call("plan", "--record", "007", "--workspace", tmp_path / "nirgends")[0] == EXIT_CODES["file-not-usable"]


def test_a_workspace_is_named_or_found_upwards(
    call: Run, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = Path("tief/innen")
    inside.mkdir(parents=True)
    home = Path.cwd()
    monkeypatch.chdir(inside)
    assert call("status")[0] == 0
    monkeypatch.chdir(tmp_path)
    assert call("status", "--workspace", home)[0] == 0
    monkeypatch.setenv("EXPUNGE_WORKSPACE", str(home))
    assert call("status")[0] == 0


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def damage_chunk() -> None:
    for path in Path("chunks").rglob("*"):
        if path.is_file():
            flip(path)


def damage_row() -> None:
    with sqlite3.connect("ledger.db") as connection:
        connection.execute("UPDATE model_versions SET n_records = 7")
    connection.close()


def damage_database() -> None:
    Path("ledger.db").write_bytes(b"SQLite format 3\0" + bytes(4096))
    for name in ("ledger.db-wal", "ledger.db-shm"):
        Path(name).unlink(missing_ok=True)


def damage_settings() -> None:
    Path("workspace.json").write_text("[1, 2]", encoding="utf-8")


def damage_key() -> None:
    flip(Path("keys/index.key"))


@pytest.mark.parametrize("damage", [damage_chunk, damage_row, damage_database, damage_settings, damage_key])
def test_what_was_edited_by_hand_is_refused(call: Run, model: str, damage: Callable[[], Any]) -> None:
    damage()
    for command in FORGETTING:
        number, _, err = call(command, "--record", "007")
        assert (number, err.count("\n")) == (EXIT_CODES["tampered"], 1), err


def test_a_workspace_of_a_later_version_is_refused_untouched(call: Run, model: str) -> None:
    before = Path("workspace.json").read_text(encoding="utf-8")
    Path("workspace.json").write_text(before.replace('"format": 1', '"format": 99'), encoding="utf-8")
    assert call("plan", "--record", "007")[0] == EXIT_CODES["newer-format"]
    Path("workspace.json").write_text(before, encoding="utf-8")
    with sqlite3.connect("ledger.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    dump = contents(Path())
    assert call("forget", "--record", "007")[0] == EXIT_CODES["newer-format"]
    assert contents(Path()) == dump


def test_a_schema_file_excludes_other_wishes(call: Run, data: Path, model: str, tmp_path: Path) -> None:
    assert call("export", model, tmp_path / "export")[0] == 0
    schema = tmp_path / "export" / "table.json"
    given = ("fit", "m", "--data", "leute", "--schema")
    assert call(*given, schema, "--target", "größe")[0] == EXIT_CODES["invalid-parameter"]
    assert call(*given, data)[0] == EXIT_CODES["tampered"]
    assert call(*given, tmp_path / "keine.json")[0] == EXIT_CODES["file-not-usable"]
    assert call(*given, schema, "--method", "retrain")[0] == 0
    assert loaded("m").digest() == loaded(model).digest()


def test_a_second_change_at_the_same_time_is_refused(call: Run, model: str) -> None:
    fcntl = pytest.importorskip("fcntl")
    handle = os.open("lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        code, _, err = call("forget", "--record", "007")
        assert code == EXIT_CODES["workspace-busy"]
        assert "nothing was taken in here" in err
        assert json.loads(call("request", "list", "--json")[1])["requests"] == []
        assert call("request", "add", "--record", "007")[0] == 0  # taking in needs no lock
    finally:
        os.close(handle)
    assert call("forget", "--record", "007")[0] == 0


# ---------------------------------------------------------------- the command line itself


def test_no_command_shows_the_help(call: Run) -> None:
    code, out, err = call()
    assert (code, err) == (0, "")
    assert "Usage: expunge" in out


def test_sentences_for_python_are_still_said(call: Run) -> None:
    """Those that the command line puts into its own words: one that was changed would slip through as it is."""
    said = "".join(
        node.value
        for path in SRC.rglob("*.py")
        if path != SRC / "cli" / "output.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    for python, here in output._IN_PYTHON_AND_HERE:
        assert python in said
        assert "model." not in here


def test_no_attribute_of_a_model_is_named_on_the_command_line(call: Run, data: Path, home: Path) -> None:
    assert call("fit", "m", *names(data)[:4], "--target", "урожай", "--ignore", "persønn")[0] == 0
    for option in ("--record", "--class", "--feature"):
        err = call("forget", option, "keiner")[2]
        assert err.startswith("Error: ")
        assert not re.search(r"model\.|_ids?\b|\bfit\(|learn\(", err), err


def test_a_wrong_command_line_is_exit_code_two(call: Run) -> None:
    for arguments in (["fit"], ["vergiss"], ["plan", "--recrod", "1"]):
        code, out, err = call(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("Error: ")
        code, out, _ = call(*arguments, "--json")
        assert (code, json.loads(out)["error"]["code"]) == (2, "usage")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("forget --person p-1", "--subject"),
        ("plan --id 3", "--record"),
        ("data add x.csv --id i", "--record-id"),
        ("fit m --user u", "--subject-id"),
        ("request add --rows 3", "--record"),
        ("predict m --output o.csv", "--out"),
        ("audit m --output o.html", "--report"),
        ("verify --public_key k", "--key"),
        ("export m to --overwrite", "--force"),
        ("plan --recrod 1", "--record"),
        ("find --dir x", "--workspace"),
    ],
)
def test_an_option_that_there_is_not_names_the_one_that_is_meant(call: Run, line: str, meant: str) -> None:
    given = next(part for part in line.split() if part.startswith("--"))
    code, _, err = call(*line.split())
    assert (code, err) == (2, f"Error: No such option: {given}. Did you mean {meant}?\n")


def test_an_option_that_is_like_none_proposes_none(call: Run) -> None:
    for line in (("status", "--person", "p-1"), ("init", "--id", "3"), ("log", "--zzz")):
        assert call(*line)[2] == f"Error: No such option: {line[1]}. See --help.\n"


def test_every_option_that_is_proposed_is_one_of_a_command() -> None:
    def options(command: Any) -> set[str]:
        own = {option for one in command.params for option in one.opts}
        return own.union(*map(options, getattr(command, "commands", {}).values()))

    known = options(typer.main.get_command(app))
    words = [word for words in near_options._MEANT for word in words]
    assert len(set(words)) == len(words)
    assert {option for options in near_options._MEANT.values() for option in options} <= known


def test_all_that_a_command_line_lacks_is_said_at_once(call: Run) -> None:
    err = call("request", "extend")[2]
    assert err.startswith("Error: Missing: NUMBER (Number of the request); --reason CODE (One of complexity, ")
    assert call("--debug", "request", "extend", "7")[2].startswith("Error: Missing: --reason CODE (")
    assert call("fit", "m", "--target", "t")[2].startswith("Error: Missing: --data NAME (A data set, or ")


def test_an_unforeseen_error_is_short_unless_debugged(call: Run, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("expunge.workspace.requests.asking.plan", broken)
    code, out, err = call("plan", "--record", "007")
    assert (code, out, "RuntimeError: a bug" in err, "Traceback" in err) == (1, "", True, False)
    assert json.loads(call("plan", "--record", "007", "--json")[1])["error"]["code"] == "error"
    with pytest.raises(RuntimeError, match="a bug"):
        call("--debug", "plan", "--record", "007")
    monkeypatch.setenv("EXPUNGE_DEBUG", "1")
    with pytest.raises(RuntimeError, match="a bug"):
        call("plan", "--record", "007")


def test_who_interrupts_is_told_and_nothing_is_half_done(
    call: Run, model: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    shutil.copy(data, data.with_name("mehr.csv"))
    with monkeypatch.context() as patched:
        patched.setattr("expunge.workspace.models.fitting.prepare_fit", interrupt)
        code, out, _ = call("fit", "neu", *names(data.with_name("mehr.csv")), "--json")
        assert (code, json.loads(out)["error"]["code"]) == (130, "interrupted")
    assert [one["name"] for one in json.loads(call("data", "list", "--json")[1])["data"]] == ["leute"]
    with monkeypatch.context() as patched:
        patched.setattr("expunge.workspace.requests.removing.prepare_models", interrupt)
        code, out, err = call("forget", "--subject", "ö-3")
        assert (code, out, err.startswith("Error: Interrupted, and nothing is half done. ")) == (130, "", True)
    waiting = json.loads(call("request", "list", "--json")[1])["requests"]
    assert [request["state"] for request in waiting] == ["received"]
    assert [request["state"] for request in json.loads(call("request", "run", "--json")[1])["requests"]] == ["done"]
    assert call("verify")[0] == 0


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["in words", "as JSON"])
def test_who_interrupts_while_commands_are_imported_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    from expunge.__main__ import main as entry

    bring = builtins.__import__

    def interrupted(name: str, *rest: Any) -> Any:
        if name == "expunge.cli":
            raise KeyboardInterrupt
        return bring(name, *rest)

    with monkeypatch.context() as patched:
        patched.setattr("signal.signal", lambda *_: None)
        patched.setattr("sys.argv", ["expunge", "status", *options])
        patched.setattr(builtins, "__import__", interrupted)
        with pytest.raises(SystemExit) as ended:
            entry()
    out, err = capsys.readouterr()
    assert ended.value.code == 130
    assert (json.loads(out)["error"]["code"] if options else err.partition(",")[0]) in (
        "interrupted",
        "Error: Interrupted",
    )


def test_a_reader_that_has_seen_enough_is_no_error(model: str, data: Path) -> None:
    command = f'"{sys.executable}" -m expunge predict "{model}" --data "{data}" | head -1; exit ${{PIPESTATUS[0]}}'
    env = {**os.environ, "PYTHONPATH": str(SRC.parent)}
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"kennung,prediction\n", b"")


#: Verbs of the facade that have several commands, and those that every command uses.
SEVERAL = {"request_step": {"hold", "release", "extend", "refuse", "identity"}, "request_ask": {"add"},
           "request_add_file": {"add"}, "head": {"log"}}  # fmt: skip
INNER = {"open", "close", "path", "resume"}


def commands() -> dict[str, typer.models.CommandInfo]:
    """Every command by the verb of the facade: those of a group with its name in front."""
    found = {str(c.callback.__name__): c for c in app.registered_commands if c.callback}
    for group in app.registered_groups:
        assert group.typer_instance is not None
        for command in group.typer_instance.registered_commands:
            assert command.callback is not None
            name = command.name or command.callback.__name__
            found[f"{group.typer_instance.info.name}_{name}"] = command
    return found


def test_commands_are_the_verbs_of_the_facade() -> None:
    verbs = {name for name in dir(Workspace) if not name.startswith("_")} - INNER - set(SEVERAL)
    steps = {f"request_{step}" for step in SEVERAL["request_step"]}
    lab = {name for name in commands() if name.startswith("lab_")}
    assert lab >= {f"lab_{verb}" for verb in ("list", "run", "show", "compare", "report", "reproduce")}
    assert set(commands()) - lab == verbs | steps | {"demo", "methods", "serve"}


@pytest.mark.parametrize("name", sorted(commands()))
def test_a_command_is_short_and_prints_json(name: str) -> None:
    file, _, function = name.partition("_")
    nodes = {
        node.name.rstrip("_"): node
        for node in ast.parse((SRC / "cli" / f"{file}.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    node = nodes[function or file]
    assert node.end_lineno is not None
    assert node.end_lineno - node.lineno < 25
    command = typer.main.get_command(app).commands[file]  # type: ignore[attr-defined]
    command = command.commands[function.replace("_", "-")] if function else command
    assert any("--json" in option.opts for option in command.params)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom expunge.cli import run\nassert run(sys.argv[1:]) == 0\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'scipy', 'sklearn', 'matplotlib', 'jinja2', 'joblib', 'skops'}\n"
        "heavy |= {'sqlalchemy', 'alembic', 'cryptography', 'fastapi', 'starlette', 'uvicorn'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    for arguments in (["--help"], ["fit", "--help"], ["request", "add", "--help"], ["serve", "--help"], ["--version"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": str(SRC.parent)},
        )  # fmt: skip
        assert re.search(r"HEAVY \[\]", done.stdout), done.stdout[-200:]


def test_markup_in_data_is_data(call: Run, tmp_path: Path, home: Path) -> None:
    frame = people().assign(урожай=lambda f: np.where(f["урожай"] == "süß", "[red]a", "[/b]"))
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert call("fit", "m", *names(tmp_path / "t.csv"), "--method", "retrain")[0] == 0
    out = call("predict", "m", "--data", tmp_path / "t.csv")[1]
    assert "[red]a" in out
    assert "[/b]" in out
