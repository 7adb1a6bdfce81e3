"""Centring and scaling that forgets a record by taking it out of integer sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import OneToOneFeatureMixin
from sklearn.preprocessing import StandardScaler as Told

from expunge.arguments import check_flag
from expunge.maths import exact
from expunge.maths.fixed_point import rounding_terms
from expunge.methods.preprocessing.column_summary import MomentSummary, Summary
from expunge.methods.preprocessing.columnwise import ColumnFront, ColumnTransform
from expunge.methods.preprocessing.front import refuse_text
from expunge.state import Part

__all__ = ["StandardScaler"]


class StandardScaler(OneToOneFeatureMixin, ColumnTransform, ColumnFront):
    """Brings columns of numbers to mean zero and variance one, and can forget whose numbers they were.

    Parameters
    ----------
    with_mean : bool, default=True
        Subtract the mean.
    with_std : bool, default=True
        Divide by the standard deviation; by one where a column is constant.
    resolution : float or array-like of shape (n_features,), default=2**-32
        Unit of the integers that hold the values of a column: a power of two. Values are rounded to multiples of it
        and must be below 2**62 of it in size; the default reaches to 2**30.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    mean_, var_, scale_ : ndarray of shape (n_features,)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. It holds for
    the rounded values; the removal says how far they can be from those given.

    Notes
    -----
    The state is, for each column, the number of values and Σ w x and Σ w x² in integers: a fit reads each record once,
    O(n d); forgetting k records reads those, O(k d), whatever n is. The variance is divided by Σ w, and centred in
    integers: a column is constant exactly if its variance is zero. Missing values (NaN) are left out and stay missing.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, _ = load_wine(return_X_y=True)
    >>> model = StandardScaler().fit(X)
    >>> removal = model.forget([3, 4])
    >>> removal.work, removal.touched
    (2, ('moments',))
    """

    _reads_values = False

    def __init__(
        self, *, with_mean: bool = True, with_std: bool = True, resolution: Any = exact.DEFAULT_RESOLUTION,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self.with_mean = with_mean
        self.with_std = with_std
        self.resolution = resolution
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_flag("with_mean", self.with_mean)
        check_flag("with_std", self.with_std)

    def _learn_column(self, summary: Summary) -> Part:
        refuse_text(summary, "StandardScaler")
        return {"mean": float(summary.mean), "variance": float(summary.variance)}

    def _told(self, statistics: list[Part]) -> Any:
        told = Told(with_mean=self.with_mean, with_std=self.with_std)
        mean = np.array([one["mean"] for one in statistics])
        told.var_ = np.array([one["variance"] for one in statistics]) if self.with_std else None
        told.mean_, told.scale_ = mean, self._scale(told.var_) if self.with_std else None
        told.n_features_in_, told.n_samples_seen_ = len(mean), 1
        return told

    @staticmethod
    def _scale(variance: Any) -> npt.NDArray[np.float64]:
        return np.sqrt(np.where(variance == 0.0, 1.0, variance))

    def _pushed(self, statistic: Part, summary: Summary) -> list[Summary]:
        if not isinstance(summary, MomentSummary):
            return super()._pushed(statistic, summary)
        factor, shift = self._affine(statistic)
        return [summary.rescaled(factor, shift)]

    def _affine(self, statistic: Part) -> tuple[float, float]:
        """Factor and shift of a column: an output is factor · x + shift."""
        factor = 1.0 / float(self._scale(statistic["variance"])) if self.with_std else 1.0
        return factor, -statistic["mean"] * factor if self.with_mean else 0.0

    def _terms(self) -> str:
        return f", on {rounding_terms(self.resolution, 'values')}"

    @property
    def mean_(self) -> npt.NDArray[np.float64]:
        """Mean of each column, shape (n_features,); NaN where no value is left."""
        return np.array(self._solution()["/mean"])

    @property
    def var_(self) -> npt.NDArray[np.float64]:
        """Variance of each column, shape (n_features,)."""
        return np.array(self._solution()["/variance"])

    @property
    def scale_(self) -> npt.NDArray[np.float64]:
        """What each column is divided by, shape (n_features,)."""
        return self._scale(self.var_) if self.with_std else np.ones(len(self.var_))
