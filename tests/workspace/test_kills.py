"""Nothing lost: a real child process is ended by SIGKILL, at every fail-point and at random times from outside."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from expunge.workspace.storage import faults
from workspace import life
from workspace.searching import search

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL is a matter of POSIX")

CELLS = life.people()["size"]
CANARIES: dict[str, str | float] = {"text": life.SECRET_TEXT, "number": life.SECRET_NUMBER, "person": life.PEOPLE[0]}


def kill_at(points: list[str], plain: tuple[Path, dict[str, Any]], keys: Path, folder: Path) -> int:
    """Kill at each point, go on, compare; gives how often the process came to the point."""
    template, expected = plain
    n_hit = 0
    for i, point in enumerate(points):
        early = point.split("-")[0] in ("init", "data", "fit", "chunk")
        root = folder / str(i) / "ws"
        if early:
            life.prepare(root.parent, keys)
        else:
            shutil.copytree(template.parent, root.parent)
        n_hit += life.Child(life.live, root, EXPUNGE_FAIL_AT=point).end() == -signal.SIGKILL
        told = life.looked(root, 1)
        assert told["ok"], (point, told["verdict"])
        assert told["state"] == expected, point
        assert search(root, CANARIES, CELLS) == {}, point
        shutil.rmtree(root.parent)
    sys.stdout.write(f"fail-points hit {n_hit} of {len(points)}\n")
    return n_hit


def test_nothing_is_lost_at_some_fail_points(
    uninterrupted: tuple[Path, dict[str, Any]], keys: Path, tmp_path: Path
) -> None:
    points = [
        point for point in faults.POINTS if point.startswith(("forget-switched", "scrub-rows", "receipt-entered"))
    ]
    points += ["fit-chunks-written", "forget-model-written"]
    assert kill_at(points, uninterrupted, keys, tmp_path) == len(points) == 5


@pytest.mark.slow
def test_nothing_is_lost_at_any_fail_point(
    uninterrupted: tuple[Path, dict[str, Any]], keys: Path, tmp_path: Path
) -> None:
    """Every point, and those that come often also at a later time."""
    points = [*faults.POINTS, *(f"{name}:{n}" for name in ("chunk-written", "chunk-renamed") for n in (7, 40))]
    points += ["forget-model-written:2"]
    assert kill_at(points, uninterrupted, keys, tmp_path) == len(points)


def kill_at_random(template: Path, folder: Path, reference: list[dict[str, Any]], n_kills: int, seed: int) -> int:
    """Forget one person after the other, each time ended at a random instant; gives how often the end came in time."""
    draw, n_killed = random.Random(seed), 0
    root, longest, number = folder / "0" / "ws", 0.4, 0
    shutil.copytree(template.parent, root.parent)
    for i in range(n_kills):
        code = life.Child(life.live, root, number + 1).end(draw.uniform(0.02, longest))
        n_killed += code == -signal.SIGKILL
        started = time.perf_counter()
        told = life.looked(root, number + 1)
        longest = max(0.1, time.perf_counter() - started)
        assert told["ok"], (i, told["verdict"])
        assert told["state"] == reference[number], i
        assert search(root, CANARIES, CELLS) == {}, i
        number += 1
        if number == len(reference):
            shutil.rmtree(root.parent)
            root, number = folder / str(i + 1) / "ws", 0
            shutil.copytree(template.parent, root.parent)
    return n_killed


@pytest.fixture(scope="module")
def reference(uninterrupted: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """How the workspace stands after one, two, ... requests, had nothing happened."""
    folder = tmp_path_factory.mktemp("reference") / "a"
    shutil.copytree(uninterrupted[0].parent, folder)
    out = []
    for number in range(5):
        out.append(life.looked(folder / "ws", number + 1)["state"])
    return out


@pytest.mark.slow
def test_nothing_is_lost_in_a_life_with_every_kind_of_step(keys: Path, tmp_path: Path) -> None:
    """Corrections, columns, classes, kept predictions, new fits and new signing keys, not only persons."""
    root = life.prepare(tmp_path / "plain", keys)
    started = time.perf_counter()
    assert life.Child(life.everything, root).end() == 0
    longest, expected = time.perf_counter() - started, life.looked(root)
    assert expected["ok"], expected["verdict"]
    draw, n_killed, n_lives = random.Random(2), 0, 0
    while n_killed < 20:
        n_lives += 1
        root = life.prepare(tmp_path / str(n_lives), keys)
        while (code := life.Child(life.everything, root).end(draw.uniform(0.1, longest))) == -signal.SIGKILL:
            n_killed += 1
        assert code == 0
        told = life.looked(root)
        assert told["ok"], told["verdict"]
        assert told["state"] == expected["state"]
        assert search(root, CANARIES, CELLS) == {}
    sys.stdout.write(f"killed {n_killed} times in {n_lives} lives\n")


@pytest.mark.slow
def test_nothing_is_lost_at_random_times(
    uninterrupted: tuple[Path, dict[str, Any]], reference: list[Any], tmp_path: Path
) -> None:
    assert kill_at_random(uninterrupted[0], tmp_path, reference, n_kills=6, seed=0) >= 3


@pytest.mark.slow
def test_nothing_is_lost_at_two_hundred_random_times(
    uninterrupted: tuple[Path, dict[str, Any]], reference: list[Any], tmp_path: Path
) -> None:
    n_killed, seed = 0, 1
    while n_killed < 200:
        n_killed += kill_at_random(uninterrupted[0], tmp_path / str(seed), reference, n_kills=50, seed=seed)
        seed += 1
    sys.stdout.write(f"killed {n_killed} times\n")
