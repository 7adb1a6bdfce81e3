"""Every command, in words and as JSON; every foreseen mistake is one sentence, an exit code, and nothing written."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer

import expunge
from expunge.cli import app, output, run
from expunge.errors import EXIT_CODES
from expunge.workspace import ModelDirectory, list_methods
from expunge.workspace.catalogue import kebab
from expunge.workspace.schema import TASKS, has_target

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


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("modèles")
    people().to_csv(folder / "t.csv", index=False)
    ModelDirectory.fit(
        folder / "modell-é",
        folder / "t.csv",
        record_id="kennung",
        subject_id="persønn",
        target="урожай",
        method="retrain",
    )
    return folder / "modell-é"


@pytest.fixture
def model(fitted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fitted, tmp_path / "modell-é"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# ---------------------------------------------------------------- each command


@pytest.mark.parametrize("method", ["sisa", "retrain"])
def test_a_person_is_forgotten_and_the_file_is_that_of_a_fresh_fit(
    call: Run, data: Path, tmp_path: Path, method: str
) -> None:
    old, new, less = tmp_path / "modell-é", tmp_path / "neu", tmp_path / "weniger.csv"
    code, out, _ = call("fit", old, *names(data), "--method", method)
    assert code == 0
    assert all(
        word in out for word in ("120 records", "größe (number)", "入力 (text)", "урожай", "classification", "exact")
    )

    before = contents(old)
    code, out, _ = call("plan", old, "--subject", "ö-3", "--record", "007")
    assert code == 0
    assert "5 records" in out
    assert contents(old) == before

    code, out, _ = call("forget", old, "--subject", "ö-3", "--record", "007", "--json")
    removal = json.loads(out)
    assert (code, removal["n_forgotten"], removal["guarantee"]["kind"]) == (0, 5, "exact")

    left = people()
    left[(left["persønn"] != "ö-3") & (left["kennung"] != "007")].to_csv(less, index=False)
    assert call("fit", new, "--data", less, "--schema", old / "table.json", "--method", method)[0] == 0
    assert contents(new) == contents(old)
    assert set(contents(old)) == {"model.expunge", "table.json"}
    assert expunge.load(old / "model.expunge").digest() == removal["digest_after"]
    assert "007" not in set(expunge.load(old / "model.expunge").record_ids_.tolist())


def test_fit_tells_what_it_decided_as_json(call: Run, data: Path, tmp_path: Path) -> None:
    code, out, err = call("fit", tmp_path / "m", *names(data), "--option", "n_shards=3", "--json")
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert (told["method"], told["estimator"], told["options"]) == ("SISAClassifier", "logistic", {"n_shards": 3})
    assert told["columns"] == {"größe": "number", "gewicht": "number", "入力": "text"}
    assert told["n_records"] == 120
    assert expunge.load(tmp_path / "m" / "model.expunge").n_shards == 3


def test_predict_writes_csv_json_and_files(call: Run, data: Path, model: Path, tmp_path: Path) -> None:
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


def test_an_export_predicts_the_same_and_knows_no_record(call: Run, data: Path, model: Path, tmp_path: Path) -> None:
    deployed = tmp_path / "déploiement"
    code, out, _ = call("export", model, deployed, "--json")
    assert (code, json.loads(out)["n_records"]) == (0, None)
    assert call("predict", deployed, "--data", data)[1] == call("predict", model, "--data", data)[1]
    code, out, _ = call("forget", deployed, "--record", "007", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (EXIT_CODES["unsupported-request"], "unsupported-request")
    held = b"".join(contents(deployed).values())
    assert "ö-3".encode() not in held


def test_classes_and_columns_are_forgotten_too(call: Run, data: Path, model: Path) -> None:
    assert json.loads(call("forget", model, "--feature", "入力", "--json")[1])["n_forgotten"] == 0
    table = json.loads((model / "table.json").read_text(encoding="utf-8"))["schema"]
    assert ([column["name"] for column in table["columns"]], table["ignored"]) == (["größe", "gewicht"], ["入力"])
    assert call("predict", model, "--data", data)[0] == 0
    assert call("forget", model, "--class", "süß")[0] == 0
    assert set(pd.read_csv(io.StringIO(call("predict", model, "--data", data)[1]))["prediction"]) == {"salé"}
    assert call("forget", model, "--class", "salé")[0] == 0
    assert call("predict", model, "--data", data)[0] == EXIT_CODES["dormant-model"]


def test_a_column_that_only_the_model_has_forgotten_is_no_obstacle(call: Run, data: Path, model: Path) -> None:
    """A process that was killed between writing the two files."""
    table = (model / "table.json").read_bytes()
    assert call("forget", model, "--feature", "入力")[0] == 0
    (model / "table.json").write_bytes(table)
    assert call("predict", model, "--data", data)[0] == 0


def test_ids_come_from_a_file(call: Run, model: Path, tmp_path: Path) -> None:
    listed = tmp_path / "liste.txt"
    listed.write_text("ö-1\n\nö-2\n", encoding="utf-8")
    assert json.loads(call("plan", model, "--ids-from", listed, "--by", "subject", "--json")[1])["n_records"] == 8
    assert call("plan", model, "--ids-from", listed)[0] == EXIT_CODES["invalid-request"]
    assert call("plan", model, "--ids-from", listed, "--by", "person")[0] == EXIT_CODES["invalid-request"]
    assert call("plan", model, "--ids-from", tmp_path / "keine", "--by", "record")[0] == EXIT_CODES["file-not-usable"]


def test_ids_come_from_standard_input(model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "expunge", "forget", str(model), "--ids-from", "-", "--by", "record", "--json"],
        input=b"007\r\n042\n", capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(SRC.parent)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["n_forgotten"] == 2


def test_integer_ids_and_labels_of_parquet_stay_integers(call: Run, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"id": range(40), "wer": [i // 4 for i in range(40)], "x": np.arange(40.0), "y": [i % 2 for i in range(40)]}
    )
    frame.to_parquet(tmp_path / "t.parquet")
    model = tmp_path / "m"
    given = ("--data", tmp_path / "t.parquet", "--record-id", "id", "--subject-id", "wer", "--target", "y")
    assert call("fit", model, *given, "--method", "gaussian-nb")[0] == 0
    assert json.loads(call("forget", model, "--record", "17", "--subject", "9", "--json")[1])["n_forgotten"] == 5
    assert call("plan", model, "--class", "1")[0] == 0
    code, out, _ = call("forget", model, "--record", "p-17", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (EXIT_CODES["invalid-id"], "invalid-id")
    rows = json.loads(call("predict", model, "--data", tmp_path / "t.parquet", "--json")[1])["predictions"]
    assert (type(rows[0]["id"]), type(rows[0]["prediction"])) == (int, int)


@pytest.mark.parametrize(
    ("method", "estimator"),
    [("ridge", None), ("sisa", None), ("retrain", "hist-gradient-boosting"), ("sisa", "lightgbm")],
)
def test_numbers_are_predicted_by_regression(
    call: Run, data: Path, tmp_path: Path, method: str, estimator: str | None
) -> None:
    if estimator == "lightgbm":
        pytest.importorskip("lightgbm")
    chosen = ("--estimator", estimator) if estimator else ()
    left_out = ("--ignore", "入力", "--ignore", "урожай", "--ignore", "persønn") if method == "ridge" else ()
    given = ("--data", data, "--record-id", "kennung", "--target", "größe", "--method", method)
    code, out, _ = call("fit", tmp_path / "m", *given, *chosen, *left_out, "--json")
    assert (code, json.loads(out)["task"]) == (0, "regression")
    assert call("forget", tmp_path / "m", "--record", "007")[0] == 0
    assert call("predict", tmp_path / "m", "--data", data, "--probabilities")[0] == EXIT_CODES["invalid-parameter"]
    assert call("predict", tmp_path / "m", "--data", data)[0] == 0


def test_methods_are_listed_with_what_they_promise(call: Run) -> None:
    told = json.loads(call("methods", "--json")[1])["methods"]
    assert [method["python"] for method in told] == sorted(expunge.methods.METHODS)
    assert [method["name"] for method in told] == [kebab(name) for name in sorted(expunge.methods.METHODS)]
    assert {method["guarantee"] for method in told} <= {"exact", "certified", "bounded", "empirical"}
    assert all(method["task"] in (*TASKS, "other") for method in told)
    out = call("methods")[1]
    assert all(method["name"] in out for method in told)
    assert len(list_methods()) == len(told)


def test_every_predicting_method_can_be_fitted_by_its_name(call: Run, tmp_path: Path) -> None:
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
    options = {"hashing-vectorizer": ("--option", "n_features=16")}
    for method in list_methods():
        if method.task == "other":
            continue
        of_words = method.name.endswith("-vectorizer")
        learned, left = ("words.csv", "words.csv") if of_words else ("t.csv", "left.csv")
        target = ("--target", "y") if has_target(method.task) else ()
        given = ("--data", tmp_path / learned, "--record-id", "id", *target, "--method", method.name)
        assert call("fit", tmp_path / method.name, *given, *options.get(method.name, ()))[0] == 0, method.name
        assert call("forget", tmp_path / method.name, "--record", "07")[0] == 0, method.name
        assert call("predict", tmp_path / method.name, "--data", tmp_path / left)[0] == 0, method.name


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
        lambda path: edited(path, größe__2=""), ("--method", "gaussian-nb", "--ignore", "入力"), "invalid-data",
        "record '002' has no 'größe'",
    ),
    "target not finite": (
        lambda path: edited(path, größe__2="inf"), ("--target", "größe", "--task", "regression"), "invalid-data",
        "record '002' has 'inf'",
    ),
    "text for sums": (keep, ("--method", "gaussian-nb"), "invalid-data", "--method sisa"),
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
    "no folder": (keep, ("FOLDER", "nirgends/m"), "file-not-usable", "no folder"),
    "bad value for the estimator": (
        keep, ("--option", "estimator__model__C=-1"), "invalid-parameter", "'C' parameter of LogisticRegression",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_table_is_one_sentence_and_nothing_is_written(call: Run, data: Path, tmp_path: Path, case: str) -> None:
    spoil, options, code, words = BAD_TABLES[case]
    spoil(data)
    folder = tmp_path / (str(options[1]) if options[:1] == ("FOLDER",) else "m")
    arguments = ("fit", folder, *names(data), *(() if options[:1] == ("FOLDER",) else options))
    before = contents(tmp_path)
    number, out, err = call(*arguments)
    assert (number, out) == (EXIT_CODES[code], ""), err
    assert words in err
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    number, out, err = call(*arguments, "--json")
    error = json.loads(out)["error"]
    assert (number, error["code"], set(error), err) == (EXIT_CODES[code], code, {"code", "message", "hint"}, "")
    assert contents(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [data.parent.name]


BAD_REQUESTS = {
    "unknown record": (("--record", "999"), "unknown-record", "'999'"),
    "a number is not the id": (("--record", "7"), "unknown-record", "'7'"),
    "unknown person": (("--subject", "niemand"), "unknown-record", "'niemand'"),
    "unknown class": (("--class", "bitter"), "unknown-record", "'bitter'"),
    "unknown column": (("--feature", "farbe"), "invalid-request", "'farbe'"),
    "twice": (("--record", "007", "--record", "007"), "duplicate-record", "'007'"),
    "nothing": ((), "invalid-request", "what to forget"),
    "column and record": (("--record", "007", "--feature", "größe"), "invalid-request", "alone"),
    "no option in Python's words": ((), "invalid-request", "With --record, --subject, --class or --feature"),
    "no attribute in Python's words": (("--record", "7"), "unknown-record", "as they are written"),
}


@pytest.mark.parametrize("command", FORGETTING)
@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_bad_request_is_one_sentence_and_nothing_changes(call: Run, model: Path, command: str, case: str) -> None:
    options, code, words = BAD_REQUESTS[case]
    before = contents(model)
    number, out, err = call(command, model, *options)
    assert (number, out, err.count("\n")) == (EXIT_CODES[code], "", 1)
    assert words in err
    assert json.loads(call(command, model, *options, "--json")[1])["error"]["code"] == code
    assert contents(model) == before


def test_a_folder_that_is_taken_is_left_alone(call: Run, data: Path, model: Path, tmp_path: Path) -> None:
    before = contents(model)
    code, _, err = call("fit", model, *names(data))
    assert (code, "--force" in err, contents(model)) == (EXIT_CODES["file-not-usable"], True, before)
    (tmp_path / "voll").mkdir()
    (tmp_path / "voll" / "wichtig.txt").write_text("x", encoding="utf-8")
    assert call("fit", tmp_path / "voll", *names(data), "--force")[0] == EXIT_CODES["file-not-usable"]
    assert call("export", model, tmp_path / "voll")[0] == EXIT_CODES["file-not-usable"]
    assert call("export", model, data)[0] == EXIT_CODES["file-not-usable"]
    assert call("fit", model, *names(data), "--method", "nein", "--force")[0] == EXIT_CODES["unknown-method"]
    assert contents(model) == before
    assert call("fit", model, *names(data), "--force")[0] == 0
    assert contents(model) != before
    (tmp_path / "leer").mkdir()
    assert call("fit", tmp_path / "leer", *names(data))[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["datos-ñ", "leer", "modell-é", "voll"]


def test_an_export_is_replaced_when_forced(call: Run, model: Path, tmp_path: Path) -> None:
    to, before = tmp_path / "export", contents(model)
    assert call("export", model, to)[0] == 0
    old = contents(to)
    code, _, err = call("export", model, to)
    assert (code, "--force" in err, contents(to)) == (EXIT_CODES["file-not-usable"], True, old)
    assert call("forget", model, "--subject", "ö-3")[0] == 0
    before = contents(model)
    assert call("export", model, to, "--force")[0] == 0
    assert contents(to) != old
    for itself in (model, model / ".", tmp_path / "export" / ".." / model.name):
        assert call("export", model, itself, "--force")[0] == EXIT_CODES["file-not-usable"]
    (to / "wichtig.txt").write_text("x", encoding="utf-8")
    assert call("export", model, to, "--force")[0] == EXIT_CODES["file-not-usable"]
    assert contents(model) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export", "modell-é"]


def test_a_table_in_another_form_makes_the_same_model(call: Run, data: Path, tmp_path: Path) -> None:
    """Another encoding, tabs, and gzip: the folder is the same, byte for byte; so are the predictions."""
    fit = ("--method", "retrain", *names(data)[2:])
    assert call("fit", tmp_path / "a", "--data", data, *fit)[0] == 0
    other = tmp_path / "andere.csv.gz"
    people().to_csv(other, index=False, sep="\t", encoding="utf-16", compression="gzip")
    given = ("--data", other, "--encoding", "utf-16", "--delimiter", "tab")
    assert call("fit", tmp_path / "b", *given, *fit)[0] == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert call("predict", tmp_path / "a", "--data", data)[1] == call("predict", tmp_path / "b", *given)[1]
    code, _, err = call("predict", tmp_path / "b", "--data", other)
    assert (code, "--encoding utf-16" in err) == (EXIT_CODES["invalid-data"], True)


def test_a_folder_without_model_is_refused(call: Run, data: Path, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nirgends", data):
        assert call("plan", path, "--record", "007")[0] == EXIT_CODES["file-not-usable"]


def damage_bytes(model: Path) -> None:
    raw = bytearray((model / "model.expunge").read_bytes())
    raw[len(raw) // 2] ^= 1
    (model / "model.expunge").write_bytes(raw)


def damage_manifest(model: Path) -> None:
    """Edited by hand, with all checksums made good: the digest still tells."""
    path = model / "model.expunge"
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(entries["manifest.json"])
    manifest["params"]["seed"] = {"json": 1}
    entries["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def damage_table(model: Path) -> None:
    path = model / "table.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"number"', '"text"', 1), encoding="utf-8")


def damage_table_form(model: Path) -> None:
    (model / "table.json").write_text("[1, 2]", encoding="utf-8")


def damage_all(model: Path) -> None:
    (model / "model.expunge").write_bytes(b"")


@pytest.mark.parametrize(
    "damage",
    [damage_bytes, damage_manifest, damage_table, damage_table_form, damage_all],
)
def test_a_model_that_was_edited_by_hand_is_refused(call: Run, model: Path, damage: Callable[[Path], Any]) -> None:
    damage(model)
    before = contents(model)
    for command in FORGETTING:
        number, _, err = call(command, model, "--record", "007")
        assert (number, err.count("\n")) == (EXIT_CODES["tampered"], 1), err
    assert contents(model) == before


def test_a_file_of_a_later_version_is_refused(call: Run, model: Path) -> None:
    path = model / "table.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"format": 1', '"format": 99'), encoding="utf-8")
    assert call("plan", model, "--record", "007")[0] == EXIT_CODES["newer-format"]


def test_a_schema_file_excludes_other_wishes(call: Run, data: Path, model: Path, tmp_path: Path) -> None:
    given = ("fit", tmp_path / "m", "--data", data, "--schema")
    assert call(*given, model / "table.json", "--target", "größe")[0] == EXIT_CODES["invalid-parameter"]
    assert call(*given, data)[0] == EXIT_CODES["tampered"]
    assert call(*given, tmp_path / "keine.json")[0] == EXIT_CODES["file-not-usable"]


def test_a_second_change_at_the_same_time_is_refused(call: Run, model: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    handle = os.open(model, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert call("forget", model, "--record", "007")[0] == EXIT_CODES["file-not-usable"]
    finally:
        os.close(handle)
    assert call("forget", model, "--record", "007")[0] == 0


def test_a_disk_that_is_full_leaves_the_model_as_it_was(
    call: Run, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(model)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("expunge.files.archive.os.replace", full)
    code, _, err = call("forget", model, "--record", "007")
    assert (code, "No space left" in err) == (EXIT_CODES["file-not-usable"], True)
    assert contents(model) == before


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


def test_no_attribute_of_a_model_is_named_on_the_command_line(call: Run, data: Path, tmp_path: Path) -> None:
    model = tmp_path / "m"
    assert call("fit", model, *names(data)[:4], "--target", "урожай", "--ignore", "persønn")[0] == 0
    err = call("forget", model, "--subject", "ö-3")[2]
    assert "--subject-id" in err
    for option in ("--record", "--class", "--feature", "--subject"):
        err = call("forget", model, option, "keiner")[2]
        assert err.startswith("Error: ")
        assert not re.search(r"model\.|_ids?\b|\bfit\(|learn\(", err), err


def test_a_wrong_command_line_is_exit_code_two(call: Run) -> None:
    for arguments in (["fit"], ["vergiss"], ["plan", "m", "--recrod", "1"]):
        code, out, err = call(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("Error: ")
        code, out, _ = call(*arguments, "--json")
        assert (code, json.loads(out)["error"]["code"]) == (2, "usage")


def test_an_unforeseen_error_is_short_unless_debugged(call: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("expunge.workspace.directory.load", broken)
    code, out, err = call("plan", model, "--record", "007")
    assert (code, out, "RuntimeError: a bug" in err, "Traceback" in err) == (1, "", True, False)
    assert json.loads(call("plan", model, "--record", "007", "--json")[1])["error"]["code"] == "error"
    with pytest.raises(RuntimeError, match="a bug"):
        call("--debug", "plan", model, "--record", "007")
    monkeypatch.setenv("EXPUNGE_DEBUG", "1")
    with pytest.raises(RuntimeError, match="a bug"):
        call("plan", model, "--record", "007")


def test_a_reader_that_has_seen_enough_is_no_error(model: Path, data: Path) -> None:
    command = f'"{sys.executable}" -m expunge predict "{model}" --data "{data}" | head -1; exit ${{PIPESTATUS[0]}}'
    env = {**os.environ, "PYTHONPATH": str(SRC.parent)}
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"kennung,prediction\n", b"")


def commands() -> set[str]:
    return {str(command.callback.__name__) for command in app.registered_commands if command.callback}


def test_commands_are_the_verbs_of_the_facade() -> None:
    verbs = {name for name in vars(ModelDirectory) if not name.startswith("_")} - {"open", "describe", "summary"}
    assert commands() == verbs | {"demo", "methods"}


@pytest.mark.parametrize("name", sorted(commands()))
def test_a_command_is_short_and_prints_json(name: str) -> None:
    (function,) = (
        node
        for node in ast.parse((SRC / "cli" / f"{name}.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    )
    assert function.end_lineno is not None
    assert function.end_lineno - function.lineno < 25
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert any("--json" in option.opts for option in command.params)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom expunge.cli import run\nassert run(sys.argv[1:]) == 0\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'scipy', 'sklearn', 'matplotlib', 'jinja2', 'joblib', 'skops'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    for arguments in (["--help"], ["fit", "--help"], ["--version"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": str(SRC.parent)},
        )  # fmt: skip
        assert re.search(r"HEAVY \[\]", done.stdout), done.stdout[-200:]


def test_markup_in_data_is_data(call: Run, tmp_path: Path) -> None:
    frame = people().assign(урожай=lambda f: np.where(f["урожай"] == "süß", "[red]a", "[/b]"))
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert call("fit", tmp_path / "m", *names(tmp_path / "t.csv"), "--method", "retrain")[0] == 0
    out = call("predict", tmp_path / "m", "--data", tmp_path / "t.csv")[1]
    assert "[red]a" in out
    assert "[/b]" in out
