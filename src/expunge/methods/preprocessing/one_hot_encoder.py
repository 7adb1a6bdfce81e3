"""One column for each category, of which one disappears with the last record that had it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy.typing as npt
from sklearn.preprocessing import OneHotEncoder as Told

from expunge.arguments import check_choice, check_flag
from expunge.methods.preprocessing.categories import (
    categories_of,
    check_rarity,
    learned_categories,
    refuse_many,
    surrogate,
)
from expunge.methods.preprocessing.column_summary import Summary
from expunge.methods.preprocessing.columnwise import ColumnFront, ColumnTransform
from expunge.methods.preprocessing.front import statistics_of
from expunge.state import Part

__all__ = ["OneHotEncoder"]


class OneHotEncoder(ColumnTransform, ColumnFront):
    """Turns each category of a column into a column of its own; a category that nobody has any more has none.

    Parameters
    ----------
    drop : {"first", "if_binary"} or None, default=None
        Leave out the first category of each column, or of those with two.
    sparse_output : bool, default=False
        Give a CSR matrix.
    handle_unknown : {"error", "ignore", "infrequent_if_exist", "warn"}, default="error"
        A category that no record has, in ``transform``: refuse it, give zeros, or count it as infrequent.
    min_frequency : int or float, optional
        Categories with fewer records, or with a smaller share of them, share one column.
    max_categories : int, optional
        So many columns at most, of which one is for the rarest categories together; as in scikit-learn there is one
        already when the number of categories is that limit.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    categories_ : list of ndarray
        Of each column, sorted; a missing value is a category, and the last.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left.

    Notes
    -----
    The state is, for each column, its distinct values and the number of records with each. A fit reads each record
    once; forgetting k records reads those. Outputs are float64. Numbers and booleans in a column of objects are read as
    numbers. A record of weight w counts as w records. More than 8,192 categories in all columns are refused, unless the
    output is sparse: n records with n categories are n² numbers. Not here: ``categories``, which would name
    values that a forgotten record brought.

    Examples
    --------
    >>> import numpy as np
    >>> towns = np.array([["Aarhus"], ["Oslo"], ["Oslo"]], dtype=object)
    >>> model = OneHotEncoder().fit(towns, record_ids=["ann", "bob", "eve"])
    >>> _ = model.forget(["ann"])
    >>> model.get_feature_names_out().tolist()
    ['x0_Oslo']
    """

    _one_by_one = True
    _labels = True
    _alternatives: ClassVar[Mapping[str, Any]] = {"sparse_output": []}  # the numbers are the same, in another form
    _takes_text = True

    def __init__(
        self, *, drop: Any = None, sparse_output: bool = False, handle_unknown: str = "error",
        min_frequency: float | None = None, max_categories: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.drop = drop
        self.sparse_output = sparse_output
        self.handle_unknown = handle_unknown
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.seed = seed

    def _check_params(self) -> None:
        check_choice("drop", self.drop, (None, "first", "if_binary"))
        check_flag("sparse_output", self.sparse_output)
        check_choice("handle_unknown", self.handle_unknown, ("error", "ignore", "infrequent_if_exist", "warn"))
        check_rarity(self.min_frequency, self.max_categories)

    def _learn_column(self, summary: Summary) -> Part:
        return learned_categories(summary, self.min_frequency, self.max_categories)

    def _check_learned(self, statistics: list[Part], names: list[Any]) -> None:
        if not self.sparse_output:
            sizes = (len(one["categories"]) + bool(one["is_missing"]) - len(one.get("rare", ())) for one in statistics)
            refuse_many(dict(zip(names, sizes, strict=True)), hint="set sparse_output=True")

    def _told(self, statistics: list[Part]) -> Any:
        (statistic,) = statistics
        column, rare = surrogate(statistic)
        told = Told(
            drop=self.drop, sparse_output=self.sparse_output, handle_unknown=self.handle_unknown,
            min_frequency=2 if rare else None,
        )  # fmt: skip
        return told.fit(column)

    @property
    def categories_(self) -> list[npt.NDArray[Any]]:
        """Categories of each column, sorted; a missing value is the last."""
        return [categories_of(statistic) for statistic in statistics_of(self._solution(), "")]
