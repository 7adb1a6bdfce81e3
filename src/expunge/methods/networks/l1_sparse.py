"""Fine-tuning with a penalty on the sum of the weights' sizes."""

from __future__ import annotations

import torch

from expunge.arguments import check_number
from expunge.methods.networks.arguments import check_training
from expunge.methods.networks.job import Job
from expunge.methods.networks.network_method import NetworkMethod

__all__ = ["L1Sparse"]


class L1Sparse(NetworkMethod):
    """Train on, on the retain set, with an L1 penalty that fades: a sparser model remembers less.

    Parameters
    ----------
    gamma : float, default=2e-3
        Weight of the penalty at first; the strength of ``forget`` scales it. It falls linearly to zero over the passes.
    epochs : int, default=3
        Passes over the retain set.
    lr : float, default=0.1
    batch_size : int, default=64
    momentum : float, default=0.9
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
    In pass t of T a step goes down mean loss + γ (1 - t / T) ‖θ‖₁, t from 0. Reads epochs · n_retain records. The
    weight falls as in the authors' code, which takes 10 epochs at 0.01 with momentum 0.9; the defaults are ours, tuned
    on a small network.

    References
    ----------
    J. Jia, J. Liu, P. Ram, Y. Yao, G. Liu, Y. Liu, P. Sharma, S. Liu, "Model sparsity can simplify machine unlearning",
    NeurIPS 2023, arXiv 2304.04934, the equation of sparsity-aware unlearning, with the weight of the penalty falling
    linearly.

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, L1Sparse
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = L1Sparse(epochs=1).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 3)
    """

    def __init__(
        self, *, gamma: float = 2e-3, epochs: int = 3, lr: float = 0.1, batch_size: int = 64, momentum: float = 0.9,
        anneal: bool = False,
    ) -> None:  # fmt: skip
        self.gamma = gamma
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.momentum = momentum
        self.anneal = anneal

    def _check(self) -> None:
        check_training(self)
        check_number("gamma", self.gamma)

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return self.epochs * n_retain

    def _run(self, job: Job) -> None:
        optimizer = job.optimizer(
            "sgd", self.lr, momentum=self.momentum,
            falls_over=job.n_steps(job.retain, self.batch_size, self.epochs) if self.anneal else None,
        )  # fmt: skip
        for epoch in range(self.epochs):
            weight = self.gamma * job.strength * (1 - epoch / self.epochs)
            for batch in job.batches(job.retain, self.batch_size, epoch=epoch):
                loss = job.losses(batch, "retain").mean()
                size = torch.stack([p.abs().sum() for p in job.trainable().values()]).sum()
                job.step(optimizer, loss + weight * size)
