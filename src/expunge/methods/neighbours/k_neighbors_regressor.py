"""The mean target of the nearest records."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin

from expunge.maths.running_sum import sum_after
from expunge.methods.neighbours.neighbours import Neighbours, is_neighbour
from expunge.rows import Table
from expunge.state import Change, Part

__all__ = ["KNeighborsRegressor"]


class KNeighborsRegressor(RegressorMixin, Neighbours):
    """The mean target of the nearest records, for tables of numbers; forgotten records are gone at once.

    Parameters
    ----------
    n_neighbors : int, default=5
        Records that the mean is of; at least 1. With fewer records of positive weight left the model is dormant.
    weights : {"uniform", "distance"}, default="uniform"
    metric : {"euclidean", "manhattan", "cosine"}, default="euclidean"
    seed : int, default=0
        All as for :class:`~expunge.methods.neighbours.k_neighbors_classifier.KNeighborsClassifier`.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left.

    Raises
    ------
    InvalidDataError
        On ``fit``: fewer records of positive weight than ``n_neighbors``.

    Notes
    -----
    As for the classifier: a fit is O(n d), forgetting k records O(k), and a prediction looks at every record. Targets
    are added in the order of the neighbours, the nearest first, so that a mean has the same bits in every history.

    References
    ----------
    N. Altman, "An introduction to kernel and nearest-neighbor nonparametric regression", The American Statistician 46,
    1992, section 3.

    Examples
    --------
    >>> model = KNeighborsRegressor(n_neighbors=2).fit([[0.0], [1.0], [2.0]], [0.0, 10.0, 30.0])
    >>> model.predict([[1.8]]).tolist()
    [20.0]
    >>> model.forget(2).work
    1
    >>> model.predict([[1.8]]).tolist()
    [5.0]
    """

    def __init__(
        self, *, n_neighbors: int = 5, weights: str = "uniform", metric: str = "euclidean", seed: int = 0
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.metric = metric
        self.seed = seed

    def _tally_changed(self, old: Part | None, change: Change) -> Part:
        return sum_after(old, change, _number, add=_plus, subtract=_less)

    def _count(self, part: Part) -> int:
        return int(part["n"])

    def _targets(self, y: Any) -> npt.NDArray[Any]:
        return np.asarray(y, dtype=np.float64)

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """The mean target of the nearest records of each row, shape (n,)."""
        solution = self._solution()
        found, away = self._nearest(X, solution)
        shares, targets = self._shares(found, away, solution), solution["targets"][found]
        out = np.zeros(len(found))
        for share, target in zip(shares.T, targets.T, strict=True):
            out += share * target
        return out


def _number(table: Table) -> Part:
    return {"n": int(is_neighbour(table).sum())}


def _plus(a: Part, b: Part) -> Part:
    return {"n": a["n"] + b["n"]}


def _less(a: Part, b: Part) -> Part:
    return {"n": a["n"] - b["n"]}
