"""The laboratory: every method on every task, against retraining; and the demonstration of ``expunge demo``."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["Cell", "DemoResult", "Scenario", "Seeds", "cross", "run_cell", "run_cells", "run_demo", "write_site"]

_HOME = {
    **dict.fromkeys(("Cell", "Scenario", "Seeds", "cross"), "cells"),
    **dict.fromkeys(("DemoResult", "run_demo"), "demo"),
    "run_cell": "experiment",
    "run_cells": "runner",
    "write_site": "site",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'expunge.lab' has no attribute {name!r}")
    return getattr(importlib.import_module(f"expunge.lab.{_HOME[name]}"), name)
