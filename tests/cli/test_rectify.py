"""``expunge rectify``: a file of corrected cells, against a fresh fit on the corrected table."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from expunge.cli import run
from expunge.errors import EXIT_CODES
from expunge.workspace import ModelDirectory

COLUMNS = {"record_id": "id", "subject_id": "person", "target": "member"}


def people() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"{i:03d}" for i in range(48)],
            "person": [f"p{i // 3}" for i in range(48)],
            "age": [str(20 + i * 7 % 41) for i in range(48)],
            "town": [("Köln", "Århus", "")[i % 3] for i in range(48)],
            "name": [f"name {i}" for i in range(48)],
            "member": [("yes", "no")[(i * 7 % 41 + i % 3) % 2] for i in range(48)],
        }
    )


def fitted(folder: Path, table: pd.DataFrame, **more: object) -> ModelDirectory:
    table.to_csv(folder.with_suffix(".csv"), index=False)
    given: dict[str, object] = {**COLUMNS, "ignore": ["name"], "method": "sisa", **more}
    return ModelDirectory.fit(folder, folder.with_suffix(".csv"), **given)  # type: ignore[arg-type]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return fitted(tmp_path / "model", people(), options={"n_shards": 2}).path


def write(folder: Path, text: str) -> Path:
    path = folder / "right.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_corrected_cells_equal_a_fresh_fit(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path, "id,town,member,person,name\n007,Århus,yes,p9,Anna\n031,,no,,Bob\n")
    before = (model / "model.expunge").read_bytes()
    assert run(["rectify", str(model), "--data", str(data), "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["n_records"], (model / "model.expunge").read_bytes()) == (2, before)
    assert run(["rectify", str(model), "--data", str(data)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("rectified · exact · 2 records · ")
    right = people().set_index("id")
    right.loc["007", ["town", "member", "person"]] = ["Århus", "yes", "p9"]
    right.loc["031", ["town", "member", "person"]] = ["", "no", ""]
    twin = fitted(tmp_path / "twin", right.reset_index(), options={"n_shards": 2})
    assert f"Digest: {twin._load().digest()}" in said
    assert (model / "model.expunge").read_bytes() == (twin.path / "model.expunge").read_bytes()
    assert run(["forget", str(model), "--subject", "p9", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_forgotten"] == 4


MISTAKES = {
    "an unknown record": ("id,age\n999,3\n", "unknown-record", "999"),
    "a record twice": ("id,age\n007,3\n007,4\n", "duplicate-record", "007"),
    "no record": ("age\n3\n", "invalid-data", "no column 'id'"),
    "nothing to correct": ("id,name\n007,Anna\n", "invalid-data", "learned from 'age', 'town'"),
    "an unknown column": ("id,aeg\n007,3\n", "invalid-data", "'aeg'"),
    "no number": ("id,age\n007,old\n", "invalid-data", "record '007' has 'old'"),
    "no target": ("id,member\n007,\n", "invalid-data", "no target"),
    "no id": ("id,age\n,3\n", "invalid-id", "no id"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("how", [(), ("--dry-run",)])
def test_a_mistake_is_one_sentence_and_nothing_changes(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], mistake: str, how: tuple[str, ...]
) -> None:
    text, code, said = MISTAKES[mistake]
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    assert run(["rectify", str(model), "--data", str(write(tmp_path, text)), *how]) == EXIT_CODES[code]
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


@pytest.mark.parametrize("options", [{}, {"by": "columns"}, {"by": "columns", "groups": [["age"], ["town"]]}])
def test_modular_models_from_the_command_line(tmp_path: Path, options: dict[str, object]) -> None:
    made = fitted(tmp_path / "modules", people(), method="modular", options=options)
    assert made.card.method == "ModularClassifier"
    made.rectify(write(tmp_path, "id,age,town\n007,33,Köln\n"))
    right = people().set_index("id")
    right.loc["007", ["age", "town"]] = ["33", "Köln"]
    twin = fitted(tmp_path / "twin", right.reset_index(), method="modular", options=options)
    assert (made.path / "model.expunge").read_bytes() == (twin.path / "model.expunge").read_bytes()
    made.forget(features=["age"])
    made.rectify(write(tmp_path, "id,town\n007,Århus\n"))
    assert len(made.predict(tmp_path / "modules.csv")) == 48
