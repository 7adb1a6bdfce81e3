"""What durability costs: requests taken in, persons found, a removal with its receipt beside the bare one.

python benchmarks/workspace.py
"""

from __future__ import annotations

import gc
import os
import secrets
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from measure import duration, machine, middle, table

import expunge
from expunge.ledger import receipts
from expunge.ledger.bundle import Bundle
from expunge.ledger.keys import PublicKeys, Signer
from expunge.ledger.verify import verify_bundle
from expunge.workspace.database.tables import row_index
from expunge.workspace.models import models
from expunge.workspace.requests.request_queue import Wish

#: Pages of the database that taking in a request changes: rows of five tables, and their indices.
PAGES = 8
#: Flushes of the disk that a removal waits for, by strace.
FLUSHES = 23


def in_turn(actions: dict[str, Callable[[], Any]], repeats: int, *, warmup: int = 1) -> dict[str, Times]:
    """Wall and processor times of several actions, run in turn."""
    wall: dict[str, list[float]] = {name: [] for name in actions}
    processor: dict[str, list[float]] = {name: [] for name in actions}
    gc.collect()
    gc.disable()
    try:
        for i in range(warmup + repeats):
            for name, action in actions.items():
                start, used = time.perf_counter(), time.process_time()
                action()
                if i >= warmup:
                    wall[name].append(time.perf_counter() - start)
                    processor[name].append(time.process_time() - used)
    finally:
        gc.enable()
    return {name: Times(wall[name], processor[name]) for name in actions}


class Times(NamedTuple):
    """Of the calls of one action."""

    wall: list[float]
    processor: list[float]

    def cells(self) -> list[str]:
        """For a row of the table."""
        return [middle(self.wall), duration(statistics.median(self.processor))]


def people(n: int, d: int = 10) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(np.round(rng.normal(size=(n, d)), 4), columns=[f"x{i}" for i in range(d)])
    frame.insert(0, "person", [f"p{i // 3}" for i in range(n)])
    frame.insert(0, "id", [f"r{i:07d}" for i in range(n)])
    return frame.assign(label=rng.integers(0, 2, n))


