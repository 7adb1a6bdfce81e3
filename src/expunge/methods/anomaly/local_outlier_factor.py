"""How dense it is around a row, beside how dense it is around its neighbours."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.methods.anomaly.by_neighbours import ByNeighbours, row_means
from expunge.methods.anomaly.detector import Detector
from expunge.state import Part

__all__ = ["LocalOutlierFactor"]

Floats = npt.NDArray[np.float64]
_USUAL = -1.5
_SMALL = 1e-10  # as in scikit-learn, for records that lie on each other


class LocalOutlierFactor(ByNeighbours, Detector):
    """Outliers by their local outlier factor, for tables of groups that are not equally dense.

    Parameters
    ----------
    n_neighbors : int, default=20
        At least 1. With no more records of positive weight left the model is dormant.
    metric : {"euclidean", "manhattan", "cosine"}, default="euclidean"
        In the units of the columns: scale them before, with :class:`expunge.StandardScaler` in a pipeline.
    contamination : "auto" or float, default="auto"
        Share of the records that are outliers, above 0 and at most 0.5; with "auto" the threshold is -1.5, as in
        scikit-learn. Neither reads a record.
    seed : int, default=0
        Keys the order of the records, which decides among equal distances.

    Attributes
    ----------
    offset_ : float
        Scores below it are outliers.
    negative_outlier_factor_ : ndarray of shape (n,)
        Of the records, in the order of ``record_ids_``; about -1 for ordinary ones.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left.

    Raises
    ------
    InvalidDataError
        On ``fit``: no more records of positive weight than ``n_neighbors``.

    Notes
    -----
    The state is that of :class:`expunge.NeighborDetector`: forgetting a record searches again in the lists that it was
    in, ``n_neighbors`` of them on average, O(n d) each. Densities follow from the lists, O(n k), at the next question;
    no record is read for them. ``score_samples`` is that of scikit-learn with ``novelty=True``: a row is compared with
    the records as one that is not known. ``score_records`` leaves a record out of its own neighbours. Of records that
    are equally far, scikit-learn takes those that come first in its input. A record of weight zero is no neighbour,
    any other weight counts once.

    References
    ----------
    M. M. Breunig, H.-P. Kriegel, R. T. Ng, J. Sander, "LOF: identifying density-based local outliers", SIGMOD 2000,
    definitions 5 to 7. For the lists that a removal reaches: D. Pokrajac, A. Lazarevic, L. J. Latecki, "Incremental
    local outlier detection for data streams", CIDM 2007, section III.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> X[0] = 5.0
    >>> model = LocalOutlierFactor().fit(X)
    >>> int(model.record_ids_[np.argmin(model.negative_outlier_factor_)])
    0
    >>> removal = model.forget(0)
    >>> rest = np.arange(1, 200)
    >>> model.digest() == LocalOutlierFactor().fit(X[1:], record_ids=rest).digest()
    True
    """

    _alternatives: ClassVar[dict[str, list[Any]]] = {
        "n_neighbors": [1, 3], "metric": ["manhattan", "cosine"], "contamination": [0.2],
    }  # fmt: skip

    def __init__(
        self, *, n_neighbors: int = 20, metric: str = "euclidean", contamination: Any = "auto", seed: int = 0
    ) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.contamination = contamination
        self.seed = seed

    def _from_lists(self, near: npt.NDArray[np.int32], away: Floats) -> Part:
        farthest = np.ascontiguousarray(away[:, -1])
        density = _density(near, away, farthest)
        return {"farthest": farthest, "density": density, "known": _factor(near, density, density)}

    def _from_nearest(self, found: npt.NDArray[np.intp], away: Floats, solution: Part) -> Floats:
        return _factor(found, _density(found, away, solution["farthest"]), solution["density"])

    def _usual(self, solution: Part) -> float:
        return _USUAL

    @property
    def negative_outlier_factor_(self) -> Floats:
        """Of the records, in the order of ``record_ids_``, shape (n,); the lower, the stranger."""
        return self.score_records()


def _density(near: npt.NDArray[Any], away: Floats, farthest: Floats) -> Floats:
    """One over the mean reachability distance, definitions 5 and 6."""
    return np.asarray(1.0 / (row_means(np.maximum(away, farthest[near])) + _SMALL))


def _factor(near: npt.NDArray[Any], own: Floats, density: Floats) -> Floats:
    """The opposite of definition 7: densities of the neighbours over one's own."""
    return -row_means(density[near] / own[:, np.newaxis])
