"""Quadratic discriminant analysis that forgets a record by taking it out of integer sums of products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg

from expunge.arguments import check_number
from expunge.maths import exact
from expunge.maths.class_sums import class_weights
from expunge.maths.product_moments import products
from expunge.methods.sums.class_products import (
    ClassSums,
    Probabilities,
    check_priors,
    chosen_priors,
    means_of,
    one_class,
    scatter,
    wrong_number,
)
from expunge.rows import Table
from expunge.state import Part

__all__ = ["QuadraticDiscriminantAnalysis"]

Floats = npt.NDArray[np.float64]


class QuadraticDiscriminantAnalysis(Probabilities, ClassSums):
    """Quadratic discriminant analysis, for tables of numbers from which records must disappear at once and entirely.

    A Gaussian for each class, each with its own covariance, and Bayes' rule.

    Parameters
    ----------
    priors, resolution, seed
        As for :class:`LinearDiscriminantAnalysis`.
    reg_param : float, default=0.0
        Share of the covariance of each class that is replaced by the identity, from 0 to 1.
    tol : float, default=1e-4
        Least variance along a principal axis of a class, in the square of the features' unit, above 0: smaller ones are
        raised to it. Where scikit-learn fits, none is.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes that are left, sorted.
    means_ : ndarray of shape (n_classes, n_features)
    priors_ : ndarray of shape (n_classes,)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. It holds for
    the rounded values; the removal says how far they can be from those given.

    Notes
    -----
    The state is, for each class, the number of its records, Σ x and Σ x xᵀ in integers: a fit reads each record once,
    O(n d²); forgetting k records reads those, O((k + n_classes) d²), whatever n is. Covariances are centred in integers
    and decomposed when asked for, O(n_classes d³). Weights count as for :class:`LinearDiscriminantAnalysis`.
    scikit-learn refuses a class of one record or with a covariance that is not of full rank; here variances are raised
    to ``tol``, so that an erasure that makes a class flat does not put the model to sleep. Two classes are needed.

    References
    ----------
    T. Hastie, R. Tibshirani, J. Friedman, "The elements of statistical learning", 2nd edition, 2009: (4.12).

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True)
    >>> model = QuadraticDiscriminantAnalysis().fit(X, y)
    >>> model.forget(classes=[2]).work, model.classes_.tolist()
    (48, [0, 1])
    """

    def __init__(
        self, *, priors: Any = None, reg_param: float = 0.0, tol: float = 1e-4,
        resolution: Any = exact.DEFAULT_RESOLUTION, seed: int = 0,
    ) -> None:  # fmt: skip
        self.priors = priors
        self.reg_param = reg_param
        self.tol = tol
        self.resolution = resolution
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_priors("priors", self.priors)
        check_number("reg_param", self.reg_param, high=1.0)
        check_number("tol", self.tol, open_low=True)

    def _more_sums(self, table: Table, weight: Any, codes: Any, n_classes: int) -> dict[str, npt.NDArray[np.int64]]:
        total = exact.zeros_product((n_classes, table.X.shape[1], table.X.shape[1]))
        for k in range(n_classes):
            at = np.flatnonzero(codes == k)
            w = None if weight is None else weight[at]
            total[:, k] = products(table.X[at], w, self.resolution, table.ids[at])
        return {"products": total}

    def _refusal(self, part: Part) -> Exception | None:
        return one_class(part) or wrong_number("priors", self.priors, part)

    def _learned(self, part: Part, parts: Mapping[str, Part]) -> Part:
        weight, unit = class_weights(part)
        whitening, constant = [], []
        prior = chosen_priors(self.priors, part)
        for k in range(len(weight)):
            one = slice(k, k + 1)
            moments = scatter(part["products"][:, k], part["sums"][:, one], weight[one], unit, self.resolution)
            variance, axes = linalg.eigh(moments / float(weight[k] / unit))
            variance = np.maximum((1.0 - self.reg_param) * variance + self.reg_param, self.tol)
            whitening.append(axes / np.sqrt(variance))
            constant.append(-0.5 * np.sum(np.log(variance)))
        with np.errstate(divide="ignore"):  # a prior of zero
            log_prior = np.log(prior)
        return {
            "means": means_of(part, self.resolution), "prior": prior, "whitening": np.array(whitening),
            "constant": np.array(constant) + log_prior,
        }  # fmt: skip

    def _scores(self, X: Floats, solution: Part) -> Floats:
        scores = np.empty((len(X), len(solution["means"])))
        for k, (mean, whitening) in enumerate(zip(solution["means"], solution["whitening"], strict=True)):
            scores[:, k] = solution["constant"][k] - 0.5 * np.sum(((X - mean) @ whitening) ** 2, axis=1)
        return scores

    @property
    def means_(self) -> Floats:
        """Mean of each class, shape (n_classes, n_features)."""
        return np.array(self._solution()["means"])

    @property
    def priors_(self) -> Floats:
        """Probability of each class, shape (n_classes,)."""
        return np.array(self._solution()["prior"])
