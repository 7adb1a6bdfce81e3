"""A budget that is kept: a process is ended by SIGKILL in the midst of a request, and nothing is counted too little."""

from __future__ import annotations

import os
import signal
import warnings
from pathlib import Path

import pytest

import expunge
from expunge.workspace.models import models
from workspace import life

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL is a matter of POSIX")


def gone_of(ws: expunge.Workspace) -> float:
    """What the odometer of the one model reads."""
    with ws._core.read() as connection:
        (model,) = models.live_models(ws._core, connection)
    found: float = models.load(ws._core, model).model.odometer_.gone
    return found


@pytest.mark.parametrize(
    "point",
    [pytest.param("forget-model-written", marks=pytest.mark.slow), "forget-switched",
     pytest.param("receipt-entered", marks=pytest.mark.slow)],
)  # fmt: skip
def test_an_odometer_counts_each_record_once_whenever_the_process_dies(point: str, tmp_path: Path) -> None:
    root = life.prepare(tmp_path / "life")
    ws = expunge.Workspace.init(root)
    ws.data_add(root.parent / "people.csv", record_id="id", subject_id="person")
    ws.fit(
        "quiet", data="people", target="label", method="private-logistic-regression", ignore=["job"], bare=True,
        options={"group_size": 6, "delta": 1e-3},
    )  # fmt: skip
    ws.close()
    assert life.Child(life.forget_in, root, 0, EXPUNGE_FAIL_AT=point).end() == -signal.SIGKILL
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Finished interrupted request")
        ws = expunge.Workspace.open(root)
        assert gone_of(ws) >= 2 * len(list((root / "receipts").iterdir()))  # a receipt is never ahead of the odometer
        life.forget(ws, 0)  # asked again: it is the same request
        assert gone_of(ws) == 2.0
        life.forget(ws, 1)
    assert gone_of(ws) == 4.0
    assert len(list((root / "receipts").iterdir())) == 2
    assert ws.verify()
    ws.close()
