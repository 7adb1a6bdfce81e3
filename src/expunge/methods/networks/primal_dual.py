"""Keep the retain loss low, subject to the forget loss being high enough."""

from __future__ import annotations

import itertools

from torch import nn

from expunge.arguments import check_number
from expunge.methods.networks.arguments import check_training
from expunge.methods.networks.job import Job, endless_work
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.task import Positions, Task

__all__ = ["PrimalDual"]


class PrimalDual(NetworkMethod):
    """Minimise the retain loss subject to a constraint on the forget loss; the multiplier finds the balance.

    Parameters
    ----------
    level : float, default=0.1
        c of the constraint: the forget loss shall be at least c times the loss of a model that knows nothing; the
        strength of ``forget`` scales it. For classification that loss is ln k.
    epochs : int, default=2
        Passes over the retain set.
    lr : float, default=0.03
        Step size of the weights.
    dual_lr : float, default=0.1
        Step size of the multiplier.
    batch_size : int, default=64
        Records of each set a step.
    momentum : float, default=0.9
    anneal : bool, default=False
        Whether the step size falls linearly to zero over the run, instead of staying as it is.

    Raises
    ------
    InvalidParameterError
        By its verbs: an argument out of range.
    UnsupportedRequestError
        The task does not know the loss of a model that knows nothing.

    Guarantee
    ---------
    ``empirical``: the constraint holds on average over batches, where the multiplier has settled.

    Notes
    -----
    minimise L_retain(θ) subject to L_forget(θ) ≥ c. Each step goes down the Lagrangian L_retain + μ (c - L_forget) in θ
    and up in μ: μ ← max(0, μ + η (c - L_forget)), from μ = 0. Where the loss is high enough μ falls back to zero, so
    the forget loss is not driven to infinity, as gradient ascent does. All defaults are ours, tuned on a small
    network.

    References
    ----------
    K. Arrow, L. Hurwicz, H. Uzawa, "Studies in linear and non-linear programming", 1958 (the dynamics); L. Chamon, A.
    Ribeiro, "Probably approximately correct constrained learning", NeurIPS 2020, arXiv 2006.05487, algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, PrimalDual
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = PrimalDual(epochs=1).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 4)
    """

    _statement = "the loss of the records was held above a level; no distance is proved"
    _mends = True

    def __init__(
        self, *, level: float = 0.1, epochs: int = 2, lr: float = 0.03, dual_lr: float = 0.1, batch_size: int = 64,
        momentum: float = 0.9, anneal: bool = False,
    ) -> None:  # fmt: skip
        self.level = level
        self.epochs = epochs
        self.lr = lr
        self.dual_lr = dual_lr
        self.batch_size = batch_size
        self.momentum = momentum
        self.anneal = anneal

    def _check(self) -> None:
        check_training(self)
        check_number("level", self.level)
        check_number("dual_lr", self.dual_lr, open_low=True)

    def _look(self, model: nn.Module, task: Task, forget: Positions) -> None:
        if type(task).ignorant_loss is Task.ignorant_loss:
            task.ignorant_loss(None, None)

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        steps = self.epochs * -(-n_retain // self.batch_size)
        return self.epochs * n_retain + endless_work(n_forget, self.batch_size, steps)

    def _run(self, job: Job) -> None:
        optimizer = job.optimizer(
            "sgd", self.lr, momentum=self.momentum,
            falls_over=job.n_steps(job.retain, self.batch_size, self.epochs) if self.anneal else None,
        )  # fmt: skip
        passes = (job.batches(job.retain, self.batch_size, epoch=epoch) for epoch in range(self.epochs))
        forgotten = job.endless(job.forget, self.batch_size)
        multiplier = 0.0
        for batch in itertools.chain.from_iterable(passes):
            kept = job.losses(batch, "retain").mean()
            gone = next(forgotten)
            outputs = job.outputs(gone, "forget")
            loss = job.task.losses_of(outputs, gone.targets).mean()
            wanted = job.strength * self.level * job.task.ignorant_loss(outputs.detach(), gone.targets)
            multiplier = max(0.0, multiplier + self.dual_lr * (wanted - float(loss.detach())))
            job.step(optimizer, kept + multiplier * (wanted - loss))
        job.notes.append(f"the multiplier ended at {multiplier:.3g}")
