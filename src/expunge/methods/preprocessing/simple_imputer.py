"""Filling in what is missing with a statistic of those who are left."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_choice, check_flag
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.maths import exact
from expunge.maths.fixed_point import rounding_terms
from expunge.methods.preprocessing.column_summary import MomentSummary, Summary, ValueSummary
from expunge.methods.preprocessing.columnwise import ColumnFront, ColumnTransform
from expunge.methods.preprocessing.front import refuse_text, statistics_of
from expunge.state import Part

__all__ = ["SimpleImputer"]

_STRATEGIES = ("mean", "median", "most_frequent", "constant")


class SimpleImputer(ColumnTransform, ColumnFront):
    """Fills in what is missing (NaN or None) with the mean, median or mode of a column, of the records that are left.

    Parameters
    ----------
    strategy : {"mean", "median", "most_frequent", "constant"}, default="mean"
        Of equally frequent values the smallest is taken. "most_frequent" and "constant" take columns of texts, too.
    fill_value : number or text, optional
        With "constant"; default: 0, or "missing_value" in a column of texts.
    keep_empty_features : bool, default=False
        Fill a column in which nothing is known with 0, or ``fill_value``; it is otherwise left out.
    resolution : float or array-like of shape (n_features,), default=2**-32
        With "mean": unit of the integers that hold the values of a column, a power of two; see ``StandardScaler``.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    statistics_ : list
        What is filled in, one for each column; None where a column is left out.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left; with "mean"
    it holds for the rounded values.

    Notes
    -----
    With "mean" the state is the number of values and their sum, in integers; else the distinct values of each column
    and the number of records with each. A fit reads each record once; forgetting k records reads those. A record of
    weight w counts as w records.

    Examples
    --------
    >>> import numpy as np
    >>> model = SimpleImputer(strategy="median").fit(np.array([[1.0], [2.0], [50.0], [np.nan]]))
    >>> _ = model.forget(2)
    >>> model.transform(np.array([[np.nan]])).tolist()
    [[1.5]]
    """

    _takes_text = True
    _alternatives: ClassVar = {"strategy": ["median", "most_frequent", "constant"]}

    def __init__(
        self, *, strategy: str = "mean", fill_value: Any = None, keep_empty_features: bool = False,
        resolution: Any = exact.DEFAULT_RESOLUTION, seed: int = 0,
    ) -> None:  # fmt: skip
        self.strategy = strategy
        self.fill_value = fill_value
        self.keep_empty_features = keep_empty_features
        self.resolution = resolution
        self.seed = seed

    @property
    def _reads_values(self) -> bool:  # type: ignore[override]
        return self.strategy != "mean"

    def _check_params(self) -> None:
        super()._check_params()
        check_choice("strategy", self.strategy, _STRATEGIES)
        if self.fill_value is not None:
            if self.strategy != "constant":
                raise InvalidParameterError("fill_value goes with strategy='constant'.", hint="Leave it out.")
            if isinstance(self.fill_value, bool) or not isinstance(self.fill_value, (Real, str)):
                raise InvalidParameterError(f"fill_value must be a number or a text, got {self.fill_value!r}.")
        if self.strategy != "mean" and not np.array_equal(self.resolution, exact.DEFAULT_RESOLUTION):
            raise InvalidParameterError("resolution goes with strategy='mean'.", hint="Leave it out.")
        check_flag("keep_empty_features", self.keep_empty_features)

    def _learn_column(self, summary: Summary) -> Part:
        if self.strategy in ("mean", "median"):
            refuse_text(summary, f"SimpleImputer with strategy={self.strategy!r}")
        if not summary.weight and not self.keep_empty_features:
            return {"fill": None}
        if self.strategy == "constant":
            return {"fill": self._constant(summary)}
        if not summary.weight:
            return {"fill": 0.0}
        if self.strategy == "mean":
            return {"fill": float(summary.mean)}
        assert isinstance(summary, ValueSummary)  # noqa: S101 - of a chain with these strategies the values are kept
        if self.strategy == "most_frequent":
            found = summary.values[int(np.argmax(summary.weights))]
            return {"fill": str(found) if summary.is_text else float(found)}
        return {"fill": _median(summary)}

    def _constant(self, summary: Summary) -> Any:
        if summary.is_text or (not summary.weight and isinstance(self.fill_value, str)):
            value = "missing_value" if self.fill_value is None else self.fill_value
            if not isinstance(value, str):
                raise InvalidDataError(
                    f"fill_value={value!r} is no text, and column {summary.name!r} holds texts.", hint="Give a text."
                )
            return value
        if isinstance(self.fill_value, str):
            raise InvalidDataError(
                f"fill_value={self.fill_value!r} is a text, and column {summary.name!r} holds numbers.",
                hint="Give a number.",
            )
        return 0.0 if self.fill_value is None else float(self.fill_value)

    def _filling(self, statistic: Part) -> Any:
        """What is filled in; None for a column that is left out."""
        return statistic["fill"]

    def _outputs(self, statistics: list[Part], columns: list[npt.NDArray[Any]], names: list[Any]) -> Any:
        out = []
        for statistic, column, name in zip(statistics, columns, names, strict=True):
            fill = statistic["fill"]
            if fill is None:
                continue
            if column.dtype == object:
                missing = np.array([v != v for v in column.tolist()], dtype=bool)
            else:
                missing = column != column
            if isinstance(fill, str) != (column.dtype == object) and not missing.all():
                held, given = ("texts", "numbers") if isinstance(fill, str) else ("numbers", "texts")
                raise InvalidDataError(f"Column {name!r} held {held}, and has {given} here.", hint="As it was in fit.")
            filled = column.astype(object if isinstance(fill, str) else np.float64)
            filled[missing] = fill
            out.append(filled)
        if not out:
            return np.empty((len(columns[0]), 0))
        return np.column_stack(out)

    def _names(self, statistics: list[Part], names: list[str]) -> list[str]:
        return [name for statistic, name in zip(statistics, names, strict=True) if statistic["fill"] is not None]

    def _pushed(self, statistic: Part, summary: Summary) -> list[Summary]:
        if isinstance(summary, MomentSummary):
            return [] if statistic["fill"] is None else [summary.filled(statistic["fill"])]
        return super()._pushed(statistic, summary)

    def _inverse(self, statistics: list[Part], X: Any) -> Any:
        raise AttributeError("What was filled in is not known any more.")

    def _terms(self) -> str:
        return "" if self._reads_values else f", on {rounding_terms(self.resolution, 'values')}"

    @property
    def statistics_(self) -> list[Any]:
        """What is filled in, one for each column; None where a column is left out."""
        return [statistic["fill"] for statistic in statistics_of(self._solution(), "")]


def _median(summary: ValueSummary) -> float:
    """The middle value, or the mean of the two."""
    upto = np.cumsum(summary.weights)
    half = upto[-1] / 2
    low = summary.values[np.searchsorted(upto, half, side="left")]
    high = summary.values[min(np.searchsorted(upto, half, side="right"), len(upto) - 1)]
    return float((float(low) + float(high)) / 2)
