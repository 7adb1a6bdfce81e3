"""The last k layers, trained again from nothing."""

from __future__ import annotations

from torch import nn

from expunge.methods.networks.arguments import check_count, check_training
from expunge.methods.networks.job import Job
from expunge.methods.networks.last_layers import last_layers, train_last_layers
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.task import Positions, Task

__all__ = ["EUK"]


class EUK(NetworkMethod):
    """Draw the last k layers anew and train them on the retain set, with all layers before them frozen.

    Parameters
    ----------
    k : int, default=1
        Layers with parameters, counted from the end.
    epochs : int, default=3
        Passes over the retain set.
    lr : float, default=0.1
        Step size; the strength of ``forget`` scales it.
    batch_size : int, default=64
    momentum : float, default=0.9
    weight_decay : float, default=0.0

    Guarantee
    ---------
    ``empirical``: the last k layers never saw the forgotten records, but what goes into them did.

    Notes
    -----
    Reads epochs · n_retain records. The paper trains as long as the original was trained. The penalty of
    :class:`~expunge.methods.networks.limits.Limits` does not hold the drawing back; the steps after it carry it.

    References
    ----------
    S. Goel, A. Prabhu, A. Sanyal, S.-N. Lim, P. Torr, P. Kumaraguru, "Towards adversarial evaluations for inexact
    machine unlearning", arXiv 2201.06640, 2022: EU-k.
    """

    def __init__(
        self, *, k: int = 1, epochs: int = 3, lr: float = 0.1, batch_size: int = 64, momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        self.k = k
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.momentum = momentum
        self.weight_decay = weight_decay

    def _check(self) -> None:
        check_training(self)
        check_count("k", self.k)

    def _look(self, model: nn.Module, task: Task, forget: Positions) -> None:
        last_layers(model, self.k)

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return self.epochs * n_retain

    def _run(self, job: Job) -> None:
        train_last_layers(
            job, self.k, anew=True, epochs=self.epochs, lr=self.lr, batch_size=self.batch_size,
            momentum=self.momentum, weight_decay=self.weight_decay,
        )  # fmt: skip
