"""A sample of a table and folds of it, in which people stay whole; both follow from the ids and the seed alone."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.rows import Table
from expunge.seeds import uniform64

__all__ = ["FOLDS", "Sample", "draw_sample", "unit_sizes", "units_of"]

FOLDS = 5

Ints = npt.NDArray[np.intp]


class Sample(NamedTuple):
    """Some rows of a table.

    Attributes
    ----------
    rows : ndarray of intp, shape (m,)
        Positions in the table; people stand together, in the order of a keyed hash.
    unit : ndarray of intp, shape (m,)
        To which person each belongs, counted from zero in that order.
    fold : ndarray of intp, shape (m,)
        From 0 to ``FOLDS`` - 1, the same for all records of a person.
    """

    rows: Ints
    unit: Ints
    fold: Ints


def units_of(table: Table, seed: int) -> Ints:
    """Number of the unit of each record, shape (n,): its person, or the record itself where it is about nobody.

    Units are numbered in the order of a keyed hash of their ids, so that the order of the table does not matter.
    """
    hashes = uniform64(seed, "advice", table.ids)
    if table.subjects is not None:
        is_somebody = np.array([subject is not None for subject in table.subjects.tolist()], dtype=bool)
        names = table.subjects[is_somebody]
        if len(names) and not isinstance(names[0], str):
            names = names.astype(np.int64)
        hashes[is_somebody] = uniform64(seed, "advice by subject", names)
    return np.unique(hashes, return_inverse=True)[1].astype(np.intp)


def unit_sizes(units: Ints) -> dict[int, int]:
    """Number of records -> how many units hold so many."""
    return dict(sorted(Counter(np.bincount(units).tolist()).items()))


def draw_sample(units: Ints, ties: npt.NDArray[np.uint64], most: int) -> Sample:
    """About ``most`` records, the first units whole, and folds of nearly equal numbers of records.

    Parameters
    ----------
    units : ndarray of intp, shape (n,)
        From :func:`units_of`.
    ties : ndarray of uint64, shape (n,)
        The order within a unit: a hash of the records' ids.
    most : int
    """
    order = np.lexsort((ties, units))
    unit = units[order]
    ends = np.cumsum(np.bincount(unit))
    n_kept = max(FOLDS, int(np.searchsorted(ends, most, side="right")))
    m = int(ends[min(n_kept, len(ends)) - 1])
    starts = np.concatenate([[0], ends[:-1]])
    return Sample(order[:m], unit[:m], (starts[unit[:m]] * FOLDS // m).astype(np.intp))
