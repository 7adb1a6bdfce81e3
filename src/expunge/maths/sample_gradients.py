"""The gradient of each record's loss, all records of a batch at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.func import grad, vmap

from expunge.maths.vectors import Vector

__all__ = ["Losses", "mean_gradient", "sample_gradients", "square_gradients"]

#: Parameters, inputs and targets of a batch -> the loss of each record, shape (b,).
Losses = Callable[[Any, Any, Any], torch.Tensor]


def sample_gradients(
    losses: Losses, params: Mapping[str, torch.Tensor], inputs: Any, targets: Any, *, chunk: int | None = None
) -> Vector:
    """One gradient for each record of a batch.

    Parameters
    ----------
    losses : callable (params, inputs, targets) -> tensor of shape (b,)
        Each entry must depend on its own record alone: no batch statistics, no dropout.
    params : dict of str to tensor
    inputs, targets : tensor of shape (b, ...), or tuples, lists or dicts of such
    chunk : int, optional
        Records at a time, for less memory.

    Returns
    -------
    dict of str to tensor of shape (b, ...)

    Notes
    -----
    Memory of b gradients.

    Examples
    --------
    >>> losses = lambda p, x, y: 0.5 * (x @ p["w"] - y) ** 2
    >>> out = sample_gradients(losses, {"w": torch.zeros(1)}, torch.tensor([[1.0], [2.0]]), torch.tensor([3.0, 4.0]))
    >>> out["w"].flatten().tolist()
    [-3.0, -8.0]
    """

    def one(p: Any, x: Any, y: Any) -> torch.Tensor:
        return losses(p, _as_batch(x), _as_batch(y))[0]

    found: Vector = vmap(grad(one), in_dims=(None, 0, 0), chunk_size=chunk)(dict(params), inputs, targets)
    return found


def square_gradients(
    losses: Losses, params: Mapping[str, torch.Tensor], inputs: Any, targets: Any, *, chunk: int | None = None
) -> Vector:
    """Sum over the records of the squares of their gradients, entry by entry: n times the diagonal Fisher."""
    each = sample_gradients(losses, params, inputs, targets, chunk=chunk)
    return {name: value.square().sum(dim=0) for name, value in each.items()}


def mean_gradient(losses: Losses, params: Mapping[str, torch.Tensor], inputs: Any, targets: Any) -> Vector:
    """Gradient of the mean loss of a batch."""
    found: Vector = grad(lambda p: losses(p, inputs, targets).mean())(dict(params))
    return found


def _as_batch(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.unsqueeze(0)
    if isinstance(value, dict):
        return {name: _as_batch(item) for name, item in value.items()}
    return type(value)(_as_batch(item) for item in value)
