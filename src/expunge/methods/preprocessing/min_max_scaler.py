"""Scaling to a range, of which the ends move when the record that held one is forgotten."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import OneToOneFeatureMixin
from sklearn.preprocessing import MinMaxScaler as Told

from expunge.arguments import check_flag
from expunge.errors import InvalidParameterError
from expunge.methods.preprocessing.column_summary import Summary, ValueSummary
from expunge.methods.preprocessing.columnwise import ColumnFront, ColumnTransform
from expunge.methods.preprocessing.front import refuse_text
from expunge.state import Part

__all__ = ["MinMaxScaler"]


class MinMaxScaler(OneToOneFeatureMixin, ColumnTransform, ColumnFront):
    """Brings columns of numbers into a range, and can forget who was the tallest.

    Parameters
    ----------
    feature_range : tuple (low, high), default=(0, 1)
    clip : bool, default=False
        Cut what lies outside, in ``transform``.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    data_min_, data_max_ : ndarray of shape (n_features,)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left.

    Notes
    -----
    The state is, for each column, its distinct values and the number of records with each: the next smallest is known
    when the smallest goes. A fit reads each record once; forgetting k records reads those, and copies the list of
    distinct values. Missing values (NaN) are left out and stay missing. A constant column becomes the lower end.
    A record of weight zero is no extreme.

    Examples
    --------
    >>> model = MinMaxScaler().fit([[1.0], [2.0], [9.0]])
    >>> _ = model.forget(2)
    >>> model.data_max_.tolist()
    [2.0]
    """

    _alternatives: ClassVar = {"feature_range": [(-1, 1)]}

    def __init__(self, *, feature_range: Any = (0, 1), clip: bool = False, seed: int = 0) -> None:
        self.feature_range = feature_range
        self.clip = clip
        self.seed = seed

    def _check_params(self) -> None:
        ends = self.feature_range
        is_pair = isinstance(ends, (tuple, list)) and len(ends) == 2
        if not is_pair or not all(isinstance(e, Real) and np.isfinite(float(e)) for e in ends) or not ends[0] < ends[1]:
            raise InvalidParameterError(f"feature_range must be two numbers, the smaller first, got {ends!r}.")
        check_flag("clip", self.clip)

    def _learn_column(self, summary: Summary) -> Part:
        refuse_text(summary, "MinMaxScaler")
        assert isinstance(summary, ValueSummary)  # noqa: S101 - of a chain with this transformer the values are kept
        values = summary.values.astype(np.float64)
        low, high = (values[0], values[-1]) if len(values) else (np.nan, np.nan)
        return {"low": float(low), "high": float(high)}

    def _told(self, statistics: list[Part]) -> Any:
        low = np.array([one["low"] for one in statistics])
        high = np.array([one["high"] for one in statistics])
        told = Told(feature_range=tuple(self.feature_range), clip=self.clip)
        told.data_min_, told.data_max_, told.data_range_ = low, high, high - low
        told.scale_ = self._scale(low, high)
        told.min_ = self.feature_range[0] - low * told.scale_
        told.n_features_in_, told.n_samples_seen_ = len(low), 1
        return told

    def _scale(self, low: Any, high: Any) -> Any:
        width = high - low
        return (self.feature_range[1] - self.feature_range[0]) / np.where(width == 0.0, 1.0, width)

    def _affine(self, statistic: Part) -> tuple[float, float]:
        """Factor and shift of a column: an output is factor · x + shift, unless it is clipped."""
        factor = float(self._scale(statistic["low"], statistic["high"]))
        return factor, self.feature_range[0] - statistic["low"] * factor

    @property
    def data_min_(self) -> npt.NDArray[np.float64]:
        """Smallest value of each column, shape (n_features,); NaN where no value is left."""
        return np.array(self._solution()["/low"])

    @property
    def data_max_(self) -> npt.NDArray[np.float64]:
        """Largest value of each column, shape (n_features,)."""
        return np.array(self._solution()["/high"])
