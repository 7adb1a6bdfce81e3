"""Norms and inner products of the gradients of single records, without the gradients.

With the factors of :mod:`expunge.maths.layers` the inner product of two records' gradients in a layer is
⟨Gᵢ Aᵢᵀ, Gⱼ Aⱼᵀ⟩ = sum of (Aᵢᵀ Aⱼ) ∘ (Gᵢᵀ Gⱼ): for a linear layer the product of two numbers.

References
----------
I. Goodfellow, "Efficient per-example gradient computations", 2015, arXiv 1510.01799, equation 4; X. Li, F. Tramèr, P.
Liang, T. Hashimoto, "Large language models can be strong differentially private learners", ICLR 2022, arXiv 2110.05679,
section 4 (ghost form).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from expunge.maths.layers import Factors

__all__ = ["gradient_products", "gradient_square_norms"]


def gradient_square_norms(factors: Mapping[str, Factors]) -> torch.Tensor:
    """Square of the norm of each record's gradient over all layers, shape (b,).

    Parameters
    ----------
    factors : dict of str to Factors
        Of all layers, for one batch.

    Notes
    -----
    For each layer the cheaper of t² (p + d) operations a record (ghost form) and t p d (the gradient of this layer
    alone, at once thrown away).
    """
    total = torch.zeros(())
    for layer in factors.values():
        (_, p, t), d = layer.gradients.shape, layer.n_inputs
        if t * (p + d) >= p * d:
            part = _square_norms(layer.products())
        elif t == 1:
            part = _square_norms(layer.inputs) * _square_norms(layer.gradients)
        else:
            a, g = layer
            part = ((a.transpose(1, 2) @ a) * (g.transpose(1, 2) @ g)).sum(dim=(1, 2))
        total = total.to(part) + part
    return total


def gradient_products(left: Mapping[str, Factors], right: Mapping[str, Factors]) -> torch.Tensor:
    """Inner products of the gradients of two batches, shape (b, c).

    Parameters
    ----------
    left, right : dict of str to Factors
        Of the same layers, for batches of b and c records.

    Notes
    -----
    A linear layer costs b c (p + d); a convolution the gradients of that layer alone, b t p d, and b c p d.
    """
    total = torch.zeros(())
    for name, layer in left.items():
        if layer.gradients.shape[2] == 1:
            (a, g), (b, h) = layer, right[name]
            part = (a[:, :, 0] @ b[:, :, 0].T) * (g[:, :, 0] @ h[:, :, 0].T)
        else:
            own = layer.products().flatten(1)
            part = own @ (own if right is left else right[name].products().flatten(1)).T
        total = total.to(part) + part
    return total


def _square_norms(parts: torch.Tensor) -> torch.Tensor:
    """One a record, in one reading."""
    norms: torch.Tensor = torch.linalg.vector_norm(parts.flatten(1), dim=1)
    return norms.square()
