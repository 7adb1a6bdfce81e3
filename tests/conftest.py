"""Settings of the test session."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from checks.summary import pytest_terminal_summary  # noqa: F401 - a hook; the process that prints collects no test

os.environ.setdefault("MPLBACKEND", "Agg")  # no window, also in processes that tests start

# The same examples everywhere, and no deadline: a timed assertion is noise. More: pytest --hypothesis-profile=long.
settings.register_profile("expunge", deadline=None, derandomize=True, database=None)
settings.register_profile("long", deadline=None, max_examples=2_000)
settings.load_profile("expunge")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow, too")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: many repetitions, for a statement about chances; run with --slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))
