"""From some records to centres on a lattice: where a search for clusters ends.

Everything here is made of the records that are given, in the order that is given, and of hashes of their ids. The
centres are rounded to a lattice after every step, so that a record more or less moves them seldom: that is what makes
them worth keeping when a record goes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.maths.nearest import nearest
from expunge.maths.portable import logarithm
from expunge.seeds import uniform64

__all__ = ["Search", "assigned"]

Floats = npt.NDArray[np.float64]


def assigned(X: Floats, centres: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """The nearest centre of each row, of equals the first, and its squared distance; both of shape (n,)."""
    found, away = nearest(centres, X, 1, 0)
    return found[:, 0], away[:, 0]


class Search(NamedTuple):
    """A search for centres.

    Parameters
    ----------
    n_clusters, n_init, max_iter : int
    grain : float
        Step of the lattice in a column, in the power of two next to its standard deviation.
    seed : int
    """

    n_clusters: int
    n_init: int
    max_iter: int
    grain: float
    seed: int

    def centres(self, X: Floats, ids: npt.NDArray[Any], weight: Floats) -> tuple[Floats, int]:
        """The best of ``n_init`` searches over these records, by their squared distances.

        Centres, shape (n_clusters, d), and how many steps led to them.
        """
        steps, offset = self._lattice(X)
        best, least, taken = np.empty((0, X.shape[1])), np.inf, 0
        for run in range(self.n_init):
            found, n = self._descended(X, weight, self._start(X, ids, weight, run), steps, offset)
            loss = float(np.dot(weight, assigned(X, found)[1]))
            if loss < least or not run:
                best, least, taken = found, loss, n
        return best, taken

    def _lattice(self, X: Floats) -> tuple[Floats, Floats]:
        """Step and offset of the lattice in each column. A column that does not vary stays as it is: step 0."""
        spread = X.std(axis=0)
        steps = np.where(spread > 0, np.exp2(np.rint(np.log2(np.where(spread > 0, spread, 1.0)))), 0.0) * self.grain
        places = np.arange(X.shape[1], dtype=np.int64)
        return steps, (uniform64(self.seed, "lattice", places) >> np.uint64(11)) * 2.0**-53 * steps

    def _start(self, X: Floats, ids: npt.NDArray[Any], weight: Floats, run: int) -> Floats:
        """Records far apart: each wins a race in which its rate is its weight times its squared distance so far."""
        away, chosen = np.ones(len(X)), []
        keys = uniform64(self.seed, f"centres {run}", ids)
        for j in range(self.n_clusters):
            uniform = ((_mixed(keys, j) >> np.uint64(12)) + 0.5) * 2.0**-52
            rate = away * weight
            time = -logarithm(np.asarray(uniform, dtype=np.float64))
            with np.errstate(divide="ignore", over="ignore"):
                time = np.where(rate > 0, time / rate, np.inf) if (rate > 0).any() else time
            chosen.append(int(np.argmin(time)))
            near = assigned(X, X[chosen[-1:]])[1]
            away = np.minimum(away, near) if j else near
        return X[chosen]

    def _descended(
        self, X: Floats, weight: Floats, centres: Floats, steps: Floats, offset: Floats
    ) -> tuple[Floats, int]:
        """Lloyd's steps, each rounded to the lattice, until one changes nothing; centres, and the number of steps."""
        whole, taken = np.where(steps > 0, steps, 1.0), 0
        for _ in range(self.max_iter):
            taken += 1
            codes, _ = assigned(X, centres)
            sizes = np.bincount(codes, weights=weight, minlength=self.n_clusters)[:, np.newaxis]
            sums = np.zeros_like(centres)
            np.add.at(sums, codes, X * weight[:, np.newaxis])  # one after another, in the order given
            means = np.where(sizes > 0, sums / np.where(sizes > 0, sizes, 1.0), centres)
            rounded = np.where(steps > 0, np.rint((means - offset) / whole) * whole + offset, means) + 0.0
            if np.array_equal(rounded, centres):
                break
            centres = rounded
        return centres, taken


def _mixed(keys: npt.NDArray[np.uint64], number: int) -> npt.NDArray[np.uint64]:
    """Other bits from the same keys: the finalizer of SplitMix64 (Steele, Lea, Flood 2014)."""
    z = keys + np.uint64((number + 1) * 0x9E3779B97F4A7C15 % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))
