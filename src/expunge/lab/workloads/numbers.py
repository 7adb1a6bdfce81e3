"""Tables whose target is a number."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes

from expunge.lab.data import Data, invent_subjects
from expunge.lab.tasks import NUMBERS
from expunge.lab.workloads.files import draw, frame

__all__ = ["adult_age", "progression"]


def adult_age(n: int | None) -> Data:
    """Adult: how old is somebody?"""
    table = frame("adult.csv.gz", fetch="adult").drop(columns=["split", "fnlwgt"], errors="ignore")
    return _of("adult-age", table, "age", n)


def progression(n: int | None) -> Data:
    """Diabetes of scikit-learn: ten measures of a patient, and how far the disease is a year later."""
    return _of("progression", load_diabetes(as_frame=True, scaled=False).frame, "target", n)


def _of(name: str, table: Any, target: str, n: int | None) -> Data:
    ids = np.arange(len(table), dtype=np.int64)
    places = draw(ids, n)
    y = table.pop(target).to_numpy(dtype=np.float64)
    return Data(
        name=name, kind="table", X=table.iloc[places].reset_index(drop=True), y=y[places], ids=ids[places],
        subjects=invent_subjects(ids[places]), classes=(), task=NUMBERS,
    )  # fmt: skip
