"""Where records lie and how they spread, from integer sums of products: what two detectors read their scores from."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg
from sklearn.utils.extmath import svd_flip

from expunge.errors import InvalidDataError
from expunge.estimators import one_thread
from expunge.maths import exact
from expunge.maths.fixed_point import WEIGHT_RESOLUTION
from expunge.maths.product_moments import product_moments, row_products

__all__ = ["Spread", "lack_of_weight", "squares"]

Floats = npt.NDArray[np.float64]
Limbs = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Spread:
    """Mean, scale and correlation of d columns.

    Parameters
    ----------
    mean : ndarray of shape (d,)
    inverse_scale : ndarray of shape (d,)
        One over the standard deviation; 0 of a column that does not vary.
    correlation : ndarray of shape (d, d)
        With zeros for columns that do not vary.
    """

    mean: Floats
    inverse_scale: Floats
    correlation: Floats

    @classmethod
    def of(cls, limbs: Limbs, n: int, resolution: Any) -> Spread | None:
        """From the sums of n records; None of a weight of 1 or less in all, which has no variance."""
        if lack_of_weight(limbs) is not None:
            return None
        moments = product_moments(limbs, n, resolution)
        covariance = moments.scatter / (moments.weight - 1.0)
        variance = np.diag(covariance)
        inverse = np.where(variance > 0, 1.0 / np.sqrt(np.where(variance > 0, variance, 1.0)), 0.0)
        correlation = covariance * inverse * inverse[:, np.newaxis]
        return cls(moments.means, inverse, (correlation + correlation.T) / 2)

    @property
    def covariance(self) -> Floats:
        """Of shape (d, d)."""
        scale = np.where(self.inverse_scale > 0, 1.0 / np.where(self.inverse_scale > 0, self.inverse_scale, 1.0), 0.0)
        return np.asarray(self.correlation * scale * scale[:, np.newaxis])

    @staticmethod
    def decomposed(matrix: Floats) -> tuple[Floats, Floats]:
        """Variances, decreasing, and the axes they belong to as rows; on one thread, each with a sign of its own."""
        with one_thread():
            variance, axes = linalg.eigh(matrix, driver="evd")
        _, axes = svd_flip(None, np.ascontiguousarray(axes[:, ::-1].T), u_based_decision=False)
        return np.maximum(variance[::-1], 0.0), axes


def lack_of_weight(limbs: Limbs) -> InvalidDataError | None:
    """What to say of sums of a weight of 1 or less in all; None of more."""
    weight = float(exact.to_float(limbs[:, 0, 0], WEIGHT_RESOLUTION**2))
    if weight > 1.0:
        return None
    return InvalidDataError(
        f"A variance needs more than one record: n_samples = {weight:g}, the weight of all.",
        hint="Learn more records, or multiply their weights by a constant.",
    )


def squares(X: Floats, axes: Floats) -> Floats:
    """Σ (a x)² over the axes a, shape (n,): added one after another, so that the bits of a row follow from it alone."""
    out = np.zeros(len(X))
    for column in row_products(X, axes).T:
        out += column * column
    return out
