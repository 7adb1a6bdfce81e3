"""A caller's key is for one request: a repetition gets its answer, anything else is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from expunge.errors import InvalidRequestError
from expunge.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    rows = "\n".join(f"{i:03d},p{i % 8},{i},{'yes' if i > 19 else 'no'}" for i in range(40))
    (tmp_path / "people.csv").write_text("id,person,age,member\n" + rows)
    made = Workspace.init(tmp_path / "ws")
    made.data_add(tmp_path / "people.csv", record_id="id", subject_id="person")
    made.fit("members", data="people", target="member", method="gaussian-nb")
    yield made
    made.close()


def held(workspace: Workspace, person: str) -> bool:
    return bool(workspace.find(subjects=[person]))


def test_a_key_is_for_one_request(workspace: Workspace) -> None:
    with pytest.raises(InvalidRequestError, match="about something else"):
        workspace.forget(subjects=["p1", "p2"], caller="desk", key="k")
    assert held(workspace, "p1")
    assert workspace.request_list(every=True) == []
    (first,) = workspace.forget(subjects=["p1"], caller="desk", key="k")
    (again,) = workspace.forget(subjects=["p1"], caller="desk", key="k")
    assert (first.request.number, first.receipt) == (again.request.number, again.receipt)
    with pytest.raises(InvalidRequestError, match="belongs to request 1"):
        workspace.forget(subjects=["p3"], caller="desk", key="k")
    assert held(workspace, "p3")
    (other,) = workspace.forget(subjects=["p3"], caller="another desk", key="k")
    assert other.request.number == 2
    assert not held(workspace, "p3")


def test_a_key_of_an_open_request(workspace: Workspace) -> None:
    (number,) = workspace.request_ask(subjects=["p1"], caller="desk", key="k")
    assert workspace.request_ask(subjects=["p1"], caller="desk", key="k") == [number]
    with pytest.raises(InvalidRequestError, match="about something else"):
        workspace.request_ask(subjects=["p2"], caller="desk", key="k")
    assert [answer.request.number for answer in workspace.request_list()] == [number]
