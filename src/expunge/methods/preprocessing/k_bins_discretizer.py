"""Numbers into bins, of which the edges follow from the records that are left."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.preprocessing import KBinsDiscretizer as Told
from sklearn.utils import Tags

from expunge.arguments import check_choice, check_count
from expunge.errors import InvalidDataError
from expunge.estimators import one_thread
from expunge.methods.preprocessing.column_summary import Summary, ValueSummary
from expunge.methods.preprocessing.columnwise import ColumnFront, ColumnTransform
from expunge.methods.preprocessing.front import refuse_text, statistics_of
from expunge.state import Part

__all__ = ["KBinsDiscretizer"]

Floats = npt.NDArray[np.float64]
_ENCODINGS, _STRATEGIES = ("onehot", "onehot-dense", "ordinal"), ("uniform", "quantile", "kmeans")
_WIDTH = 1e-8  # of quantiles or centres: closer edges become one, as in scikit-learn


class KBinsDiscretizer(ColumnTransform, ColumnFront):
    """Puts numbers into bins, and draws the edges anew when a record is forgotten.

    Parameters
    ----------
    n_bins : int, default=5
        From 2 to 100,000. Edges that fall together make fewer bins.
    encode : {"onehot", "onehot-dense", "ordinal"}, default="onehot-dense"
        A column for each bin (as a CSR matrix with "onehot"), or the number of the bin.
    strategy : {"uniform", "quantile", "kmeans"}, default="quantile"
        Bins of equal width, of about equally many records, or about the centres of one-dimensional k-means.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    bin_edges_ : list of ndarray
    n_bins_ : ndarray of shape (n_features,)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left.

    Notes
    -----
    The state is, for each column, its distinct values and the number of records with each. A fit reads each record
    once; forgetting k records reads those, and the edges are drawn from the counts. Quantiles are interpolated linearly
    between records (``quantile_method="linear"`` of scikit-learn). All records count: scikit-learn draws 200,000 of
    more. k-means starts from the middles of bins of equal width, on distinct values weighted by their counts. A
    record of weight w counts as w records. A constant column has one bin. Missing values are refused.

    Examples
    --------
    >>> model = KBinsDiscretizer(n_bins=2, strategy="uniform").fit([[0.0], [1.0], [2.0], [10.0]])
    >>> _ = model.forget(3)
    >>> model.bin_edges_[0].tolist()
    [0.0, 1.0, 2.0]
    """

    _one_by_one = True
    _alternatives: ClassVar = {"n_bins": [4], "encode": ["ordinal"], "strategy": ["uniform"]}

    def __init__(
        self, *, n_bins: int = 5, encode: str = "onehot-dense", strategy: str = "quantile", seed: int = 0
    ) -> None:
        self.n_bins = n_bins
        self.encode = encode
        self.strategy = strategy
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        return tags

    def _check_params(self) -> None:
        check_count("n_bins", self.n_bins, least=2, most=100_000)
        check_choice("encode", self.encode, _ENCODINGS)
        check_choice("strategy", self.strategy, _STRATEGIES)

    def _learn_column(self, summary: Summary) -> Part:
        refuse_text(summary, "KBinsDiscretizer")
        assert isinstance(summary, ValueSummary)  # noqa: S101 - of a chain with this transformer the values are kept
        if summary.missing_weight:
            raise InvalidDataError(
                f"Input X contains NaN: column {summary.name!r}, which KBinsDiscretizer has no bin for.",
                hint="Put a SimpleImputer before.",
            )
        values = summary.values.astype(np.float64)
        if not len(values):
            raise InvalidDataError("A column has no value.", hint="Learn a record that has one.")
        if len(values) == 1:
            return {"edges": np.array([-np.inf, np.inf])}
        edges = {"uniform": self._uniform, "quantile": self._quantiles, "kmeans": self._centres}[self.strategy]
        return {"edges": edges(values, summary.weights)}

    def _uniform(self, values: Floats, weights: Floats) -> Floats:
        return np.linspace(values[0], values[-1], self.n_bins + 1)

    def _quantiles(self, values: Floats, weights: Floats) -> Floats:
        upto = np.cumsum(weights)
        n = upto[-1]
        at = np.linspace(0.0, 1.0, self.n_bins + 1) * max(0.0, n - 1)
        below = np.floor(at)
        low = values[np.minimum(np.searchsorted(upto, below, side="right"), len(values) - 1)]
        high = values[np.searchsorted(upto, np.minimum(below + 1, max(0.0, n - 1)), side="right")]
        return _apart(low + (at - below) * (high - low))

    def _centres(self, values: Floats, weights: Floats) -> Floats:
        n_clusters = min(self.n_bins, len(values))
        edges = np.linspace(values[0], values[-1], n_clusters + 1)
        start = ((edges[1:] + edges[:-1]) * 0.5)[:, np.newaxis]
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = KMeans(n_clusters=n_clusters, init=start, n_init=1, algorithm="lloyd").fit(
                values[:, np.newaxis], sample_weight=weights
            )
        centres = np.sort(found.cluster_centers_[:, 0])
        return _apart(np.concatenate([values[:1], (centres[1:] + centres[:-1]) * 0.5, values[-1:]]))

    def _told(self, statistics: list[Part]) -> Any:
        (statistic,) = statistics
        edges = statistic["edges"]
        n_bins = len(edges) - 1
        told = Told(n_bins=max(2, n_bins), encode=self.encode, strategy="uniform", subsample=None)
        column = np.linspace(0.0, 1.0, max(2, n_bins) + 1)[:, np.newaxis]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a constant column has one bin: that is known
            told.fit(np.zeros_like(column) if n_bins == 1 else column)
        told.bin_edges_[0] = edges
        return told

    @property
    def bin_edges_(self) -> list[Floats]:
        """Edges of the bins of each column."""
        return [np.array(statistic["edges"]) for statistic in statistics_of(self._solution(), "")]

    @property
    def n_bins_(self) -> npt.NDArray[np.int64]:
        """Number of bins of each column, shape (n_features,)."""
        return np.array([len(edges) - 1 for edges in self.bin_edges_], dtype=np.int64)


def _apart(edges: Floats) -> Floats:
    """The edges without those that fall together with the one before."""
    return np.asarray(edges[np.append(True, np.diff(edges) > _WIDTH)])
