"""Ridge regression on class labels that forgets a record by taking it out of integer sums of products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.maths import exact
from expunge.methods.sums.arguments import check_flag, check_number
from expunge.methods.sums.class_products import ClassSums, scatter
from expunge.methods.sums.class_sums import class_weights
from expunge.methods.sums.ridge import solve_symmetric
from expunge.state import Part

__all__ = ["RidgeClassifier"]

Floats = npt.NDArray[np.float64]


class RidgeClassifier(ClassSums):
    """Least squares with a penalty on class labels, for tables from which records must disappear at once and entirely.

    Each class is told from the others by ridge regression on targets 1 and -1; the largest value wins. For two classes
    there is one regression, and its sign decides.

    Parameters
    ----------
    alpha : float, default=1.0
        Penalty, at least 0, in the square of the unit of the features. With 0 and features that depend on each other
        the solution is the one of least norm.
    fit_intercept : bool, default=True
        If not, no column is centred and the intercept is 0.
    resolution : float or array-like of shape (n_features,), default=2**-32
        Unit of the integers that hold the values of a feature: a power of two. Values are rounded to multiples of it
        and must be below 2**63 of it in size; the default reaches to 2**31.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes that are left, sorted.
    coef_ : ndarray of shape (n_classes, n_features), or (1, n_features) for two classes or one
    intercept_ : ndarray of shape (n_classes,), or (1,)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. It holds for
    the rounded values; the removal says how far they can be from those given.

    Notes
    -----
    The state is, for each class, the number of its records and Σ x, and over all records Σ x xᵀ, in integers: the
    targets follow from the classes, so that a class may come and go. A fit reads each record once, O(n d²); forgetting
    k records reads those, O((k + 1) d² + n_classes d), whatever n is. Coefficients are solved from the sums when asked
    for, as in :class:`~expunge.methods.sums.ridge.Ridge`, O(d³ + n_classes d²). A record of weight w contributes w, w x
    and (w x) xᵀ. A class whose records all weigh nothing is not in ``classes_``. Of one class, that class is predicted.

    References
    ----------
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE Symposium on Security and Privacy
    2015, section 4: the summation form.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = RidgeClassifier().fit(X, y)
    >>> removal = model.forget([3, 4])
    >>> removal.work, removal.touched
    (2, ('sums', 'products'))
    """

    _products = True

    def __init__(
        self, *, alpha: float = 1.0, fit_intercept: bool = True, resolution: Any = exact.DEFAULT_RESOLUTION,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.resolution = resolution
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_number("alpha", self.alpha)
        check_flag("fit_intercept", self.fit_intercept)

    def _learned(self, part: Part, parts: Mapping[str, Part]) -> Part:
        """Solve for targets y_k: 1 for the records of class k, else -1; Σ w x y_k = 2 Σ_k w x - Σ w x."""
        limbs = parts["products"]["products"]
        weight, unit = class_weights(part)
        total, sums = weight.sum(), exact.to_integers(part["sums"])
        r = np.broadcast_to(exact.check_resolution(self.resolution, sums.shape[1]), (sums.shape[1],))
        every, first = sums.sum(axis=0), int(len(weight) == 2)
        own_sums, own_weight = sums[first:], weight[first:]
        if len(weight) == 1:  # all targets are -1, as in scikit-learn
            own_sums, own_weight = 0 * own_sums, 0 * own_weight
        if self.fit_intercept:
            joined = exact.carry(part["sums"].sum(axis=1, keepdims=True))
            A = scatter(limbs, joined, np.array([total], dtype=object), unit, r)
            b = (2 * (own_sums * total - np.multiply.outer(own_weight, every)) / total).astype(np.float64) * r
        else:
            twice = exact.add(limbs, limbs.transpose(0, 2, 1))
            A = exact.to_float(twice, np.multiply.outer(r, r)) / 2.0
            b = (2 * own_sums - every).astype(np.float64) * r
        coef = np.ascontiguousarray(solve_symmetric(A, b.T, float(self.alpha)).T)
        intercept = np.zeros(len(coef))
        if self.fit_intercept:
            means = (every * unit / total).astype(np.float64) * r
            intercept = ((2 * own_weight - total) / total).astype(np.float64) - coef @ means
        return {"coef": coef, "intercept": intercept}

    def decision_function(self, X: Any) -> Floats:
        """Value for each class, shape (n, n_classes); for two classes or one, that of the last, shape (n,)."""
        scores = self._validated_scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def _scores(self, X: Floats, solution: Part) -> Floats:
        return np.asarray(X @ solution["coef"].T + solution["intercept"])

    def _ranks(self, X: Floats, solution: Part) -> Floats:
        scores = self._scores(X, solution)
        if len(solution["classes"]) == 2:
            return np.concatenate([np.zeros_like(scores), scores], axis=1)
        return scores

    @property
    def coef_(self) -> Floats:
        """Coefficients, shape (n_classes, n_features), or (1, n_features) for two classes or one."""
        return np.array(self._solution()["coef"])

    @property
    def intercept_(self) -> Floats:
        """Intercepts, shape (n_classes,), or (1,) for two classes or one."""
        return np.array(self._solution()["intercept"])
