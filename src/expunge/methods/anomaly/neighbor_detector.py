"""How far the nearest records are."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_choice
from expunge.maths.quantiles import quantile
from expunge.methods.anomaly.by_neighbours import ByNeighbours, row_means
from expunge.methods.anomaly.detector import Detector
from expunge.state import Part

__all__ = ["NeighborDetector"]

Floats = npt.NDArray[np.float64]
_AGGREGATIONS = ("largest", "mean")
_FENCE = 1.5  # quartile distances beyond the quartile


class NeighborDetector(ByNeighbours, Detector):
    """Outliers by the distance to their nearest records, for tables of numbers; a record goes with its place in lists.

    Parameters
    ----------
    n_neighbors : int, default=5
        At least 1. With no more records of positive weight left the model is dormant.
    aggregation : {"largest", "mean"}, default="largest"
        The distance to the last of the neighbours, or the mean of all.
    metric : {"euclidean", "manhattan", "cosine"}, default="euclidean"
        In the units of the columns: scale them before, with :class:`expunge.StandardScaler` in a pipeline.
    contamination : "auto" or float, default="auto"
        Share of the records that are outliers, above 0 and at most 0.5. With "auto" the threshold lies 1.5 quartile
        distances beyond the quartile of the records' own scores. Neither reads a record.
    seed : int, default=0
        Keys the order of the records, which decides among equal distances.

    Attributes
    ----------
    offset_ : float
        Scores below it are outliers.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left.

    Raises
    ------
    InvalidDataError
        On ``fit``: no more records of positive weight than ``n_neighbors``.

    Notes
    -----
    The state is a list for each record of the records nearest to it, itself apart: a fit is O(n² d). Forgetting a
    record searches again in the lists that it was in, ``n_neighbors`` of them on average, O(n d) each; if it was in
    none, no record is read, and ``plan`` says which. Learning one compares it with every other. ``score_samples``
    looks at a row as one that is not known; ``score_records`` leaves a record out of its own neighbours. A record of
    weight zero is no neighbour, any other weight counts once.

    References
    ----------
    S. Ramaswamy, R. Rastogi, K. Shim, "Efficient algorithms for mining outliers from large data sets", SIGMOD 2000,
    section 2.2. J. W. Tukey, "Exploratory data analysis", 1977: the fence.

    Examples
    --------
    >>> model = NeighborDetector(n_neighbors=1).fit([[0.0], [1.0], [3.0], [7.0]])
    >>> model.score_records([0, 1, 2, 3]).tolist()
    [-1.0, -1.0, -2.0, -4.0]
    >>> model.forget(2).work  # it was the nearest of 7.0
    3
    >>> model.score_records(3).tolist()
    [-6.0]
    """

    _alternatives: ClassVar[dict[str, list[Any]]] = {
        "n_neighbors": [1, 3], "aggregation": ["mean"], "metric": ["manhattan", "cosine"], "contamination": [0.2],
    }  # fmt: skip

    def __init__(
        self, *, n_neighbors: int = 5, aggregation: str = "largest", metric: str = "euclidean",
        contamination: Any = "auto", seed: int = 0,
    ) -> None:  # fmt: skip
        self.n_neighbors = n_neighbors
        self.aggregation = aggregation
        self.metric = metric
        self.contamination = contamination
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_choice("aggregation", self.aggregation, _AGGREGATIONS)

    def _from_lists(self, near: npt.NDArray[np.int32], away: Floats) -> Part:
        return {"known": self._of(away)}

    def _from_nearest(self, found: npt.NDArray[np.intp], away: Floats, solution: Part) -> Floats:
        return self._of(away)

    def _of(self, away: Floats) -> Floats:
        return -(row_means(away) if self.aggregation == "mean" else away[:, -1])

    def _usual(self, solution: Part) -> float:
        low, high = (quantile(solution["known"], share, solution.get("weight")) for share in (0.25, 0.75))
        return low - _FENCE * (high - low)
