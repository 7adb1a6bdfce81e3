"""Forests and trees that predict a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin

from expunge.arguments import number_of, shown
from expunge.errors import InvalidParameterError
from expunge.maths.fixed_point import power_text
from expunge.methods.forest.forest import Forest
from expunge.methods.forest.many_trees import ManyTrees

__all__ = ["DecisionTreeRegressor", "ForestRegressor"]

Floats = npt.NDArray[np.float64]


class _Regressor(RegressorMixin):
    """Beside :class:`Forest`: a forest whose leaves tell means of numbers."""

    _waivers: ClassVar[Mapping[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": "a record repeated twice has two ids and two places in "
        "the order of a tree, so it is not one record of weight two",
    }
    resolution: float

    def _check_params(self) -> None:
        super()._check_params()
        unit = number_of(self.resolution)
        if not (2.0**-256 <= unit <= 2.0**256 and np.frexp(unit)[0] == 0.5):
            raise InvalidParameterError(
                f"resolution must be a power of two, got {shown(self.resolution)}.", hint="Use for example 2.0**-32."
            )

    def _target_resolution(self) -> float | None:
        return float(self.resolution)

    def _terms(self) -> str:
        return f", on targets rounded to multiples of {power_text(float(self.resolution))}"

    def _values(self, sums: npt.NDArray[np.int64], weights: Floats) -> Floats:
        total = sums[:, 1] * 2147483648.0 + sums[:, 2]
        mean = np.where(sums[:, 0] > 0, total / np.where(sums[:, 0] > 0, sums[:, 0], 1), 0.0)
        return (mean * float(self.resolution))[:, np.newaxis]

    def _impurities(self, sums: npt.NDArray[np.int64], weights: Floats) -> tuple[Floats, Floats]:
        """The negative square of the mean: a variance but for a constant that cancels out."""
        return sums[:, 0].astype(np.float64), -(self._values(sums, weights)[:, 0] ** 2)

    def predict(self, X: Any) -> Floats:
        """Mean of the means of the leaves, shape (n,)."""
        return np.asarray(self._mean(X)[:, 0])


class ForestRegressor(ManyTrees, _Regressor, Forest):
    """A forest of randomized trees that predicts a number and forgets a record to the bit.

    Parameters
    ----------
    n_estimators, max_depth, min_samples_split, min_samples_leaf, min_weight_fraction_leaf, n_thresholds, random_top, \
    share, n_jobs, seed
        As for :class:`ForestClassifier`.
    max_features : "sqrt", "log2", int, float or None, default=0.5
    resolution : float, default=2**-32
        Unit of the integers that hold the targets, a power of two. Targets are rounded to multiples of it and must be
        below 2**61 of it in size.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. It holds for
    the rounded targets.

    Notes
    -----
    As :class:`ForestClassifier`; a node keeps its weight and the sum of its targets, integers all of them.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ForestRegressor(n_estimators=10, max_depth=5).fit(X, y)
    >>> removal = model.forget(7)
    >>> rest = [i for i in range(len(X)) if i != 7]
    >>> fresh = ForestRegressor(n_estimators=10, max_depth=5).fit(X[rest], y[rest], record_ids=rest)
    >>> model.digest() == fresh.digest()
    True
    """

    _alternatives: ClassVar[dict[str, list[Any]]] = {
        "max_features": [None, 1],
        "share": [0.5, 0.25],
        "max_depth": [1, 2],
        "min_samples_split": [20],
        "min_samples_leaf": [8],
        "min_weight_fraction_leaf": [0.2],
        "random_top": [2],
        "resolution": [0.5],
    }

    def __init__(
        self, *, n_estimators: int = 100, max_depth: int | None = None, min_samples_split: int = 2,
        min_samples_leaf: int = 1, min_weight_fraction_leaf: float = 0.0, max_features: Any = 0.5,
        n_thresholds: int = 5, random_top: int = 0, share: float = 1.0, resolution: float = 2.0**-32,
        n_jobs: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.n_thresholds = n_thresholds
        self.random_top = random_top
        self.share = share
        self.resolution = resolution
        self.n_jobs = n_jobs
        self.seed = seed


class DecisionTreeRegressor(_Regressor, Forest):
    """One tree that predicts a number and forgets a record to the bit.

    Parameters
    ----------
    max_depth, min_samples_split, min_samples_leaf, min_weight_fraction_leaf, max_features, random_top, seed
        As for :class:`DecisionTreeClassifier`.
    n_thresholds : int, default=20
    resolution : float, default=2**-32
        As for :class:`ForestRegressor`.

    Guarantee
    ---------
    As for :class:`ForestRegressor`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> DecisionTreeRegressor(max_depth=3).fit(X, y).forget(7)  # doctest: +ELLIPSIS
    exact · 1 record · ...
    """

    _execution_params: ClassVar[tuple[str, ...]] = ()
    _alternatives: ClassVar[dict[str, list[Any]]] = {
        **{name: values for name, values in ForestRegressor._alternatives.items() if name != "share"},
        "max_features": [1, 2],
        "n_thresholds": [2, 4],
    }

    def __init__(
        self, *, max_depth: int | None = None, min_samples_split: int = 2, min_samples_leaf: int = 1,
        min_weight_fraction_leaf: float = 0.0, max_features: Any = None, n_thresholds: int = 20, random_top: int = 0,
        resolution: float = 2.0**-32, seed: int = 0,
    ) -> None:  # fmt: skip
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.n_thresholds = n_thresholds
        self.random_top = random_top
        self.resolution = resolution
        self.seed = seed

    def _size(self) -> tuple[int, float, int]:
        return 1, 1.0, 1
