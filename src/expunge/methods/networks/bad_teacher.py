"""Two teachers: a competent one for what is retained, an ignorant one for what is forgotten."""

from __future__ import annotations

import copy
from typing import Literal

import numpy as np
from torch import nn

from expunge.arguments import check_number
from expunge.methods.networks.arguments import check_training
from expunge.methods.networks.job import Job, endless_work
from expunge.methods.networks.last_layers import last_layers, reset
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.task import Positions, Task
from expunge.seeds import uniform64

__all__ = ["BadTeacher"]


class BadTeacher(NetworkMethod):
    """Distil from the model itself on the retain set, and from a network of random weights on the forget set.

    Parameters
    ----------
    epochs : int, default=2
        Passes over the share of the retain set.
    retain_share : float, default=0.3
        Share of the retain set that is used, in (0, 1]: the paper's 30 %, chosen by the hash of the ids.
    lr : float, default=0.001
    temperature : float, default=1.0
    batch_size : int, default=64
        Records of each set a step.
    optimizer : {"sgd", "adam"}, default="adam"
    momentum : float, default=0.9
        Of SGD.
    weight_decay : float, default=0.0
    anneal : bool, default=False
        Whether the step size falls linearly to zero over the run, instead of staying as it is.

    Raises
    ------
    InvalidParameterError
        By its verbs: an argument out of range.
    UnsupportedEstimatorError
        A layer has no ``reset_parameters``.

    Guarantee
    ---------
    ``empirical``: a record on which the model is as unsure as a random network can be known by it.

    Notes
    -----
    A step goes down mean_retain KL(competent ‖ student) + strength · mean_forget KL(ignorant ‖ student). The ignorant
    teacher has the architecture of the model, its weights drawn anew from the seed. The authors' code has 30 % of the
    retain set, temperature 1, one epoch of Adam at 1e-4, batches of 256 in which both sets are mixed; here a batch of
    each stands in a step, so that their sizes do not weigh them.

    References
    ----------
    V. Chundawat, A. Tarun, M. Mandal, M. Kankanhalli, "Can bad teaching induce forgetting? Unlearning in deep networks
    using an incompetent teacher", AAAI 2023, arXiv 2205.08096, the equation of the objective with both teachers.

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import BadTeacher, Classification
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = BadTeacher(epochs=1).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 2)
    """

    _statement = "the model was taught to be ignorant about the records; no distance is proved"
    _mends = True

    def __init__(
        self, *, epochs: int = 2, retain_share: float = 0.3, lr: float = 0.001, temperature: float = 1.0,
        batch_size: int = 64, optimizer: Literal["sgd", "adam"] = "adam", momentum: float = 0.9,
        weight_decay: float = 0.0, anneal: bool = False,
    ) -> None:  # fmt: skip
        self.epochs = epochs
        self.retain_share = retain_share
        self.lr = lr
        self.temperature = temperature
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.anneal = anneal

    def _check(self) -> None:
        check_training(self)
        check_number("retain_share", self.retain_share, high=1.0, open_low=True)
        check_number("temperature", self.temperature, open_low=True)

    def _look(self, model: nn.Module, task: Task, forget: Positions) -> None:
        reset(_every_layer(copy.deepcopy(model).to("meta")))

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        used = self._n_used(n_retain)
        return self.epochs * used + endless_work(n_forget, self.batch_size, self.epochs * -(-used // self.batch_size))

    def _n_used(self, n_retain: int) -> int:
        return max(1, round(self.retain_share * n_retain))

    def _run(self, job: Job) -> None:
        ignorant = copy.deepcopy(job.original).requires_grad_(True)
        reset(_every_layer(ignorant))
        ignorant.requires_grad_(False)
        order = np.argsort(uniform64(job.seed, "share of the retain set", job.task.ids[job.retain]), kind="stable")
        used = job.retain[order[: self._n_used(len(job.retain))]]
        optimizer = job.optimizer(
            self.optimizer, self.lr, momentum=self.momentum, weight_decay=self.weight_decay,
            falls_over=job.n_steps(used, self.batch_size, self.epochs) if self.anneal else None,
        )  # fmt: skip
        forgotten = job.endless(job.forget, self.batch_size)
        for epoch in range(self.epochs):
            for batch in job.batches(used, self.batch_size, epoch=epoch):
                wanted, outputs = job.taught(job.original, batch), job.outputs(batch, "retain")
                near = job.task.divergence(outputs, wanted, self.temperature).mean()
                gone = next(forgotten)
                unsure, outputs = job.taught(ignorant, gone), job.outputs(gone, "forget")
                job.step(optimizer, near + job.strength * job.task.divergence(outputs, unsure, self.temperature).mean())


def _every_layer(model: nn.Module) -> dict[str, nn.Module]:
    n = sum(1 for m in model.modules() if next(m.parameters(recurse=False), None) is not None)
    return last_layers(model, n)
