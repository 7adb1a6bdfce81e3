"""The block of the README that reads Adult runs where the table is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import expunge
from project.pages import blocks

ROOT = Path(__file__).parents[2]


def test_the_block_on_adult_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Path(os.environ.get("EXPUNGE_DATA") or ROOT.parent / "shared" / "data") / "adult.csv.gz"
    if not table.exists():
        pytest.skip("the Adult table is not here")
    pytest.importorskip("lightgbm")
    (block,) = [b for b in blocks((ROOT / "README.md").read_text(encoding="utf-8")) if "adult.csv.gz" in b.code]
    (tmp_path / "adult.csv.gz").symlink_to(table)
    monkeypatch.chdir(tmp_path)
    exec(compile(block.code, "README.md", "exec"), {"expunge": expunge})  # noqa: S102 - our own page
