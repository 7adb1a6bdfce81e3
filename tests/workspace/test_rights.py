"""Who may read a workspace, and reading one that cannot be written."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import expunge
from expunge.errors import FileNotUsableError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes of files are a matter of POSIX")

#: What tells nothing of the data, and the folder itself.
TO_GIVE_AWAY = {"", "workspace.json", "public.pem", "receipts", "receipts/0001.json"}


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[expunge.Workspace]:
    before = os.umask(0o022)
    rows = {"id": [f"r{i}" for i in range(24)], "person": [f"p{i // 2}" for i in range(24)], "x": range(24)}
    pd.DataFrame(rows | {"y": ["no", "yes"] * 12}).to_csv(tmp_path / "people.csv", index=False)
    made = expunge.Workspace.init(tmp_path / "ws")
    made.data_add(tmp_path / "people.csv", record_id="id", subject_id="person")
    made.fit("m", data="people", target="y", method="gaussian-nb", bare=True)
    yield made
    os.umask(before)


def open_to_others(root: Path) -> set[str]:
    """What others may read, write or enter."""
    places = [root, *root.rglob("*")]
    return {str(place.relative_to(root)).strip(".") for place in places if stat.S_IMODE(place.stat().st_mode) & 0o077}


def test_others_read_what_is_to_give_away_and_nothing_else(ws: expunge.Workspace, tmp_path: Path) -> None:
    ws.forget(subjects=["p3"])
    ws.predict("m", tmp_path / "people.csv", keep="kept.csv")
    assert open_to_others(ws.path) == TO_GIVE_AWAY
    assert stat.S_IMODE((ws.path / "receipts" / "0001.json").stat().st_mode) == 0o644
    for folder in ("chunks", "predictions"):
        assert {stat.S_IMODE(place.stat().st_mode) for place in (ws.path / folder).iterdir()} == {0o600}


def test_the_next_change_tightens_a_workspace_of_old(ws: expunge.Workspace, tmp_path: Path) -> None:
    ws.predict("m", tmp_path / "people.csv", keep="kept.csv")
    for folder in ("chunks", "predictions", "tmp"):
        for place in (ws.path / folder, *(ws.path / folder).iterdir()):
            place.chmod(0o755 if place.is_dir() else 0o644)
    (ws.path / "ledger.db").chmod(0o644)
    ws.status()
    assert (ws.path / "ledger.db").stat().st_mode & 0o077  # looking changes nothing
    ws.model_remove("m")
    assert open_to_others(ws.path) <= TO_GIVE_AWAY


@pytest.mark.parametrize("is_open", [False, True], ids=["closed", "while its owner is at work"])
def test_a_workspace_that_cannot_be_written_is_read(
    ws: expunge.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_open: bool
) -> None:
    ws.forget(subjects=["p3"])
    if is_open:  # what is newest stands in the log of the database
        ws.request_ask(subjects=["p2"])
        assert (ws.path / "ledger.db-wal").stat().st_size
    else:
        ws.close()
    places = [ws.path, *ws.path.rglob("*")]
    modes = {place: place.stat().st_mode for place in places}
    for place in places:
        place.chmod(modes[place] & ~0o222)
    if os.getuid() == 0:  # who may write everywhere is told that they may not
        monkeypatch.setattr("expunge.workspace.database.read_only.os.access", lambda _, wanted: wanted != os.W_OK)
    before = {place: place.read_bytes() for place in places if place.is_file() and place.suffix != ".db-shm"}
    read = expunge.Workspace.open(ws.path)
    assert [len(read.log()), len(read.request_list())] == ([7, 1] if is_open else [6, 0])
    assert [one["n_records"] for one in read.status()["models"]] == [22]
    assert read.find(subjects=["p1"])
    assert read.plan(subjects=["p1"]).lines()
    assert len(read.predict("m", tmp_path / "people.csv")) == 24
    assert read.verify()
    assert read.verify(ws.path / "receipts" / "0001.json", replay=True)
    with pytest.raises(FileNotUsableError, match=r"Cannot write '.*ledger\.db'\."), read._core.write() as connection:
        read._core.db.set_meta(connection, "last-run", "now")
    assert {place: place.read_bytes() for place in before} == before
    assert set(places) == {ws.path, *ws.path.rglob("*")}
    for place in places:
        place.chmod(modes[place])
