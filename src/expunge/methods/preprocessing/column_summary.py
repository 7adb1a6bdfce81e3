"""What is known of one column: enough to scale, fill or encode it, and nothing about single records.

A transformer of columns learns from summaries. What the next one in a chain learns from follows from them, too: a
summary can be pushed through a transformer, and no record is read again.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MomentSummary", "Summary", "ValueSummary"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class MomentSummary:
    """Mean and variance of a column of numbers.

    Parameters
    ----------
    name : str or int
    weight, missing_weight : float
        Of the records with and without a value; their numbers where there are no weights.
    mean, variance : float
        Of the values there are; the variance is divided by the weight. NaN without any.
    """

    name: Any
    weight: float
    missing_weight: float
    mean: float
    variance: float

    @property
    def is_text(self) -> bool:
        """False: moments are those of numbers."""
        return False

    def rescaled(self, factor: float, shift: float) -> MomentSummary:
        """The summary of factor · x + shift."""
        return dataclasses.replace(self, mean=factor * self.mean + shift, variance=factor * factor * self.variance)

    def filled(self, value: float) -> MomentSummary:
        """The summary with a value where there was none."""
        weight = self.weight + self.missing_weight
        if not self.missing_weight:
            return self
        if not self.weight:
            return MomentSummary(self.name, weight, 0.0, float(value), 0.0)
        share = self.missing_weight / weight
        mean = self.mean + share * (value - self.mean)
        variance = (1.0 - share) * (self.variance + share * (value - self.mean) ** 2)
        return MomentSummary(self.name, weight, 0.0, mean, variance)


@dataclasses.dataclass(frozen=True)
class ValueSummary:
    """The distinct values of a column, and how often each occurs; a record of weight w counts as w records.

    Parameters
    ----------
    name : str or int
    values : ndarray of shape (V,)
        Sorted: int64, bool, float64 or texts; none of them missing.
    weights : ndarray of shape (V,)
        Of the records with each value, above 0; their numbers where there are no weights.
    missing_weight : float
        Of the records without a value.
    """

    name: Any
    values: npt.NDArray[Any]
    weights: Floats
    missing_weight: float

    @property
    def is_text(self) -> bool:
        """Whether the values are texts."""
        return self.values.dtype.kind == "U"

    @property
    def weight(self) -> float:
        """Weight of the records with a value."""
        return float(self.weights.sum())

    @property
    def mean(self) -> float:
        """Mean; NaN without values."""
        values, weight = self.values.astype(np.float64), self.weight
        if not weight:
            return float("nan")
        centre = float(values[0])  # of a column far from zero no digit is lost
        return centre + float(np.sum(self.weights * (values - centre)) / weight)

    @property
    def variance(self) -> float:
        """Variance, divided by the weight; NaN without values."""
        if not self.weight:
            return float("nan")
        if len(self.values) == 1:
            return 0.0
        offsets = self.values.astype(np.float64) - self.mean
        return float(np.sum(self.weights * offsets**2) / self.weight)

    def column(self) -> npt.NDArray[Any]:
        """The distinct values and, where there are any, a missing one last: one row for each, to be transformed."""
        if self.values.dtype.kind == "U":
            column = self.values.astype(object)
            return np.append(column, np.array([np.nan], dtype=object)) if self.missing_weight else column
        return np.append(self.values.astype(np.float64), np.nan) if self.missing_weight else self.values

    def pushed(self, name: Any, outputs: npt.NDArray[Any]) -> ValueSummary:
        """The summary of what these values become: one output for each row of :meth:`column`."""
        weights = np.append(self.weights, self.missing_weight) if self.missing_weight else self.weights
        if outputs.dtype.kind == "O":
            missing = np.array([value != value for value in outputs], dtype=bool)  # NaN
            kept = outputs[~missing].astype(str) if (~missing).any() else np.empty(0)
        else:
            missing = np.isnan(outputs) if outputs.dtype.kind == "f" else np.zeros(len(outputs), dtype=bool)
            kept = outputs[~missing]
        values, inverse = np.unique(kept, return_inverse=True)
        summed = np.bincount(inverse, weights=weights[~missing], minlength=len(values)).astype(np.float64)
        return ValueSummary(name, values, summed, float(weights[missing].sum()))


Summary = MomentSummary | ValueSummary
