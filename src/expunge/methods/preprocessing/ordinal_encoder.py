"""A number for each category, which moves up when one before it disappears."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import OneToOneFeatureMixin
from sklearn.preprocessing import OrdinalEncoder as Told

from expunge.arguments import check_choice
from expunge.errors import InvalidParameterError
from expunge.methods.preprocessing.categories import categories_of, check_rarity, learned_categories, surrogate
from expunge.methods.preprocessing.column_summary import Summary
from expunge.methods.preprocessing.columnwise import ColumnFront, ColumnTransform
from expunge.methods.preprocessing.front import statistics_of
from expunge.state import Part

__all__ = ["OrdinalEncoder"]


class OrdinalEncoder(OneToOneFeatureMixin, ColumnTransform, ColumnFront):
    """Turns each category into its number in the sorted list; a category that nobody has any more has none.

    Parameters
    ----------
    handle_unknown : {"error", "use_encoded_value"}, default="error"
        A category that no record has, in ``transform``: refuse it, or give ``unknown_value``.
    unknown_value : int or NaN, optional
        Needed with "use_encoded_value", and refused without. Not the number of a category.
    encoded_missing_value : int or NaN, default=NaN
        What a missing value becomes.
    min_frequency : int or float, optional
        Categories with fewer records, or with a smaller share of them, share one number.
    max_categories : int, optional
        Of more categories than this the rarest share one number.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    categories_ : list of ndarray
        Of each column, sorted; a missing value is the last.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left.

    Notes
    -----
    The state is, for each column, its distinct values and the number of records with each. A fit reads each record
    once; forgetting k records reads those. A record of weight w counts as w records.

    Examples
    --------
    >>> import numpy as np
    >>> towns = np.array([["Aarhus"], ["Oslo"], ["Oslo"]], dtype=object)
    >>> model = OrdinalEncoder().fit(towns, record_ids=["ann", "bob", "eve"])
    >>> _ = model.forget(["ann"])
    >>> model.transform(towns[1:]).tolist()
    [[0.0], [0.0]]
    """

    _one_by_one = True
    _takes_text = True
    _labels = True
    _alternatives: ClassVar = {
        "handle_unknown": ["use_encoded_value"], "unknown_value": [-7], "encoded_missing_value": [-3],
    }  # fmt: skip
    _tried_with: ClassVar = {
        "handle_unknown": {"unknown_value": -1}, "unknown_value": {"handle_unknown": "use_encoded_value"},
    }  # fmt: skip

    def __init__(
        self, *, handle_unknown: str = "error", unknown_value: Any = None, encoded_missing_value: Any = np.nan,
        min_frequency: float | None = None, max_categories: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.handle_unknown = handle_unknown
        self.unknown_value = unknown_value
        self.encoded_missing_value = encoded_missing_value
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.seed = seed

    def _check_params(self) -> None:
        check_choice("handle_unknown", self.handle_unknown, ("error", "use_encoded_value"))
        if (self.unknown_value is None) != (self.handle_unknown == "error"):
            raise InvalidParameterError(
                f"unknown_value is {self.unknown_value!r} with handle_unknown={self.handle_unknown!r}.",
                hint="Give it exactly with handle_unknown='use_encoded_value'.",
            )
        for name in ("unknown_value", "encoded_missing_value"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, Real)):
                raise InvalidParameterError(f"{name} must be a number or NaN, got {value!r}.")
        check_rarity(self.min_frequency, self.max_categories)

    def _learn_column(self, summary: Summary) -> Part:
        return learned_categories(summary, self.min_frequency, self.max_categories)

    def _told(self, statistics: list[Part]) -> Any:
        (statistic,) = statistics
        column, has_rare = surrogate(statistic)
        told = Told(
            handle_unknown=self.handle_unknown, unknown_value=self.unknown_value,
            encoded_missing_value=self.encoded_missing_value, min_frequency=2 if has_rare else None,
        )  # fmt: skip
        return told.fit(column)

    @property
    def categories_(self) -> list[npt.NDArray[Any]]:
        """Categories of each column, sorted; a missing value is the last."""
        return [categories_of(statistic) for statistic in statistics_of(self._solution(), "")]
