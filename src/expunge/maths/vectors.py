"""Arithmetic on the parameters of a network: vectors that are dicts of tensors by name."""

from __future__ import annotations

from collections.abc import Mapping

import torch

__all__ = ["Vector", "add", "dot", "minus", "scaled", "square_norm", "times", "zeros"]

Vector = dict[str, torch.Tensor]


def zeros(like: Mapping[str, torch.Tensor]) -> Vector:
    """The zero vector of the same shape."""
    return {name: torch.zeros_like(value) for name, value in like.items()}


def dot(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> float:
    """The inner product, summed in double precision over the parts.

    Examples
    --------
    >>> dot({"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([3.0, 4.0])})
    11.0
    """
    return float(sum(float((a[name].detach() * b[name].detach()).sum(dtype=torch.float64)) for name in a))


def square_norm(a: Mapping[str, torch.Tensor]) -> float:
    """The square of the Euclidean norm."""
    return dot(a, a)


def add(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor], factor: float = 1.0) -> Vector:
    """a + factor · b."""
    return {name: a[name] + factor * b[name] for name in a}


def minus(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> Vector:
    """a - b."""
    return {name: a[name] - b[name] for name in a}


def scaled(a: Mapping[str, torch.Tensor], factor: float) -> Vector:
    """factor · a."""
    return {name: factor * value for name, value in a.items()}


def times(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> Vector:
    """The product entry by entry."""
    return {name: a[name] * b[name] for name in a}
