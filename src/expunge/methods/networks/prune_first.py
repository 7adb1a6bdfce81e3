"""Prune, then train on without the records."""

from __future__ import annotations

import torch

from expunge.arguments import check_number
from expunge.methods.networks.arguments import check_training
from expunge.methods.networks.descent import descend
from expunge.methods.networks.job import Job
from expunge.methods.networks.largest import largest
from expunge.methods.networks.network_method import NetworkMethod

__all__ = ["PruneFirst"]


class PruneFirst(NetworkMethod):
    """Set the smallest weights to zero, then train the others on, on the retain set.

    Parameters
    ----------
    sparsity : float, default=0.7
        Share of the weights that become zero, in [0, 1). Biases and scales, with one dimension, are left.
    epochs : int, default=3
        Passes over the retain set.
    lr : float, default=0.1
        Step size; the strength of ``forget`` scales it.
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
    One-shot magnitude pruning over all layers together. Reads epochs · n_retain records. The paper prunes 95 % of a
    ResNet-18 and trains 10 epochs at 0.01; a small network has less to spare, and the defaults are ours. The penalty of
    :class:`~expunge.methods.networks.limits.Limits` does not hold the pruning back; the steps after it carry it.

    References
    ----------
    J. Jia, J. Liu, P. Ram, Y. Yao, G. Liu, Y. Liu, P. Sharma, S. Liu, "Model sparsity can simplify machine unlearning",
    NeurIPS 2023, arXiv 2304.04934, section on "prune first, then unlearn".

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, PruneFirst
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = PruneFirst(sparsity=0.5, epochs=1).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 3)
    """

    def __init__(
        self, *, sparsity: float = 0.7, epochs: int = 3, lr: float = 0.1, batch_size: int = 64, momentum: float = 0.9,
        anneal: bool = False,
    ) -> None:  # fmt: skip
        self.sparsity = sparsity
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.momentum = momentum
        self.anneal = anneal

    def _check(self) -> None:
        check_training(self)
        check_number("sparsity", self.sparsity, high=1 - 1e-9)

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return self.epochs * n_retain

    def _run(self, job: Job) -> None:
        start = job.start()
        matrices = {name: value for name, value in start.items() if value.dim() > 1}
        kept = largest(matrices, 1 - self.sparsity) if matrices else {}
        mask = {name: kept.get(name, torch.ones_like(value)) for name, value in start.items()}
        job.replace({name: value * mask[name] for name, value in start.items()})
        descend(
            job, epochs=self.epochs, lr=self.lr, batch_size=self.batch_size, momentum=self.momentum, mask=mask,
            anneal=self.anneal,
        )  # fmt: skip
