"""Machine unlearning that can be checked: forget records, prove what was done, measure what is left.

Names are imported when first used, so that ``import expunge`` is quick.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_WORDS = {
    "Addition": "expunge.records",
    "ExpungeError": "expunge.errors",
    "Guarantee": "expunge.records",
    "Plan": "expunge.records",
    "Rectification": "expunge.records",
    "Removal": "expunge.records",
    "Unlearner": "expunge.contract",
    "Workspace": "expunge.workspace.workspace",
    "load": "expunge.methods",
    "make_pipeline": "expunge.methods.pipeline.make_pipeline",
}
_MODULES = (
    "anomaly", "audit", "certified", "checks", "errors", "influence", "language", "networks", "preprocessing",
    "privacy", "private", "recommend", "text",
)  # fmt: skip


def _table() -> dict[str, str]:
    from expunge.methods import METHODS

    return {**_WORDS, **{name: target.partition(":")[0] for name, target in METHODS.items()}}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"expunge.{name}")
    if not name.startswith("_") and name in (table := _table()):
        return getattr(importlib.import_module(table[name]), name)
    raise AttributeError(f"module 'expunge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*_table(), *_MODULES, "__version__"])
