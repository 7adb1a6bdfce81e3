"""What the server of child processes imports before it makes any: all of ours, and what it needs sooner or later."""

import importlib
import pkgutil

import lightgbm  # noqa: F401
import sklearn.datasets
import sklearn.ensemble  # noqa: F401

import expunge
import workspace.preload  # noqa: F401

for _module in pkgutil.walk_packages(expunge.__path__, "expunge."):
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)
