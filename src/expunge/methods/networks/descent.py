"""Training on, pass after pass over the retain set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch

from expunge.maths.vectors import Vector
from expunge.methods.networks.job import Job
from expunge.methods.networks.task import Batch

__all__ = ["descend"]


def descend(
    job: Job, *, epochs: int, lr: float, batch_size: int, optimizer: Literal["sgd", "adam"] = "sgd",
    momentum: float = 0.0, weight_decay: float = 0.0, mask: Vector | None = None, anneal: bool = False,
    losses: Callable[[Batch], torch.Tensor] | None = None,
) -> None:  # fmt: skip
    """Go down the loss of the retain set, the step size scaled by the strength; with a mask only where it is one.

    ``losses`` are those of a batch where they can be had for less than by running the whole model.
    """
    steps = job.optimizer(
        optimizer, lr * job.strength, momentum=momentum, weight_decay=weight_decay,
        falls_over=job.n_steps(job.retain, batch_size, epochs) if anneal else None,
    )  # fmt: skip
    for epoch in range(epochs):
        for batch in job.batches(job.retain, batch_size, epoch=epoch):
            found = job.losses(batch, "retain") if losses is None else losses(batch)
            job.step(steps, found.mean(), mask=mask)
