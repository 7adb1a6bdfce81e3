"""A student that agrees with its teacher on what is retained and disagrees on what is forgotten."""

from __future__ import annotations

import copy
from typing import Literal

import numpy as np

from expunge.arguments import check_count, check_number
from expunge.errors import InvalidParameterError
from expunge.methods.networks.arguments import check_training
from expunge.methods.networks.job import Job
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.task import Task
from expunge.methods.networks.utility import view

__all__ = ["SCRUB"]


class SCRUB(NetworkMethod):
    """Distil the model into itself: towards itself on the retain set, away from itself on the forget set.

    Parameters
    ----------
    epochs : int, default=3
        Passes over the retain set.
    max_epochs : int, default=2
        In so many of them, the first, a pass away on the forget set comes before.
    lr : float, default=0.003
    alpha : float, default=0.5
        Weight of the divergence on the retain set.
    gamma : float, default=1.0
        Weight of the loss on the retain set.
    temperature : float, default=4.0
        Of the divergence.
    batch_size : int, default=64
        Of the retain set.
    forget_batch_size : int, default=16
    optimizer : {"sgd", "adam"}, default="adam"
    momentum : float, default=0.9
        Of SGD.
    weight_decay : float, default=0.0
    anneal : bool, default=False
        Whether the step size falls linearly to zero over the run, instead of staying as it is.
    held_out : Task, optional
        SCRUB+R: unseen data with the classes of the forget set. The checkpoint is taken whose measured quantity on the
        forget set is nearest to that of the last model on these data.

    Raises
    ------
    InvalidParameterError
        By its verbs: an argument out of range, or ``held_out`` is no task.

    Guarantee
    ---------
    ``empirical``.

    Notes
    -----
    With the divergence d of the teacher's outputs to the student's the objective is α · mean_retain d + γ · mean_retain
    loss - strength · mean_forget d. On the forget set the gradient is zero as long as the student is its teacher:
    without dropout or batch normalisation the first pass away does nothing with SGD, so ``max_epochs`` is to be 2 or
    more. With Adam it goes where rounding errors, scaled up, point: to the same weights in each run on one machine, to
    others where sums are taken in another order. The
    authors' code has, for small tasks, α 0.5, γ 1, temperature 2, Adam at 5e-4 with decay 0.1, 3 of 10 epochs away; for
    large ones α 0.001, γ 0.99, temperature 4, SGD at 5e-4 with momentum 0.9 and decay 5e-4, batches of 128 and 32, 2 of
    3 epochs away. Other defaults are ours, tuned on a small network. Reads epochs · n_retain + max_epochs · n_forget
    records; rewinding, n_forget a pass more, and the held-out data, which are not counted.

    References
    ----------
    M. Kurmanji, P. Triantafillou, J. Hayes, E. Triantafillou, "Towards unbounded machine unlearning", NeurIPS 2023,
    arXiv 2302.09880: algorithm 1 (the order of the passes), algorithms 2 and 3 (away and near), section 3.2 (the
    rewinding of SCRUB+R).

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, SCRUB
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = SCRUB(epochs=2).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 8)
    """

    _statement = "the model was distilled away from what it said about the records; no distance is proved"
    _mends = True

    def __init__(
        self, *, epochs: int = 3, max_epochs: int = 2, lr: float = 0.003, alpha: float = 0.5, gamma: float = 1.0,
        temperature: float = 4.0, batch_size: int = 64, forget_batch_size: int = 16,
        optimizer: Literal["sgd", "adam"] = "adam", momentum: float = 0.9, weight_decay: float = 0.0,
        anneal: bool = False,
        held_out: Task | None = None,
    ) -> None:  # fmt: skip
        self.epochs = epochs
        self.max_epochs = max_epochs
        self.lr = lr
        self.alpha = alpha
        self.gamma = gamma
        self.temperature = temperature
        self.batch_size = batch_size
        self.forget_batch_size = forget_batch_size
        self.optimizer = optimizer
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.anneal = anneal
        self.held_out = held_out

    def _check(self) -> None:
        check_training(self)
        check_count("max_epochs", self.max_epochs, least=0)
        check_count("forget_batch_size", self.forget_batch_size)
        check_number("alpha", self.alpha)
        check_number("gamma", self.gamma)
        check_number("temperature", self.temperature, open_low=True)
        if self.held_out is not None and not isinstance(self.held_out, Task):
            raise InvalidParameterError(f"held_out must be a task of unseen data, got {type(self.held_out).__name__}.")

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        rewinding = 0 if self.held_out is None else self.epochs * n_forget
        return self.epochs * n_retain + min(self.max_epochs, self.epochs) * n_forget + rewinding

    def _run(self, job: Job) -> None:
        n_away = job.n_steps(job.forget, self.forget_batch_size, min(self.max_epochs, self.epochs))
        optimizer = job.optimizer(
            self.optimizer, self.lr, momentum=self.momentum, weight_decay=self.weight_decay,
            falls_over=n_away + job.n_steps(job.retain, self.batch_size, self.epochs) if self.anneal else None,
        )  # fmt: skip
        checkpoints = []
        for epoch in range(self.epochs):
            if epoch < self.max_epochs:
                for batch in job.batches(job.forget, self.forget_batch_size, epoch=epoch):
                    wanted, outputs = job.taught(job.original, batch), job.outputs(batch, "forget")
                    away = job.task.divergence(outputs, wanted, self.temperature).mean()
                    job.step(optimizer, -job.strength * away)
            for batch in job.batches(job.retain, self.batch_size, epoch=epoch):
                wanted, outputs = job.taught(job.original, batch), job.outputs(batch, "retain")
                near = job.task.divergence(outputs, wanted, self.temperature).mean()
                loss = job.task.losses_of(outputs, batch.targets).mean()
                job.step(optimizer, self.alpha * near + self.gamma * loss)
            if self.held_out is not None:
                job.work += len(job.forget)
                checkpoints.append((_measured(job, job.task, job.forget), copy.deepcopy(job.model.state_dict())))
        if self.held_out is not None:
            wanted_measure = _measured(job, self.held_out, np.arange(len(self.held_out)))
            best = min(range(self.epochs), key=lambda i: abs(checkpoints[i][0] - wanted_measure))
            job.model.load_state_dict(checkpoints[best][1])
            job.notes.append(f"rewound to epoch {best + 1} of {self.epochs}")


def _measured(job: Job, task: Task, positions: np.ndarray[tuple[int], np.dtype[np.intp]]) -> float:
    return float(np.concatenate([seen.measured for seen in view(job.model, task, positions)]).mean())
