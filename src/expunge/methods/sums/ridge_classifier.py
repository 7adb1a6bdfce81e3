"""Ridge regression on class labels that forgets a record by taking it out of integer sums of products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_flag, check_number
from expunge.maths import exact
from expunge.maths.moments import Moments
from expunge.methods.sums.class_products import ClassSums, class_moments
from expunge.methods.sums.ridge import solve_symmetric
from expunge.state import Part

__all__ = ["OneRegressionForTwo", "RidgeClassifier", "solve_class_moments"]

Floats = npt.NDArray[np.float64]


class OneRegressionForTwo:
    """Beside :class:`ClassSums`: classes told by regressions, one for each, or one for two or for one alone."""

    _validated_scores: Any
    _scores: Any
    _solution: Any

    def decision_function(self, X: Any) -> Floats:
        """Value for each class, shape (n, n_classes); for two classes or one, that of the last, shape (n,)."""
        scores: Floats = self._validated_scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def _ranks(self, X: Floats, solution: Part) -> Floats:
        scores: Floats = self._scores(X, solution)
        if len(solution["classes"]) == 2:
            return np.concatenate([np.zeros_like(scores), scores], axis=1)
        return scores

    @property
    def intercept_(self) -> Floats:
        """Intercepts, shape (n_classes,), or (1,) for two classes or one."""
        return np.array(self._solution()["intercept"])


class RidgeClassifier(OneRegressionForTwo, ClassSums):
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
        return self._from_moments(class_moments(part, parts["products"]["products"], self.resolution))

    def _from_moments(self, moments: Moments) -> Part:
        return solve_class_moments(moments, float(self.alpha), fit_intercept=self.fit_intercept)

    def _scores(self, X: Floats, solution: Part) -> Floats:
        return np.asarray(X @ solution["coef"].T + solution["intercept"])

    @property
    def coef_(self) -> Floats:
        """Coefficients, shape (n_classes, n_features), or (1, n_features) for two classes or one."""
        return np.array(self._solution()["coef"])


def solve_class_moments(moments: Moments, alpha: float, *, fit_intercept: bool) -> Part:
    """Ridge regression for targets y_k: 1 for the records of class k, else -1.

    Returns
    -------
    dict
        ``classes``, their labels; ``coef`` of shape (k, d) and ``intercept`` of shape (k,), with k = 1 for two classes
        or one.
    """
    classes = moments.classes
    assert classes is not None  # noqa: S101 - a classifier is given classes
    first = int(len(classes.labels) == 2)
    weight, offsets = classes.weight[first:], classes.offsets[first:]
    if len(classes.labels) == 1:  # all targets are -1, as in scikit-learn
        weight = 0.0 * weight
    A, b = moments.scatter, 2.0 * weight[:, np.newaxis] * offsets  # Σ w (x - x̄) (y_k - ȳ_k)
    levels = 2.0 * weight / moments.weight - 1.0  # ȳ_k
    if not fit_intercept:
        A = A + moments.weight * np.multiply.outer(moments.means, moments.means)
        b = b + moments.weight * np.multiply.outer(levels, moments.means)
    coef = np.ascontiguousarray(solve_symmetric(A, b.T, alpha).T)
    intercept = levels - coef @ moments.means if fit_intercept else np.zeros(len(coef))
    return {"classes": classes.labels, "coef": coef, "intercept": intercept}
