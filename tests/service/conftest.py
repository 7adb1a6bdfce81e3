"""A workspace with a model, and who calls its service."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.calling import Caller, made


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("served"))


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "ws")


@pytest.fixture
def caller(root: Path) -> Iterator[Caller]:
    made = Caller(root)
    yield made
    made.desk.close()
