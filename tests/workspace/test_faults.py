"""Faults that are not kills: disks that are full, stores that fail, clocks that go backwards, two processes at once."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import pytest
import sqlalchemy as sa
from fsspec.implementations.memory import MemoryFileSystem

import expunge
from expunge.errors import FileNotUsableError, InvalidParameterError, WorkspaceBusyError
from expunge.workspace.requests.request_queue import Wish
from expunge.workspace.storage import chunks
from workspace import life
from workspace.searching import search
from workspace.test_kills import CANARIES, CELLS

Plain = tuple[Path, dict[str, Any]]


def small(folder: Path, **settings: Any) -> expunge.Workspace:
    """A workspace with one table and one model."""
    life.people().to_csv(folder / "people.csv", index=False)
    ws = expunge.Workspace.init(folder / "ws", **settings)
    ws.data_add(folder / "people.csv", record_id="id", subject_id="person")
    ws.fit("sums", data="people", target="label", method="gaussian-nb", ignore=["job"])
    return ws


def test_a_full_disk_is_a_sentence_and_nothing_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ws = small(tmp_path)
    before, sync = life.state(ws), chunks._sync
    for full_after in itertools.count():
        calls = itertools.count()

        def full(path: Path, flags: int, calls: Iterator[int] = calls, limit: int = full_after) -> None:
            if flags == os.O_RDWR and next(calls) >= limit:
                raise OSError(28, "No space left on device")
            sync(path, flags)

        monkeypatch.setattr(chunks, "_sync", full)
        try:
            answers = ws.forget(subjects=[life.PEOPLE[3]], key="a")
        except FileNotUsableError as error:
            assert "No space left" in str(error)  # noqa: PT017
        else:
            break
        monkeypatch.setattr(chunks, "_sync", sync)
        now = life.state(ws)
        assert now["digests"] == before["digests"]
        assert now["data"] == before["data"]
        assert now["requests"] == [(1, "received")]
        assert ws.verify(), str(ws.verify())
    assert full_after >= 3
    assert answers[0].request.state == "done"
    assert life.state(ws)["versions"] == {"sums": 2}


def test_a_full_database_is_a_sentence_and_nothing_is_half(tmp_path: Path) -> None:
    ws = small(tmp_path)
    core = ws._core

    def limit(connection: Any, *_: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    core.db.close()
    sa.event.listen(core.db.engine, "connect", limit)
    with pytest.raises(FileNotUsableError, match="full"):
        ws.request_add([Wish(kind="subject", values=(f"x{i}",)) for i in range(3000)])
    sa.event.remove(core.db.engine, "connect", limit)
    core.db.close()
    assert ws.request_list(every=True) == []
    assert ws.verify()
    assert ws.forget(subjects=[life.PEOPLE[3]])[0].request.state == "done"


class Flaky(MemoryFileSystem):  # type: ignore[misc]
    """A store of which every k-th write fails."""

    protocol = "flaky"
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs: list[str] = [""]  # noqa: RUF012
    writes = itertools.count(1)
    every = 0

    def pipe_file(self, path: str, value: bytes, **options: Any) -> None:
        if self.every and next(self.writes) % self.every == 0:
            raise OSError("the store is busy")
        super().pipe_file(path, value, **options)


def test_a_store_that_fails_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    with pytest.raises(InvalidParameterError, match="old versions"):
        expunge.Workspace.init(tmp_path / "refused", store="flaky://bucket")
    ws = small(tmp_path, store="flaky://bucket", allow_old_versions="it is memory")
    assert not any((ws.path / "chunks").iterdir())
    before = life.state(ws)
    monkeypatch.setattr(Flaky, "every", 1)
    with pytest.raises(FileNotUsableError, match="the store is busy"):
        ws.forget(subjects=[life.PEOPLE[0]])
    assert life.state(ws)["digests"] == before["digests"]
    assert life.state(ws)["requests"] == [(1, "received")]
    for number, every in enumerate((2, 3, 5)):
        monkeypatch.setattr(Flaky, "every", every)
        assert ws.forget(subjects=[life.PEOPLE[number]])[0].request.state == "done"
    assert [state for _, state in life.state(ws)["requests"]] == ["done"] * 3
    assert ws.verify()
    assert not any(life.SECRET_TEXT.encode() in bytes(file.getvalue()) for file in Flaky.store.values())


def test_a_folder_elsewhere_is_as_good_as_that_of_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    ws = small(tmp_path, store=elsewhere.as_uri())
    flushed: list[str] = []
    sync = chunks._sync
    monkeypatch.setattr(chunks, "_sync", lambda path, flags: (flushed.append(Path(path).name), sync(path, flags)))
    (elsewhere / "aside" / "left-by-a-kill.chunk").write_text(life.SECRET_TEXT)
    assert ws.forget(subjects=[life.PEOPLE[0]])[0].request.state == "done"
    assert len([name for name in flushed if name.endswith(".chunk")]) >= 3
    assert "elsewhere" in flushed
    again = expunge.Workspace.open(ws.path)
    assert again.verify()
    assert again.forget(subjects=[life.PEOPLE[1]])[0].request.state == "done"
    assert not any((elsewhere / "aside").iterdir())
    assert not any((ws.path / "chunks").iterdir())
    assert search(elsewhere, CANARIES, CELLS) == {}


def test_a_clock_that_goes_backwards_orders_nothing_anew(tmp_path: Path) -> None:
    noon, ticks = datetime(2026, 3, 1, 12, tzinfo=UTC), itertools.count()
    ws = small(tmp_path, clock=lambda: noon - timedelta(days=next(ticks)))
    for number in range(3):
        assert ws.forget(subjects=[life.PEOPLE[number]])[0].request.state == "done"
    times = [entry["time"] for entry in ws.log()]
    assert times == sorted(times)
    assert ws.verify()
    assert all(ws.verify(ws.path / "receipts" / f"000{i}.json") for i in (1, 2, 3))


@pytest.mark.skipif(os.name != "posix", reason="modes of folders are a matter of POSIX")
def test_a_folder_that_cannot_be_written_is_a_sentence(uninterrupted: Plain, tmp_path: Path) -> None:
    root = Path(shutil.copytree(uninterrupted[0].parent, tmp_path / "a")) / "ws"
    places = [root.parent, *root.parent.rglob("*")]
    modes = {place: place.stat().st_mode for place in places}
    before = {place: place.read_bytes() for place in places if place.is_file()}
    for place in places:
        if os.getuid() == 0:
            os.chown(place, 65534, 65534)
        place.chmod(0o555 if place.is_dir() else 0o400)
    for parent in tmp_path.parents:  # so that somebody else may come by
        if parent.owner() == "root" and "pytest" in str(parent):
            parent.chmod(0o755)
    tmp_path.chmod(0o755)
    assert life.Child(life.as_nobody, root).end() == 3
    assert {place: place.read_bytes() for place in places if place.is_file()} == before
    for place in places:
        place.chmod(modes[place])
        if os.getuid() == 0:
            os.chown(place, 0, 0)
    assert life.Child(life.live, root).end() == 0


def test_two_processes_at_once_lose_nothing(uninterrupted: Plain, tmp_path: Path) -> None:
    root = Path(shutil.copytree(uninterrupted[0].parent, tmp_path / "a")) / "ws"
    children = [life.Child(life.forget_in, root, number) for number in range(4)]
    codes = [child.end() for child in children]
    assert set(codes) <= {0, 3}
    assert 0 in codes
    assert life.Child(life.live, root, 4).end() == 0
    told = life.looked(root)
    assert told["ok"], told["verdict"]
    assert sorted(state for _, state in told["state"]["requests"]) == ["done"] * 4
    assert len(told["state"]["receipts"]) == 4
    assert search(root, CANARIES, CELLS) == {}


def test_a_lock_says_who_has_it_and_dies_with_its_process(uninterrupted: Plain, tmp_path: Path) -> None:
    root = Path(shutil.copytree(uninterrupted[0].parent, tmp_path / "a")) / "ws"
    here, there = life.context.Pipe(duplex=False)
    child = life.Child(life.hold, root, there)
    assert here.recv() == "held"
    ws = expunge.Workspace.open(root)
    with pytest.raises(WorkspaceBusyError, match=f"by process {child.process.pid}"):
        ws.forget(subjects=[life.PEOPLE[5]])
    assert child.process.pid is not None
    os.kill(child.process.pid, signal.SIGKILL)
    child.end()
    assert ws.forget(subjects=[life.PEOPLE[5]])[0].request.state == "done"


@pytest.mark.parametrize(
    ("point", "cut"),
    [("forget-switched", 100)]
    + [
        pytest.param(point, cut, marks=pytest.mark.slow)
        for point in ("request-started", "forget-switched", "receipt-entered")
        for cut in (1, 1000, 5000)
    ],
)
def test_a_torn_last_write_is_as_if_it_had_not_been(
    uninterrupted: Plain,
    tmp_path: Path,
    point: str,
    cut: int,
) -> None:
    template, expected = uninterrupted
    root = Path(shutil.copytree(template.parent, tmp_path / "a")) / "ws"
    assert life.Child(life.live, root, EXPUNGE_FAIL_AT=point).end() == -signal.SIGKILL
    with (root / "ledger.db-wal").open("r+b") as stream:
        stream.truncate(max(0, stream.seek(0, 2) - cut))
    (root / "ledger.db-shm").unlink(missing_ok=True)
    assert life.Child(life.live, root).end() == 0
    told = life.looked(root)
    assert told["ok"], told["verdict"]
    assert told["state"] == expected
    assert search(root, CANARIES, CELLS) == {}


def test_a_kill_leaves_a_recorded_request_and_who_opens_next_is_told_what_was_finished(
    tmp_path: Path, uninterrupted: Plain
) -> None:
    template, _ = uninterrupted
    root = Path(shutil.copytree(template.parent, tmp_path / "life")) / template.name
    assert life.Child(life.forget_in, root, 0, EXPUNGE_FAIL_AT="request-accepted").end() == -signal.SIGKILL
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", UserWarning)
        ws = expunge.Workspace.open(root)
        assert [(one.request.number, one.request.state) for one in ws.request_list()] == [(1, "received")]
        ws.close()
        assert life.Child(life.forget_in, root, 0, EXPUNGE_FAIL_AT="forget-all-written").end() == -signal.SIGKILL
        expunge.Workspace.open(root).close()
        assert life.Child(life.forget_in, root, 1, EXPUNGE_FAIL_AT="scrub-chunks-deleted").end() == -signal.SIGKILL
        expunge.Workspace.open(root).close()
        expunge.Workspace.open(root).close()
    told = [str(warning.message) for warning in seen if "interrupted" in str(warning.message)]
    assert told == ["Finished interrupted request 1.", "Finished interrupted request 2."]


@pytest.mark.parametrize("name", ["tmp", "chunks"])
def test_a_folder_that_leads_elsewhere_is_refused_before_anything_there_is_deleted(tmp_path: Path, name: str) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "thesis.txt").write_text("x")
    root = life.prepare(tmp_path / "a")
    (root / name).symlink_to(scratch)
    with pytest.raises(FileNotUsableError, match="is a link"):
        expunge.Workspace.init(root)
    assert not (root / "keys").exists()
    (root / name).unlink()
    ws = expunge.Workspace.init(root)
    ws.data_add(root.parent / "people.csv", record_id="id", subject_id="person")
    held = (root / name).rename(root.parent / "held")
    for thing in held.iterdir():
        thing.rename(scratch / thing.name)
    (root / name).symlink_to(scratch)
    before = sorted(scratch.iterdir())
    forget, remove = (lambda: ws.forget(subjects=[life.PEOPLE[0]])), (lambda: ws.data_remove("people"))
    for change in (forget, remove, ws._core.empty_tmp, ws._core.tidy):
        with pytest.raises(FileNotUsableError, match="is a link"):
            change()
    assert sorted(scratch.iterdir()) == before
    assert ws.request_list() == []
    ws.close()
