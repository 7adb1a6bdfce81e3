"""Nearest centroids that forget a record by taking it out of integer sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_number
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.maths import exact
from expunge.maths.class_sums import class_weights, named_sums
from expunge.methods.sums.class_products import (
    ClassSums,
    Probabilities,
    check_priors,
    chosen_priors,
    means_of,
    one_class,
    wrong_number,
)
from expunge.rows import Table
from expunge.state import Part

__all__ = ["NearestCentroid"]

Floats = npt.NDArray[np.float64]


class NearestCentroid(Probabilities, ClassSums):
    """The class with the nearest mean, for tables of numbers from which records must disappear at once and entirely.

    Parameters
    ----------
    shrink_threshold : float, optional
        By so many standard errors the mean of each class is moved, feature by feature, towards that of all records, and
        no further than to it; above 0.
    priors : {"uniform", "empirical"} or array-like of shape (n_classes,), default="uniform"
        Probabilities of the classes, in the order of their labels; non-negative, sum one. "empirical": the share of
        each class in the weight of the records. When the number of classes is no longer that of the priors, because all
        records of a class were forgotten, the model is dormant.
    resolution : float or array-like of shape (n_features,), default=2**-32
        Unit of the integers that hold the values of a feature: a power of two. Values are rounded to multiples of it
        and must be below 2**63 of it in size; the default reaches to 2**31.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes that are left, sorted.
    centroids_ : ndarray of shape (n_classes, n_features)
        Means of the classes, shrunken if asked for.
    within_class_std_dev_ : ndarray of shape (n_features,)
        Standard deviation within the classes; zero if the weight is not above the number of classes.
    class_prior_ : ndarray of shape (n_classes,)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. It holds for
    the rounded values; the removal says how far they can be from those given.

    Notes
    -----
    The state is, for each class, the number of its records, Σ x and Σ x² in integers: a fit reads each record once,
    O(n d); forgetting k records reads those, O((k + n_classes) d), whatever n is. The metric is Euclidean: the medians
    that ``metric="manhattan"`` of scikit-learn takes are no sums. As in scikit-learn, ``predict`` measures distances in
    the features' own units if all classes are equally probable; otherwise, and in ``decision_function``, in standard
    deviations. A record of weight w contributes w, w x and (√w x)²; scikit-learn's has no weights. A class whose
    records all weigh nothing is not in ``classes_``. Two classes are needed.

    References
    ----------
    T. Hastie, R. Tibshirani, J. Friedman, "The elements of statistical learning", 2nd edition, 2009: (18.2), (18.5).
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE Symposium on Security and Privacy
    2015, section 4: the summation form.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NearestCentroid().fit(X, y)
    >>> model.forget([3, 4]).work
    2
    """

    def __init__(
        self, *, shrink_threshold: float | None = None, priors: Any = "uniform",
        resolution: Any = exact.DEFAULT_RESOLUTION, seed: int = 0,
    ) -> None:  # fmt: skip
        self.shrink_threshold = shrink_threshold
        self.priors = priors
        self.resolution = resolution
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        if self.shrink_threshold is not None:
            check_number("shrink_threshold", self.shrink_threshold, open_low=True)
        if isinstance(self.priors, str):
            if self.priors not in ("uniform", "empirical"):
                raise InvalidParameterError(f"priors must be 'uniform', 'empirical' or numbers, got {self.priors!r}.")
        elif self.priors is None:
            raise InvalidParameterError("priors must be 'uniform', 'empirical' or numbers, got None.")
        else:
            check_priors("priors", self.priors)

    def _more_sums(self, table: Table, weight: Any, codes: Any, n_classes: int) -> dict[str, npt.NDArray[np.int64]]:
        X = table.X if weight is None else table.X * np.sqrt(weight)[:, np.newaxis]
        return {"squares": named_sums(exact.group_squares, X, codes, n_classes, self.resolution, table.ids)}

    def _refusal(self, part: Part) -> Exception | None:
        given = None if isinstance(self.priors, str) else self.priors
        refusal = one_class(part) or wrong_number("priors", given, part)
        if refusal is None and not _within(part).any() and len(np.unique(means_of(part, self.resolution), axis=0)) == 1:
            refusal = InvalidDataError("All features have zero variance.", hint="Learn a record with other values.")
        return refusal

    def _learned(self, part: Part, parts: Mapping[str, Part]) -> Part:
        weight, unit = class_weights(part)
        n_classes, n_features = len(weight), part["sums"].shape[2]
        r = exact.check_resolution(self.resolution, n_features)
        size, total = np.asarray(weight / unit, dtype=np.float64), float(weight.sum() / unit)
        means, freedom = means_of(part, self.resolution), total - n_classes
        std = np.sqrt(_within(part) / freedom) * r if freedom > 0 else np.zeros(n_features)
        if self.shrink_threshold is not None:
            sums = exact.to_integers(part["sums"]).sum(axis=0)
            centre = (sums * unit / weight.sum()).astype(np.float64) * r
            error = np.multiply.outer(np.sqrt(np.maximum(1.0 / size - 1.0 / total, 0.0)), std + np.median(std))
            away = np.maximum(np.abs(means - centre) - self.shrink_threshold * error, 0.0)
            means = centre + np.sign(means - centre) * away
        given = {"uniform": np.full(n_classes, 1.0 / n_classes), "empirical": None}
        prior = chosen_priors(given[self.priors] if isinstance(self.priors, str) else self.priors, part)
        return {"centroids": means, "std": std, "prior": prior}

    def _scores(self, X: Floats, solution: Part) -> Floats:
        with np.errstate(divide="ignore"):  # a prior of zero
            log_prior = 2.0 * np.log(solution["prior"])
        std = np.where(solution["std"] > 0, solution["std"], 1.0)
        return np.asarray(log_prior - _distances(X, solution["centroids"], std))

    def _ranks(self, X: Floats, solution: Part) -> Floats:
        if np.allclose(solution["prior"], 1.0 / len(solution["prior"])):
            return -_distances(X, solution["centroids"], 1.0)
        return self._scores(X, solution)

    @property
    def centroids_(self) -> Floats:
        """Centre of each class, shape (n_classes, n_features)."""
        return np.array(self._solution()["centroids"])

    @property
    def within_class_std_dev_(self) -> Floats:
        """Standard deviation of each feature within the classes, shape (n_features,)."""
        return np.array(self._solution()["std"])

    @property
    def class_prior_(self) -> Floats:
        """Probability of each class, shape (n_classes,)."""
        return np.array(self._solution()["prior"])


def _within(part: Part) -> Floats:
    """Σ w (x - x̄)² within the classes in units of the resolution, each feature rounded once; shape (d,)."""
    weight, unit = class_weights(part)
    s, q = exact.to_integers(part["sums"]), exact.to_integers(part["squares"])
    rest = (q << 64) - (s * s * (unit << 64)) // weight[:, np.newaxis]
    return np.asarray((np.maximum(rest.sum(axis=0), 0) / 2**64).astype(np.float64))


def _distances(X: Floats, centres: Floats, unit: Any) -> Floats:
    """Squared distance of each row to each centre, shape (n, K)."""
    return np.stack([np.sum(((X - centre) / unit) ** 2, axis=1) for centre in centres], axis=1)
