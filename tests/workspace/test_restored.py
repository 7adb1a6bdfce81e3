"""A folder that comes back from a copy: what can be noticed, and that those who are back can be forgotten again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from expunge import Workspace
from expunge.errors import ShreddedKeyError, TamperedError
from workspace.test_growing import people


@pytest.mark.parametrize("with_keys", [True, False])
def test_who_is_back_is_noticed_and_forgotten_again(tmp_path: Path, with_keys: bool) -> None:
    people().to_csv(tmp_path / "people.csv", index=False)
    lived = Workspace.init(tmp_path / "lived")
    lived.data_add(tmp_path / "people.csv", record_id="id", subject_id="person")
    (waits,) = lived.request_ask(subjects=["p4"])
    shutil.copytree(tmp_path / "lived", tmp_path / "copy")
    lived.request_run([waits])
    (answer,) = lived.forget(subjects=["p1"])
    lived.forget(subjects=["p2"])
    if not with_keys:  # they are kept elsewhere, and are newer
        shutil.rmtree(tmp_path / "copy" / "keys")
        shutil.copytree(tmp_path / "lived" / "keys", tmp_path / "copy" / "keys")

    old = Workspace.open(tmp_path / "copy")
    assert old.verify()
    assert old.find(subjects=["p1"])
    with pytest.raises(TamperedError, match=r"it is shorter now\. Either the folder is an older copy"):
        old.verify(since=answer.receipt).raise_if_wrong()
    if with_keys:
        assert old.request_run([waits])[0].request.state == "done"
    else:  # what it was about was sealed with a key that is destroyed
        with pytest.raises(ShreddedKeyError, match=f"What request {waits} asks for cannot be read.*Refuse it"):
            old.request_run([waits])
        old.request_step(waits, "refuse", reason="other")
        assert [one.request.state for one in old.forget(subjects=["p4"])] == ["done"]
    again = old.forget(subjects=["p1", "p2", "p3"])
    assert [one.request.state for one in again] == ["done"] * 3
    assert not old.find(subjects=["p1"])
    assert old.verify()
    assert old.verify(again[-1].receipt)
