"""The distance from the mean, in units of how far records lie from it in each direction; from integer sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import stats

from expunge.arguments import check_number
from expunge.maths import exact
from expunge.methods.anomaly.by_spread import BySpread
from expunge.methods.anomaly.detector import RARE, Detector
from expunge.methods.anomaly.spread import Spread
from expunge.rows import Rows
from expunge.state import Part

__all__ = ["GaussianDetector"]

Floats = npt.NDArray[np.float64]
_FLAT = 1e-12  # directions with less of the variance of all do not count


class GaussianDetector(BySpread, Detector):
    """Outliers by their Mahalanobis distance, for tables of numbers; a record is taken out of integer sums.

    Parameters
    ----------
    shrinkage : float, default=0.0
        From the covariance of all columns (0) to columns that know nothing of each other (1).
    contamination : "auto" or float, default="auto"
        Share of the records that are outliers, above 0 and at most 0.5: every change then scores all records again.
        With "auto" the threshold is that of the 10 % farthest of a normal distribution, and no record is read for it.
    resolution : float or array-like of shape (n_features,), default=2**-32
        Unit of the integers that hold the values of a feature: a power of two. Values are rounded to multiples of it.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    offset_ : float
        Scores below it are outliers.
    location_ : ndarray of shape (n_features,)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. It holds for
    the rounded values; the removal says how far they can be from those given.

    Raises
    ------
    InvalidDataError
        On ``fit``: records of a weight of 1 or less in all, which have no variance.

    Notes
    -----
    The state is Σ w z zᵀ, z = (1, x), in integers: a fit is O(n d²), forgetting k records O(k d²) whatever n is, and
    asking O(d²) for each row after one decomposition, O(d³). A score is the opposite of the squared distance. Columns
    that do not vary, and directions whose variance is below 1e-12 of that of all, say nothing, as with scikit-learn's
    pseudo-inverse. A record of weight w counts as w records. One far outlier widens the spread and hides others: the
    mean and the covariance are not robust.

    References
    ----------
    P. C. Mahalanobis, "On the generalised distance in statistics", Proceedings of the National Institute of Sciences of
    India 2, 1936.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(500, 3))
    >>> X[0] = 6.0
    >>> model = GaussianDetector().fit(X)
    >>> model.predict(X[:2]).tolist()
    [-1, 1]
    >>> model.forget(0).work
    1
    >>> rest = np.arange(1, 500)
    >>> model.digest() == GaussianDetector().fit(X[1:], record_ids=rest).digest()
    True
    """

    _alternatives: ClassVar[dict[str, list[Any]]] = {"shrinkage": [0.5], "contamination": [0.2]}

    def __init__(
        self, *, shrinkage: float = 0.0, contamination: Any = "auto", resolution: Any = exact.DEFAULT_RESOLUTION,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self.shrinkage = shrinkage
        self.contamination = contamination
        self.resolution = resolution
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_number("shrinkage", self.shrinkage, high=1.0)

    def _learned(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        spread = Spread.of(parts["sums"]["products"], len(rows), self.resolution)
        if spread is None:
            return None
        share = float(self.shrinkage)
        shrunk = (1.0 - share) * spread.correlation + share * np.diag(np.diag(spread.correlation))
        variance, axes = spread.decomposed(shrunk)
        kept = variance > _FLAT * max(1, len(variance))
        A = (axes[kept] / np.sqrt(variance[kept])[:, np.newaxis]) * spread.inverse_scale
        return {"mean": spread.mean, "axes": np.ascontiguousarray(A)}

    def _usual(self, solution: Part) -> float:
        return -float(stats.chi2.isf(RARE, max(1, len(solution["axes"]))))

    @property
    def location_(self) -> Floats:
        """Mean of each feature, shape (n_features,)."""
        return np.array(self._solution()["mean"])
