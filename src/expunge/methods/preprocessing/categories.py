"""Categories of a column: which are rare, and a table of few rows that has them."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_count, number_of
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.methods.preprocessing.column_summary import Summary, ValueSummary
from expunge.state import Part

__all__ = ["MOST_CATEGORIES", "categories_of", "check_rarity", "learned_categories", "refuse_many", "surrogate"]

#: More categories, in all columns together, are not written out as columns: a table of them would not fit into memory.
MOST_CATEGORIES = 8192


def learned_categories(summary: Summary, min_frequency: float | None, most: int | None) -> Part:
    """Statistics of a column for an encoder: its categories, whether one is missing, and which are rare.

    Raises
    ------
    InvalidDataError
        A column without any category: no record with weight is left.
    """
    assert isinstance(summary, ValueSummary)  # noqa: S101 - of a chain with an encoder the values are kept
    if not len(summary.values) and not summary.missing_weight:
        raise InvalidDataError("A column has no value.", hint="Learn a record that has one.")
    out: Part = {"categories": summary.values, "is_missing": bool(summary.missing_weight)}
    if min_frequency is not None or most is not None:
        out["rare"] = _rare(summary, min_frequency, most)
    return out


def refuse_many(sizes: Mapping[Any, int], *, hint: str) -> None:
    """Refuse columns that name single records: learned as categories they say nothing, and fill the memory.

    Parameters
    ----------
    sizes : mapping
        Number of categories of each column, by its name.
    hint : str
        What else one can do than leave the largest column out.

    Raises
    ------
    InvalidDataError
        There are more categories than are taken.
    """
    if (n := sum(sizes.values())) > MOST_CATEGORIES:
        most = max(sizes, key=lambda name: sizes[name])
        raise InvalidDataError(
            f"Column {most!r} has {sizes[most]:,} different categories, of {n:,} in all columns; no more than "
            f"{MOST_CATEGORIES:,} are taken.",
            hint=f"Leave it out if it names single records, group its rare categories, or {hint}.",
        )


def categories_of(statistic: Part) -> npt.NDArray[Any]:
    """Categories of a column, sorted; a missing value is the last, as NaN."""
    categories = statistic["categories"]
    if not statistic["is_missing"]:
        return np.array(categories.astype(object) if categories.dtype.kind == "U" else categories)
    wide = object if categories.dtype.kind == "U" else np.float64
    return np.append(categories.astype(wide), np.array([np.nan], dtype=wide))


def surrogate(statistic: Part) -> tuple[npt.NDArray[Any], bool]:
    """A column of few rows from which scikit-learn's encoders learn the same, shape (rows, 1).

    Returns
    -------
    column : ndarray
        A row for each category; two for each that is frequent, if some are rare.
    has_rare : bool
        Whether to ask for ``min_frequency=2``.
    """
    column = categories_of(statistic)
    rare = np.asarray(statistic.get("rare", []), dtype=np.intp)
    if len(rare):
        column = np.concatenate([column, np.delete(column, rare)])
    return column[:, np.newaxis], bool(len(rare))


def _rare(summary: ValueSummary, min_frequency: float | None, most: int | None) -> list[int]:
    """Positions of the infrequent categories, a missing value counting as the last, by scikit-learn's rules."""
    missing, counts = summary.missing_weight, summary.weights
    counts = np.append(counts, missing) if missing else counts
    rare = np.zeros(len(counts), dtype=bool)
    if isinstance(min_frequency, Integral):
        rare = counts < number_of(min_frequency)
    elif min_frequency is not None:
        rare = counts < number_of(min_frequency) * counts.sum()
    if most is not None and most < len(counts) - int(rare.sum()) + 1:  # the column of the rare ones counts in any case
        kept = most - 1
        rare[np.argsort(counts, kind="stable")[: len(counts) - kept]] = True
    return [int(i) for i in np.flatnonzero(rare)]


def check_rarity(min_frequency: Any, max_categories: Any) -> None:
    """Refuse limits of the frequency of categories that are not of the documented form.

    Raises
    ------
    InvalidParameterError
        One of the limits is not of its documented form.
    """
    is_count = isinstance(min_frequency, Integral) and not isinstance(min_frequency, bool) and int(min_frequency) >= 1
    is_share = isinstance(min_frequency, Real) and not isinstance(min_frequency, Integral)
    if not (min_frequency is None or is_count or (is_share and 0 < float(min_frequency) < 1)):
        raise InvalidParameterError(
            f"min_frequency must be an integer from 1 on, a share between 0 and 1, or None, got {min_frequency!r}."
        )
    if max_categories is not None:
        check_count("max_categories", max_categories)
