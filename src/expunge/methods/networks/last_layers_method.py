"""What the two methods that train the last layers do alike."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from expunge.arguments import check_count
from expunge.methods.networks.arguments import check_training
from expunge.methods.networks.job import Job
from expunge.methods.networks.last_layers import last_layers, train_last_layers
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.task import Positions, Task

__all__ = ["LastLayersMethod"]


class LastLayersMethod(NetworkMethod):
    """Base of methods that train the last k layers on the retain set, as they are or drawn anew."""

    _anew: ClassVar[bool]

    k: int
    epochs: int
    lr: float
    batch_size: int
    momentum: float
    weight_decay: float
    anneal: bool

    def _check(self) -> None:
        check_training(self)
        check_count("k", self.k)

    def _look(self, model: nn.Module, task: Task, forget: Positions) -> None:
        last_layers(model, self.k)

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return self.epochs * n_retain

    def _run(self, job: Job) -> None:
        train_last_layers(
            job, self.k, anew=self._anew, epochs=self.epochs, lr=self.lr, batch_size=self.batch_size,
            momentum=self.momentum, weight_decay=self.weight_decay, anneal=self.anneal,
        )  # fmt: skip
