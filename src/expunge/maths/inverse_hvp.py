"""Solving H x = b where H is known by its products with vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

from expunge.errors import InvalidDataError
from expunge.maths.vectors import Vector, add, dot, minus, scaled, square_norm, zeros

__all__ = ["Solved", "conjugate_gradient", "lissa"]

Product = Callable[[Vector], Vector]


class Solved(NamedTuple):
    """A solution, how many products it took, and its residual |H x - b| / |b|.

    Parameters
    ----------
    x : dict of str to tensor
    n_products : int
    residual : float
    """

    x: Vector
    n_products: int
    residual: float


def conjugate_gradient(
    product: Product, b: Mapping[str, torch.Tensor], *, max_iter: int = 100, tol: float = 1e-6
) -> Solved:
    """Conjugate gradients.

    Parameters
    ----------
    product : callable
        v -> H v, H symmetric and positive definite.
    b : dict of str to tensor
    max_iter : int
    tol : float
        Residual, relative to |b|, at which to stop.

    Returns
    -------
    Solved

    Raises
    ------
    InvalidDataError
        A direction of no or negative curvature was met: H is not positive definite.

    References
    ----------
    M. Hestenes, E. Stiefel, "Methods of conjugate gradients for solving linear systems", 1952, section 3.

    Examples
    --------
    >>> H = torch.tensor([[4.0, 1.0], [1.0, 3.0]])
    >>> solved = conjugate_gradient(lambda v: {"w": H @ v["w"]}, {"w": torch.tensor([1.0, 2.0])})
    >>> [round(value, 4) for value in solved.x["w"].tolist()], solved.n_products
    ([0.0909, 0.6364], 2)
    """
    x, residual = zeros(b), dict(b)
    direction = residual
    size = start = square_norm(residual)
    steps = 0
    while steps < max_iter and size > tol**2 * start:
        image = product(direction)
        steps += 1
        curvature = dot(direction, image)
        if not curvature > 0:
            raise InvalidDataError(
                f"The curvature along a direction is {curvature:.3g}: the Hessian is not positive definite.",
                hint="Raise damping, or take curvature='gauss_newton'.",
            )
        length = size / curvature
        x, residual = add(x, direction, length), add(residual, image, -length)
        before, size = size, square_norm(residual)
        direction = add(residual, direction, size / before)
    return Solved(x, steps, (size / start) ** 0.5 if start else 0.0)


def lissa(product: Product, b: Mapping[str, torch.Tensor], *, scale: float, depth: int = 100) -> Solved:
    """The truncated Neumann series of the inverse.

    Parameters
    ----------
    product : callable
        v -> H v. May be a product over a batch, another one each time.
    b : dict of str to tensor
    scale : float
        More than half the largest eigenvalue of H, or the series does not converge.
    depth : int
        Terms.

    Returns
    -------
    Solved
        Its residual is that of the last product.

    Raises
    ------
    InvalidDataError
        The series grows beyond all bounds.

    References
    ----------
    N. Agarwal, B. Bullins, E. Hazan, "Second-order stochastic optimization for machine learning in linear time", JMLR
    18, 2017, arXiv 1602.03943, algorithm 1; the scale as in P. W. Koh, P. Liang, ICML 2017, arXiv 1703.04730, section
    3.

    Examples
    --------
    >>> solved = lissa(lambda v: {"w": 2 * v["w"]}, {"w": torch.tensor([1.0])}, scale=4.0, depth=30)
    >>> round(float(solved.x["w"]), 6)
    0.5
    """
    x = dict(b)  # of the series Σ (I - H / scale)ᵏ b
    size = square_norm(b)
    off: Vector = dict(b)
    for _ in range(depth):
        image = scaled(product(x), 1 / scale)
        off = minus(image, b)
        x = minus(x, off)
        if not square_norm(x) < 1e12 * max(size, 1e-300) and size:
            raise InvalidDataError(
                f"The series does not converge with scale={scale:g}.", hint="Raise scale, or take solver='cg'."
            )
    return Solved(scaled(x, 1 / scale), depth, (square_norm(off) / size) ** 0.5 if size else 0.0)
