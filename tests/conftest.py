"""Settings of the test session."""

from __future__ import annotations

import os

from hypothesis import settings

from checks.summary import pytest_terminal_summary  # noqa: F401 - a hook; the process that prints collects no test

os.environ.setdefault("MPLBACKEND", "Agg")  # no window, also in processes that tests start

# The same examples everywhere, and no deadline: a timed assertion is noise. More: pytest --hypothesis-profile=long.
settings.register_profile("expunge", deadline=None, derandomize=True, database=None)
settings.register_profile("long", deadline=None, max_examples=2_000)
settings.load_profile("expunge")
