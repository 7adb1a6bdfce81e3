"""History that was rewritten by somebody who can write to the folder and its database, and has none of its keys."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

import expunge
from expunge.errors import TamperedError
from expunge.ledger import merkle
from expunge.ledger.keys import generate
from expunge.ledger.log import MemoryStore
from workspace.test_growing import people


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with three receipts."""
    folder = tmp_path_factory.mktemp("rewritten")
    people().to_csv(folder / "people.csv", index=False)
    ws = expunge.Workspace.init(folder / "ws")
    ws.data_add(folder / "people.csv", record_id="id", subject_id="person")
    ws.fit("sums", data="people", target="label", method="gaussian-nb", bare=True)
    for person in ("p1", "p2", "p3"):
        ws.forget(subjects=[person])
    assert ws.verify()
    ws.close()
    return ws.path


def sql(root: Path, *statements: str) -> None:
    with closing(sqlite3.connect(root / "ledger.db")) as database, database:
        for statement in statements:
            database.execute(statement)


def entries(root: Path) -> list[bytes]:
    with closing(sqlite3.connect(root / "ledger.db")) as database:
        return [bytes(row[0]) for row in database.execute("SELECT entry FROM log ORDER BY number")]


def write_log(root: Path, log: Sequence[bytes]) -> None:
    """Put another log there, with the hashes that belong to it."""
    hashes = merkle.Tree(MemoryStore()).grow([merkle.leaf_hash(entry) for entry in log])
    with closing(sqlite3.connect(root / "ledger.db")) as database, database:
        database.execute("DELETE FROM log")
        database.execute("DELETE FROM log_hashes")
        database.executemany("INSERT INTO log VALUES (?, ?)", list(enumerate(log)))
        database.executemany("INSERT INTO log_hashes VALUES (?, ?)", list(enumerate(hashes)))


def places(log: Sequence[bytes], kind: str) -> list[int]:
    return [place for place, entry in enumerate(log) if json.loads(entry)["kind"] == kind]


def change_an_entry(root: Path) -> None:
    log = entries(root)
    place = places(log, "removal")[0]
    changed = log[place].replace(b'"records":3', b'"records":9')
    assert changed != log[place]
    write_log(root, [*log[:place], changed, *log[place + 1 :]])


def swap_two_entries(root: Path) -> None:
    log = entries(root)
    one, other, *_ = places(log, "receipt")
    log[one], log[other] = log[other], log[one]
    write_log(root, log)


def cut_the_log(root: Path) -> None:
    log = entries(root)
    write_log(root, log[: places(log, "receipt")[-1]])


def remove_the_last_receipt(root: Path) -> None:
    cut_the_log(root)
    sql(root, "DELETE FROM receipts WHERE number = 3")
    (root / "receipts" / "0003.json").unlink()


def remove_a_receipt(root: Path) -> None:
    log = entries(root)
    del log[places(log, "receipt")[1]]
    write_log(root, log)
    sql(root, "DELETE FROM receipts WHERE number = 2")
    (root / "receipts" / "0002.json").unlink()


def add_an_entry(root: Path) -> None:
    log = entries(root)
    write_log(root, [*log, log[places(log, "removal")[0]]])


def remove_row_and_file(root: Path) -> None:
    sql(root, "DELETE FROM receipts WHERE number = 2")
    (root / "receipts" / "0002.json").unlink()


def swap_the_key(root: Path) -> None:
    (root / "public.pem").write_bytes(generate(root.parent / "secret.pem").public_pem)


def add_a_key(root: Path) -> None:
    with (root / "public.pem").open("ab") as stream:
        stream.write(generate(root.parent / "secret.pem").public_pem)


def copy_a_receipt(root: Path) -> None:
    shutil.copy(root / "receipts" / "0002.json", root / "receipts" / "0009.json")


REWRITTEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "an entry changed": (change_an_entry, "of the log, or their number, are not what was signed"),
    "two entries swapped": (swap_two_entries, "of the log, or their number, are not what was signed"),
    "the log cut": (cut_the_log, "somebody took entries out"),
    "the last receipt removed": (remove_the_last_receipt, "The log has .* entries, and .* were written"),
    "a receipt removed": (remove_a_receipt, "somebody took entries out"),
    "an entry added": (add_an_entry, "The log has .* entries, and .* were written"),
    "the row of a receipt removed": (
        lambda root: sql(root, "DELETE FROM receipts WHERE number = 2"), "table 'receipts' lacks"
    ),
    "row and file of a receipt removed": (remove_row_and_file, "table 'receipts' lacks"),
    "the row of a request removed": (
        lambda root: sql(root, "DELETE FROM requests WHERE number = 2"), "table 'requests' lacks"
    ),
    "tombstones removed": (lambda root: sql(root, "DELETE FROM tombstones"), "0 tombstones"),
    "a tombstone replaced": (
        lambda root: sql(
            root, "UPDATE tombstones SET hash = zeroblob(32) WHERE hash = (SELECT max(hash) FROM tombstones)"
        ),
        "tombstones",
    ),
    "the public key swapped": (swap_the_key, "public.pem"),
    "a public key added": (add_a_key, "public.pem"),
    "a receipt that is none of its own": (copy_a_receipt, "0009.json"),
    "the seal removed": (lambda root: sql(root, "DELETE FROM meta WHERE name = 'log-seal'"), "seal"),
    "the seal removed, as if it were old": (
        lambda root: sql(
            root, "DELETE FROM meta WHERE name = 'log-seal'", "DELETE FROM tombstones",
            "UPDATE alembic_version SET version_num = '0003'",
        ),
        "seal",
    ),
}  # fmt: skip


@pytest.fixture
def root(untouched: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(untouched, tmp_path / "ws"))


@pytest.mark.parametrize("what", REWRITTEN)
def test_rewritten_history_is_named(root: Path, what: str) -> None:
    rewrite, words = REWRITTEN[what]
    rewrite(root)
    ws = expunge.Workspace.open(root)
    with pytest.raises(TamperedError, match=words):
        ws.verify().raise_if_wrong()
    ws.close()


@pytest.mark.parametrize("rewrite", [swap_two_entries, remove_the_last_receipt, add_an_entry])
def test_nothing_is_signed_over_a_log_that_was_rewritten(root: Path, rewrite: Callable[[Path], None]) -> None:
    rewrite(root)
    ws = expunge.Workspace.open(root)
    before = entries(root)
    for ask in (ws.head, lambda: ws.forget(subjects=["p4"]), lambda: ws.request_ask(subjects=["p4"])):
        with pytest.raises(TamperedError, match="log"):
            ask()
    assert entries(root) == before
    ws.close()


def test_a_workspace_from_before_there_was_a_seal_gets_one(root: Path) -> None:
    (root / "keys" / "log.sealed").unlink()
    sql(root, "DELETE FROM meta WHERE name = 'log-seal'", "UPDATE alembic_version SET version_num = '0003'")
    ws = expunge.Workspace.open(root)
    assert ws.verify()
    ws.forget(subjects=["p4"])
    assert ws.verify()
    ws.close()
    cut_the_log(root)
    assert not expunge.Workspace.open(root).verify()
