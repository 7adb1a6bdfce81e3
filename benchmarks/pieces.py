"""Measurements in pieces, each in its own process and kept as a JSON line, so that a run goes on where it ended."""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["Memory", "do", "put", "read", "timed", "times"]

Line = dict[str, Any]


def timed(action: Callable[[], Any]) -> list[float]:
    """Wall time and processor time of one call, in seconds, without the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        wall, processor = time.perf_counter(), time.process_time()
        action()
        return [time.perf_counter() - wall, time.process_time() - processor]
    finally:
        gc.enable()


def times(action: Callable[[int], Any], arguments: Iterable[int]) -> list[list[float]]:
    """The same of short calls one after another; a collection between them would empty the caches. Shape (2, calls)."""
    gc.collect()
    gc.disable()
    found = []
    try:
        for argument in arguments:
            wall, processor = time.perf_counter(), time.process_time()
            action(argument)
            found.append((time.perf_counter() - wall, time.process_time() - processor))
        return [[round(t, 8) for t in column] for column in zip(*found, strict=True)]
    finally:
        gc.enable()


class Memory:
    """What this process takes from here on, in bytes: ``peak()`` at the most, ``held()`` now. None without Linux."""

    def __init__(self) -> None:
        gc.collect()
        try:
            ctypes.CDLL(None).malloc_trim(0)  # what was freed before does not hide what comes
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew
        except (OSError, AttributeError):
            self._before = None
        else:
            self._before = self._status("VmRSS")

    def peak(self) -> int | None:
        return None if self._before is None else self._status("VmHWM") - self._before

    def held(self) -> int | None:
        gc.collect()
        return None if self._before is None else self._status("VmRSS") - self._before

    def _status(self, name: str) -> int:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def read(path: Path) -> dict[str, Line]:
    """What is measured already, by piece; of one that was measured twice the later line."""
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {line["piece"]: line for line in lines}


def do(
    script: str, pieces: Iterable[str], path: Path, *arguments: str, only: str = "", again: str | None = None
) -> None:
    """Measure the pieces that are not in the file yet (those below ``only``): ``script --piece PIECE`` prints the line
    last. With ``again`` those that are; of their lines before what begins with this stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done = read(path)
    for piece in pieces:
        if (piece in done) == (again is None) or not f"{piece}/".startswith(f"{only}/" if only else ""):
            continue
        start = time.perf_counter()
        command = [sys.executable, script, "--piece", piece, *arguments]
        found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        took = time.perf_counter() - start
        if found.returncode:
            print(f"{piece}: failed after {took:.0f} s", flush=True)
            continue
        kept = {name: value for name, value in done.get(piece, {}).items() if again and name.startswith(again)}
        line = {"piece": piece, **kept, **json.loads(found.stdout.splitlines()[-1]), "took_s": round(took, 1)}
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(f"{piece}: {took:.0f} s", flush=True)


def put(page: Path, name: str, text: str) -> None:
    """Put a text between two marks of a page."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name}: begin -->")
    _, end, after = rest.partition(f"<!-- {name}: end -->")
    if not begin or not end:
        raise SystemExit(f"{page} has no marks named {name}.")
    page.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}", encoding="utf-8")
