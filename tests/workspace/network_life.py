"""A workspace with networks of every kind, and its life in a child process that may be ended at any instant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import nn

import expunge
from expunge.networks import UpdateLog, register
from expunge.workspace.storage.layout import Layout
from methods.blueprints import Drawing, Tiny

TEXT_LABEL, PERSON, RECORD = "label-91c44d0e7ab2", "person-4c9b7e21f05d83", "record-e6a1380b5d97f2"
NUMBER, SHORT = 731.3849257812345, 613.59161376953125
CANARIES: dict[str, str | float] = {
    "person": PERSON, "record": RECORD, "label": TEXT_LABEL, "number": NUMBER, "short": SHORT,
}  # fmt: skip


def enter() -> None:
    """The blueprints, in this process."""
    register("tiny", Tiny)
    register("drawing", Drawing)


def people() -> pd.DataFrame:
    """Sixty rows; one, of one person, holds values that nobody else has."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=60).round(3) for i in range(4)})
    frame.insert(0, "id", [f"r{i:03d}" for i in range(60)])
    frame.insert(1, "person", [f"p{i // 2}" for i in range(60)])
    frame["label"] = np.where(frame["x0"] > 0, "yes", "no")
    frame.loc[7, ["id", "person", "x1", "x2", "label"]] = [RECORD, PERSON, NUMBER, SHORT, TEXT_LABEL]
    return frame


def cells() -> list[float]:
    """All numbers of the table."""
    return [float(value) for value in people().filter(regex="^x").to_numpy().ravel()]


def trained(folder: Path, frame: pd.DataFrame) -> dict[str, Path]:
    """Files of a network that was trained elsewhere: weights, first weights and the log of its training."""
    blueprint, columns = Tiny(), [name for name in frame if name.startswith("x")]
    labels, codes = np.unique(frame["label"], return_inverse=True)
    X, y = blueprint.inputs(frame[columns].to_numpy(float)), torch.as_tensor(codes)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = blueprint.network(4, len(labels))
    save_file(network.state_dict(), folder / "first.safetensors")
    log, optimizer = UpdateLog(network), torch.optim.SGD(network.parameters(), lr=1e-3)
    for at in np.array_split(np.arange(len(frame)), 6):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(X[at]), y[at]).backward()
        with log.step(frame["id"].iloc[at].tolist()):
            optimizer.step()
    save_file(network.state_dict(), folder / "model.safetensors")
    log.save(folder / "log.safetensors")
    return {"state": folder / "model.safetensors", "log": folder / "log.safetensors"}


def begin(root: Path) -> expunge.Workspace:
    """Make the workspace, add the table, enter a network of each kind; what is done already is not done again."""
    enter()
    root.mkdir(parents=True, exist_ok=True)
    frame, table = people(), root.parent / "people.parquet"
    frame.to_parquet(table, index=False)
    ws = expunge.Workspace.open(root) if Layout(root).config.exists() else expunge.Workspace.init(root)
    if not ws.data_list():
        ws.data_add(table, record_id="id", subject_id="person")
    known = {model["name"] for model in ws.status()["models"]}
    if "adopted" not in known:
        how = {"task": "tiny", "method": "amnesiac", "options": {"epochs": 0}}
        ws.adopt("adopted", data="people", **how, **trained(root.parent, frame))
    short: dict[str, Any] = {"epochs": 2, "n_batches": 4, "checkpoint_every": 2}
    fits: dict[str, dict[str, Any]] = {
        "replayed": {"method": "replayed-network", "options": {"task": "drawing", **short}},
        "sliced": {"method": "sisa", "estimator": "network", "options": {
            "n_shards": 2, "n_slices": 2, "estimator__task": "tiny", "estimator__epochs": 1}},
        "headed": {"method": "ridge-classifier", "options": {"backbone": "tiny"}},
    }  # fmt: skip
    for name, how in fits.items():
        if name not in known:
            ws.fit(name, data="people", target="label", **how)
    return ws


def live(root: Path) -> None:
    """A whole life: the person goes."""
    ws = begin(root)
    ws.forget(subjects=[PERSON], caller="life", key="forget")
    ws.close()


def forget_in(root: Path, number: int) -> None:
    """One person goes, under a key of the caller, so that asking again is the same request."""
    enter()
    ws = expunge.Workspace.open(root)
    ws.forget(subjects=[f"p{number}"], caller="life", key=f"forget-{number}")
    ws.close()


def state(ws: expunge.Workspace) -> dict[str, Any]:
    """What must be the same, whatever happened on the way."""
    return {
        "models": [(m["name"], m["version"], m["n_records"]) for m in ws.status()["models"]],
        "requests": [answer.request.state for answer in ws.request_list(every=True)],
        "receipts": sorted(path.name for path in (ws.path / "receipts").iterdir()),
    }
