"""A sample of a table and folds of it, in which people stay whole; both follow from the ids and the seed alone."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

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


def units_of(table: Table) -> Ints:
    """Number of the unit of each record, shape (n,): its person, or the record itself where it is about nobody."""
    if table.subjects is None:
        return np.arange(len(table), dtype=np.intp)
    seen: dict[Any, int] = {}
    named = [("record", i) if s is None else ("subject", s) for i, s in enumerate(table.subjects.tolist())]
    return np.array([seen.setdefault(name, len(seen)) for name in named], dtype=np.intp)


def unit_sizes(units: Ints) -> dict[int, int]:
    """Number of records -> how many units hold so many."""
    return dict(sorted(Counter(np.bincount(units).tolist()).items()))


def draw_sample(units: Ints, most: int, seed: int) -> Sample:
    """About ``most`` records, whole units in the order of a keyed hash, and folds of nearly equal numbers of records.

    Parameters
    ----------
    units : ndarray of intp, shape (n,)
    most : int
    seed : int
    """
    n_units = int(units.max()) + 1
    rank = np.empty(n_units, dtype=np.intp)
    rank[np.argsort(uniform64(seed, "advice", np.arange(n_units, dtype=np.int64)))] = np.arange(n_units)
    order = np.argsort(rank[units], kind="stable")
    unit = rank[units][order]
    ends = np.cumsum(np.bincount(unit, minlength=n_units))
    n_kept = max(FOLDS, int(np.searchsorted(ends, most, side="right")))
    m = int(ends[min(n_kept, n_units) - 1])
    starts = np.concatenate([[0], ends[:-1]])
    return Sample(order[:m], unit[:m], (starts[unit[:m]] * FOLDS // m).astype(np.intp))
