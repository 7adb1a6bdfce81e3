"""Train on without the records, and hope that they fade."""

from __future__ import annotations

from typing import Literal

from expunge.methods.networks.arguments import check_training
from expunge.methods.networks.descent import descend
from expunge.methods.networks.job import Job
from expunge.methods.networks.network_method import NetworkMethod

__all__ = ["FineTuning"]


class FineTuning(NetworkMethod):
    """Train on, on the retain set alone: the baseline that every other method has to beat.

    Parameters
    ----------
    epochs : int, default=3
        Passes over the retain set.
    lr : float, default=0.1
        Step size; the strength of ``forget`` scales it.
    batch_size : int, default=64
    optimizer : {"sgd", "adam"}, default="sgd"
    momentum : float, default=0.9
        Of SGD.
    weight_decay : float, default=0.0
    anneal : bool, default=False
        Whether the step size falls linearly to zero over the run, instead of staying as it is.

    Raises
    ------
    InvalidParameterError
        By its verbs: an argument out of range.

    Guarantee
    ---------
    ``empirical``.

    Notes
    -----
    Reads epochs · n_retain records. The defaults are ours, tuned on a small network; the code of Jia et al. (2023),
    where it is a baseline for a ResNet-18, takes 10 epochs at 0.01 with momentum 0.9 and weight decay 5e-4.

    References
    ----------
    A. Golatkar, A. Achille, S. Soatto, "Eternal sunshine of the spotless net: selective forgetting in deep networks",
    CVPR 2020, arXiv 1911.04933, baseline "fine-tune".

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, FineTuning
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = FineTuning(epochs=1).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 3)
    """

    def __init__(
        self, *, epochs: int = 3, lr: float = 0.1, batch_size: int = 64, optimizer: Literal["sgd", "adam"] = "sgd",
        momentum: float = 0.9, weight_decay: float = 0.0, anneal: bool = False,
    ) -> None:  # fmt: skip
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.anneal = anneal

    def _check(self) -> None:
        check_training(self)

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return self.epochs * n_retain

    def _run(self, job: Job) -> None:
        descend(
            job, epochs=self.epochs, lr=self.lr, batch_size=self.batch_size, optimizer=self.optimizer,
            momentum=self.momentum, weight_decay=self.weight_decay, anneal=self.anneal,
        )  # fmt: skip
