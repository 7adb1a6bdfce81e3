"""Settings of the test session."""

from __future__ import annotations

import os

# Before anything is imported that reads it, also in processes that tests start: the workers share the processors, and
# threads that wait for each other there take three times as long. Tests about threads set their number themselves.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from checks.summary import pytest_terminal_summary  # noqa: F401 - a hook; the process that prints collects no test

os.environ.setdefault("MPLBACKEND", "Agg")  # no window, also in processes that tests start

# The same examples everywhere, and no deadline: a timed assertion is noise. More: pytest --hypothesis-profile=long.
settings.register_profile("expunge", deadline=None, derandomize=True, database=None)
settings.register_profile("long", deadline=None, max_examples=2_000)
settings.load_profile("expunge")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--slow`` runs what takes minutes: ``make faults``."""
    parser.addoption("--slow", action="store_true", help="run the tests that are marked as slow, too")


#: Tests of half a minute begin first, so that no processor waits for the last of them.
LONG = frozenset({"test_faults.py", "test_kills.py", "test_power.py", "test_readme.py", "test_style.py"})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests first. Without ``--slow``, tests marked so are skipped, and say so."""
    items.sort(key=lambda item: item.path.name not in LONG)
    if not config.getoption("--slow"):
        skip = pytest.mark.skip(reason="slow: run with --slow, or make faults")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)
