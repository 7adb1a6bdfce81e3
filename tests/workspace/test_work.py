"""How much a workspace does for what it is asked: statements, commits and flushes are counted, not timed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import expunge
from expunge.workspace.database.statements import Lookup
from expunge.workspace.database.tables import row_index
from expunge.workspace.requests import targets
from expunge.workspace.requests.request_queue import Wish
from workspace import life


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[expunge.Workspace]:
    folder = tmp_path_factory.mktemp("work")
    life.people().to_csv(folder / "people.csv", index=False)
    made = expunge.Workspace.init(folder / "ws")
    made.data_add(folder / "people.csv", record_id="id", subject_id="person")
    made.fit("sums", data="people", target="label", method="gaussian-nb", ignore=["job"])
    made.forget(subjects=[life.PEOPLE[0]])
    yield made
    made.close()


def commits(ws: expunge.Workspace, act: Callable[[], object]) -> int:
    """How many transactions are committed."""
    seen: list[object] = []
    engine = ws._core.db.engine

    def committed(connection: object) -> None:
        seen.append(connection)

    sa.event.listen(engine, "commit", committed)
    try:
        act()
    finally:
        sa.event.remove(engine, "commit", committed)
    return len(seen)


def statements(ws: expunge.Workspace, act: Callable[[], object]) -> list[str]:
    """What SQLite is asked for by the connection that writes."""
    said: list[str] = []
    with ws._core.write() as connection:
        driver: Any = connection.connection.dbapi_connection
    driver.set_trace_callback(said.append)
    try:
        act()
    finally:
        driver.set_trace_callback(None)
    return said


def test_a_request_takes_one_commit_and_few_statements(ws: expunge.Workspace) -> None:
    assert commits(ws, lambda: ws.request_add([Wish(kind="subject", values=("a",))])) == 1
    said = statements(ws, lambda: ws.request_add([Wish(kind="subject", values=("b",))]))
    many = statements(ws, lambda: ws.request_add([Wish(kind="subject", values=(f"c{i}",)) for i in range(100)]))
    assert (said[0], said[-1]) == ("BEGIN IMMEDIATE", "COMMIT")
    assert len(said) <= 18  # up to three hashes of the tree among them
    assert sum(line.startswith("SELECT") for line in many) <= 10
    assert len(many) <= 15 + 5 * 100  # for each a row, a key, an entry and the hashes of its tree


def test_a_removal_takes_five_commits_and_flushes_each_file_once(
    ws: expunge.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        flushed.append(os.readlink(f"/proc/self/fd/{handle}") if sys.platform == "linux" else str(len(flushed)))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    assert commits(ws, lambda: ws.forget(subjects=[life.PEOPLE[1]])) == 5
    files = [path for path in flushed if not Path(path).is_dir()]
    assert len(files) == len(set(files))
    if sys.platform == "linux":
        folders = [path for path in flushed if Path(path).is_dir()]
        assert [Path(path).name for path in folders] == ["chunks", "chunks", "receipts"]  # made, deleted, given out


def counted(ws: expunge.Workspace, act: Callable[[], object]) -> list[int]:
    """Numbers of the data sets whose index is counted for rows that name nobody."""
    found: list[int] = []

    def said(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        if "count(" in statement and "row_index" in statement:
            found.extend(parameters)

    sa.event.listen(ws._core.db.engine, "before_cursor_execute", said)
    try:
        act()
    finally:
        sa.event.remove(ws._core.db.engine, "before_cursor_execute", said)
    return found


def test_rows_without_a_person_are_counted_where_one_is_asked_about_and_could_be_named(
    ws: expunge.Workspace, tmp_path: Path
) -> None:
    people = life.people().drop(columns="person")
    people.assign(id=[f"v-{i}" for i in range(len(people))]).to_csv(tmp_path / "v.csv", index=False)
    with pytest.warns(UserWarning, match="No column of persons"):
        assert counted(ws, lambda: ws.data_add(tmp_path / "v.csv", record_id="id")) == []
    assert counted(ws, lambda: ws.forget(records=["v-1"])) == []
    assert counted(ws, lambda: ws.forget(subjects=[life.PEOPLE[2]])) == [1]
    assert counted(ws, lambda: ws.forget(subjects=["nobody"])) == [1]


def test_a_person_is_looked_for_in_an_index(ws: expunge.Workspace) -> None:
    with ws._core.read() as connection:
        for statement, values in (
            (targets._OF_SUBJECT, {"subject": b"x"}),
            (Lookup(row_index.c.subject, row_index.c.record)._statements[1], {"v0": b"x"}),
        ):
            text, names = statement._text(connection)
            plan = connection.connection.cursor().execute(
                f"EXPLAIN QUERY PLAN {text}", [values[name] for name in names or ()]
            )
            assert "INDEX by_subject (subject=?)" in str(plan.fetchall())


def test_looking_imports_no_method_and_no_table(ws: expunge.Workspace) -> None:
    code = (
        "import sys, expunge\n"
        "ws = expunge.Workspace.open(sys.argv[1])\n"
        "ws.status(), ws.find(subjects=['nobody']), ws.request_list()\n"
        "print(sorted({'sklearn', 'scipy', 'pandas', 'pyarrow', 'alembic', 'fsspec'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ws.path)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr


def test_a_lookup_finds_what_is_there_in_lists_of_any_length(ws: expunge.Workspace) -> None:
    find = Lookup(row_index.c.record, row_index.c.record)
    with ws._core.read() as connection:
        held = [bytes(row[0]) for row in connection.execute(sa.select(row_index.c.record))]
        for n in (0, 1, 2, 16, 17, len(held)):
            assert sorted(row[0] for row in find.all(connection, held[:n])) == sorted(held[:n])
        strangers = [b"%016d" % i for i in range(1203)]
        assert [row[0] for row in find.all(connection, [*strangers, held[0]])] == [held[0]]
