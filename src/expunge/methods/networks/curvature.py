"""The inverse of the curvature of a task's mean loss, applied to a vector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, Protocol

import numpy as np
import torch

from expunge.maths.hvp import gauss_newton_vp, hvp
from expunge.maths.inverse_hvp import Solved, conjugate_gradient, lissa
from expunge.maths.kfac import Kronecker, kronecker_factors
from expunge.maths.layers import known_layers
from expunge.maths.vectors import Vector, add, scaled, zeros
from expunge.methods.networks.functional import functional_losses, functional_outputs
from expunge.methods.networks.job import Job
from expunge.methods.networks.task import Batch, Positions, Task
from expunge.seeds import uniform64

__all__ = ["CurvatureOptions", "kronecker_of", "sampled", "solve_curvature"]


class CurvatureOptions(Protocol):
    """Arguments of :class:`~expunge.methods.networks.newton_step.NewtonStep` that are read here."""

    solver: Literal["cg", "lissa", "kfac", "ekfac"]
    curvature: Literal["gauss_newton", "hessian"]
    damping: float
    weight_decay: float
    max_iter: int
    tol: float
    scale: float
    max_samples: int
    batch_size: int


def solve_curvature(job: Job, task: Task, positions: Positions, b: Vector, options: CurvatureOptions) -> Solved:
    """(H + (weight_decay + damping) I)⁻¹ b, H the curvature of the mean loss over (some of) the records.

    Parameters
    ----------
    job : Job
    task : Task
        Whose records.
    positions : ndarray
        If there are more than ``max_samples``, those with the smallest hash of their id.
    b : dict of str to tensor
    options : CurvatureOptions
    """
    positions = sampled(job, task, positions, options.max_samples)
    shift = options.damping + options.weight_decay
    if options.solver in ("kfac", "ekfac"):
        factors = kronecker_of(job, task, positions, options)
        return Solved(factors.solve(scaled(b, 1.0), shift), 1, float("nan"))
    product = _product(job, task, options.curvature)

    def all_(v: Vector) -> Vector:
        total = zeros(v)
        for batch in job.batches(positions, options.batch_size, of=task):
            total = add(total, product(v, batch), len(batch) / len(positions))
        return add(total, v, shift)

    if options.solver == "cg":
        return conjugate_gradient(all_, b, max_iter=options.max_iter, tol=options.tol)
    stream = _stream(job, task, positions, options.batch_size)

    def some(v: Vector) -> Vector:
        return add(product(v, next(stream)), v, shift)

    return lissa(some, b, scale=options.scale, depth=options.max_iter)


def sampled(job: Job, task: Task, positions: Positions, max_samples: int) -> Positions:
    """The records over which the curvature is averaged: those with the smallest hash of their id."""
    if len(positions) <= max_samples:
        return positions
    order = np.argsort(uniform64(job.seed, "curvature", task.ids[positions]), kind="stable")
    return positions[order[:max_samples]]


def _product(job: Job, task: Task, curvature: str) -> Callable[[Vector, Batch], Vector]:
    """Curvature of the mean loss of a batch, times a vector."""
    params = job.start()
    losses, _ = functional_losses(task, job.original, params)
    outputs = functional_outputs(task, job.original, params)

    def product(v: Vector, batch: Batch) -> Vector:
        if curvature == "hessian":
            return hvp(lambda p: losses(p, batch.inputs, batch.targets).mean(), params, v)
        return gauss_newton_vp(
            lambda p: outputs(p, batch.inputs), lambda out: task.losses(out, batch.targets).mean(), params, v
        )

    return product


def _stream(job: Job, task: Task, positions: Positions, size: int) -> Iterator[Batch]:
    epoch = 0
    while True:
        yield from job.batches(positions, size, epoch=epoch, of=task)
        epoch += 1


def kronecker_of(job: Job, task: Task, positions: Positions, options: CurvatureOptions) -> Kronecker:
    """The factored Fisher matrix over some records, with targets drawn from the model."""
    model, state = job.model, job.generator.get_state()
    was = [(layer, layer.training) for layer in model.modules()]
    model.eval()
    known_layers(model)

    def passes() -> Iterator[Callable[[], torch.Tensor]]:
        job.generator.set_state(state)  # the same targets in both passes
        for batch in job.batches(positions, options.batch_size, of=task):
            yield lambda batch=batch: _drawn_losses(job, task, batch)  # type: ignore[misc]

    try:
        return kronecker_factors(model, passes, corrected=options.solver == "ekfac")
    finally:
        for layer, training in was:
            layer.training = training


def _drawn_losses(job: Job, task: Task, batch: Batch) -> torch.Tensor:
    outputs = task.forward(job.model, batch.inputs)
    return task.losses_of(outputs, task.drawn_targets(outputs.detach(), job.generator))
