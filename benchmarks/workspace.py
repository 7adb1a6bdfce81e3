"""What durability costs: requests taken in, persons found, a removal with its receipt beside the bare one.

python benchmarks/workspace.py
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import duration, each, machine, middle, table

import expunge
from expunge.workspace.database.tables import row_index
from expunge.workspace.models import models
from expunge.workspace.requests.request_queue import Wish


def people(n: int, d: int = 10) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(np.round(rng.normal(size=(n, d)), 4), columns=[f"x{i}" for i in range(d)])
    frame.insert(0, "person", [f"p{i // 3}" for i in range(n)])
    frame.insert(0, "id", [f"r{i:07d}" for i in range(n)])
    return frame.assign(label=rng.integers(0, 2, n))


def raw_commits(folder: Path, n: int) -> list[float]:
    """Commits of one small row, as SQLite makes them with the same settings."""
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY, text TEXT)")

    def one() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO rows (text) VALUES (?)", ("x" * 400,))
        connection.execute("COMMIT")

    times = each([one] * n)
    connection.close()
    return times


def accepting(folder: Path) -> list[list[Any]]:
    ws = expunge.Workspace.init(folder / "queue")
    wishes = [Wish(kind="subject", values=(f"person-{i}",), key=str(i)) for i in range(10_000)]
    start = time.perf_counter()
    ws.request_add(wishes)
    many = time.perf_counter() - start
    names = iter(range(10**6))

    def single() -> None:
        ws.request_add([Wish(kind="subject", values=(f"single-{next(names)}",))])

    single()
    ours, raw = each([single] * 100), raw_commits(folder, 100)
    share = statistics.median(raw) / statistics.median(ours)
    each_caller, callers = 60, 16

    def call(caller: int) -> None:
        for i in range(each_caller):
            ws.request_add([Wish(kind="subject", values=(f"{caller}/{i}",))])

    threads = [threading.Thread(target=call, args=(caller,)) for caller in range(callers)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = callers * each_caller / (time.perf_counter() - start)
    ws.close()
    return [
        ["10,000 requests in one transaction", duration(many), "5 s", _met(many < 5)],
        [f"one caller, beside raw commits of {middle(raw)}", f"{middle(ours)}: {share:.2f} of the raw rate", "0.5",
         _met(share >= 0.5)],
        ["16 callers together", f"{rate:,.0f} a second", "1,000 a second", _met(rate >= 1000)],
    ]  # fmt: skip


def finding(folder: Path) -> list[list[Any]]:
    """Ten models on a small table; the index then holds a million records of others beside it."""
    ws = expunge.Workspace.init(folder / "find")
    people(300).to_parquet(folder / "small.parquet")
    ws.data_add(folder / "small.parquet", record_id="id", subject_id="person", name="small")
    for i in range(10):
        ws.fit(f"model-{i}", data="small", target="label", method="gaussian-nb")
    rows = [
        {
            "dataset": 1,
            "record": secrets.token_bytes(16),
            "subject": secrets.token_bytes(16),
            "bucket": 0,
            "digest": None,
        }
        for _ in range(1_000_000)
    ]
    with ws._core.write() as connection:
        for at in range(0, len(rows), 100_000):
            connection.execute(row_index.insert(), rows[at : at + 100_000])
    del rows
    times = each([lambda i=i: ws.find(subjects=[f"p{i}"]) for i in range(21)])[1:]
    ws.close()
    spent = statistics.median(times)
    return [["a person among 1,000,300 records and 10 models", middle(times), "20 ms", _met(spent < 0.02)]]


def forgetting(folder: Path) -> list[list[Any]]:
    frame = people(100_000)
    frame.to_parquet(folder / "large.parquet")
    X, y = frame.drop(columns=["id", "person", "label"]), frame["label"]
    bare = expunge.GaussianNB().fit(X, y, record_ids=frame["id"], subject_ids=frame["person"])
    bare.digest()
    ws = expunge.Workspace.init(folder / "large")
    ws.data_add(folder / "large.parquet", record_id="id", subject_id="person", name="large")
    ws.fit("sums", data="large", target="label", method="gaussian-nb")
    ws.forget(subjects=["p0"])
    bare.forget(subjects=["p0"])
    alone = each([lambda i=i: bare.forget(subjects=[f"p{i}"]) for i in range(1, 10)])
    before = _chunks(ws)
    times = each([lambda i=i: ws.forget(subjects=[f"p{i}"]) for i in range(1, 10)])
    after = _chunks(ws)
    written = sum(size for name, size in after.items() if name not in before)
    ws.close()
    cold = []
    for i in range(10, 13):
        opened = expunge.Workspace.open(folder / "large")
        cold += each([lambda i=i, opened=opened: opened.forget(subjects=[f"p{i}"])])
        opened.close()
    with (folder / "flush").open("wb") as stream:

        def flush() -> None:
            stream.write(b"x")
            stream.flush()
            os.fsync(stream.fileno())

        flushes = each([flush] * 30)
    over = statistics.median(times) - statistics.median(alone)
    return [
        ["forget a person of 3 records, n = 100,000: the bare estimator", middle(alone), "", ""],
        ["the same in a workspace, model in memory", middle(times), "", ""],
        [f"what the workspace adds, with {written / 1e6 / 9:.2f} MB rewritten each time", duration(over), "100 ms",
         _met(over <= 0.1)],
        ["the same by a new process, which reads the model first", middle(cold), "", ""],
        ["one flush of this disk", middle(flushes), "", ""],
    ]  # fmt: skip


def _chunks(ws: Any) -> dict[str, int]:
    with ws._core.read() as connection:
        assert models.live_models(ws._core, connection)
    return {path.name: path.stat().st_size for path in (ws.path / "chunks").rglob("*") if path.is_file()}


def _met(is_met: bool) -> str:
    return "yes" if is_met else "no"


def main() -> str:
    with tempfile.TemporaryDirectory(dir=os.environ.get("EXPUNGE_BENCH_DIR")) as name:
        folder = Path(name)
        rows = [*accepting(folder), *finding(folder), *forgetting(folder)]
    note = f"Durable: each call returns when the disk has it. Measured on {machine()}."
    return table("Workspace", ["what", "measured", "target", "met"], rows, note)


if __name__ == "__main__":
    print(main())
