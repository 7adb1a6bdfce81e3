"""Linear discriminant analysis that forgets a record by taking it out of integer sums of products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import linalg

from expunge.arguments import check_number
from expunge.errors import InvalidDataError
from expunge.maths import exact
from expunge.maths.moments import Moments
from expunge.methods.sums.class_products import (
    ClassSums,
    Probabilities,
    check_priors,
    class_moments,
    wrong_number,
)
from expunge.state import Part

__all__ = ["LinearDiscriminantAnalysis"]

Floats = npt.NDArray[np.float64]


class LinearDiscriminantAnalysis(Probabilities, ClassSums):
    """Linear discriminant analysis, for tables of numbers from which records must disappear at once and entirely.

    A Gaussian for each class, all with one covariance, and Bayes' rule.

    Parameters
    ----------
    shrinkage : float, optional
        Share of the mean variance that replaces the covariance, from 0 to 1, as with ``solver="lsqr"`` of
        scikit-learn. None is its ``solver="svd"``: no shrinkage, and directions without variance are left out.
    priors : array-like of shape (n_classes,), optional
        Probabilities of the classes, in the order of their labels; non-negative, sum one. Default: the share of each
        class in the weight of the records. When the number of classes is no longer that of the priors, because all
        records of a class were forgotten, the model is dormant.
    tol : float, default=1e-4
        Without shrinkage, directions whose standard deviation within the classes, after each feature was scaled to one,
        is not above this are left out.
    resolution : float or array-like of shape (n_features,), default=2**-32
        Unit of the integers that hold the values of a feature: a power of two. Values are rounded to multiples of it
        and must be below 2**63 of it in size; the default reaches to 2**31.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes that are left, sorted.
    means_ : ndarray of shape (n_classes, n_features)
    priors_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (n_classes, n_features), or (1, n_features) for two classes
    intercept_ : ndarray of shape (n_classes,), or (1,) for two classes

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. It holds for
    the rounded values; the removal says how far they can be from those given.

    Notes
    -----
    The state is, for each class, the number of its records and Σ x, and over all records Σ x xᵀ, in integers: a fit
    reads each record once, O(n d²); forgetting k records reads those, O((k + 1) d² + n_classes d), whatever n is. The
    scatter within the classes is centred in integers, each entry rounded once, and decomposed when asked for:
    O(n_classes d² + d³). A record of weight w contributes w, w x and (w x) xᵀ; scikit-learn's has no weights. A class
    whose records all weigh nothing is not in ``classes_``. At least one record more than classes is needed. With
    ``shrinkage`` and ``priors`` the covariance is that of all records; scikit-learn weights it by the priors.

    References
    ----------
    T. Hastie, R. Tibshirani, J. Friedman, "The elements of statistical learning", 2nd edition, 2009: (4.10).
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE Symposium on Security and Privacy
    2015, section 4: the summation form.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True)
    >>> model = LinearDiscriminantAnalysis().fit(X, y)
    >>> removal = model.forget([3, 4])
    >>> removal.work, removal.touched
    (2, ('sums', 'products'))
    """

    _products = True
    _tried_with: ClassVar = {"tol": {"shrinkage": None}}

    def __init__(
        self, *, shrinkage: float | None = None, priors: Any = None, tol: float = 1e-4,
        resolution: Any = exact.DEFAULT_RESOLUTION, seed: int = 0,
    ) -> None:  # fmt: skip
        self.shrinkage = shrinkage
        self.priors = priors
        self.tol = tol
        self.resolution = resolution
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_priors("priors", self.priors)
        check_number("tol", self.tol)
        if self.shrinkage is not None:
            check_number("shrinkage", self.shrinkage, high=1.0)

    def _refusal(self, part: Part) -> Exception | None:
        refusal = super()._refusal(part) or wrong_number("priors", self.priors, part)
        if refusal is None and part["counts"].sum() <= len(part["classes"]):
            refusal = InvalidDataError(
                "The number of samples must be more than the number of classes: "
                f"n_samples = {part['counts'].sum()}, n_classes = {len(part['classes'])}.",
                hint="Learn more records of one of the classes.",
            )
        return refusal

    def _learned(self, part: Part, parts: Mapping[str, Part]) -> Part:
        return self._from_moments(class_moments(part, parts["products"]["products"], self.resolution))

    def _from_moments(self, moments: Moments) -> Part:
        classes = moments.classes
        assert classes is not None  # noqa: S101 - a classifier is given classes
        within, means = classes.within / moments.weight, moments.means + classes.offsets
        prior = classes.weight / moments.weight if self.priors is None else np.asarray(self.priors, dtype=np.float64)
        with np.errstate(divide="ignore"):  # a prior of zero
            log_prior = np.log(prior)
        if self.shrinkage is not None:
            d = len(within)
            shrunk = (1.0 - self.shrinkage) * within + self.shrinkage * np.trace(within) / d * np.eye(d)
            coef = linalg.lstsq(shrunk, means.T)[0].T
            intercept = log_prior - 0.5 * np.sum(means * coef, axis=1)
        else:
            middle = prior @ classes.offsets
            centred = classes.offsets - middle
            scalings = self._scalings(within, centred, np.sqrt(moments.weight * prior))
            spread = centred @ scalings
            coef = spread @ scalings.T
            intercept = log_prior - 0.5 * np.sum(spread**2, axis=1) - coef @ (moments.means + middle)
        coef = np.ascontiguousarray(coef)
        return {"classes": classes.labels, "means": means, "prior": prior, "coef": coef, "intercept": intercept}

    def _scalings(self, within: Floats, centred: Floats, size: Floats) -> Floats:
        """Directions that tell the classes apart, as columns, scaled to a variance of one within the classes."""
        std = np.sqrt(np.maximum(np.diag(within), 0.0))
        std[std == 0] = 1.0
        variance, axes = linalg.eigh(within / np.multiply.outer(std, std))
        deviation = np.sqrt(np.maximum(variance, 0.0))
        kept = deviation > self.tol
        whitening = axes[:, kept] / std[:, np.newaxis] / deviation[kept]
        between = centred * (size / np.sqrt(max(1, len(size) - 1)))[:, np.newaxis] @ whitening
        if not between.size:
            return np.asarray(whitening)
        _, strength, right = linalg.svd(between, full_matrices=False)
        return np.asarray(whitening @ right[strength > self.tol * strength[0]].T)

    def _scores(self, X: Floats, solution: Part) -> Floats:
        return np.asarray(X @ solution["coef"].T + solution["intercept"])

    @property
    def means_(self) -> Floats:
        """Mean of each class, shape (n_classes, n_features)."""
        return np.array(self._solution()["means"])

    @property
    def priors_(self) -> Floats:
        """Probability of each class, shape (n_classes,)."""
        return np.array(self._solution()["prior"])

    @property
    def coef_(self) -> Floats:
        """Coefficients, shape (n_classes, n_features), or (1, n_features) for two classes."""
        coef = self._solution()["coef"]
        return np.array(coef[1:] - coef[:1] if len(coef) == 2 else coef)

    @property
    def intercept_(self) -> Floats:
        """Intercepts, shape (n_classes,), or (1,) for two classes."""
        intercept = self._solution()["intercept"]
        return np.array(intercept[1:] - intercept[:1] if len(intercept) == 2 else intercept)
