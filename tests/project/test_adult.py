"""The block of the README that reads Adult runs where the table is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import expunge
from project.pages import blocks

ROOT = Path(__file__).parents[2]


def test_the_block_on_adult_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Path(os.environ.get("EXPUNGE_DATA") or ROOT.parent / "shared" / "data") / "adult.csv.gz"
    if not table.exists():
        pytest.skip("the Adult table is not here")
    pytest.importorskip("lightgbm")
    (block,) = [b for b in blocks((ROOT / "README.md").read_text(encoding="utf-8")) if "adult.csv.gz" in b.code]
    (tmp_path / "adult.csv.gz").symlink_to(table)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"expunge": expunge}
    exec(compile(block.code, "README.md", "exec"), names)  # noqa: S102 - our own page
    # What it prints: three models forgot the three records of one person. And what the reader is left with.
    assert [line.split(" · ")[:2] for line in capsys.readouterr().out.splitlines()] == [["exact", "3 records"]] * 3
    gone = [i for i, person in enumerate(names["people"]) if person == "p-17"]
    assert len(gone) == 3
    for model in (names["ridge"], names["bayes"], names["boosted"]):
        assert len(model.record_ids_) == len(names["X"]) - 3
        assert np.isin(gone, model.record_ids_).sum() == 0
