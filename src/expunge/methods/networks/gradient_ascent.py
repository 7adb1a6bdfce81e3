"""Climb the loss of the records that are to be forgotten."""

from __future__ import annotations

from expunge.methods.networks.arguments import check_training
from expunge.methods.networks.job import Job
from expunge.methods.networks.network_method import NetworkMethod

__all__ = ["GradientAscent"]


class GradientAscent(NetworkMethod):
    """Step up the loss of the forget set; the retain set is not read.

    Parameters
    ----------
    epochs : int, default=1
        Passes over the forget set.
    lr : float, default=0.001
        Step size; the strength of ``forget`` scales it.
    batch_size : int, default=64
    momentum : float, default=0.0

    Raises
    ------
    InvalidParameterError
        By its verbs: an argument out of range.

    Guarantee
    ---------
    ``empirical``: nothing stops it from wrecking the model. Give it limits.

    Notes
    -----
    Reads epochs · n_forget records. The step of the paper: θ ← θ + η ∇ L_forget(θ). Step size and passes are ours; the
    code of Jia et al. (2023), where it is a baseline for a ResNet-18, takes 5 passes at 1e-4.

    References
    ----------
    A. Golatkar, A. Achille, S. Soatto, "Eternal sunshine of the spotless net", CVPR 2020, arXiv 1911.04933, baseline
    "negative gradient".

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, GradientAscent
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = GradientAscent(lr=0.01).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 1)
    """

    _statement = "the loss of the records was raised, which can wreck the model; no distance is proved"

    def __init__(self, *, epochs: int = 1, lr: float = 0.001, batch_size: int = 64, momentum: float = 0.0) -> None:
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.momentum = momentum

    def _check(self) -> None:
        check_training(self)

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return self.epochs * n_forget

    def _run(self, job: Job) -> None:
        optimizer = job.optimizer("sgd", self.lr * job.strength, momentum=self.momentum)
        for epoch in range(self.epochs):
            for batch in job.batches(job.forget, self.batch_size, epoch=epoch):
                job.step(optimizer, -job.losses(batch, "forget").mean())
