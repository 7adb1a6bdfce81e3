"""One run of a method: a copy of the model to change, the two sets, batches in an order that belongs to the records."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from expunge.errors import InvalidParameterError, UnsupportedEstimatorError
from expunge.maths.sample_gradients import Losses, square_gradients
from expunge.maths.vectors import Vector, add, minus, scaled, zeros
from expunge.methods.networks.functional import functional_losses
from expunge.methods.networks.limits import Limits
from expunge.methods.networks.modes import Whose, set_mode
from expunge.methods.networks.repeatable import device_of
from expunge.methods.networks.task import Batch, Positions, Task
from expunge.seeds import uniform64

__all__ = ["Job", "copied_model", "endless_work"]

Optimizer = torch.optim.Optimizer


class Job:
    """What a method's ``_run`` is given. It changes ``job.model`` and nothing else.

    Parameters
    ----------
    model, task, forget, retain, seed, generator, strength
        Of them the attributes of these names are made.
    limits : Limits, optional
        Its penalty on jumps enters the steps.

    Attributes
    ----------
    model : Module
        A copy of the user's model, to be changed in place.
    original : Module
        Another copy, frozen and in eval mode: a teacher, and where the weights come from.
    task : Task
    forget, retain : ndarray of positions
    seed : int
    generator : torch.Generator
        On the CPU.
    strength : float
        The balance factor: what it scales is said by each method.
    work : int
        Records read so far.
    notes : list of str
        What the removal should say. No ids, no values.
    """

    def __init__(
        self, model: nn.Module, task: Task, forget: Positions, retain: Positions, *, seed: int,
        generator: torch.Generator, strength: float = 1.0, limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self.model, self.original = copied_model(model), copied_model(model).eval()
        for parameter in self.original.parameters():
            parameter.requires_grad_(False)
        self.task, self.forget, self.retain = task, forget, retain
        self.seed, self.generator, self.strength = seed, generator, strength
        self.device = device_of(model)
        self.work, self.notes = 0, list[str]()
        self._limits = limits or Limits()
        self._weights: Vector | None = None
        self._fall: torch.optim.lr_scheduler.LambdaLR | None = None

    # ------------------------------------------------------------------ data

    def batches(
        self, positions: Positions, size: int | None = None, *, epoch: int = 0, of: Task | None = None
    ) -> Iterator[Batch]:
        """Batches of records, the last one shorter; each record that is read is counted.

        Parameters
        ----------
        positions : ndarray
        size : int, optional
            Default: that of the task.
        epoch : int
            Number of the pass: from it and from the ids the order follows.
        of : Task, optional
            Whose records to read; default: those of the job's task.
        """
        order = uniform64(self.seed, f"batches of epoch {epoch}", self.task.ids[positions])
        positions = positions[np.argsort(order, kind="stable")]
        size = size or self.task.batch_size
        for start in range(0, len(positions), size):
            self.work += len(part := positions[start : start + size])
            yield (of or self.task).batch(part, self.device)

    def n_steps(self, positions: Positions, size: int, epochs: int) -> int:
        """How many batches of this size so many passes have."""
        return epochs * -(-len(positions) // size)

    def endless(self, positions: Positions, size: int) -> Iterator[Batch]:
        """Pass after pass, for as many batches as are asked for."""
        epoch = 0
        while True:
            yield from self.batches(positions, size, epoch=epoch)
            epoch += 1

    def draws(self, batch: Batch, purpose: str) -> np.ndarray[Any, np.dtype[np.uint64]]:
        """64 uniform bits for each record of a batch, from its id."""
        return uniform64(self.seed, purpose, self.task.ids[batch.positions])

    # ------------------------------------------------------------------ training

    def outputs(self, batch: Batch, whose: Whose) -> Any:
        """Outputs of the model in training, with the gradients to come."""
        set_mode(self.model, whose, len(batch))
        return self.task.forward(self.model, batch.inputs)

    def losses(self, batch: Batch, whose: Whose) -> torch.Tensor:
        """Training loss of each record, shape (b,)."""
        return self.task.losses_of(self.outputs(batch, whose), batch.targets)

    @torch.no_grad()
    def taught(self, teacher: nn.Module, batch: Batch) -> Any:
        """Outputs of another model."""
        return self.task.forward(teacher, batch.inputs)

    def optimizer(
        self, kind: Literal["sgd", "adam"], lr: float, *, momentum: float = 0.0, weight_decay: float = 0.0,
        falls_over: int | None = None,
    ) -> Optimizer:  # fmt: skip
        """An optimizer of the trainable parameters. SGD as in torch; of Adam the moments are those of the paper.

        With ``falls_over`` step number t, from 0, has the size lr (1 - t / falls_over).

        Raises
        ------
        InvalidParameterError
            There is no such optimizer.
        """
        params = list(self.trainable().values())
        if kind == "sgd":
            made: Optimizer = torch.optim.SGD(params, lr=lr, momentum=momentum, weight_decay=weight_decay)
        elif kind == "adam":
            made = torch.optim.Adam(params, lr=lr, weight_decay=weight_decay)
        else:
            raise InvalidParameterError(f"optimizer must be 'sgd' or 'adam', got {kind!r}.")
        self._fall = None
        if falls_over:
            self._fall = torch.optim.lr_scheduler.LambdaLR(made, lambda t: max(0.0, 1 - t / falls_over))
        return made

    def step(self, optimizer: Optimizer, loss: torch.Tensor, *, mask: Vector | None = None) -> None:
        """One step down a loss, with the penalty on the jump; with a mask only where it is one."""
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for name, parameter in self.trainable().items():
            if parameter.grad is None:
                continue
            if self._limits.jump_penalty:
                away = parameter.detach() - self.start()[name]
                parameter.grad.add_(2 * self._limits.jump_penalty * self._jump_weights()[name] * away)
            if mask is not None:
                parameter.grad.mul_(mask[name])
        before = None if mask is None else {n: p.detach().clone() for n, p in self.trainable().items()}
        optimizer.step()
        if self._fall is not None:
            self._fall.step()
        if mask is not None and before is not None:  # momentum and weight decay move what the mask holds
            self._assign({n: torch.where(mask[n] > 0, p.detach(), before[n]) for n, p in self.trainable().items()})

    def jump(self, change: Vector) -> None:
        """Change the weights at once. A penalty shortens the change to the minimum of ½‖θ-θ*‖² + λ‖θ-θ₀‖²_F."""
        if self._limits.jump_penalty:
            weights, penalty = self._jump_weights(), 2 * self._limits.jump_penalty
            change = {name: value / (1 + penalty * weights[name]) for name, value in change.items()}
        self._assign(add(self.start(), change))

    @torch.no_grad()
    def replace(self, values: Vector) -> None:
        """Give weights other values, because what they hold is to be lost: a pruning, layers that are drawn anew.

        The penalty does not shorten this, for it would keep what is to be lost; the steps after it carry the penalty
        and are drawn to θ₀. The limits look at the whole change, as at any. Buffers may be among the values.
        """
        self._assign(values)
        for name, buffer in self.model.named_buffers():
            if name in values:
                buffer.copy_(values[name])

    # ------------------------------------------------------------------ parameters

    def trainable(self) -> dict[str, nn.Parameter]:
        """Parameters that may change, by name."""
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    def start(self) -> Vector:
        """The same of the original."""
        before = dict(self.original.named_parameters())
        return {name: before[name].detach() for name in self.trainable()}

    def moved(self) -> Vector:
        """θ - θ₀."""
        return minus({n: p.detach() for n, p in self.trainable().items()}, self.start())

    # ------------------------------------------------------------------ gradients of single records

    def functional(self, of: Task | None = None) -> tuple[Losses, Vector]:
        """The losses of a batch as a function of the parameters, in eval mode, and the parameters of the original."""
        return functional_losses(of or self.task, self.original, self.start())

    def mean_gradient(self, positions: Positions, *, of: Task | None = None, at: Vector | None = None) -> Vector:
        """Gradient of the mean loss at the original (or other weights), in eval mode; ``of`` another task's records."""
        losses, params = self.functional(of)
        params = at or params
        total = zeros(params)
        for batch in self.batches(positions, of=of):
            gradient = torch.func.grad(lambda p, b=batch: losses(p, b.inputs, b.targets).sum())(params)
            total = add(total, gradient)
        return scaled(total, 1 / len(positions))

    def fisher_diagonal(self, positions: Positions, *, chunk: int = 64) -> Vector:
        """Mean over records of the squares of their gradients at the original: the empirical Fisher diagonal."""
        losses, params = self.functional()
        total = zeros(params)
        for batch in self.batches(positions):
            total = add(total, square_gradients(losses, params, batch.inputs, batch.targets, chunk=chunk))
        return scaled(total, 1 / len(positions))

    @torch.no_grad()
    def _assign(self, values: Vector) -> None:
        for name, parameter in self.trainable().items():
            if name in values:
                parameter.copy_(values[name])

    def _jump_weights(self) -> Vector:
        if self._weights is None:
            if self._limits.jump_metric == "fisher":
                self._weights = self.fisher_diagonal(self.retain)
            else:
                self._weights = {name: torch.ones_like(value) for name, value in self.start().items()}
        return self._weights


def copied_model(model: nn.Module) -> nn.Module:
    """An independent copy without gradients.

    Raises
    ------
    UnsupportedEstimatorError
        The model cannot be copied.
    """
    try:
        out = copy.deepcopy(model)
    except (RuntimeError, TypeError) as error:
        raise UnsupportedEstimatorError(f"The model cannot be copied: {error}.", hint="Detach what it keeps.") from None
    out.zero_grad(set_to_none=True)
    return out


def endless_work(n: int, batch_size: int, steps: int) -> int:
    """Records read by so many batches of pass after pass over n records.

    Examples
    --------
    >>> endless_work(10, 4, 5)  # 4 + 4 + 2 + 4 + 4
    18
    """
    passes, rest = divmod(steps, -(-n // batch_size))
    return passes * n + min(n, rest * batch_size)
