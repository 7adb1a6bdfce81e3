"""A cost that grows with size as a + b x^c: fitted to some measurements, and asked about sizes nobody measured."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["PowerLaw", "fit_power_law"]

Floats = npt.NDArray[np.float64]

#: Exponents that are tried, and no others: nothing here grows faster than the square, or more slowly than the root.
EXPONENTS = np.round(np.arange(0.5, 2.0001, 0.05), 2)

#: How much larger than the least an error may be for a straighter curve.
_TOLERANCE = 0.25


@dataclasses.dataclass(frozen=True)
class PowerLaw:
    """y = a + b x^c, and how far measurements lay from it.

    Parameters
    ----------
    a, b : float
        Not negative.
    c : float
        One of :data:`EXPONENTS`.
    ratios : tuple of float
        Each measurement divided by what the curve says there.
    least, most : float
        Between which x was measured.

    Examples
    --------
    >>> PowerLaw(1.0, 2.0, 2.0, (1.0,), 1, 10)(3.0)
    19.0
    """

    a: float
    b: float
    c: float
    ratios: tuple[float, ...]
    least: float
    most: float

    def __call__(self, x: Any) -> Any:
        """The curve at x, a number or an array."""
        return self.a + self.b * x**self.c


def fit_power_law(x: npt.ArrayLike, y: npt.ArrayLike) -> PowerLaw:
    """The curve with the least squared relative error, a and b not negative.

    Parameters
    ----------
    x, y : array of shape (k,)
        Positive numbers, at least one.

    Returns
    -------
    PowerLaw

    Notes
    -----
    Of the curves whose error is within a quarter of the least, the one nearest to a straight line is taken: noise must
    not bend what is then followed far beyond the measurements. Errors are relative, so that the smallest sizes say as
    much as the largest. For each exponent the best a and b are the better of three solutions: both free, a = 0, b = 0.
    With measurements at one size only, the cost is taken to be proportional to the size.

    Examples
    --------
    >>> law = fit_power_law([10, 20, 40, 80], [5 + 0.1 * 10, 5 + 0.1 * 20, 5 + 0.1 * 40, 5 + 0.1 * 80])
    >>> law.c, round(law.a, 6), round(law(1000), 3)
    (1.0, 5.0, 105.0)
    """
    at, values = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    found: list[tuple[float, float, float, float]] = []
    for c in EXPONENTS.tolist() if len(np.unique(at)) > 1 else [1.0]:
        ones, powers = 1 / values, at**c / values  # the target is one everywhere
        tries = [(0.0, _alone(powers)), (_alone(ones), 0.0)]
        if len(np.unique(at)) > 1:
            (a, b), *_ = np.linalg.lstsq(np.stack([ones, powers], axis=1), np.ones(len(at)), rcond=None)
            tries += [(float(a), float(b))] if a >= 0 and b >= 0 else []
        else:
            tries = tries[:1]
        found += [(float(np.sum((a * ones + b * powers - 1) ** 2)), c, a, b) for a, b in tries]
    least = min(found)[0]
    near = [(abs(c - 1), error, c, a, b) for error, c, a, b in found if error <= (1 + _TOLERANCE) * least]
    _, _, c, a, b = min(near)
    return PowerLaw(a, b, c, tuple((values / (a + b * at**c)).tolist()), float(at.min()), float(at.max()))


def _alone(column: Floats) -> float:
    """The factor that brings a column nearest to ones."""
    return float(column.sum() / (column**2).sum())
