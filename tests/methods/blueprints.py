"""Blueprints of tiny networks for tests, and how to enter them as a package would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from expunge.networks import Blueprint


class Tiny(Blueprint):
    """One hidden layer; trained by Adam on everything at once."""

    target = "label"

    def network(self, n_features: int, n_outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(n_features, 6), nn.ReLU(), nn.Linear(6, n_outputs))

    def train(self, network: nn.Module, task: Any, seed: int) -> nn.Module:
        optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
        batch = task.batch(np.argsort(task.ids.astype(str)), torch.device("cpu"))
        for _ in range(5):
            optimizer.zero_grad()
            task.losses(network(batch.inputs), batch.targets).mean().backward()
            optimizer.step()
        return network

    def backbone(self, n_features: int) -> nn.Module:
        return nn.Sequential(nn.Linear(n_features, 12), nn.ReLU())


class TinyValues(Tiny):
    """The same for a regression."""

    kind = "regression"


class Drawing(Tiny):
    """With layers that draw and that learn statistics; records of an even first column enter late."""

    def network(self, n_features: int, n_outputs: int) -> nn.Module:
        head = (nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, n_outputs))
        return nn.Sequential(nn.Linear(n_features, 6), nn.BatchNorm1d(6), *head)

    def entry(self, X: Any) -> Any:
        return (np.floor(X[:, 0]) % 2 == 0).astype(np.intp)


class Untrained(Blueprint):
    """Without a training of its own."""

    def network(self, n_features: int, n_outputs: int) -> nn.Module:
        return nn.Linear(n_features, n_outputs)


def enter_as_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry points of this module, in a package that consists of them."""
    info = folder / "tiny-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1\n", encoding="utf-8")
    names = {"tiny": "Tiny", "tiny-values": "TinyValues", "drawing": "Drawing", "untrained": "Untrained", "no": "nn"}
    lines = [f"{name} = methods.blueprints:{kind}" for name, kind in names.items()]
    (info / "entry_points.txt").write_text("[expunge.tasks]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
