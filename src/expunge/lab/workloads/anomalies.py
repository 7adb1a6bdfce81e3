"""Sets of ADBench: measures of which a few are anomalies. No model is told which."""

from __future__ import annotations

import numpy as np

from expunge.lab.data import Data, invent_subjects
from expunge.lab.tasks import ANOMALIES
from expunge.lab.workloads.files import arrays, draw

__all__ = ["cardio", "shuttle", "thyroid"]


def cardio(n: int | None) -> Data:
    """Cardiotocography: 21 measures, 176 of 1,831 pathological."""
    return _of("cardio", n)


def shuttle(n: int | None) -> Data:
    """Shuttle: 9 readings, 3,511 of 49,097 unusual."""
    return _of("shuttle", n)


def thyroid(n: int | None) -> Data:
    """Thyroid: 6 blood values, 93 of 3,772 of the ill."""
    return _of("thyroid", n)


def _of(name: str, n: int | None) -> Data:
    found = arrays(f"adbench_{name}.npz")
    ids = np.arange(len(found["y"]), dtype=np.int64)
    places = draw(ids, n)
    return Data(
        name=name, kind="table", X=found["X"][places].astype(np.float64), y=found["y"][places].astype(np.int64),
        ids=ids[places], subjects=invent_subjects(ids[places]), classes=("normal", "anomaly"), task=ANOMALIES,
    )  # fmt: skip
