"""Noisy steps of a network, each on records that take part by a coin of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import torch
from torch import nn

from expunge.methods.networks.repeatable import device_of
from expunge.methods.networks.task import Positions, Task
from expunge.methods.private.opacus_modules import Clipping, Private, made_private

__all__ = ["Steps", "run_steps"]


class Steps:
    """How a run is done.

    Parameters
    ----------
    probability : float
        With which each record takes part in a step.
    count : int
        Of steps.
    multiplier : float
        Of the noise, relative to ``max_grad_norm``.
    max_grad_norm : float
        No record's gradient is longer.
    optimizer : {"sgd", "adam"}
    lr, momentum : float
    clipping : {"ghost", "flat"}
    chunk : int
        So many records go through the network at a time.
    """

    def __init__(
        self, *, probability: float, count: int, multiplier: float, max_grad_norm: float, optimizer: str, lr: float,
        momentum: float, clipping: Clipping, chunk: int,
    ) -> None:  # fmt: skip
        self.probability, self.count, self.multiplier = probability, count, multiplier
        self.max_grad_norm, self.clipping, self.chunk = max_grad_norm, clipping, chunk
        self.optimizer, self.lr, self.momentum = optimizer, lr, momentum

    def optimizer_of(self, model: nn.Module) -> torch.optim.Optimizer:
        """Torch's own, over the trainable parameters."""
        trainable = [p for p in model.parameters() if p.requires_grad]
        if self.optimizer == "adam":
            return torch.optim.Adam(trainable, lr=self.lr)
        return torch.optim.SGD(trainable, lr=self.lr, momentum=self.momentum)


def run_steps(model: nn.Module, task: Task, kept: Positions, steps: Steps, noise_seed: int | None) -> int:
    """Train a model in place.

    Parameters
    ----------
    model : Module
        From :func:`~expunge.methods.private.opacus_modules.valid_copy`.
    task : Task
    kept : ndarray of positions
    steps : Steps
    noise_seed : int or None
        Of coins and noise; None: from the operating system.

    Returns
    -------
    int
        Records read.

    Notes
    -----
    Coins and noise are torch's generator. With a seed of the operating system each noise is a sum of four draws, so
    that the low bits of a float do not tell the value under it (Holohan and Braghin 2021; it is Opacus's safe mode).
    """
    secure = noise_seed is None
    seed = int.from_bytes(os.urandom(8), "little", signed=True) if noise_seed is None else noise_seed
    device = device_of(model)
    coins = torch.Generator().manual_seed(seed)
    noise = torch.Generator(device=device).manual_seed(int(torch.randint(2**62, (), generator=coins)))
    private = made_private(
        model, steps.optimizer_of(model), task, clipping=steps.clipping, multiplier=steps.multiplier,
        max_grad_norm=steps.max_grad_norm, batch_size=steps.probability * len(kept), generator=noise, secure=secure,
    )  # fmt: skip
    work = 0
    for _ in range(steps.count):
        chosen = kept[(torch.rand(len(kept), generator=coins, dtype=torch.float64) < steps.probability).numpy()]
        _step(private, task, chosen, steps.chunk, device)
        work += len(chosen)
    return work


def _step(private: Private, task: Task, chosen: Positions, chunk: int, device: torch.device) -> None:
    if not len(chosen):
        _nothing(private)
        return
    for part, is_last in _parts(chosen, chunk):
        batch = task.batch(part, device)
        private.optimizer.zero_grad(set_to_none=True)
        private.criterion(task.forward(private.module, batch.inputs), batch.targets).backward()
        private.optimizer.signal_skip_step(do_skip=not is_last)
        private.optimizer.step()


def _parts(chosen: Positions, chunk: int) -> Iterator[tuple[Positions, bool]]:
    for start in range(0, len(chosen), chunk):
        yield chosen[start : start + chunk], start + chunk >= len(chosen)


def _nothing(private: Private) -> None:
    """A step in which no record takes part: noise alone, for whether anybody did is not told."""
    private.optimizer.zero_grad(set_to_none=True)
    for parameter in private.optimizer.params:
        parameter.grad = torch.zeros_like(parameter)
        parameter.grad_sample = parameter.new_zeros((0, *parameter.shape))
    private.optimizer.step()
