"""Half a sweep of alternating least squares: each line of one side solved against the other side."""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.compiled import njit

__all__ = ["solve_side"]


@njit
def _solve(A: Any, b: Any) -> None:
    """x of A x = b for a symmetric positive matrix, by Cholesky, written over b; the lower triangle of A is lost."""
    k = len(b)
    for i in range(k):
        for j in range(i + 1):
            value = A[i, j]
            for m in range(j):
                value -= A[i, m] * A[j, m]
            A[i, j] = np.sqrt(value) if i == j else value / A[j, j]
    for i in range(k):
        for m in range(i):
            b[i] -= A[i, m] * b[m]
        b[i] /= A[i, i]
    for i in range(k - 1, -1, -1):
        for m in range(i + 1, k):
            b[i] -= A[m, i] * b[m]
        b[i] /= A[i, i]


@njit
def solve_side(
    starts: Any, codes: Any, values: Any, other: Any, gram: Any, alpha: float, is_implicit: bool, out: Any
) -> None:
    """Solve every line of one side, in place of ``out``.

    Parameters
    ----------
    starts, codes, values : ndarray
        Line i has ``values[starts[i]:starts[i + 1]]`` at these lines of the other side.
    other : ndarray of float64, shape (m, k)
    gram : ndarray of float64, shape (k, k)
        Σ y yᵀ over all lines y of the other side; used if ``is_implicit``.
    alpha : float
    is_implicit : bool
        Implicit: (Σ y yᵀ + Σ v y yᵀ + λI) x = Σ (1 + v) y, where the second and the third sum are over what the line
        has. Explicit: (Σ y yᵀ + λ n I) x = Σ v y over the n that it has.
    out : ndarray of float64, shape (n, k)
    """
    k = other.shape[1]
    A, b = np.zeros((k, k)), np.zeros(k)
    for line in range(len(starts) - 1):
        n = starts[line + 1] - starts[line]
        b[:] = 0.0
        if is_implicit:
            A[:] = gram
        else:
            A[:] = 0.0
        for place in range(starts[line], starts[line + 1]):
            y, v = other[codes[place]], values[place]
            inside, right = (v, 1.0 + v) if is_implicit else (1.0, v)
            for i in range(k):
                b[i] += right * y[i]
                scaled = inside * y[i]
                for j in range(i + 1):
                    A[i, j] += scaled * y[j]
        for i in range(k):
            A[i, i] += alpha if is_implicit else alpha * max(1, n)
        _solve(A, b)
        out[line] = b
