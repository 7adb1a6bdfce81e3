"""Naive Bayes on counts and on yes-or-no features, that forgets a record by taking it out of integer sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import binarize as to_binary
from sklearn.utils import Tags
from sklearn.utils.extmath import safe_sparse_dot

from expunge.arguments import check_flag, check_number, check_number_or_numbers
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.maths import exact
from expunge.maths.class_sums import class_count, named_sums, tally, weight_sums
from expunge.maths.fixed_point import rounded_weight
from expunge.methods.sums.naive_bayes import NaiveBayes, class_log_prior
from expunge.rows import Table
from expunge.state import Part

__all__ = ["BernoulliNB", "MultinomialNB"]

Floats = npt.NDArray[np.float64]


class FeatureCounts:
    """For methods that count features in each class: what they show of it."""

    _sums: Any
    _solution: Any

    @property
    def feature_count_(self) -> Floats:
        """Weighted sum of each feature in each class, shape (n_classes, n_features). Not in an export."""
        return _feature_count(self, self._sums())

    @property
    def feature_log_prob_(self) -> Floats:
        """log P(feature | class), shape (n_classes, n_features)."""
        return np.array(self._solution()["log_prob"])

    @property
    def class_log_prior_(self) -> Floats:
        """log P(class), shape (n_classes,)."""
        return np.array(self._solution()["log_prior"])


class MultinomialNB(FeatureCounts, NaiveBayes):
    """Multinomial naive Bayes, for counts (words of a text) from which records must disappear at once and entirely.

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=1.0
        Added to the count of each feature in each class; at least 0, and never raised: ``force_alpha=True`` of
        scikit-learn.
    fit_prior : bool, default=True
        Whether the probability of a class is its share in the weight of the records; if not, all are equal.
    class_prior : array-like of shape (n_classes,), optional
        Probabilities of the classes, in the order of their labels, instead. When the number of classes is no longer
        that of the priors, because all records of a class were forgotten, the model is dormant.
    resolution : float or array-like of shape (n_features,), default=2**-32
        Unit of the integers that hold the values of a feature: a power of two. Values are rounded to multiples of it
        and must be below 2**63 of it; the default reaches to 2**31. For counts, 1.0 is exact and faster.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes that are left, sorted.
    class_count_, class_log_prior_ : ndarray of shape (n_classes,)
    feature_count_, feature_log_prob_ : ndarray of shape (n_classes, n_features)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. It holds for
    the rounded values; the removal says how far they can be from those given.

    Notes
    -----
    The state is, for each class, the number of its records and Σ x in integers. A fit reads each record once, in time
    O(n d), or O(number of stored values) for CSR; forgetting k records reads those and costs further O(n_classes d),
    whatever n is. A record of weight w contributes w x; w is below 2**23 and rounded to a multiple of 2**-40. A class
    whose records all weigh nothing keeps its place, with probability zero, as in scikit-learn.

    References
    ----------
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE Symposium on Security and Privacy
    2015, section 4: the summation form.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MultinomialNB(resolution=1.0).fit(X, y)
    >>> removal = model.forget(classes=[7])
    >>> removal.n_forgotten, removal.work, 7 in model.classes_
    (179, 179, False)
    """

    _priors = "class_prior"

    def __init__(
        self, *, alpha: Any = 1.0, fit_prior: bool = True, class_prior: Any = None,
        resolution: Any = exact.DEFAULT_RESOLUTION, seed: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.resolution = resolution
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.positive_only = tags.classifier_tags.poor_score = True
        return tags

    def _check_params(self) -> None:
        super()._check_params()
        _check_smoothing(self)

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        X, y = super()._validate(X, y, reset=reset, least=least)
        values = X.data if hasattr(X, "tocsr") else X
        if values.size and values.min() < 0:
            raise InvalidDataError(
                "Negative values in data passed to MultinomialNB (input X).", hint="Pass counts, or use GaussianNB."
            )
        return X, y

    def _tally(self, table: Table) -> Part:
        return _feature_tally(self, table, _without_duplicates(table.X))

    def _learned(self, part: Part) -> Part:
        return self._from_counts(_feature_count(self, part), part)

    def _from_counts(self, feature_count: Floats, part: Part) -> Part:
        """What follows from the counts of features in the classes of a tally, shape (n_classes, n_features)."""
        smoothed = feature_count + np.asarray(self.alpha, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):  # log 0: alpha zero, a class of weight zero
            log_prob = np.log(smoothed) - np.log(smoothed.sum(axis=1)[:, np.newaxis])
            return {"log_prior": class_log_prior(self, part), "log_prob": log_prob}

    def _joint(self, X: Any, solution: Part) -> Floats:
        return np.asarray(safe_sparse_dot(X, solution["log_prob"].T) + solution["log_prior"])


class BernoulliNB(FeatureCounts, NaiveBayes):
    """Bernoulli naive Bayes, for yes-or-no features, from which records must disappear at once and entirely.

    Parameters
    ----------
    alpha, fit_prior, class_prior, seed
        As for :class:`MultinomialNB`.
    binarize : float or None, default=0.0
        Values above it, at least 0, count as one, others as zero; None takes the values as they are.
    resolution : float or array-like of shape (n_features,), default=2**-32
        As for :class:`MultinomialNB`, of the zeros and ones; any up to 1.0 is exact for records without weights.

    Attributes
    ----------
    classes_, class_count_, class_log_prior_, feature_count_, feature_log_prob_
        As for :class:`MultinomialNB`.

    Guarantee
    ---------
    As for :class:`MultinomialNB`.

    References
    ----------
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE Symposium on Security and Privacy
    2015, section 4: the summation form.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = BernoulliNB(binarize=7.5, resolution=1.0).fit(X, y)
    >>> model.forget([3, 4]).work
    2
    """

    _priors = "class_prior"

    def __init__(
        self, *, alpha: Any = 1.0, binarize: float | None = 0.0, fit_prior: bool = True,
        class_prior: Any = None, resolution: Any = exact.DEFAULT_RESOLUTION, seed: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.binarize = binarize
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.resolution = resolution
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.classifier_tags.poor_score = True
        return tags

    def _check_params(self) -> None:
        super()._check_params()
        _check_smoothing(self)
        if self.binarize is not None:
            check_number("binarize", self.binarize)

    def _tally(self, table: Table) -> Part:
        return _feature_tally(self, table, self._binary(_without_duplicates(table.X)))

    def _binary(self, X: Any) -> Any:
        return X if self.binarize is None or not X.shape[0] else to_binary(X, threshold=float(self.binarize))

    def _learned(self, part: Part) -> Part:
        return self._from_counts(_feature_count(self, part), part)

    def _from_counts(self, feature_count: Floats, part: Part) -> Part:
        """What follows from the numbers of records with each feature in the classes, shape (n_classes, n_features)."""
        alpha, weight = np.asarray(self.alpha, dtype=np.float64), class_count(part)[:, np.newaxis]
        with np.errstate(divide="ignore", invalid="ignore"):  # log 0: alpha zero, a class of weight zero
            log_prob = np.log(feature_count + alpha) - np.log(weight + 2 * alpha)
            return {"log_prior": class_log_prior(self, part), "log_prob": log_prob}

    def _joint(self, X: Any, solution: Part) -> Floats:
        yes = solution["log_prob"]
        no = np.log(1 - np.exp(yes))
        constant = solution["log_prior"] + no.sum(axis=1)
        return np.asarray(safe_sparse_dot(self._binary(X), (yes - no).T) + constant)


def _check_smoothing(model: Any) -> None:
    check_number_or_numbers("alpha", model.alpha, "feature")
    check_flag("fit_prior", model.fit_prior)


def _without_duplicates(X: Any) -> Any:
    if not hasattr(X, "tocsr") or X.has_canonical_format:
        return X
    X = X.copy()
    X.sum_duplicates()
    return X


def _feature_tally(model: Any, table: Table, X: Any) -> Part:
    """Sums of the features X of these records, times their weights, in each class."""
    w, d = rounded_weight(table), X.shape[1]
    if np.ndim(model.alpha) and len(model.alpha) != d:
        raise InvalidParameterError(
            f"When alpha is an array, it should contain `n_features`. Got {len(model.alpha)} elements instead of {d}."
        )
    is_sparse = hasattr(X, "tocsr")
    add_up = exact.sparse_group_sums if is_sparse else exact.group_sums
    if w is not None and is_sparse:
        X = type(X)((X.data * np.repeat(w, np.diff(X.indptr)), X.indices, X.indptr), shape=X.shape)
    elif w is not None:
        X = X * w[:, np.newaxis]

    def sums(codes: npt.NDArray[np.int64], n_classes: int) -> dict[str, npt.NDArray[np.int64]]:
        weight = {} if w is None else {"weight": weight_sums(w, codes, n_classes)}
        return {"sums": named_sums(add_up, X, codes, n_classes, model.resolution, table.ids), **weight}

    return tally(table.y, sums)


def _feature_count(model: Any, part: Part) -> Floats:
    return exact.to_float(part["sums"], exact.check_resolution(model.resolution, part["sums"].shape[2]))
