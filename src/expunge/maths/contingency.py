"""How often labels of different columns occur together, and sums of numbers by label: integers, exact.

Labels are numbered through all columns: column c has the codes from ``offsets[c]`` up to ``offsets[c + 1]``, and every
record has one code of each column. Pairs of codes a < b of different columns are kept as sorted keys a · L + b with
their counts, L being the number of all labels: most pairs never occur.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.errors import OutOfRangeError
from expunge.maths import exact

__all__ = ["Pairs", "add_pairs", "dense_counts", "label_sums", "pair_counts", "recoded_pairs", "recoded_sums"]

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Limbs = npt.NDArray[np.int64]

_BITS = 22  # of a digit, as in the limbs of expunge.maths.exact
_FEW = 64  # records whose pairs are listed rather than counted in tables
_DENSE = 4  # a table with up to so many cells for each record is counted as a whole


class Pairs(NamedTuple):
    """Sorted keys of the pairs that occur, shape (P,), and how often, shape (P,); both int64.

    Parameters
    ----------
    keys, counts : ndarray of int64, shape (P,)
    """

    keys: Codes
    counts: Codes


def pair_counts(codes: Codes, offsets: Codes) -> Pairs:
    """Count the pairs of codes over the records.

    Parameters
    ----------
    codes : ndarray of int64, shape (n_columns, n)
        Codes of the records, numbered through all columns.
    offsets : ndarray of int64, shape (n_columns + 1,)

    Notes
    -----
    O(n) for each pair of columns, and the cells of the table of two columns where these are few.

    Examples
    --------
    >>> pairs = pair_counts(np.array([[0, 1, 1], [2, 2, 3]]), np.array([0, 2, 4]))
    >>> pairs.keys.tolist(), pairs.counts.tolist()
    ([2, 6, 7], [1, 1, 1])
    """
    n_columns, n = codes.shape
    n_labels = int(offsets[-1])
    if n <= _FEW:  # all pairs of columns at once
        first, second = np.triu_indices(n_columns, 1)
        found, often = np.unique(codes[first] * n_labels + codes[second], return_counts=True)
        return Pairs(found.astype(np.int64), often.astype(np.int64))
    keys, counts = [], []
    for a in range(n_columns):
        for b in range(a + 1, n_columns):
            width, cells = (
                int(offsets[b + 1] - offsets[b]),
                int((offsets[a + 1] - offsets[a]) * (offsets[b + 1] - offsets[b])),
            )
            cell = (codes[a] - offsets[a]) * width + (codes[b] - offsets[b])
            if cells <= _DENSE * n:
                table = np.bincount(cell, minlength=cells)
                found = np.flatnonzero(table)
                often = table[found]
            else:
                found, often = np.unique(cell, return_counts=True)
            keys.append((found // width + offsets[a]) * n_labels + found % width + offsets[b])
            counts.append(often)
    if not keys:
        return Pairs(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    every = np.concatenate(keys)
    order = np.argsort(every, kind="stable")
    return Pairs(every[order], np.concatenate(counts).astype(np.int64)[order])


def add_pairs(a: Pairs, b: Pairs, sign: int) -> Pairs:
    """a + b, or a - b with ``sign=-1``, of equal numbering; pairs that are left with none are dropped."""
    at = np.searchsorted(a.keys, b.keys)
    is_there = at < len(a.keys)
    is_there[is_there] = a.keys[at[is_there]] == b.keys[is_there]
    counts = a.counts.copy()
    counts[at[is_there]] += sign * b.counts[is_there]
    keys = a.keys
    if not is_there.all():
        keys = np.insert(keys, at[~is_there], b.keys[~is_there])
        counts = np.insert(counts, at[~is_there], sign * b.counts[~is_there])
    if (counts[np.searchsorted(keys, b.keys)] == 0).any():
        keep = counts != 0
        keys, counts = keys[keep], counts[keep]
    return Pairs(keys, counts)


def recoded_pairs(pairs: Pairs, n_old: int, new_code: Codes, n_new: int) -> Pairs:
    """The same pairs in another numbering that keeps the order; ``new_code`` of a code without records is -1."""
    if n_old == n_new and np.array_equal(new_code, np.arange(n_old)):
        return pairs
    return Pairs(new_code[pairs.keys // n_old] * n_new + new_code[pairs.keys % n_old], pairs.counts)


def recoded_sums(sums: Limbs, new_code: Codes, n_new: int) -> Limbs:
    """Sums by label, shape (3, L, m), in another numbering."""
    if sums.shape[1] == n_new and np.array_equal(new_code, np.arange(n_new)):
        return sums
    out = np.zeros((len(sums), n_new, sums.shape[2]), dtype=np.int64)
    out[:, new_code[new_code >= 0]] = sums[:, new_code >= 0]
    return out


def dense_counts(pairs: Pairs, counts: Codes) -> Floats:
    """The symmetric table of all pairs of labels, shape (L, L); on the diagonal the counts of the labels."""
    n_labels = len(counts)
    out = np.zeros((n_labels, n_labels))
    a, b = pairs.keys // max(1, n_labels), pairs.keys % max(1, n_labels)
    out[a, b] = out[b, a] = pairs.counts
    np.fill_diagonal(out, counts)
    return out


def label_sums(Z: Floats, codes: Codes, n_labels: int, resolution: Floats) -> Limbs:
    """Sum the columns of Z over the records of each label, exactly.

    Parameters
    ----------
    Z : ndarray of shape (n, m)
    codes : ndarray of int64, shape (n_columns, n)
        Each record is counted to one label of each column.
    n_labels : int
    resolution : ndarray of shape (m,)

    Returns
    -------
    ndarray of int64, shape (3, n_labels, m)
        Limbs in the form of :mod:`expunge.maths.exact`, in units of the resolution.

    Raises
    ------
    OutOfRangeError
        More than 2**31 records at a time.
    """
    if len(Z) > 2**31:
        raise OutOfRangeError("More than 2**31 records at a time.", hint="Learn them in parts.")
    total = np.zeros((3, n_labels, Z.shape[1]), dtype=np.int64)
    fixed = exact.to_fixed(Z, resolution)
    for j in range(Z.shape[1]):
        rest, digit = fixed[:, j], 0
        while digit < 3 and rest.any():  # at most 2**21 in size each; a sum of 2**31 of them is below 2**53
            high = np.rint(rest * 2.0**-_BITS) if digit < 2 else np.zeros_like(rest)
            low = rest - high * 2.0**_BITS
            if low.any():
                for column in codes:
                    sums = np.bincount(column, weights=low, minlength=n_labels)
                    total[digit, :, j] += sums.astype(np.int64)
            rest, digit = high, digit + 1
    return exact.carry(total)
