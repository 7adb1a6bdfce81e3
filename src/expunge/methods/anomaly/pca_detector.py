"""What is left of a row when it is told by few principal components; from integer sums."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import stats

from expunge.arguments import check_flag
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.maths import exact
from expunge.methods.anomaly.by_spread import BySpread
from expunge.methods.anomaly.detector import RARE, Detector
from expunge.methods.anomaly.spread import Spread
from expunge.rows import Rows
from expunge.state import Change, Part

__all__ = ["PCADetector"]

Floats = npt.NDArray[np.float64]
_NOISE = 1e-12  # of the variance of all: a residual below it is rounding


class PCADetector(BySpread, Detector):
    """Outliers by what principal components cannot tell of them, for tables of numbers with columns that go together.

    Parameters
    ----------
    n_components : int or float, default=0.9
        How many components tell a row, at least 1 and fewer than columns; or the share of the variance, between 0 and
        1, that they must explain more than. One direction at least is always left over.
    scaled : bool, default=True
        Divide each column by its standard deviation first.
    contamination : "auto" or float, default="auto"
        Share of the records that are outliers, above 0 and at most 0.5: every change then scores all records again.
        With "auto" the threshold is that of the 10 % farthest of normal distributions with these variances.
    resolution : float or array-like of shape (n_features,), default=2**-32
        Unit of the integers that hold the values of a feature: a power of two. Values are rounded to multiples of it.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    offset_ : float
        Scores below it are outliers.
    n_components_ : int

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. It holds for
    the rounded values; the removal says how far they can be from those given.

    Raises
    ------
    InvalidDataError
        On ``fit``: records of a weight of 1 or less in all; as many components as columns.

    Notes
    -----
    The state is that of :class:`expunge.GaussianDetector`, and costs as much: forgetting k records is O(k d²) whatever
    n is. A score is the opposite of the squared distance between a row and its reconstruction, the sum of squares along
    the axes that are left over. Of these sums of squares χ² with the same mean and variance tells the threshold.

    References
    ----------
    J. E. Jackson, G. S. Mudholkar, "Control procedures for residuals associated with principal component analysis",
    Technometrics 21, 1979: the statistic Q. G. E. P. Box, "Some theorems on quadratic forms applied in the study of
    analysis of variance problems, I", Annals of Mathematical Statistics 25, 1954, theorem 3.1: the threshold.

    Examples
    --------
    >>> t = np.random.default_rng(0).normal(size=(300, 1))
    >>> X = np.hstack([t, 2 * t, -t]) + np.random.default_rng(1).normal(size=(300, 3)) / 10
    >>> X[0] = [1.0, -2.0, 1.0]
    >>> model = PCADetector(n_components=1).fit(X)
    >>> int(np.argmin(model.score_samples(X)))
    0
    >>> model.forget(0).work
    1
    """

    _alternatives: ClassVar[dict[str, list[Any]]] = {
        "n_components": [1, 0.5], "scaled": [False], "contamination": [0.2],
    }  # fmt: skip

    def __init__(
        self, *, n_components: float = 0.9, scaled: bool = True, contamination: Any = "auto",
        resolution: Any = exact.DEFAULT_RESOLUTION, seed: int = 0,
    ) -> None:  # fmt: skip
        self.n_components = n_components
        self.scaled = scaled
        self.contamination = contamination
        self.resolution = resolution
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_flag("scaled", self.scaled)
        k = self.n_components
        is_count = isinstance(k, Integral) and not isinstance(k, bool) and k >= 1
        is_share = isinstance(k, Real) and not isinstance(k, Integral) and 0 < k < 1
        if not (is_count or is_share):
            raise InvalidParameterError(f"n_components must be an integer from 1 on or a share below 1, got {k!r}.")

    def _learn(self, change: Change) -> dict[str, Part | None]:
        out = super()._learn(change)
        sums = out["sums"]
        if not change.tolerant and sums is not None and self._is_too_many(sums):
            raise InvalidDataError(
                f"n_components={self.n_components} must be below n_features = {_width(sums)}.",
                hint="Ask for fewer components.",
            )
        return out

    def _is_too_many(self, sums: Part) -> bool:
        return isinstance(self.n_components, Integral) and self.n_components >= _width(sums)

    def _learned(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        spread = Spread.of(parts["sums"]["products"], len(rows), self.resolution)
        if spread is None or self._is_too_many(parts["sums"]):
            return None
        variance, axes = spread.decomposed(spread.correlation if self.scaled else spread.covariance)
        k, total = self.n_components, float(variance.sum())
        if not isinstance(k, Integral):
            told = np.cumsum(variance) / total if total > 0 else np.ones(len(variance))
            k = min(int(np.searchsorted(told, float(k), side="right")) + 1, len(variance) - 1)
        left = axes[int(k) :] * spread.inverse_scale if self.scaled else axes[int(k) :]
        return {"mean": spread.mean, "axes": np.ascontiguousarray(left), "left": variance[int(k) :], "total": total}

    def _usual(self, solution: Part) -> float:
        first, second = float(solution["left"].sum()), float((solution["left"] ** 2).sum())
        if not second > 0:
            return -_NOISE * float(solution["total"])
        farthest = second / first * float(stats.chi2.isf(RARE, first * first / second))
        return -max(farthest, _NOISE * float(solution["total"]))

    @property
    def n_components_(self) -> int:
        """Components that tell a row."""
        solution = self._solution()
        return len(solution["mean"]) - len(solution["axes"])


def _width(sums: Part) -> int:
    return int(sums["products"].shape[1]) - 1
