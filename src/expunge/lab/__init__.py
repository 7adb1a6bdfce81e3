"""The laboratory: every method on every task, against retraining; and the demonstration of ``expunge demo``."""

from __future__ import annotations

from expunge.lab.cells import Cell, Scenario, Seeds, cross
from expunge.lab.demo import DemoResult, run_demo

__all__ = ["Cell", "DemoResult", "Scenario", "Seeds", "cross", "run_demo"]
