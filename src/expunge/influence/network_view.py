"""A trained network as a function of its weights: derivatives by torch.func, the Hessian by products or factors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from expunge.errors import InvalidParameterError, UnsupportedEstimatorError, UnsupportedRequestError
from expunge.influence.targets import SELF, Target
from expunge.influence.view import Features, Positions
from expunge.maths.ghost import gradient_square_norms
from expunge.maths.layers import taped
from expunge.maths.sample_gradients import Losses, sample_gradients
from expunge.maths.vectors import Vector, add, dot, scaled, square_norm, zeros
from expunge.methods.networks.curvature import CurvatureOptions, kronecker_of, sampled, solve_curvature
from expunge.methods.networks.functional import functional_outputs
from expunge.methods.networks.job import Job, copied_model
from expunge.methods.networks.network_method import refuse_model
from expunge.methods.networks.task import Batch, Classification, Regression, Task

__all__ = ["NetworkView"]

Floats = npt.NDArray[np.float64]

#: Records whose gradients are held at once.
CHUNK = 64


class NetworkView:
    """A network and its task. Everything is in eval mode: no record's loss depends on another's.

    Parameters
    ----------
    model : Module
    task : Task
        What it was trained on.
    target : Target
        With a task as its data.
    seed : int
    generator : torch.Generator

    Raises
    ------
    InvalidParameterError
        The target is asked on no task.
    """

    def __init__(self, model: nn.Module, task: Task, target: Target, *, seed: int, generator: torch.Generator) -> None:
        refuse_model(model)
        every = np.arange(len(task))
        self._job = Job(model, task, every[:0], every, seed=seed, generator=generator)
        self._job.model.eval()
        self._task, self._target, self._seed, self._generator = task, target, seed, generator
        self.ids = task.ids
        if target != SELF and not isinstance(target.data, Task):
            raise InvalidParameterError(
                "Of a network a target is asked on a task.", hint="As in on=Classification(test_set)."
            )

    # ------------------------------------------------------------------ the target

    def value(self) -> float | None:
        if self._target == SELF:
            return None
        now, labels = self._seen()
        return float((self._target.weights(labels, now) * now).sum())

    def slope(self) -> Vector:
        target: Any = self._target
        now, labels = self._seen()
        weights = torch.as_tensor(target.weights(labels, now))
        params = self._job.start()
        outputs, total = functional_outputs(target.data, self._job.original, params), zeros(params)
        for batch in self._batches(np.flatnonzero(weights.numpy()), target.data):
            own = weights[batch.positions].to(self._job.device)

            def weighted(p: Vector, batch: Batch = batch, own: torch.Tensor = own) -> torch.Tensor:
                values = self._quantities(outputs(p, batch.inputs), batch.targets)
                return (own.to(values) * values).sum()

            total = add(total, torch.func.grad(weighted)(params))
        return total

    @torch.no_grad()
    def _seen(self) -> tuple[Floats, Any]:
        """The quantity of each record of the target, and its class."""
        task, now, labels = self._target.data, [], []  # type: ignore[union-attr]
        for batch in self._batches(np.arange(len(task)), task):
            outputs = task.forward(self._job.original, batch.inputs)
            now.append(self._quantities(outputs, batch.targets).double().cpu().numpy())
            labels.append(task.classes_of(batch.targets))
        known = all(part is not None for part in labels)
        return np.concatenate(now), np.concatenate(labels) if known else None

    def _quantities(self, outputs: Any, targets: Any) -> torch.Tensor:
        target: Any = self._target
        if target.chance is None:
            found: torch.Tensor = target.data.losses_of(outputs, targets)
            return found
        if not isinstance(target.data, Classification):
            raise UnsupportedRequestError("Only a Classification has chances of classes.", hint="Ask about a loss.")
        chances: torch.Tensor = outputs.softmax(dim=1)[:, target.chance]
        return chances

    # ------------------------------------------------------------------ the records

    @torch.no_grad()
    def along(self, direction: Vector, positions: Positions) -> Floats:
        losses, params = self._job.functional()
        out = []
        for batch in self._batches(positions):
            seen = torch.func.jvp(
                lambda p, batch=batch: losses(p, batch.inputs, batch.targets), (params,), (direction,)
            )
            out.append(_numbers(seen[1]))
        return np.concatenate(out)

    def square_norms(self, positions: Positions) -> Floats:
        try:
            with taped(self._job.model) as tape:
                return np.concatenate([
                    _numbers(gradient_square_norms(dict(tape.factors(self._losses(batch)))))
                    for batch in self._batches(positions)
                ])  # fmt: skip
        except UnsupportedEstimatorError:  # layers without that form: the gradients themselves
            return self._norms_of_gradients(positions)

    def solve(self, vector: Vector, how: CurvatureOptions) -> Vector:
        solved = solve_curvature(self._job, self._task, self._job.retain, vector, how)
        return scaled(solved.x, 1 / len(self._task))

    def curved_norms(self, positions: Positions, how: CurvatureOptions) -> Floats:
        if how.solver not in ("kfac", "ekfac"):
            losses, params = self._job.functional()
            grads = (torch.func.grad(lambda p, b=b: losses(p, b.inputs, b.targets).sum())(params)
                     for b in self._batches(positions, size=1))  # fmt: skip
            return np.array([dot(one, self.solve(one, how)) if square_norm(one) else 0.0 for one in grads])
        of = sampled(self._job, self._task, self._job.retain, how.max_samples)
        kronecker, out = kronecker_of(self._job, self._task, of, how), []
        with taped(self._job.model) as tape:
            for batch in self._batches(positions):
                factors = tape.factors(self._losses(batch))
                out.append(_numbers(kronecker.square_norms(factors, how.damping + how.weight_decay)))
        return np.concatenate(out) / len(self._task)

    def features(self, n_projections: int) -> Features:
        params = self._job.start()
        draw = torch.Generator().manual_seed(self._seed)
        maps = {n: torch.randn(p.numel(), n_projections, generator=draw).to(p) for n, p in params.items()}

        def projected(gradients: Vector) -> torch.Tensor:
            return sum(
                (v.reshape(len(v), -1) @ maps[n] for n, v in gradients.items()), torch.zeros(()).to(self._job.device)
            )

        outputs, rows, slopes = functional_outputs(self._task, self._job.original, params), [], []
        for batch in self._batches(np.arange(len(self._task)), size=CHUNK):
            gradients = sample_gradients(self._followed(outputs), params, batch.inputs, batch.targets)
            rows.append(_numbers(projected(gradients)))
            slopes.append(_numbers(self._slopes_in_output(outputs(params, batch.inputs), batch.targets)))
        own = None
        if self._target != SELF:
            own = _numbers(projected({n: v[None] for n, v in self.slope().items()}))[0]
        return Features(np.concatenate(rows), np.concatenate(slopes), own)

    def at(self, checkpoint: Any) -> NetworkView:
        model = checkpoint
        if not isinstance(checkpoint, nn.Module):
            model = copied_model(self._job.original)
            model.load_state_dict(checkpoint)
            for name, parameter in model.named_parameters():
                parameter.requires_grad_(name in self._job.start())
        return NetworkView(model, self._task, self._target, seed=self._seed, generator=self._generator)

    # ------------------------------------------------------------------ the output that TRAK follows

    def _followed(self, outputs: Any) -> Losses:
        """One output of each record: of a class its log odds, of a regression what it predicts."""

        def followed(params: Any, inputs: Any, targets: Any) -> torch.Tensor:
            out = outputs(params, inputs)
            if isinstance(self._task, Classification):
                own = out.gather(1, targets.long()[:, None])
                others = torch.ones_like(out, dtype=torch.bool).scatter(1, targets.long()[:, None], False)
                rest = out.masked_fill(~others, -torch.inf).logsumexp(dim=1)
                odds: torch.Tensor = own[:, 0] - rest
                return odds
            values: torch.Tensor = out.flatten(1)[:, 0]
            return values

        return followed

    def _slopes_in_output(self, outputs: torch.Tensor, targets: Any) -> torch.Tensor:
        """Derivative of each record's loss in that output."""
        if isinstance(self._task, Classification):
            return torch.as_tensor(outputs.softmax(dim=1).gather(1, targets.long()[:, None])[:, 0] - 1)
        if isinstance(self._task, Regression) and outputs.flatten(1).shape[1] == 1:
            return torch.as_tensor(outputs - targets.reshape(outputs.shape).to(outputs)).flatten()
        raise UnsupportedRequestError(
            "TRAK follows the odds of a class or one predicted number.", hint="Take influence functions, or TracIn."
        )

    # ------------------------------------------------------------------ batches

    def _batches(self, positions: Positions, of: Task | None = None, size: int | None = None) -> Iterator[Batch]:
        """Batches in the order of the positions."""
        task = of or self._task
        size = size or task.batch_size
        for start in range(0, len(positions), size):
            yield task.batch(positions[start : start + size], self._job.device)

    def _losses(self, batch: Batch) -> torch.Tensor:
        with torch.enable_grad():
            return self._task.losses_of(self._task.forward(self._job.model, batch.inputs), batch.targets)

    def _norms_of_gradients(self, positions: Positions) -> Floats:
        losses, params = self._job.functional()
        out = []
        for batch in self._batches(positions, size=CHUNK):
            own = sample_gradients(losses, params, batch.inputs, batch.targets)
            out.append(sum(_numbers(v.reshape(len(v), -1).square().sum(dim=1)) for v in own.values()))
        return np.concatenate(out)


def _numbers(values: torch.Tensor) -> Floats:
    return np.asarray(values.detach().double().cpu().numpy())
