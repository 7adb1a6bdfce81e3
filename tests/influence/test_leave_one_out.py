"""How long leave-one-out says that it will take."""

from __future__ import annotations

import itertools
import types

import pytest
from sklearn.datasets import load_wine

import expunge
from expunge.influence import influence, leave_one_out


def test_the_first_removal_which_compiles_and_wakes_is_no_measure_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = itertools.chain([0.0, 100.0], itertools.count(101.0))
    monkeypatch.setattr(leave_one_out, "time", types.SimpleNamespace(perf_counter=lambda: next(clock)))
    X, y = load_wine(return_X_y=True)
    told: list[tuple[float, float]] = []
    influence(
        expunge.GaussianNB().fit(X, y), on=(X, y), ids=list(range(12)), method="leave-one-out",
        progress=lambda spent, total: told.append((spent, total)),
    )  # fmt: skip
    assert told[0] == (101.0, 111.0)
    assert told[-1] == (111.0, 111.0)
