"""A workspace whose database is PostgreSQL: the same story, the same promises.

``EXPUNGE_TEST_POSTGRES`` names a server and a database in which schemas may be made, as
``postgresql+psycopg://postgres@127.0.0.1/test``.
"""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

import expunge
from expunge.errors import FileNotUsableError, InvalidParameterError, InvalidRequestError
from expunge.workspace.database.engine import Database
from expunge.workspace.requests.request_queue import Wish
from workspace import life
from workspace.searching import search
from workspace.test_kills import CANARIES, CELLS

SERVER = os.environ.get("EXPUNGE_TEST_POSTGRES", "")

with_server = pytest.mark.skipif(not SERVER, reason="EXPUNGE_TEST_POSTGRES names no server")


@pytest.fixture
def url() -> Iterator[str]:
    """A schema of its own."""
    name = f"expunge_{secrets.token_hex(6)}"
    engine = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {name}"))
        yield f"{SERVER}{'&' if '?' in SERVER else '?'}options=-csearch_path%3D{name}"
        connection.execute(sa.text(f"DROP SCHEMA {name} CASCADE"))
    engine.dispose()


def test_settings_hold_no_password(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="no secret"):
        expunge.Workspace.init(tmp_path / "ws", database="postgresql+psycopg://me:word@127.0.0.1/test")
    assert not (tmp_path / "ws").exists()


@pytest.mark.parametrize("wrong", ["mysql+nothing://a/b", "nonsense", "mssql+pyodbc://a/b"])
def test_other_databases_are_refused_in_words(wrong: str) -> None:
    with pytest.raises((InvalidParameterError, ImportError), match=r"database|driver|kept"):
        Database(wrong, bytes(32))


def test_a_server_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(FileNotUsableError, match="The database failed"):
        expunge.Workspace.init(tmp_path / "ws", database="postgresql+psycopg://me@127.0.0.1:1/test?connect_timeout=1")


@with_server
def test_the_story_is_the_same(url: str, tmp_path: Path) -> None:
    root = life.prepare(tmp_path / "a")
    expunge.Workspace.init(root, database=url).close()
    assert life.begin(root).find(subjects=[life.PEOPLE[0]])
    life.live(root)
    ws = expunge.Workspace.open(root)
    assert not (root / "ledger.db").exists()
    assert ws.find(subjects=[life.PEOPLE[0]]) == []
    assert ws.verify()
    assert ws.verify(root / "receipts" / "0001.json", replay=True)
    assert search(root, CANARIES, CELLS) == {}
    with ws._core.read() as connection:
        assert connection.execute(sa.text("SHOW synchronous_commit")).scalar() == "on"
        held = Path(str(connection.execute(sa.text("SHOW data_directory")).scalar()))
    if os.access(held, os.R_OK):  # no value ever went there, so none had to be deleted there
        os.sync()
        assert not any(life.SECRET_TEXT.encode() in path.read_bytes() for path in held.rglob("*") if path.is_file())
    with pytest.raises(InvalidRequestError, match="another workspace"):
        expunge.Workspace.init(tmp_path / "b", database=url)


@with_server
def test_callers_at_once_get_numbers_of_their_own(url: str, tmp_path: Path) -> None:
    ws = expunge.Workspace.init(tmp_path / "ws", database=url)
    others = [expunge.Workspace.open(tmp_path / "ws") for _ in range(3)]  # as processes that know nothing of each other
    numbers: list[int] = []

    def call(caller: int) -> None:
        for i in range(10):
            numbers.extend(others[caller % 3].request_add([Wish(kind="subject", values=(f"{caller}/{i}",))]))

    threads = [threading.Thread(target=call, args=(caller,)) for caller in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 61))
    assert ws.verify()
    for one in (ws, *others):
        one.close()


@with_server
@pytest.mark.parametrize("point", ["forget-switched", "scrub-rows-deleted", "receipt-entered"])
def test_nothing_is_lost_at_a_kill(url: str, point: str, tmp_path: Path) -> None:
    root = life.prepare(tmp_path / "a")
    expunge.Workspace.init(root, database=url).close()
    life.begin(root).close()
    assert life.Child(life.live, root, EXPUNGE_FAIL_AT=point).end() == -signal.SIGKILL
    told = life.looked(root, 1)
    assert told["ok"], told["verdict"]
    assert told["state"]["requests"] == [[1, "done"]]
    assert told["state"]["receipts"] == ["0001.json"]
    assert search(root, CANARIES, CELLS) == {}
