"""Sums over records in integers, so that taking a record out restores the sum without it, bit for bit.

A value x becomes the integer q = rint(x / resolution), |q| < 2**63; the resolution is a power of two, so the division
is exact. Sums of q and of products q_i q_j are integers held as *limbs*: an int64 array of shape (L, ...) that stands
for Σ_k limbs[k] · 2**(22 k). In the canonical form all limbs but the last are in [0, 2**22) and the last one carries
the sign. An integer has one such form, so any two routes to the same sum (other row order, batches, threads, learning
and forgetting) give equal bits. 3 limbs (107 bits) hold sums, 6 limbs (173 bits) sums of products, of 2**40 records.

*Why float64 arithmetic is exact here.* Each q of a block of 512 rows is split into one to three signed digits of radix
2**22 by rounding: high = rint(q / 2**22), low = q - 2**22 · high. Scaling by a power of two is exact. low is an integer
and at most 2**21 in size, hence representable, hence the subtraction is exact. One digit is used if |q| ≤ 2**21, two
if |q| ≤ 2**43 (then |high| ≤ 2**21), else three (|high| ≤ 2**41 is split again, the third is at most 2**19).
So a product of two digits is at most 2**42 in size and a sum of 512 of them at most 2**51. At most three such sums
share a weight 2**(22 k): one or two full ones (2**52), or one with two that involve the third digit (2**51 + 2**50).
All partial sums, in any order, fused or not, are integers below 2**53, so a matrix product that adds products of
entries (every BLAS that is not of the Strassen kind) is exact whatever its threads and kernel. Plain sums are split
only if 512 · max |q| could pass 2**53. The sums of a block, at most 2**53, are added up in int64 and carried every
256 blocks, that is below 2**61 + 2**22 < 2**63.

References
----------
Ozaki, Ogita, Oishi, Rump (2012), Error-free transformations of matrix multiplication by using fast routines of matrix
multiplication and its applications, Numerical Algorithms 59: the splitting, here on a fixed grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from expunge.errors import InvalidDataError, InvalidParameterError, OutOfRangeError
from expunge.maths.room import room_for_pairs

Floats: TypeAlias = NDArray[np.float64]
Limbs: TypeAlias = NDArray[np.int64]
Ids: TypeAlias = Sequence[Any] | None
_Parts: TypeAlias = Callable[[Floats, float], list[Floats]]

DEFAULT_RESOLUTION = 2.0**-32  # values up to ±2**31; up to ±2**11 take two digits, which is faster
_BITS, _MASK = 22, 2**22 - 1
_ROWS = 512  # rows of a block; the bounds above depend on it
_FEW_GROUPS = 16  # up to here a product with a one-hot matrix beats sorting


def check_resolution(resolution: ArrayLike, n_columns: int) -> Floats:
    """Return one resolution per column, for estimators that let their users choose it.

    Parameters
    ----------
    resolution : float or array-like of shape (n_columns,)
        Powers of two from 2**-256 to 2**256, in the unit of the column; else InvalidParameterError. Within these
        bounds no scaling, not even by a product of two resolutions, overflows or underflows.
    """
    array = np.asarray(resolution, dtype=np.float64)
    if array.shape not in ((), (n_columns,)):
        message = f"resolution has shape {array.shape}, expected a number or shape ({n_columns},)."
        raise InvalidParameterError(message, hint="Pass one resolution, or one per column.")
    _exponents(array, 256, "resolution")
    return np.full(n_columns, array) if array.ndim == 0 else array.copy()


def to_fixed(X: ArrayLike, resolution: ArrayLike, *, record_ids: Ids = None) -> Floats:
    """Return rint(X / resolution), shape (n, d): integers as float64, without negative zeros.

    The sums below round block by block on their own, which saves this array. Use it to look at the integers, or to sum
    them with ``resolution=1``.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Read as float64; another number of dimensions raises InvalidDataError.
    resolution : float or array-like of shape (d,)
        See `check_resolution`. Halves go to the even neighbour.
    record_ids : sequence of length n, optional
        Names of the records for the error message, which otherwise has only the row.

    Raises
    ------
    OutOfRangeError
        For the first record with a value that is not finite or is 2**63 resolutions or more in size.
    """
    array, inverse = _checked(X, resolution)
    fixed = np.empty(array.shape)
    for rows, q, _ in _blocks(array, inverse, record_ids):
        fixed[rows] = q + 0.0  # -0.0 + 0.0 is 0.0
    return fixed


def zeros_sum(shape: tuple[int, ...]) -> Limbs:
    """Return the empty sum: zero limbs of shape (3, *shape)."""
    return np.zeros((3, *shape), dtype=np.int64)


def zeros_product(shape: tuple[int, ...]) -> Limbs:
    """Return the empty sum of products: zero limbs of shape (6, *shape); InvalidDataError if there is no room."""
    with room_for_pairs(shape[-1], 48 * math.prod(shape)):
        return np.zeros((6, *shape), dtype=np.int64)


def column_sums(X: ArrayLike, resolution: ArrayLike, *, record_ids: Ids = None) -> Limbs:
    """Sum the columns of X exactly: limbs of shape (3, d) in units of ``resolution[j]``; see `to_fixed`."""
    return group_sums(X, np.zeros(np.shape(X)[:1], dtype=np.intp), 1, resolution, record_ids=record_ids)[:, 0]


def group_sums(
    X: ArrayLike, codes: ArrayLike, n_groups: int, resolution: ArrayLike, *, record_ids: Ids = None
) -> Limbs:
    """Sum the columns of X within each group, for class means, in O(n d) and a few blocks of memory.

    Parameters
    ----------
    X, resolution, record_ids
        As in `to_fixed`, with its errors.
    codes : array-like of int, shape (n,)
        Group of each record, in [0, n_groups); else InvalidParameterError.

    Returns
    -------
    ndarray of int64, shape (3, n_groups, d)
        Limbs, in units of ``resolution[j]``; zero for an empty group.
    """
    return _group_totals(3, _addends, X, codes, n_groups, resolution, record_ids)


def group_squares(
    X: ArrayLike, codes: ArrayLike, n_groups: int, resolution: ArrayLike, *, record_ids: Ids = None
) -> Limbs:
    """Sum the squares within each group: limbs (6, n_groups, d) in ``resolution[j]**2``; otherwise as `group_sums`."""
    return _group_totals(6, _squares, X, codes, n_groups, resolution, record_ids)


def sparse_group_sums(
    X: Any, codes: ArrayLike, n_groups: int, resolution: ArrayLike, *, record_ids: Ids = None
) -> Limbs:
    """Sum the columns of a SciPy CSR matrix within each group, with the bits of `group_sums` of the dense one.

    Each stored entry is rounded on its own: call ``sum_duplicates`` first if entries may repeat. Parameters, result and
    errors are those of `group_sums`; another format raises InvalidDataError. O(nnz + n_groups d) time and memory.
    """
    if getattr(X, "format", None) != "csr":
        raise InvalidDataError(f"Expected a CSR matrix, got {type(X).__name__}.", hint="Convert it with tocsr().")
    (n, d), total = X.shape, zeros_sum((n_groups, X.shape[1]))
    inverse = 1.0 / check_resolution(resolution, d)
    cells = np.repeat(_checked_codes(codes, n, n_groups) * d, np.diff(X.indptr)) + X.indices[: X.indptr[-1]]
    step = max(2**20, min(total[0].size, 2**30))  # the sum of 2**30 digits is at most 2**51
    for start in range(0, len(cells), step):
        part = slice(start, min(start + step, len(cells)))
        q, peak = _rounded(X.data[part], inverse[X.indices[part]])
        if not peak < 2.0**63:
            first = start + int(np.flatnonzero(~(np.abs(q) < 2.0**63))[0])
            row = int(np.searchsorted(X.indptr, first, side="right")) - 1
            raise _refusal(X.data[first], row, int(X.indices[first]), record_ids)
        for k, digit in enumerate(_digits(q, peak)):
            sums = np.bincount(cells[part], weights=digit, minlength=total[0].size)
            total[k] += sums.astype(np.int64).reshape(n_groups, d)
        _settle(total)
    return total


def gram(X: ArrayLike, resolution: ArrayLike, *, record_ids: Ids = None) -> Limbs:
    """Sum the products of all pairs of columns of X exactly: XᵀX, for least squares and covariances.

    Parameters and errors are those of `to_fixed`. Returns symmetric limbs of shape (6, d, d), in units of
    ``resolution[i] * resolution[j]``. With the digits of a block side by side, this is one symmetric matrix product:
    d² flops per row for one digit (small integers), 4 d² for two (up to 2**43 resolutions), 9 d² for three.
    """
    array, inverse = _checked(X, resolution)
    d = array.shape[1]

    def terms() -> Iterator[tuple[slice, list[Floats]]]:
        for _, q, peak in _blocks(array, inverse, record_ids):
            digits = _digits(q, peak)
            m, Z = len(digits), np.concatenate(digits, axis=1) if len(digits) > 1 else q
            G = (Z.T @ Z).reshape(m, d, m, d)
            weights = [[G[i, :, k - i] for i in range(max(0, k - m + 1), min(k, m - 1) + 1)] for k in range(2 * m - 1)]
            yield slice(None), [sum(products[1:], products[0]) for products in weights]

    return _accumulate(zeros_product((d, d)), terms())


def carry(limbs: Limbs) -> Limbs:
    """Return the canonical form: all limbs but the last in [0, 2**22), the last one with the sign."""
    return _settle(limbs.copy())


def add(a: Limbs, b: Limbs) -> Limbs:
    """Return the canonical limbs of a + b."""
    return _settle(a + b)


def subtract(a: Limbs, b: Limbs) -> Limbs:
    """Return the canonical limbs of a - b; ``subtract(add(a, b), b)`` has the bits of a."""
    return _settle(a - b)


def to_integers(limbs: Limbs) -> NDArray[np.object_]:
    """Return Python integers as an object array of shape ``limbs.shape[1:]``."""
    total = limbs[-1].astype(object)
    for limb in limbs[-2::-1]:
        total = total * 2**_BITS + limb.astype(object)
    return np.asarray(total, dtype=object)


def to_float(limbs: Limbs, scale: ArrayLike = 1.0) -> Floats:
    """Return the float64 nearest to value · scale, ties to even, with no other rounding.

    Parameters
    ----------
    limbs : ndarray of int64, shape (L, ...)
    scale : float or array-like that broadcasts to ``limbs.shape[1:]``
        Powers of two from 2**-512 to 2**512, such as ``resolution`` for sums and
        ``np.multiply.outer(resolution, resolution)`` for a Gram matrix; else InvalidParameterError.

    The size of the integer is cut at its leading limb into A (two limbs, at least 2**22), B (the next two) and a bit
    that says whether anything is below. A · 2**45 and 2 B + bit are exact floats, and the bit is far below half a unit
    of the last place of their sum, so this one addition rounds as the whole integer would.
    """
    exponent = _exponents(np.asarray(scale, dtype=np.float64), 512, "scale")
    pad, (n_limbs, *shape) = 4, limbs.shape  # four empty limbs below, and two above for the 64 bits of the last one
    digits = np.zeros((pad + n_limbs + 2, *shape), dtype=np.int64)
    digits[pad:-2] = limbs
    negative = _settle(digits)[-1] < 0
    digits = _settle(np.where(negative, -digits, digits))
    filled = digits != 0
    lead = np.maximum(len(digits) - 1 - np.argmax(filled[::-1], axis=0), pad)
    a, b, c, d = (np.take_along_axis(digits, (lead - k)[None], axis=0)[0] for k in range(4))
    below = np.take_along_axis(np.logical_or.accumulate(filled, axis=0), (lead - 4)[None], axis=0)[0]
    value = (a * 2**_BITS + b) * 2.0**45 + (2 * (c * 2**_BITS + d) + below)
    power = (_BITS * (lead - pad - 3) - 1 + exponent).astype(np.intc)
    return np.asarray(np.ldexp(np.where(negative, -value, value), power), dtype=np.float64)


class CentredMoments(NamedTuple):
    """What `centred_gram` returns: the weight, means of shape (d,) and scatter of shape (d, d)."""

    weight: float
    means: Floats
    scatter: Floats


def centred_gram(limbs: Limbs, resolution: ArrayLike) -> CentredMoments:
    """Centre second moments in integers, so that nothing is lost to cancellation however large the means.

    Parameters
    ----------
    limbs : ndarray of int64, shape (6, 1 + d, 1 + d)
        `gram` of Z = [1, X], or of Z = [√w, √w X] for weighted records; targets are further columns.
    resolution : float or array-like of shape (1 + d,)
        The one that `gram` was given. For the ones to be exact, ``resolution[0]`` is at most 1.

    Returns
    -------
    CentredMoments
        With G the integers of the limbs and r the resolution, each entry is rounded once:
        ``weight`` = G_00 r_0², which is n or Σ w; ``means[i]`` = (G_0i / G_00) (r_i / r_0);
        ``scatter[i, j]`` = (G_00 G_ij - G_0i G_0j) / G_00 · r_i r_j, which is Σ w (x_i - x̄_i) (x_j - x̄_j), both of
        the rounded columns. Without records or weight there is no mean: InvalidDataError.
    """
    m, r = limbs.shape[1], check_resolution(resolution, limbs.shape[1])
    rows, columns = np.triu_indices(m)
    upper = to_integers(limbs[:, rows, columns])
    weight, s, pairs = upper[0], upper[1:m], upper[m:]
    if weight <= 0:
        raise InvalidDataError("The total weight is zero, so there is no mean.", hint="Learn a record first.")
    i, j = rows[m:] - 1, columns[m:] - 1
    means = (s / weight).astype(np.float64) * (r[1:] / r[0])  # Python rounds int / int correctly; scaling is exact
    scatter = np.empty((m - 1, m - 1))
    scatter[i, j] = ((pairs * weight - s[i] * s[j]) / weight).astype(np.float64) * (r[1:][i] * r[1:][j])
    scatter[j, i] = scatter[i, j]
    return CentredMoments(float(to_float(limbs[:, 0, 0], r[0] ** 2)), means, scatter)


def _exponents(array: Floats, limit: int, name: str) -> NDArray[Any]:
    mantissa, exponent = np.frexp(array)
    if (wrong := (mantissa != 0.5) | (np.abs(exponent - 1) > limit)).any():
        message = f"{name} {float(array[wrong].flat[0])!r} is not a power of two from 2**-{limit} to 2**{limit}."
        raise InvalidParameterError(message, hint="Use for example 2.0**-32.")
    return np.asarray(exponent - 1)


def _checked(X: ArrayLike, resolution: ArrayLike) -> tuple[Floats, Floats]:
    array = np.asarray(X, dtype=np.float64)
    if array.ndim != 2:
        raise InvalidDataError(f"X has shape {array.shape}, expected (n, d).", hint="Reshape it to two dimensions.")
    inverse = 1.0 / check_resolution(resolution, array.shape[1])
    return array, inverse[0] if inverse.size and (inverse == inverse[0]).all() else inverse  # a scalar is faster


def _checked_codes(codes: ArrayLike, n: int, n_groups: int) -> NDArray[np.int64]:
    array = np.asarray(codes)
    if array.shape != (n,) or (n and (array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= n_groups)):
        message = f"codes must be {n} integers from 0 to {n_groups - 1}, got {array.dtype} of shape {array.shape}"
        found = f" from {array.min()} to {array.max()}." if array.size and array.dtype.kind in "iu" else "."
        raise InvalidParameterError(message + found, hint="Number the groups from 0 and pass one number per record.")
    return array.astype(np.int64)


def _blocks(array: Floats, inverse: Floats, record_ids: Ids) -> Iterator[tuple[slice, Floats, float]]:
    """Yield rows, q and max |q| of each block, or refuse its first record out of range."""
    for start in range(0, len(array), _ROWS):
        rows = slice(start, start + _ROWS)
        q, peak = _rounded(array[rows], inverse)
        if not peak < 2.0**63:
            row, column = np.argwhere(~(np.abs(q) < 2.0**63))[0]
            raise _refusal(array[start + row, column], start + int(row), int(column), record_ids)
        yield rows, q, peak


def _rounded(values: Floats, inverse: Floats) -> tuple[Floats, float]:
    with np.errstate(over="ignore", invalid="ignore"):  # the callers refuse
        q = values * inverse
    np.rint(q, out=q)
    return q, max(float(q.max(initial=0.0)), -float(q.min(initial=0.0)))  # a NaN makes both NaN


def _refusal(value: float, row: int, column: int, record_ids: Ids) -> OutOfRangeError:
    name = None if record_ids is None else record_ids[row]
    name = name.item() if isinstance(name, np.generic) else name
    record = f"Row {row}" if record_ids is None else f"Record {name!r} (row {row})"
    message = f"{record} has {float(value)!r} in column {column}: not a finite number below 2**63 resolutions."
    return OutOfRangeError(message, hint="Correct or drop it, or choose a coarser resolution for the column.")


def _digits(q: Floats, peak: float) -> list[Floats]:
    """Split integers into signed digits of radix 2**22, least significant first, each at most 2**21 in size."""
    if peak <= 2.0**21:
        return [q]
    high = q * 2.0**-_BITS
    np.rint(high, out=high)
    low = high * 2.0**_BITS
    np.subtract(q, low, out=low)
    return [low, high] if peak <= 2.0**43 else [low, *_digits(high, 2.0**43)]


def _addends(q: Floats, peak: float) -> list[Floats]:
    return [q] if peak * _ROWS <= 2.0**53 else _digits(q, peak)


def _squares(q: Floats, peak: float) -> list[Floats]:
    """Return the parts of q² that belong to 1, 2**22, 2**44 and so on; each at most 2**43 in size."""
    low, *rest = _digits(q, peak)
    if not rest:
        return [low * low]
    cross, upper = 2.0 * low * rest[0], rest[0] * rest[0]
    if len(rest) == 1:
        return [low * low, cross, upper]
    return [low * low, cross, 2.0 * low * rest[1] + upper, 2.0 * rest[0] * rest[1], rest[1] * rest[1]]


def _group_totals(
    n_limbs: int, parts: _Parts, X: ArrayLike, codes: ArrayLike, n_groups: int, resolution: ArrayLike, record_ids: Ids
) -> Limbs:
    array, inverse = _checked(X, resolution)
    groups = _checked_codes(codes, len(array), n_groups)

    def terms() -> Iterator[tuple[Any, list[Floats]]]:
        for rows, q, peak in _blocks(array, inverse, record_ids):
            if n_groups <= _FEW_GROUPS:
                one_hot = np.equal.outer(np.arange(n_groups), groups[rows]).astype(np.float64)
                yield slice(None), [one_hot @ part for part in parts(q, peak)]
            else:  # only the groups that this block has, as runs of sorted rows
                order = np.argsort(groups[rows], kind="stable")
                present, starts = np.unique(groups[rows][order], return_index=True)
                yield present, [np.add.reduceat(part[order], starts, axis=0) for part in parts(q, peak)]

    return _accumulate(np.zeros((n_limbs, n_groups, array.shape[1]), dtype=np.int64), terms())


def _accumulate(total: Limbs, terms: Iterable[tuple[Any, list[Floats]]]) -> Limbs:
    """Add the sums of each block, at most 2**53 in size, to the limbs of the places it names."""
    for count, (places, sums) in enumerate(terms, start=1):
        for k, part in enumerate(sums):
            total[k, places] += part.astype(np.int64)
        if count % 256 == 0:
            _settle(total)
    return _settle(total)


def _settle(limbs: Limbs) -> Limbs:
    """Carry in place; the public functions give it arrays of their own."""
    for k in range(len(limbs) - 1):
        limbs[k + 1] += limbs[k] >> _BITS
        limbs[k] &= _MASK
    return limbs
