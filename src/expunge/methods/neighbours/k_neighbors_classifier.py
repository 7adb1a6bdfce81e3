"""The classes of the nearest records."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin

from expunge.maths.class_sums import number_classes, tally, tally_changed
from expunge.methods.neighbours.neighbours import Neighbours, is_neighbour
from expunge.rows import Table
from expunge.state import Change, Part

__all__ = ["KNeighborsClassifier"]

Floats = npt.NDArray[np.float64]


class KNeighborsClassifier(ClassifierMixin, Neighbours):
    """The class that most of the nearest records have, for tables of numbers; forgotten records are gone at once.

    Parameters
    ----------
    n_neighbors : int, default=5
        Records that vote; at least 1. With fewer records of positive weight left the model is dormant.
    weights : {"uniform", "distance"}, default="uniform"
        Every vote counts alike, or by one over its distance. Where a distance is zero only such records vote.
    metric : {"euclidean", "manhattan", "cosine"}, default="euclidean"
        In the units of the columns: scale them before, with :class:`expunge.StandardScaler` in a pipeline. A row of
        zeros has the cosine distance 1 to every row.
    seed : int, default=0
        Keys the order of the records, which decides among equal distances.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels that are left, sorted.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left.

    Raises
    ------
    InvalidDataError
        On ``fit``: fewer records of positive weight than ``n_neighbors``.

    Notes
    -----
    The state is the records, and how many each class has. A fit is O(n d); forgetting k records is O(k) and reads
    those. The next prediction copies the records that are left, in memory alone; each looks at all of them, O(n d) at
    most, and gives a pair up once it is too far. No tree outlives the question: what is copied goes with the next
    change. A distance is one fixed expression of two rows, so that no bit of an answer depends on threads, portions or
    the order of rows. A record of weight w has w votes; one of weight zero is no neighbour. scikit-learn's has no
    weights, and breaks ties by position.

    References
    ----------
    T. Cover, P. Hart, "Nearest neighbor pattern classification", IEEE Transactions on Information Theory 13, 1967,
    section II. S. Dudani, "The distance-weighted k-nearest-neighbor rule", IEEE Transactions on Systems, Man, and
    Cybernetics 6, 1976.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = KNeighborsClassifier(n_neighbors=3).fit(X, y)
    >>> model.kneighbors(X[7:8])[1].tolist()
    [[7, 39, 49]]
    >>> model.forget(39).work
    1
    >>> model.kneighbors(X[7:8])[1].tolist()
    [[7, 49, 0]]
    """

    def __init__(
        self, *, n_neighbors: int = 5, weights: str = "uniform", metric: str = "euclidean", seed: int = 0
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.metric = metric
        self.seed = seed

    def _tally_changed(self, old: Part | None, change: Change) -> Part:
        return tally_changed(old, change, _labels)

    def _count(self, part: Part) -> int:
        return int(part["counts"].sum())

    def _targets(self, y: Any) -> npt.NDArray[Any]:
        return number_classes(y)[1]

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of the classes that are left, sorted."""
        return np.array(self._solution()["classes"])

    def predict_proba(self, X: Any) -> Floats:
        """Share of each class in the votes, shape (n, n_classes), in the order of ``classes_``."""
        solution = self._solution()
        found, away = self._nearest(X, solution)
        shares, codes = self._shares(found, away, solution), solution["targets"][found]
        out, line = np.zeros((len(found), len(solution["classes"]))), np.arange(len(found))
        for j in range(found.shape[1]):  # the nearest first, so that sums round alike
            out[line, codes[:, j]] += shares[:, j]
        return out

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The label with the most votes for each row, shape (n,); of equals the first."""
        classes = self.classes_
        return np.asarray(classes[np.argmax(self.predict_proba(X), axis=1)])


def _labels(table: Table) -> Part:
    return tally(table.y[is_neighbour(table)], lambda codes, n_classes: {})
