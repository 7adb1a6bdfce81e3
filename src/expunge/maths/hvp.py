"""Products of the Hessian, or of the Gauss-Newton matrix, with a vector, without the matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.func import grad, jvp, vjp

from expunge.maths.vectors import Vector

__all__ = ["gauss_newton_vp", "hvp"]

Params = Mapping[str, torch.Tensor]


def hvp(loss: Callable[[Any], torch.Tensor], params: Params, vector: Params) -> Vector:
    """Hessian of a loss times a vector: the derivative of the gradient along the vector.

    Parameters
    ----------
    loss : callable (params) -> scalar tensor
    params, vector : dict of str to tensor

    Returns
    -------
    dict of str to tensor

    Notes
    -----
    Forward over reverse: the cost of about three gradients, and no matrix.

    References
    ----------
    B. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6, 1994.

    Examples
    --------
    >>> loss = lambda p: p["w"][0] ** 2 * p["w"][1]
    >>> hvp(loss, {"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([1.0, 0.0])})["w"].tolist()
    [4.0, 2.0]
    """
    found: Vector = jvp(grad(loss), (dict(params),), (dict(vector),))[1]
    return found


def gauss_newton_vp(
    outputs: Callable[[Any], torch.Tensor], loss: Callable[[torch.Tensor], torch.Tensor], params: Params, vector: Params
) -> Vector:
    """Gauss-Newton matrix Jᵀ H J times a vector; J of the outputs, H of the loss in the outputs.

    Parameters
    ----------
    outputs : callable (params) -> tensor
    loss : callable (outputs) -> scalar tensor
        Convex in the outputs, so that the matrix has no negative eigenvalue.
    params, vector : dict of str to tensor

    Returns
    -------
    dict of str to tensor

    References
    ----------
    N. Schraudolph, "Fast curvature matrix-vector products", Neural Computation 14, 2002.
    """
    seen: tuple[torch.Tensor, ...] = jvp(outputs, (dict(params),), (dict(vector),))
    here, tangent = seen[0], seen[1]
    curved = jvp(grad(loss), (here,), (tangent,))[1]
    back = vjp(outputs, dict(params))[1]
    found: Vector = back(curved)[0]
    return found
