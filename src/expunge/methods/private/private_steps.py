"""Noisy steps of a network, each on records that take part by a coin of their own."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import torch
from torch import nn

from expunge.methods.networks.repeatable import device_of
from expunge.methods.networks.task import Positions, Task
from expunge.methods.private.opacus_modules import Clipping, Private, made_private
from expunge.privacy.clipping import QuantileClip
from expunge.privacy.noise import Noise

__all__ = ["Steps", "noise_of_both", "run_steps"]

#: Standard deviation of the noise on a count, as a share of the records of a step.
_COUNT_SHARE = 1 / 20


class Steps:
    """How a run is done.

    Parameters
    ----------
    probability : float
        With which each record takes part in a step.
    count : int
        Of steps.
    multiplier : float
        Of the noise of a step, relative to what one record moves: with that on the count, if there is one.
    max_grad_norm : float
        No record's gradient is longer.
    optimizer : {"sgd", "adam"}
    lr, momentum : float
    clipping : {"ghost", "flat"}
    chunk : int
        So many records go through the network at a time.
    clip_quantile : float, optional
        ``max_grad_norm`` is the first bound, and then follows this quantile of the lengths.
    """

    def __init__(
        self, *, probability: float, count: int, multiplier: float, max_grad_norm: float, optimizer: str, lr: float,
        momentum: float, clipping: Clipping, chunk: int, clip_quantile: float | None = None,
    ) -> None:  # fmt: skip
        self.probability, self.count, self.multiplier = probability, count, multiplier
        self.max_grad_norm, self.clipping, self.chunk = max_grad_norm, clipping, chunk
        self.optimizer, self.lr, self.momentum, self.clip_quantile = optimizer, lr, momentum, clip_quantile

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
    expected = steps.probability * len(kept)
    on_gradients, clip = steps.multiplier, None
    if steps.clip_quantile is not None:
        on_gradients, on_count = noise_of_both(steps.multiplier, expected)
        clip = QuantileClip(norm=steps.max_grad_norm, quantile=steps.clip_quantile, count_noise=on_count)
    private = made_private(
        model, steps.optimizer_of(model), task, clipping=steps.clipping, multiplier=on_gradients,
        max_grad_norm=steps.max_grad_norm, batch_size=expected, generator=noise, secure=secure,
    )  # fmt: skip
    counts, work = Noise(None if secure else seed % 2**63), 0
    for _ in range(steps.count):
        chosen = kept[(torch.rand(len(kept), generator=coins, dtype=torch.float64) < steps.probability).numpy()]
        norms = _step(private, task, chosen, steps.chunk, device, measure=clip is not None)
        if clip is not None:
            clip.update(norms, expected=max(1, round(expected)), noise=counts)
            private.bound(clip.norm)
        work += len(chosen)
    return work


def noise_of_both(multiplier: float, expected: float) -> tuple[float, float]:
    """A multiplier for the gradients and a standard deviation for the count that are one Gaussian together.

    Parameters
    ----------
    multiplier : float
        m, of both: 1/m² = 1/m_gradients² + (1/2)²/sigma_count², for a record moves the count by a half.
    expected : float
        Records of a step, on average. The count costs at most a sixteenth of 1/m².

    Examples
    --------
    >>> on_gradients, on_count = noise_of_both(1.0, 1000.0)
    >>> round(on_gradients, 5), on_count
    (1.00005, 50.0)
    """
    on_count = max(expected * _COUNT_SHARE, 2 * multiplier)
    return 1 / math.sqrt(1 / multiplier**2 - 1 / (2 * on_count) ** 2), on_count


def _step(
    private: Private, task: Task, chosen: Positions, chunk: int, device: torch.device, *, measure: bool
) -> list[float]:
    """A step; the lengths that the gradients had, where they are asked for."""
    norms: list[float] = []
    if not len(chosen):
        _nothing(private)
        return norms
    for part, is_last in _parts(chosen, chunk):
        batch = task.batch(part, device)
        private.optimizer.zero_grad(set_to_none=True)
        private.criterion(task.forward(private.module, batch.inputs), batch.targets).backward()
        if measure:
            norms += private.lengths().tolist()
        private.optimizer.signal_skip_step(do_skip=not is_last)
        private.optimizer.step()
    return norms


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
