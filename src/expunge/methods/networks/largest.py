"""Masks of the largest entries of a vector."""

from __future__ import annotations

import torch

from expunge.maths.vectors import Vector

__all__ = ["largest"]


def largest(vector: Vector, share: float) -> Vector:
    """One where an entry is among the given share of the largest in size, over all parts; else zero.

    Examples
    --------
    >>> largest({"a": torch.tensor([1.0, -4.0]), "b": torch.tensor([2.0, 3.0])}, 0.5)
    {'a': tensor([0., 1.]), 'b': tensor([0., 1.])}
    """
    sizes = torch.cat([value.abs().flatten() for value in vector.values()])
    n = max(1, round(share * len(sizes)))
    threshold = sizes.kthvalue(len(sizes) - n + 1).values
    return {name: (value.abs() >= threshold).to(value.dtype) for name, value in vector.items()}