def raw_commit(path: Path, n_tables: int) -> Callable[[], None]:
    """A commit of one small row in each of some tables, as SQLite makes it with the same settings."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
    for i in range(n_tables):
        connection.execute(f"CREATE TABLE rows_{i} (number INTEGER PRIMARY KEY, text TEXT)")

    def one() -> None:
        connection.execute("BEGIN IMMEDIATE")
        for i in range(n_tables):
            connection.execute(f"INSERT INTO rows_{i} (text) VALUES (?)", ("x" * 400,))  # noqa: S608
        connection.execute("COMMIT")

    return one


def accepting(folder: Path) -> list[list[Any]]:
    ws = expunge.Workspace.init(folder / "queue")
    wishes = [Wish(kind="subject", values=(f"person-{i}",), key=str(i)) for i in range(10_000)]
    many = in_turn({"many": lambda: ws.request_add(wishes)}, 1, warmup=0)["many"]
    names = iter(range(10**6))
    actions = {
        "ours": lambda: ws.request_add([Wish(kind="subject", values=(f"single-{next(names)}",))]),
        "raw": raw_commit(folder / "raw.db", 1),
        "floor": raw_commit(folder / "floor.db", PAGES),
    }
    times = in_turn(actions, 200, warmup=5)
    share = statistics.median(times["raw"].wall) / statistics.median(times["ours"].wall)
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
        ["10,000 requests in one transaction", duration(many.wall[0]), duration(many.processor[0]), "5 s",
         _met(many.wall[0] < 5)],
        ["one caller, one request", *times["ours"].cells(), "", ""],
        ["a raw commit of one row, in turn with it", *times["raw"].cells(), "", ""],
        [f"floor: a raw commit that changes {PAGES} pages, as a request does", *times["floor"].cells(), "", ""],
        ["share of the raw rate", f"{share:.2f}", "", "0.5", _met(share >= 0.5)],
        ["16 callers together", f"{rate:,.0f} a second", "", "1,000 a second", _met(rate >= 1000)],
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
    persons = iter(range(100))
    times = in_turn({"find": lambda: ws.find(subjects=[f"p{next(persons)}"])}, 20)["find"]
    ws.close()
    spent = statistics.median(times.wall)
    return [["a person among 1,000,300 records and 10 models", *times.cells(), "20 ms", _met(spent < 0.02)]]


def forgetting(folder: Path) -> list[list[Any]]:
    """The bare estimator is the model of the workspace itself, in memory, asked in turn with it."""
    people(100_000).to_parquet(folder / "large.parquet")
    ws = expunge.Workspace.init(folder / "large")
    ws.data_add(folder / "large.parquet", record_id="id", subject_id="person", name="large")
    ws.fit("sums", data="large", target="label", method="gaussian-nb")
    other = expunge.Workspace.open(folder / "large")
    with other._core.read() as connection:
        bare = models.load(other._core, models.open_model(other._core, connection, "sums")).model
    before, names = _chunks(ws), iter(range(10**6))
    persons = {"bare": iter(range(100)), "ours": iter(range(100))}
    times = in_turn(
        {
            "bare": lambda: bare.forget(subjects=[f"p{next(persons['bare'])}"]),
            "ours": lambda: ws.forget(subjects=[f"p{next(persons['ours'])}"]),
        },
        15,
    )
    written = sum(size for name, size in _chunks(ws).items() if name not in before) / 16
    ws.close()
    persons["cold"] = iter(range(20, 30))

    def cold() -> None:
        opened = expunge.Workspace.open(folder / "large")
        opened.forget(subjects=[f"p{next(persons['cold'])}"])
        opened.close()

    with (folder / "flush").open("wb") as stream:

        def flush() -> None:
            stream.write(b"%d" % next(names))
            stream.flush()
            os.fsync(stream.fileno())

        others = in_turn({"cold": cold}, 3) | in_turn({"flush": flush}, 30)
    over = Times(
        *([a - b for a, b in zip(*pair, strict=True)] for pair in zip(times["ours"], times["bare"], strict=True))
    )
    return [
        ["forget a person of 3 records, n = 100,000: the bare model", *times["bare"].cells(), "", ""],
        ["the same in a workspace, model in memory", *times["ours"].cells(), "", ""],
        [f"what the workspace adds, with {written / 1e6:.2f} MB rewritten each time", *over.cells(), "100 ms",
         _met(statistics.median(over.wall) <= 0.1)],
        ["the same when the model is read first", *others["cold"].cells(), "", ""],
        [f"one flush of this disk; a removal takes {FLUSHES}", *others["flush"].cells(), "", ""],
        *_receipt(folder / "large"),
    ]  # fmt: skip


def _receipt(root: Path) -> list[list[Any]]:
    """Signing and verifying a receipt of the workspace."""
    data, pem = (root / "receipts" / "0001.json").read_bytes(), (root / "public.pem").read_bytes()
    signer, keys = Signer.from_file(root / "keys" / "ed25519.pem"), PublicKeys.from_pem(pem)
    made = receipts.open_envelope(Bundle.from_bytes(data).envelope, keys)
    times = in_turn(
        {
            "a receipt signed": lambda: receipts.seal(made, signer),
            "a receipt verified": lambda: verify_bundle(data, keys),
        },
        100,
    )
    return [[name, *t.cells(), "5 ms", _met(statistics.median(t.wall) < 0.005)] for name, t in times.items()]


def commands(folder: Path) -> list[list[Any]]:
    """Whole processes on a workspace with ten models."""

    def run(*command: str) -> None:
        done = [sys.executable, "-m", "expunge", *command, "--workspace", str(folder / "find")]
        subprocess.run(done, check=True, capture_output=True)

    persons = iter(range(50, 100))
    times = in_turn(
        {
            "`expunge status`": lambda: run("status"),
            "`expunge find`": lambda: run("find", "--subject", "p3"),
            "`expunge forget`": lambda: run("forget", "--subject", f"p{next(persons)}"),
        },
        5,
    )
    return [[name, middle(t.wall), "", "", ""] for name, t in times.items()]


def _chunks(ws: Any) -> dict[str, int]:
    with ws._core.read() as connection:
        assert models.live_models(ws._core, connection)
    return {path.name: path.stat().st_size for path in (ws.path / "chunks").rglob("*") if path.is_file()}


def _met(is_met: bool) -> str:
    return "yes" if is_met else "no"


def main() -> str:
    with tempfile.TemporaryDirectory(dir=os.environ.get("EXPUNGE_BENCH_DIR")) as name:
        folder = Path(name)
        rows = [*accepting(folder), *finding(folder), *forgetting(folder), *commands(folder)]
    load = f"{os.getloadavg()[0]:.0f} processes waited for the {os.cpu_count()} cores"
    note = f"Durable: each call returns when the disk has it. At the end {load}. Measured on {machine()}."
    return table("Workspace", ["what", "wall time", "processor time", "target", "met"], rows, note)


if __name__ == "__main__":
    print(main())
