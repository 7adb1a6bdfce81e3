"""What the methods that follow gradients ask of a model, whichever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from expunge.methods.networks.curvature import CurvatureOptions

__all__ = ["Features", "View"]

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]


class Features(NamedTuple):
    """Of TRAK: projected gradients of each record's output, shape (n, k); the slopes of its loss in that output, shape
    (n,); and the projected gradient of the target, shape (k,), None for each record's own loss.

    Parameters
    ----------
    outputs : ndarray of shape (n, k)
    slopes : ndarray of shape (n,)
    target : ndarray of shape (k,), or None
    """

    outputs: Floats
    slopes: Floats
    target: Floats | None


class View(Protocol):
    """A model as a function of its weights. A vector of weights is whatever the view makes it."""

    ids: npt.NDArray[Any]

    def value(self) -> float | None:
        """The target as it is now."""

    def slope(self) -> Any:
        """Gradient of the target in the weights."""

    def along(self, direction: Any, positions: Positions) -> Floats:
        """Derivative of each record's training loss along a direction, shape (b,)."""

    def square_norms(self, positions: Positions) -> Floats:
        """Square of the norm of each record's gradient, shape (b,)."""

    def solve(self, vector: Any, how: CurvatureOptions) -> Any:
        """The inverse Hessian of the training objective, summed over the records, times a vector."""

    def curved_norms(self, positions: Positions, how: CurvatureOptions) -> Floats:
        """Of each record's gradient g the number gᵀ H⁻¹ g, H that Hessian, shape (b,)."""

    def features(self, n_projections: int) -> Features:
        """What TRAK reads of all records."""

    def at(self, checkpoint: Any) -> View:
        """The same with other weights."""
