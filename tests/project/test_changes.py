"""Fragments of the change log are one line each, of a known kind, and can be collected."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRAGMENTS = sorted(path for path in (ROOT / "changelog.d").iterdir() if not path.name.startswith(("_", ".")))


def test_there_is_a_fragment() -> None:
    assert FRAGMENTS or "## " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_fragment_is_one_line_of_a_known_kind(path: Path) -> None:
    assert re.fullmatch(r"(\+[a-z0-9-]+|[0-9]+)\.(added|changed|fixed)\.md", path.name)
    text = path.read_text(encoding="utf-8")
    assert re.fullmatch(r"\S.*\S\n", text), "one line, with an end"


def test_fragments_can_be_collected() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "9.9.9", "--dir", str(ROOT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "## 9.9.9" in done.stdout
    for path in FRAGMENTS:
        assert f"- {path.read_text(encoding='utf-8').strip()}" in done.stdout
