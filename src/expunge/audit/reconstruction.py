"""What publishing both versions of a linear model gives away: the deleted row itself (Bertran et al. 2024)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["Reconstruction", "cosine", "reconstruct_row"]

Floats = npt.NDArray[np.float64]


class Reconstruction(NamedTuple):
    """The deleted row, as far as both versions tell.

    Parameters
    ----------
    row : ndarray of shape (d,)
        The features; scaled so that the constant feature is 1 if there is one, else of unit length with unknown sign.
    residual : float
        Target minus prediction of the later model, in the row's scale; NaN without a constant feature.
    """

    row: Floats
    residual: float


def reconstruct_row(before: Floats, after: Floats, gram: Floats, *, constant: int | None = None) -> Reconstruction:
    """The row whose deletion turned one ridge regression into the other.

    With A = X'X + lambda I before the deletion, A theta_before = b; after it, (A - x x') theta_after = b - x y, so that
    A (theta_before - theta_after) = x (y - x' theta_after): the row, up to a factor.

    Parameters
    ----------
    before, after : ndarray of shape (d,)
        Coefficients of both versions, that of the constant feature among them.
    gram : ndarray of shape (d, d)
        A, or an estimate of it from public data of the same kind, up to a factor.
    constant : int, optional
        Position of the feature that is 1 in every row.

    Returns
    -------
    Reconstruction

    Raises
    ------
    InvalidDataError
        Shapes that do not fit, or models that are equal: nothing was deleted, or nothing shows.

    References
    ----------
    M. Bertran, S. Tang, M. Kearns, J. Morgenstern, A. Roth, Z. S. Wu, "Reconstruction attacks on machine unlearning:
    simple models are vulnerable", NeurIPS 2024, section 3, linear regression.

    Examples
    --------
    >>> X = np.array([[1.0, 2.0], [1.0, -1.0], [1.0, 4.0], [1.0, 0.5]])
    >>> y = np.array([1.0, 0.0, 5.0, -1.0])
    >>> fit = lambda X, y: np.linalg.solve(X.T @ X, X.T @ y)
    >>> found = reconstruct_row(fit(X, y), fit(X[:3], y[:3]), X.T @ X, constant=0)
    >>> found.row.round(6).tolist()
    [1.0, 0.5]
    """
    if before.ndim != 1 or before.shape != after.shape or gram.shape != (len(before), len(before)):
        raise InvalidDataError(f"Coefficients {before.shape}, {after.shape} and a matrix {gram.shape} do not fit.")
    direction = gram @ (before - after)
    size = float(np.linalg.norm(direction))
    if not np.isfinite(size) or size == 0:
        raise InvalidDataError("Both versions are equal, or not finite: nothing can be reconstructed.")
    if constant is None:
        return Reconstruction(direction / size, float("nan"))
    if abs(direction[constant]) < 1e-12 * size:
        raise InvalidDataError("The constant feature did not move: the row's scale cannot be told.")
    factor = float(direction[constant])
    return Reconstruction(direction / factor, factor)


def cosine(first: Floats, second: Floats) -> float:
    """Cosine of the angle between two rows: how the paper scores a reconstruction.

    Examples
    --------
    >>> cosine(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    1.0
    """
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
