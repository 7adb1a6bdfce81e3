"""Files are written whole or not at all, by everybody who writes one, and leave nothing behind when that fails."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from expunge.audit.references.store import ReferenceStore
from expunge.audit.report import AuditReport
from expunge.errors import FileNotUsableError
from expunge.files.whole import read_whole, write_whole
from expunge.lab import demo, results
from expunge.workspace.tabular.tables import write_table


def _report(path: Path) -> None:
    made = AuditReport.__new__(AuditReport)
    object.__setattr__(made, "to_json", lambda: "{}")
    AuditReport.save(made, path)


def _demo(path: Path) -> None:
    made = demo.DemoResult(models=(), n_records=0, n_forgotten=0, shards=(), influence=None, elapsed_s=0.0)  # type: ignore[arg-type]
    demo._write(made, path.parent, 0.0)


WRITERS: dict[str, Callable[[Path], Any]] = {
    "write_whole": lambda path: write_whole(path, lambda stream: stream.write(b"new")),
    "references": lambda path: ReferenceStore(path.parent, 1).write(np.ones(2, dtype=bool), 0, np.ones(2)),
    "report": _report,
    "lab": lambda path: results.write(path, "new"),
    "demo": _demo,
    "predictions": lambda path: write_table(pd.DataFrame({"a": [1]}), path.with_suffix(".csv")),
}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "ctrl-c"])
@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("writer", sorted(WRITERS))
def test_a_failed_write_leaves_what_was_there(
    writer: str, call: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    path = tmp_path / "report.html.json"
    path.write_text("old")
    monkeypatch.setattr("expunge.lab.demo_page.report_html", lambda result: "new")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(FileNotUsableError if isinstance(error, OSError) else KeyboardInterrupt):
        WRITERS[writer](path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "old"


def test_others_read_what_is_for_them_and_nothing_else(tmp_path: Path) -> None:
    for name, for_others in (("page", True), ("model", False)):
        write_whole(tmp_path / name, lambda stream: stream.write(b"x"), for_others=for_others)
    (tmp_path / "usual").touch()
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"page": modes["usual"], "model": 0o600, "usual": modes["usual"]}


def test_what_a_link_leads_to_is_written_and_a_pipe_is_written_into(tmp_path: Path) -> None:
    file, link, pipe = (tmp_path / name for name in ("file", "link", "pipe"))
    file.write_text("old")
    link.symlink_to(file)
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    for path in (link, pipe):
        assert write_whole(path, lambda stream: stream.write(b"new")) == path
    reader.join(10)
    assert (file.read_text(), link.is_symlink(), pipe.is_fifo(), read) == ("new", True, True, [b"new"])


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path / "nothing", tmp_path, "-"):
        with pytest.raises(FileNotUsableError, match=r"^Cannot read '.*': .*\. Check the path\.$"):
            read_whole(path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"p-1\n")))
    assert read_whole("-", or_input=True) == b"p-1\n"
