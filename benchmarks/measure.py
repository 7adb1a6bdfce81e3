"""Timing in pairs and printing tables: what every benchmark here shares.

Times are wall time of this process. Figures that are compared come from one run, in turn (A B A B ...), so that a
machine that slows down slows both; tables give the median and the spread.
"""

from __future__ import annotations

import gc
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def seconds(action: Callable[[], Any], *, clock: Callable[[], float] = time.perf_counter) -> float:
    """Time of one call, without the garbage collector: on the wall, or with another clock of the processor."""
    gc.collect()
    gc.disable()
    try:
        start = clock()
        action()
        return clock() - start
    finally:
        gc.enable()


def each(actions: Iterable[Callable[[], Any]]) -> list[float]:
    """Wall times of short calls, one after another; a collection between them would empty the caches."""
    gc.collect()
    gc.disable()
    times = []
    try:
        for action in actions:
            start = time.perf_counter()
            action()
            times.append(time.perf_counter() - start)
        return times
    finally:
        gc.enable()


def spent(actions: Iterable[Callable[[], Any]]) -> list[float]:
    """Processor time of calls, one after another, each on one thread: what others do on the machine is not in it."""
    times = []
    with threadpool_limits(1):
        for action in actions:
            start = time.process_time()
            action()
            times.append(time.process_time() - start)
    return times


def in_turn(
    actions: dict[str, Callable[[], Any]], *, repeats: int = 5, warmup: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:  # fmt: skip
    """Times of several actions, run in turn."""
    for _ in range(warmup):
        for action in actions.values():
            action()
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeats):
        for name, action in actions.items():
            times[name].append(seconds(action, clock=clock))
    return times


def ratio(a: list[float], b: list[float]) -> str:
    """Median of the pairwise ratios, with their range."""
    pairs = sorted(x / y for x, y in zip(a, b, strict=True))
    return f"{statistics.median(pairs):.3f} ({pairs[0]:.3f} to {pairs[-1]:.3f})"


def middle(times: list[float]) -> str:
    """Median with its range, in a unit one can read."""
    return f"{duration(statistics.median(times))} ({duration(min(times))} to {duration(max(times))})"


def duration(seconds_: float) -> str:
    """A time in a unit one can read."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds_ >= size:
            return f"{seconds_ / size:.3g} {unit}"
    return f"{seconds_ * 1e9:.3g} ns"


def table(title: str, head: list[str], rows: list[list[Any]], note: str = "") -> str:
    """A Markdown table under a heading."""
    lines = [f"## {title}", "", f"| {' | '.join(head)} |", f"|{'|'.join([' --- '] * len(head))}|"]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join([*lines, "", *([note, ""] if note else [])])


def machine() -> str:
    """What the figures were measured on."""
    import os

    import numpy
    import sklearn

    return (
        f"Python {platform.python_version()}, NumPy {numpy.__version__}, scikit-learn {sklearn.__version__}, "
        f"{os.cpu_count()} cores, {platform.machine()}"
    )
