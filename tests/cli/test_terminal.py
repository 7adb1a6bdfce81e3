"""No command lets a name or id from somebody's file move the cursor of who reads it, or turn its lines around."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

from expunge.cli import app, run
from expunge.cli.output import Output
from expunge.workspace import Workspace

#: Clears the screen; sets its title, up to the bell; turns the line around; begins a new one; is half a second ESC.
CLEAR, TITLE, TURN, LINE, HALF = "\x1b[2J", "\x1b]0;pwn\x07", "\u202e", "\nError: all is lost", "\x9b31m"
ID, PERSON, COLUMN, LABEL = f"a{TITLE}", f"p{TURN}b", f"si{CLEAR}ze", f"y{HALF}es"
HIDDEN = ("\x1b", "\x07", TURN, "\x9b")

#: Commands that print nothing of somebody else's, or much later what the others print at once.
ELSEWHERE = {
    "serve": "prints addresses", "demo": "prints of digits", "methods": "prints our names", "log": "no name enters it",
    "lab": "prints of workloads", "keys": "prints our names", "audit": "needs references", "advise": "fits many times",
    "adopt": "prints as fit does", "model": "prints as fit does", "promote": "prints as fit does",
    "init": "prints settings",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": [ID, f"c{LINE}", *(f"r{i}" for i in range(10))],
            "person": [PERSON, *(f"p{i // 2}" for i in range(11))],
            COLUMN: rng.normal(size=12).round(3),
            "label": [LABEL, "no"] * 6,
        }
    )
    frame.to_csv(tmp_path / "o.csv", index=False)
    frame[["id", COLUMN]][2:3].assign(**{COLUMN: 0.5}).to_csv(tmp_path / "right.csv", index=False)
    Workspace.init(tmp_path / "ws").close()
    monkeypatch.setenv("EXPUNGE_WORKSPACE", str(tmp_path / "ws"))
    return tmp_path


def lines(folder: Path) -> Iterator[tuple[str, ...]]:
    """Command lines in the order in which they make sense, mistakes among them."""
    table, wrong = str(folder / "o.csv"), f"no{CLEAR}"
    yield "data", "add", table, "--record-id", "id", "--subject-id", "person"
    yield "data", "add", table, "--record-id", COLUMN, "--name", wrong
    yield "data", "list"
    fit = ("fit", "--data", "o", "--target", "label", "--method", "gaussian-nb")
    yield *fit, "m"
    yield *fit, wrong
    yield "fit", "z", "--data", "o", "--target", wrong
    yield "fit", "z", "--data", "o", "--target", "label", "--method", wrong
    yield "fit", "z", f"--{wrong}"
    yield (wrong,)
    yield "influence", "m"
    yield "influence", "m", "--json"
    for verb in ("find", "plan"):
        yield verb, "--record", ID
        yield verb, "--subject", PERSON
        yield verb, "--subject", wrong
    yield "predict", "m", "--data", table, "--out", str(folder / f"out{CLEAR}.csv")
    yield "predict", wrong, "--data", table
    yield ("status",)
    yield "rectify", str(folder / "right.csv"), "--data", "o"
    yield "forget", "--feature", wrong
    yield "forget", "--record", f"c{LINE}"
    yield "forget", "--subject", PERSON
    yield "request", "add", "--class", LABEL
    yield "request", "run"
    yield "request", "list", "--all"
    yield "request", "show", "1"
    yield ("verify",)
    yield "verify", str(folder / wrong)
    yield "export", "m", str(folder / wrong)


def test_no_command_prints_what_moves_the_cursor(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    used, printed = set(), ""
    for line in lines(folder):
        used.add(line[0])
        run([*line])
        out, err = capsys.readouterr()
        assert not [sign for sign in HIDDEN if sign in out + err], (line, out, err)
        assert "\nError: all is lost" not in out + err, line
        printed += out + err
    for shown in ("a\ufffd]0;pwn\ufffd", "p\ufffdb", "si\ufffd[2Jze", "no\ufffd[2J"):
        assert shown in printed
    names = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert names == (used & names) | set(ELSEWHERE)


def test_json_says_the_same_and_a_table_on_a_terminal_is_clean(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame({COLUMN: [ID, PERSON], "label": [LABEL, "no"]})
    Output(as_json=True).frame(frame)
    out = capsys.readouterr().out
    assert not [sign for sign in HIDDEN if sign in out]
    assert json.loads(out)["predictions"] == frame.to_dict("records")
    Output(as_json=False).frame(frame)  # into a file: as it is
    assert capsys.readouterr().out == frame.to_csv(index=False)
    monkeypatch.setenv("TERM", "dumb")  # nothing in colour
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    Output(as_json=False).frame(frame)
    out = capsys.readouterr().out
    assert not [sign for sign in HIDDEN if sign in out]
    assert "a\ufffd]0;pwn\ufffd" in out
