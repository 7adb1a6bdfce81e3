"""What all methods that keep integer sums say and check about their resolution and their weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import number_of, numbers_of, shown
from expunge.errors import InvalidDataError, InvalidParameterError, OutOfRangeError
from expunge.maths import exact
from expunge.rows import Table

__all__ = [
    "WEIGHT_RESOLUTION",
    "check_resolution_param",
    "power_text",
    "refuse_zero_weight",
    "rounded_weight",
    "rounding_terms",
]

WEIGHT_RESOLUTION = 2.0**-40  # sums of weights are in this unit
_WEIGHT_LIMIT = 2.0**23  # a weight is below it


def check_resolution_param(name: str, value: Any) -> None:
    """Refuse a resolution that is neither a power of two nor a list of such, whatever the number of columns.

    Raises
    ------
    InvalidParameterError
        It is no power of two and no list of such.
    """
    one = number_of(value)
    array = numbers_of(value) if math.isnan(one) else np.array([one])
    if array is None:
        raise InvalidParameterError(
            f"{name} must be a power of two or a list of such, got {shown(value)}.", hint="Use for example 2.0**-32."
        )
    exact.check_resolution(array, array.size)


def rounded_weight(table: Table) -> npt.NDArray[np.float64] | None:
    """Weights rounded to multiples of :data:`WEIGHT_RESOLUTION`, for all terms of a record alike; None for none.

    Raises
    ------
    OutOfRangeError
        For the first record whose weight is 2**23 or more.
    """
    if table.weight is None:
        return None
    if not table.weight.max(initial=0.0) < _WEIGHT_LIMIT:
        at = int(np.flatnonzero(table.weight >= _WEIGHT_LIMIT)[0])
        raise OutOfRangeError(
            f"Record {table.ids[at : at + 1].tolist()[0]!r} (row {at}) has sample weight {float(table.weight[at])!r}: "
            f"not below {_WEIGHT_LIMIT:.0f}.",
            hint="Divide all weights by a constant.",
        )
    return np.asarray(np.rint(table.weight / WEIGHT_RESOLUTION) * WEIGHT_RESOLUTION)


def refuse_zero_weight() -> InvalidDataError:
    """The error of a fit on records that all have weight zero, in scikit-learn's words."""
    return InvalidDataError("Sample weights must contain at least one non-zero number.", hint="Leave them out.")


def power_text(value: float) -> str:
    """A power of two as people write it.

    Examples
    --------
    >>> power_text(2.0**-32), power_text(1.0)
    ('2^-32', '2^0')
    """
    return f"2^{int(np.frexp(value)[1]) - 1}"


def rounding_terms(resolution: Any, what: str) -> str:
    """The rounding as a part of a sentence, with its largest absolute error.

    Examples
    --------
    >>> rounding_terms(2.0**-32, "values")
    'values rounded to multiples of 2^-32 (absolute rounding at most 1.2e-10)'
    >>> rounding_terms([2.0**-32, 1.0], "values")
    'values rounded to multiples of 2^-32 to 2^0, by column (absolute rounding at most 5.0e-01)'
    """
    array: npt.NDArray[np.float64] = np.asarray(resolution, dtype=np.float64)
    low, high = map(power_text, (array.min(), array.max()))
    steps = low if low == high else f"{low} to {high}, by column"
    return f"{what} rounded to multiples of {steps} (absolute rounding at most {array.max() / 2:.1e})"
