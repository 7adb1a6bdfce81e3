"""What linear methods learn from: second moments of the features about their means, and how those move with targets.

A method that can be written as a function of them alone (:class:`ReadsMoments`) may stand behind any chain of linear
steps, scaling for instance: the moments of the outputs follow from those of the inputs, and no record is read again.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from expunge.state import Part

__all__ = ["ClassMoments", "Moments", "ReadsMoments", "TargetMoments"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class TargetMoments:
    """How t numeric targets move with d features.

    Parameters
    ----------
    means : ndarray of shape (t,)
    cross : ndarray of shape (d, t)
        Σ w (x - x̄) (y - ȳ).
    scatter : ndarray of shape (t, t)
        Σ w (y - ȳ) (y - ȳ)ᵀ.
    is_flat : bool
        Whether y was given in one dimension.
    """

    means: Floats
    cross: Floats
    scatter: Floats
    is_flat: bool = True


@dataclasses.dataclass(frozen=True)
class ClassMoments:
    """Where K classes lie among d features; every class has weight.

    Parameters
    ----------
    labels : ndarray of shape (K,)
        Sorted.
    n : ndarray of int64, shape (K,)
        Records of each class.
    weight : ndarray of shape (K,)
    offsets : ndarray of shape (K, d)
        Mean of each class, less the mean of all records.
    within : ndarray of shape (d, d)
        Σ w (x - x̄_k) (x - x̄_k)ᵀ, each record about the mean of its class.
    """

    labels: npt.NDArray[Any]
    n: npt.NDArray[np.int64]
    weight: Floats
    offsets: Floats
    within: Floats


@dataclasses.dataclass(frozen=True)
class Moments:
    """First and second moments of d features over the records, each a function of exact sums.

    Parameters
    ----------
    n : int
        Records.
    weight : float
        Sum of their weights; n where they have none.
    means : ndarray of shape (d,)
    scatter : ndarray of shape (d, d)
        Σ w (x - x̄) (x - x̄)ᵀ.
    targets : TargetMoments or None
    classes : ClassMoments or None
    """

    n: int
    weight: float
    means: Floats
    scatter: Floats
    targets: TargetMoments | None = None
    classes: ClassMoments | None = None

    def mapped(self, A: Any, shift: Floats) -> Moments:
        """Moments of A x + shift; A of shape (k, d), an array or a sparse matrix."""
        targets, classes = self.targets, self.classes
        if targets is not None:
            targets = dataclasses.replace(targets, cross=np.asarray(A @ targets.cross))
        if classes is not None:
            classes = dataclasses.replace(
                classes, offsets=np.ascontiguousarray((A @ classes.offsets.T).T), within=_both_sides(A, classes.within)
            )
        return Moments(
            self.n, self.weight, np.asarray(A @ self.means) + shift, _both_sides(A, self.scatter), targets, classes
        )


def _both_sides(A: Any, S: Floats) -> Floats:
    half = np.asarray(A @ S)
    out = np.asarray(A @ np.ascontiguousarray(half.T))
    return np.asarray((out + out.T) / 2)  # symmetric to the last bit


@runtime_checkable
class ReadsMoments(Protocol):
    """A method whose solution is a function of its arguments and of :class:`Moments`."""

    def _lack(self, moments: Moments) -> Exception | None:
        """Why nothing can be learned from these moments; None if it can."""

    def _from_moments(self, moments: Moments) -> Part:
        """The solution, from moments that lack nothing. One that transforms, linearly, also has ``_linear(solution)``,
        the matrix A and the shift of its outputs A x + shift."""
