"""Style and types, as ``make lint`` checks them: here too, so that one closing line tells of every check."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = ("ruff check .", "ruff format --check .", "mypy")


@pytest.mark.parametrize("command", COMMANDS)
def test_style_and_types(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_make_lint_checks_the_same() -> None:
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert recipe
    assert re.findall(r"\$\(BIN\)/(.+)", recipe[1]) == list(COMMANDS)
