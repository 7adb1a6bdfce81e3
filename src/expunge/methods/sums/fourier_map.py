"""What the methods on random Fourier features do alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_choice, check_count, check_flag, check_number, number_of, numbers_of, shown
from expunge.contract import Unlearner
from expunge.errors import InvalidParameterError
from expunge.maths.fixed_point import WEIGHT_RESOLUTION
from expunge.methods.sums.fourier_features import KERNELS, UNIT, Features, frequencies, scales_of
from expunge.rows import Rows, Table
from expunge.state import Change, Part

__all__ = ["ALTERNATIVES", "FourierMap", "scatter_of_features", "unit_of_sums"]

Floats = npt.NDArray[np.float64]
Limbs = npt.NDArray[np.int64]

#: Values of arguments that matter, for the checks.
ALTERNATIVES: dict[str, list[Any]] = {"kernel": ["laplacian"], "scales": [0.5]}


class _Lifted:
    """The rows of a store as their features."""

    def __init__(self, rows: Rows, W: Floats) -> None:
        self._rows, self._W = rows, W

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, slots: npt.NDArray[np.intp]) -> Table:
        table = self._rows.read(slots)
        return dataclasses.replace(table, X=Features(table.X, self._W, table.ids))


class FourierMap(Unlearner):
    """What the methods on Fourier features do alike: they keep the frequencies, and show a parent features for rows."""

    n_frequencies: int
    kernel: str
    gamma: float
    alpha: float
    fit_intercept: bool
    scales: Any

    @property
    def resolution(self) -> float:
        """Unit of the sums: that of the features, or a finer one where they are multiplied by weights."""
        return float(self.__dict__.get("_unit", UNIT))

    def _check_params(self) -> None:
        super()._check_params()
        check_count("n_frequencies", self.n_frequencies, most=100_000)
        check_choice("kernel", self.kernel, KERNELS)
        check_number("alpha", self.alpha)
        check_flag("fit_intercept", self.fit_intercept)
        given = self.scales
        if isinstance(given, Mapping):
            if not isinstance(given, dict) or not all(isinstance(name, str) for name in given):
                raise InvalidParameterError(f"scales must name columns by texts, got {given!r}.")
            given = list(given.values())
        for name, value in (("gamma", self.gamma), ("scales", 1.0 if given is None else given)):
            values = numbers_of(value) if name == "scales" else None
            if values is None:
                values = np.array([number_of(value)])
            if not (np.isfinite(values) & (values > 0)).all():
                raise InvalidParameterError(f"{name} must be positive and finite, got {shown(value)}.")

    def _update(self, change: Change) -> dict[str, Part | None]:
        known = change.parts.get("map")
        W = self._frequencies(change) if known is None else known["frequencies"]
        rows: Any = _Lifted(change.rows, W)
        own = Change(rows, change.parts, change.removed_slots, change.added_slots, change.tolerant)
        own.notes = change.notes
        try:
            self._unit = unit_of_sums(change.rows.has_weights)
            changes = super()._update(own)
        finally:
            self.__dict__.pop("_unit", None)
        return changes if known is not None else {"map": {"frequencies": W}, **changes}

    def _frequencies(self, change: Change) -> Floats:
        columns = self.__dict__.get("_left", getattr(self, "feature_names_in_", None))
        if columns is None:
            columns = range(change.rows.peek(change.removed_slots[:0]).X.shape[1])
        columns = [str(name) if isinstance(name, str) else int(name) for name in columns]
        return frequencies(
            columns, int(self.n_frequencies), kernel=self.kernel, gamma=float(self.gamma),
            scales=scales_of(self.scales, columns), seed=self.seed,
        )  # fmt: skip

    def _drop(self, features: list[int]) -> tuple[tuple[str, ...], int]:
        names = getattr(self, "feature_names_in_", None)
        try:
            if names is not None:  # the fit on what is left asks for the names that are left
                self._left = np.delete(names, features)
            return super()._drop(features)
        finally:
            self.__dict__.pop("_left", None)

    def _estimate(self, rows: Rows, slots: npt.NDArray[np.intp]) -> tuple[int, int, tuple[str, ...]]:
        low, high, touched = super()._estimate(rows, slots)
        return low, high, tuple(name for name in touched if name != "map")

    @property
    def _penalty(self) -> float:
        """alpha for features of size one: those of the kernel are 1 / √n_frequencies as large."""
        return float(self.alpha) * int(self.n_frequencies)

    def _linear_scores(self, X: Any, solution: Part) -> Floats:
        """Features of validated rows times coefficients, shape (n,) or (n, k)."""
        features = Features(X, solution["frequencies"])
        blocks = [features[rows] @ solution["coef"].T + solution["intercept"] for rows in features.blocks()]
        return np.concatenate(blocks)


def unit_of_sums(has_weights: bool) -> float:
    """Unit of the sums of features; those times small weights need more digits."""
    return WEIGHT_RESOLUTION if has_weights else UNIT


def scatter_of_features(products: Limbs, sums: Floats, weight: float, unit: float) -> Floats:
    """Σ w (z - z̄) (z - z̄)ᵀ of features z, shape (D, D), in floats: of numbers up to one, centring costs no digits.

    Parameters
    ----------
    products : ndarray of int64, shape (6, D, D)
        Limbs of Σ (w z) zᵀ in units of ``unit``², see :mod:`expunge.maths.exact`; symmetric up to the rounding of w z.
    sums : ndarray of shape (D,)
        Σ w z.
    weight : float
        Σ w, positive.
    unit : float

    Notes
    -----
    A function of the integers that the limbs stand for, with few roundings, and much faster than through Python's
    integers: O(D²) of array operations.
    """
    total = products[-1].astype(np.float64)
    for limb in products[-2::-1]:
        total *= 2.0**22
        total += limb
    total = (total + total.T) * (unit * unit / 2)
    return np.asarray(total - np.multiply.outer(sums, sums) / weight)
