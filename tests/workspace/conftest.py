"""A workspace before its first request, for all tests that interrupt one; its life without interruption."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from workspace import life


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return life.make_keys(tmp_path_factory.mktemp("secrets") / "keys")


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> tuple[Path, dict[str, Any]]:
    """A workspace before the first request, and how it stands after one, had nothing happened."""
    root = life.prepare(tmp_path_factory.mktemp("plain") / "a", keys)
    assert life.Child(life.live, root, 0).end() == 0
    template = root.parent.parent / "template"
    shutil.copytree(root.parent, template)
    assert life.Child(life.live, root).end() == 0
    told = life.looked(root)
    assert told["ok"], told["verdict"]
    assert told["state"]["requests"] == [[1, "done"]]
    return template / "ws", told["state"]
