"""The Hessians of the problems of a model and their inverses, and their change when records go or come.

Each is symmetric and held as its lower triangle; what stands above the diagonal is never read. One record changes both
by a matrix of rank one, in place: a pass over memory, which is most of what a certified removal costs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg
from scipy.linalg import blas

from expunge.compiled import njit
from expunge.digest import leaf
from expunge.state import Living, Part, Patch

__all__ = ["Curvature", "OneRecord", "SeveralRecords", "inverse_of", "times"]

Floats = npt.NDArray[np.float64]


def times(lower: Floats, vector: Floats) -> Floats:
    """The product of a symmetric matrix, given by its lower triangle, and a vector."""
    return np.asarray(blas.dsymv(1.0, lower.T, vector, lower=0))  # transposed it lies as BLAS wants it


def inverse_of(lower: Floats) -> Floats:
    """Lower triangle of the inverse of a positive definite matrix.

    Raises
    ------
    LinAlgError
        The Hessian is singular to working precision.
    """
    factor, _ = linalg.cho_factor(lower, lower=True, check_finite=False)
    inverse, info = linalg.lapack.dpotri(factor, lower=1)
    if info:
        raise linalg.LinAlgError("the Hessian is singular to working precision")
    return np.ascontiguousarray(np.tril(inverse))


@njit
def _add_rank_one(
    hessian: Floats, inverse: Floats, x: Floats, weight: float, q: Floats, factor: float, done: npt.NDArray[np.int64]
) -> None:
    """hessian += weight x xᵀ and inverse += factor q qᵀ, once: a call that comes again finds ``done`` set."""
    if done[0] == 0:
        d = len(x)
        for i in range(d):
            a, b = weight * x[i], factor * q[i]
            for j in range(i + 1):
                hessian[i, j] += a * x[j]
                inverse[i, j] += b * q[j]
        done[0] = 1


class Curvature(Living):
    """Hessians at the anchor and their inverses, one for each problem.

    Parameters
    ----------
    hessian, inverse : ndarray of shape (k, d, d)
        Lower triangles.
    """

    def __init__(self, hessian: Floats, inverse: Floats) -> None:
        self.hessian, self.inverse = hessian, inverse
        self._leaf: bytes | None = None

    def leaf(self) -> bytes:
        if self._leaf is None:
            self._leaf = leaf(self.plain())
        return self._leaf

    def plain(self) -> Part:
        return {"hessian": self.hessian, "inverse": self.inverse}

    def __getstate__(self) -> dict[str, Any]:
        return {"hessian": self.hessian.copy(), "inverse": self.inverse.copy()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _leaf=None)

    def changed(self) -> None:
        """The leaf of the digest has to be made again."""
        self._leaf = None

    def solved(self, gradients: Floats) -> Floats:
        """The inverse of each problem times its gradient, shape (k, d)."""
        pairs = zip(self.inverse, gradients, strict=True)
        return np.reshape([times(inverse, gradient) for inverse, gradient in pairs], gradients.shape)

    def solves(self, gradients: Floats, tolerance: float) -> bool:
        """Whether what :meth:`solved` gives leaves no more than this of each gradient."""
        triples = zip(self.hessian, self.solved(gradients), gradients, strict=True)
        return all(float(np.linalg.norm(times(hessian, v) - g)) <= tolerance / 2 for hessian, v, g in triples)

    def change(self, X: Floats, weights: Floats) -> OneRecord | SeveralRecords:
        """The change by rows (m, d) of these weights (m, k): negative for those that go. Nothing is written to."""
        return OneRecord(self, X[0], weights[0]) if len(X) == 1 else SeveralRecords(self, X, weights)


class OneRecord(Patch):
    """A record goes or comes: hessian += weight x xᵀ, inverse += factor q qᵀ with q = inverse · x, in each problem.

    Parameters
    ----------
    of : Curvature
    x : ndarray of shape (d,)
    weights : ndarray of shape (k,)
        In each problem; below zero for a record that goes.
    """

    def __init__(self, of: Curvature, x: Floats, weights: Floats) -> None:
        self._of, self._x, self._weights = of, x.copy(), weights
        self._q = np.stack([times(inverse, x) for inverse in of.inverse]) if len(of.inverse) else np.zeros((0, len(x)))
        self._factors = -weights / (1.0 + weights * (self._q @ x))
        self._done = np.zeros((len(weights), 1), dtype=np.int64)

    def solve(self, i: int, slopes: Floats, delta: Floats) -> Floats:
        """The new inverse times delta = -slope x."""
        q = self._q[i]
        return np.asarray(-slopes[0] * (1.0 + self._factors[i] * float(q @ self._x)) * q)

    def times(self, i: int, v: Floats) -> Floats:
        """The new Hessian times a vector."""
        return np.asarray(times(self._of.hessian[i], v) + self._weights[i] * float(self._x @ v) * self._x)

    def apply(self) -> None:
        self._of.changed()
        for i, done in enumerate(self._done):
            _add_rank_one(
                self._of.hessian[i], self._of.inverse[i], self._x, self._weights[i], self._q[i], self._factors[i], done
            )

    def aside(self) -> tuple[Floats, Floats]:
        """The new matrices, made beside the old ones."""
        copy = Curvature(self._of.hessian.copy(), self._of.inverse.copy())
        twin = OneRecord(copy, self._x, self._weights)
        twin.apply()
        return copy.hessian, copy.inverse


class SeveralRecords(Patch):
    """Records go or come: matrices that are made aside, by Woodbury's identity for few rows, else anew.

    Parameters
    ----------
    of : Curvature
    X : ndarray of shape (n, d)
    weights : ndarray of shape (n, k)
        In each problem; below zero for records that go.
    """

    def __init__(self, of: Curvature, X: Floats, weights: Floats) -> None:
        self._of = of
        self._hessian, self._inverse = np.empty_like(of.hessian), np.empty_like(of.inverse)
        for i in range(len(of.hessian)):
            self._hessian[i] = of.hessian[i] + np.tril((X.T * weights[:, i]) @ X)
            self._inverse[i] = _inverse_after(of.inverse[i], self._hessian[i], X, weights[:, i])

    def solve(self, i: int, slopes: Floats, delta: Floats) -> Floats:
        """The new inverse times delta."""
        return times(self._inverse[i], delta)

    def times(self, i: int, v: Floats) -> Floats:
        """The new Hessian times a vector."""
        return times(self._hessian[i], v)

    def apply(self) -> None:
        self._of.changed()
        self._of.hessian, self._of.inverse = self._hessian, self._inverse

    def aside(self) -> tuple[Floats, Floats]:
        """The new matrices."""
        return self._hessian, self._inverse


def _inverse_after(inverse: Floats, hessian: Floats, X: Floats, weights: Floats) -> Floats:
    used = weights != 0
    if 4 * int(used.sum()) >= len(hessian):
        return inverse_of(hessian)
    X, weights = X[used], weights[used]
    whole = inverse + np.tril(inverse, -1).T
    Q = whole @ X.T
    return np.tril(whole - Q @ np.linalg.solve(np.diag(1.0 / weights) + X @ Q, Q.T))
