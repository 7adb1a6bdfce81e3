"""Power loss: after every flush of a run, what is surely on the disk is opened, gone on with, and compared."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from workspace import life, recorder
from workspace.searching import search
from workspace.test_kills import CANARIES, CELLS

pytestmark = pytest.mark.skipif(not recorder.available(), reason="the system has no strace, or does not allow it")

TESTS = Path(__file__).parents[1]
_RUN = "import sys, pathlib\nfrom workspace import preload, life\nlife.live(pathlib.Path(sys.argv[1]), 1)"


def lose_power(template: Path, expected: dict[str, Any], folder: Path, take: slice) -> int:
    """Record one request, and look at what is left after the power failed at each of these flushes."""
    run = folder / "run"
    shutil.copytree(template.parent, run)
    before = folder / "before"
    shutil.copytree(run, before)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)])}
    lines = recorder.record([sys.executable, "-c", _RUN, str(run / "ws")], folder / "calls", environment)
    n_flushes = sum(1 for _ in _states_of(before, run, lines))
    wanted = set(range(n_flushes)[take])
    assert n_flushes > 20
    for i, (_, disk) in enumerate(_states_of(before, run, lines)):
        if i not in wanted:
            continue
        root = folder / f"after-{i}" / "ws"
        disk.materialise(root.parent)
        told = life.looked(root, 1)
        assert told["ok"], (i, told["verdict"])
        assert told["state"] == expected, i
        assert search(root, CANARIES, CELLS) == {}, i
        shutil.rmtree(root.parent)
    return len(wanted)


def _states_of(before: Path, run: Path, lines: list[str]) -> Any:
    """The states of the folder in which it ran, from how it was before."""
    disk = recorder.Disk(before)
    moved = {name.replace(str(before), str(run), 1): file for name, file in disk.seen.items()}
    disk.root, disk.seen, disk.kept = str(run), dict(moved), dict(moved)
    for i, line in enumerate(lines):
        if disk.apply(line):
            yield i, disk


def test_nothing_is_lost_when_the_power_fails(
    uninterrupted: tuple[Path, dict[str, Any]],
    tmp_path: Path,
) -> None:
    template, expected = uninterrupted
    assert lose_power(template, expected, tmp_path, slice(4, None, 8)) >= 2


@pytest.mark.slow
def test_nothing_is_lost_whenever_the_power_fails(
    uninterrupted: tuple[Path, dict[str, Any]],
    tmp_path: Path,
) -> None:
    template, expected = uninterrupted
    n_looked = lose_power(template, expected, tmp_path, slice(None))
    sys.stdout.write(f"power failed {n_looked} times\n")


def test_the_recorder_forgets_what_was_not_flushed(tmp_path: Path) -> None:
    root = tmp_path / "a"
    root.mkdir()
    code = (
        "import os, sys\nos.chdir(sys.argv[1])\n"
        "root = sys.argv[1]\n"
        "a = open(root + '/kept', 'wb', buffering=0); a.write(b'one'); os.fsync(a.fileno()); a.write(b'two')\n"
        "b = open(root + '/lost', 'wb', buffering=0); b.write(b'x')\n"
        "d = os.open(root, os.O_RDONLY); os.fsync(d)\n"
        "os.rename(root + '/lost', root + '/moved')\n"
    )
    lines = recorder.record([sys.executable, "-c", code, str(root)], tmp_path / "calls", dict(os.environ))
    disk = recorder.Disk(tmp_path / "a")
    disk.seen, disk.kept = {str(root): None}, {str(root): None}
    for line in lines:
        disk.apply(line)
    disk.materialise(tmp_path / "b")
    assert {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()} == {"kept": b"one", "lost": b""}
    assert bytes(disk.seen[str(root / "kept")].seen) == b"onetwo"  # type: ignore[union-attr]
    assert str(root / "moved") in disk.seen
