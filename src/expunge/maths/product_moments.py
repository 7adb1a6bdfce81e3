"""Products of records summed in integers, the moments they give, and products of rows that ask no other row.

The sum is Σ (w z) zᵀ over the records, z = (1, x) or (1, x, y). z is rounded to a multiple of the resolution, then
w z is: so a weight that is an integer counts exactly as that many records.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import OutOfRangeError
from expunge.estimators import one_thread
from expunge.maths import exact
from expunge.maths.fixed_point import WEIGHT_RESOLUTION, rounded_weight
from expunge.maths.moments import Moments, TargetMoments
from expunge.rows import Table

__all__ = ["product_moments", "products", "row_products", "table_products", "weighted"]

Floats = npt.NDArray[np.float64]
Limbs = npt.NDArray[np.int64]

_CELLS = 2**21  # numbers of (1, x, y) in memory at a time
_CHUNK = 8192  # records of which [x, w x] is in memory at a time
_MOSTLY = 4  # up to one in so many, values that are not zero are taken one by one
_ROWS = 1024  # of a product with rows, so that a block stays in the cache


def table_products(table: Table, resolution: Any, target_resolution: Any = None, *, names: Any = None) -> Limbs:
    """Sum of (w z) zᵀ over the records of a table, limbs (6, m, m); z = (1, x), or (1, x, y).

    Parameters
    ----------
    table : Table
        X is an array or a CSR matrix, which is spread out by blocks of records.
    resolution, target_resolution : float or array-like
        Units of the features and of the targets; that of the leading one is :data:`WEIGHT_RESOLUTION`. Without one
        for the targets, y is left alone.
    names : array of str, optional
        Of the features, for the error.

    Raises
    ------
    OutOfRangeError
        For the first record with a value, or weight, out of range.
    """
    X, weight, n = table.X, rounded_weight(table), len(table)
    y = np.empty((n, 0)) if target_resolution is None else table.y if table.y.ndim == 2 else table.y[:, np.newaxis]
    d, m = X.shape[1], 1 + X.shape[1] + y.shape[1]
    units = _units(resolution, target_resolution, d, y.shape[1])
    total = exact.zeros_product((m, m))
    step = max(512, _CELLS // m)
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        part = X[rows]
        Z = np.empty((rows.stop - start, m))
        Z[:, 0], Z[:, 1 : 1 + d], Z[:, 1 + d :] = 1.0, part.toarray() if hasattr(part, "tocsr") else part, y[rows]
        w = None if weight is None else weight[rows]
        try:
            total = exact.add(total, products(Z, w, units, table.ids[rows]))
        except OutOfRangeError:
            raise _refusal(table, start, Z, w, units, range(d) if names is None else names) from None
    return total


def product_moments(
    limbs: Limbs, n: int, resolution: Any, target_resolution: Any = None, *, n_targets: int = 0, is_flat: bool = True
) -> Moments:
    """Moments from :func:`table_products` of n records; centred in integers, each entry rounded once.

    Parameters
    ----------
    limbs : ndarray of int64, shape (6, 1 + d + n_targets, 1 + d + n_targets)
        Of positive weight.
    n : int
    resolution, target_resolution : as for :func:`table_products`
    n_targets : int, default=0
        With none, the moments have no targets.
    is_flat : bool, default=True
        Whether y was given in one dimension.
    """
    d = limbs.shape[1] - 1 - n_targets
    units = _units(resolution, target_resolution, d, n_targets)
    # (w z) zᵀ is rounded on one side, so the sum with its transpose is symmetric: twice the moments, exactly.
    weight, means, scatter = exact.centred_gram(exact.add(limbs, limbs.transpose(0, 2, 1)), units)
    weight, scatter = weight / 2, scatter / 2
    targets = None
    if n_targets:
        targets = TargetMoments(means[d:], scatter[:d, d:], scatter[d:, d:], is_flat=is_flat)
    return Moments(n, weight, means[:d], scatter[:d, :d], targets)


def row_products(X: Any, W: Floats) -> Floats:
    """X Wᵀ, shape (n, k), where the bits of a row follow from that row alone.

    A matrix product of BLAS adds up in an order that depends on the number of rows. Here terms are added column by
    column, or for a CSR matrix in the order of the stored values, O(n d k) or O(stored values · k).

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(50, 7))
    >>> bool((row_products(X, X[:3])[4] == row_products(X[4:5], X[:3])[0]).all())
    True
    """
    if hasattr(X, "tocsr"):
        return np.asarray(X @ np.ascontiguousarray(W.T))
    out = np.empty((len(X), len(W)))
    for start in range(0, len(X), _ROWS):
        columns = np.ascontiguousarray(X[start : start + _ROWS].T)
        total = np.zeros((len(W), columns.shape[1]))
        term = np.empty_like(total)
        for j, column in enumerate(columns):
            at = np.flatnonzero(column)
            if len(at) < len(column) // _MOSTLY:  # zeros would add nothing, to the last bit
                total[:, at] += np.multiply.outer(W[:, j], column[at])
                continue
            np.multiply(W[:, j, np.newaxis], column, out=term)
            total += term
        out[start : start + _ROWS] = total.T
    return out


def products(X: Floats, weight: Floats | None, resolution: Any, ids: npt.NDArray[Any]) -> Limbs:
    """Sum of (w x) xᵀ over the records, limbs (6, d, d) in units of ``resolution[i] * resolution[j]``.

    Both factors are rounded to multiples of the resolution; a record out of range is refused by its id.
    """
    n, d = X.shape
    units = np.broadcast_to(exact.check_resolution(resolution, d), (d,))
    total = exact.zeros_product((d, d))
    for start in range(0, n, _CHUNK):
        rows = slice(start, start + _CHUNK)
        x = X[rows]
        Z = x if weight is None else np.concatenate([weighted(x, weight[rows], units), x], axis=1)
        r = units if weight is None else np.concatenate([units, units])
        with one_thread() if n > 1 else nullcontext():  # exact on any number of threads; on small blocks they wait
            part = _named_gram(Z, r, ids[rows])
        total = exact.add(total, part[:, :d, part.shape[2] - d :])
    return total


def weighted(X: Floats, weight: Floats | None, resolution: Any) -> Floats:
    """w x of the rounded x; what is out of range stays so."""
    if weight is None:
        return X
    r = exact.check_resolution(resolution, X.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.rint(X / r) * r * weight[:, np.newaxis])


def _units(resolution: Any, target_resolution: Any, d: int, n_targets: int) -> Floats:
    units = [np.array([WEIGHT_RESOLUTION]), np.broadcast_to(exact.check_resolution(resolution, d), (d,))]
    if n_targets:
        units.append(np.broadcast_to(exact.check_resolution(target_resolution, n_targets), (n_targets,)))
    return np.concatenate(units)


def _refusal(table: Table, start: int, Z: Floats, weight: Floats | None, units: Floats, names: Any) -> OutOfRangeError:
    size = np.ones(len(Z)) if weight is None else np.maximum(weight, 1.0)
    with np.errstate(over="ignore"):
        row, column = np.argwhere(~(np.abs(np.rint(Z / units)) * size[:, np.newaxis] < 2.0**63))[0].tolist()
    where, name = "its target", "target_resolution"
    if column <= len(names):
        where, name = f"column {names[column - 1]!r}", "resolution"
    weighted = "" if weight is None else f" with weight {float(weight[row])!r}"
    return OutOfRangeError(
        f"Record {table.ids[start + row : start + row + 1].tolist()[0]!r} (row {start + row}) has "
        f"{float(Z[row, column])!r} in {where}{weighted}: not below 2**63 resolutions.",
        hint=f"Correct or drop it, or choose a coarser {name}.",
    )


def _named_gram(Z: Floats, resolution: Floats, ids: npt.NDArray[Any]) -> Limbs:
    with suppress(OutOfRangeError):
        return exact.gram(Z, resolution)
    return exact.gram(Z, resolution, record_ids=ids.tolist())
