"""Unroll the training to first order around its start: one gradient step undoes a record."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from expunge.arguments import check_count, check_number
from expunge.errors import InvalidParameterError
from expunge.maths.vectors import scaled
from expunge.methods.networks.job import Job
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.task import Positions, Task

__all__ = ["SingleStep"]


class SingleStep(NetworkMethod):
    """Single-gradient unlearning: add back the gradients that the records had at the start of training.

    Parameters
    ----------
    start : dict of str to tensor
        ``state_dict()`` of the model before it was trained on the records: first weights, or those of pre-training.
    lr : float, default=0.01
        η, with which the model was trained.
    epochs : int, default=1
        m: how often each record was seen.
    batch_size : int, default=64
        b, with which it was trained.

    Raises
    ------
    InvalidParameterError
        By its verbs: ``start`` lacks a parameter or has one of another shape, or an argument out of range.

    Guarantee
    ---------
    ``empirical``: the error is that of the expansion, which the paper measures as verification error; it grows with the
    length of the training.

    Notes
    -----
    θ ← θ + strength · (η m / b) Σ_forget ∇ℓ(θ at the start). For SGD without momentum and with a mean over the batch;
    η, m and b are those of your training. Reads the forget set once, in eval mode.

    References
    ----------
    A. Thudi, G. Deza, V. Chandrasekaran, N. Papernot, "Unrolling SGD: understanding factors influencing machine
    unlearning", EuroS&P 2022, arXiv 2109.13398, the equation of single gradient unlearning.

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, SingleStep
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> model = torch.nn.Linear(4, 2)
    >>> start = {name: 0 * value for name, value in model.state_dict().items()}
    >>> new_model, removal = SingleStep(start=start).forget(model, task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 1)
    """

    _needs = ("start",)
    _statement = "the records' first gradients were added back; no distance is proved"

    def __init__(
        self,
        *,
        start: Mapping[str, torch.Tensor] | None = None,
        lr: float = 0.01,
        epochs: int = 1,
        batch_size: int = 64,
    ) -> None:
        self.start = start
        self.lr = lr
        self.epochs = epochs
        self.batch_size = batch_size

    def _check(self) -> None:
        check_number("lr", self.lr, open_low=True)
        check_count("epochs", self.epochs)
        check_count("batch_size", self.batch_size)
        if not isinstance(self.start, Mapping):
            raise InvalidParameterError(
                f"start must be the weights before training, got {type(self.start).__name__}.",
                hint="Keep copy.deepcopy(model.state_dict()) before the first step.",
            )

    def _look(self, model: nn.Module, task: Task, forget: Positions) -> None:
        start = self.start or {}
        for name, parameter in model.named_parameters():
            if name not in start or start[name].shape != parameter.shape:
                raise InvalidParameterError(f"start has no {name!r} of shape {tuple(parameter.shape)}.")

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return n_forget

    def _run(self, job: Job) -> None:
        start = self.start or {}
        at = {name: start[name].to(value) for name, value in job.start().items()}
        gradient = job.mean_gradient(job.forget, at=at)
        job.jump(scaled(gradient, job.strength * self.lr * self.epochs / self.batch_size * len(job.forget)))
