"""Least squares on random Fourier features, for class labels: it forgets a record by integer sums."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.maths import exact
from expunge.maths.class_sums import added_tallies, class_weights, subtracted_tallies
from expunge.maths.moments import ClassMoments, Moments
from expunge.maths.running_sum import sum_after
from expunge.methods.sums.class_products import ClassSums
from expunge.methods.sums.fourier_map import ALTERNATIVES, FourierMap, scatter_of_features, unit_of_sums
from expunge.methods.sums.ridge_classifier import OneRegressionForTwo, solve_class_moments
from expunge.rows import Rows, Table
from expunge.state import Change, Part

__all__ = ["FourierRidgeClassifier"]

Floats = npt.NDArray[np.float64]
Limbs = npt.NDArray[np.int64]


class FourierRidgeClassifier(OneRegressionForTwo, FourierMap, ClassSums):
    """Kernel ridge on class labels by random Fourier features: a nonlinear classifier that forgets at once.

    Each class is told from the others by least squares on targets 1 and -1; the largest value wins. For two classes
    there is one regression, and its sign decides.

    Parameters
    ----------
    n_frequencies, kernel, gamma, scales, alpha, fit_intercept, seed
        As for :class:`~expunge.methods.sums.fourier_ridge.FourierRidge`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes that are left, sorted.
    coef_ : ndarray of shape (n_classes, 2 · n_frequencies), or (1, 2 · n_frequencies) for two classes or one
        Of cosines, then sines, of size one.
    intercept_ : ndarray of shape (n_classes,), or (1,)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. Nothing of a
    record is rounded except its features, once and for all, and its weight; see
    :class:`~expunge.methods.sums.fourier_ridge.FourierRidge` for what is equal on every machine.

    Notes
    -----
    The state is that of :class:`~expunge.methods.sums.ridge_classifier.RidgeClassifier` on D features: a fit costs
    O(n D (d + D)), forgetting k records O(k D (d + D) + D² + n_classes D), the next solve O(D³), whatever n is.

    References
    ----------
    A. Rahimi, B. Recht, "Random features for large-scale kernel machines", NIPS 2007, algorithm 1.
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE Symposium on Security and Privacy
    2015, section 4: the summation form.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = FourierRidgeClassifier(n_frequencies=64, gamma=0.5, scales=32.0).fit(X, y)
    >>> removal = model.forget([3, 4])
    >>> removal.work, removal.touched
    (2, ('sums', 'products'))
    """

    _products = True
    _alternatives: ClassVar[dict[str, list[Any]]] = ALTERNATIVES

    def __init__(
        self, *, n_frequencies: int = 128, kernel: str = "rbf", gamma: float = 1.0, scales: Any = None,
        alpha: float = 1.0, fit_intercept: bool = True, seed: int = 0,
    ) -> None:  # fmt: skip
        self.n_frequencies = n_frequencies
        self.kernel = kernel
        self.gamma = gamma
        self.scales = scales
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.seed = seed

    def _sums_after(self, change: Change) -> tuple[Part, Limbs | None]:
        parts = change.parts
        old = (parts["sums"], parts["products"]["products"]) if parts else None
        return sum_after(
            old, change, self._both, add=_added,
            subtract=lambda a, b: (subtracted_tallies(a[0], b[0]), exact.subtract(a[1], b[1])),
        )  # fmt: skip

    def _both(self, table: Table) -> tuple[Part, Limbs]:
        """Tally and products in one pass, so that features are computed once."""
        return functools.reduce(_added, ((self._tally(block), self._of_table(block)) for block in _blocks(table)))

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        found = super()._solve(rows, parts)
        return None if found is None else {**found, "frequencies": parts["map"]["frequencies"]}

    def _learned(self, part: Part, parts: Mapping[str, Part]) -> Part:
        (weight, one), unit = class_weights(part), unit_of_sums("weight" in part)
        of_class, every = exact.to_float(part["sums"], unit), exact.carry(part["sums"].sum(axis=1, keepdims=True))[:, 0]
        total, sums = float(weight.sum() / one), exact.to_float(every, unit)
        A = scatter_of_features(parts["products"]["products"], sums, total, unit)
        each = np.asarray(weight / one, dtype=np.float64)
        offsets = of_class / each[:, np.newaxis] - sums / total
        classes = ClassMoments(part["classes"], part["counts"], each, offsets, np.empty((0, 0)))
        moments = Moments(int(part["counts"].sum()), total, sums / total, A, classes=classes)
        return solve_class_moments(moments, self._penalty, fit_intercept=self.fit_intercept)

    def _terms(self) -> str:
        return ""

    def _scores(self, X: Floats, solution: Part) -> Floats:
        return self._linear_scores(X, solution)

    @property
    def coef_(self) -> Floats:
        """Coefficients, shape (n_classes, 2 · n_frequencies), or (1, 2 · n_frequencies) for two classes or one."""
        return np.array(self._solution()["coef"])


def _added(a: tuple[Part, Limbs], b: tuple[Part, Limbs]) -> tuple[Part, Limbs]:
    return added_tallies(a[0], b[0]), exact.add(a[1], b[1])


def _blocks(table: Table) -> Iterator[Table]:
    """A table of features by blocks of records."""
    for rows in table.X.blocks():
        weight = None if table.weight is None else table.weight[rows]
        yield dataclasses.replace(table, ids=table.ids[rows], X=table.X[rows], y=table.y[rows], weight=weight)
