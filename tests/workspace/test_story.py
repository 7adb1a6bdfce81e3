"""The story that the README tells, on a census: two models, one person, one receipt for an outsider."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from expunge.cli import run

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("EXPUNGE_DATA", ROOT.parent / "shared" / "data")) / "adult.csv.gz"


@pytest.mark.skipif(not DATA.exists(), reason="needs adult.csv.gz; set EXPUNGE_DATA")
def test_a_person_is_found_forgotten_and_proved_on_adult(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.read_csv(DATA, dtype=str, nrows=6_000).drop(columns="split")
    frame.insert(0, "person", [f"p-{i // 3}" for i in range(len(frame))])
    frame.insert(0, "id", [f"r{i:05d}" for i in range(len(frame))])
    frame.to_csv(tmp_path / "people.csv", index=False)
    monkeypatch.chdir(tmp_path)

    def expunge(line: str) -> dict[str, object]:
        assert run([*line.split(), "--json"]) == 0, line
        told: dict[str, object] = json.loads(capsys.readouterr().out)
        return told

    expunge("init")
    expunge("data add people.csv --record-id id --subject-id person")
    expunge("fit income --data people --target income --method forest --option n_estimators=10")
    expunge("fit marital --data people --target marital_status --method sisa --option n_shards=3")
    found = expunge("find --subject p-17")["found"]
    assert [(one["what"], one["name"], one["records"]) for one in found] == [  # type: ignore[attr-defined]
        ("data", "people", 3), ("model", "income", 3), ("model", "marital", 3),
    ]  # fmt: skip
    plans = expunge("plan --subject p-17")["plans"]
    assert [plan["guarantee"]["kind"] for plan in plans] == ["exact", "exact"]  # type: ignore[attr-defined]
    (request,) = expunge("forget --subject p-17")["requests"]  # type: ignore[misc]
    assert [model["records"] for model in request["models"]] == [3, 3]  # type: ignore[index]
    assert [(data["data"], data["records"]) for data in request["data"]] == [("people", 3)]  # type: ignore[index]
    assert expunge("verify receipts/0001.json --key public.pem")["ok"]
    assert "has the digest" in str(expunge("verify receipts/0001.json --replay")["lines"])
    assert expunge("find --subject p-17")["found"] == []
