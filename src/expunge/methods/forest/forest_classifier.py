"""Forests and trees that tell classes apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags

from expunge.errors import InvalidParameterError
from expunge.methods.forest.forest import Forest
from expunge.methods.forest.many_trees import ManyTrees

__all__ = ["DecisionTreeClassifier", "ForestClassifier"]

Floats = npt.NDArray[np.float64]


class _Classifier(ClassifierMixin):
    """Beside :class:`Forest`: a forest whose leaves tell shares of classes."""

    _waivers: ClassVar[Mapping[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": "a record repeated twice has two ids and two places in "
        "the order of a tree, so it is not one record of weight two",
    }
    class_weight: Any

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = True
        return tags

    def _check_params(self) -> None:
        super()._check_params()
        weight = self.class_weight
        if weight is None or (isinstance(weight, str) and weight == "balanced"):
            return
        if not isinstance(weight, dict) or not all(
            isinstance(w, (int, float, np.number)) and np.isfinite(w) and w >= 0 for w in weight.values()
        ):
            raise InvalidParameterError(
                f"class_weight must be None, 'balanced' or a dict of label to weight, got {weight!r}."
            )

    def _always_refits(self) -> bool:
        return super()._always_refits() or (self.class_weight is not None and not isinstance(self.class_weight, dict))

    def _class_weights(self, labels: npt.NDArray[Any], counts: npt.NDArray[np.int64]) -> Floats:
        weights = np.ones(max(1, len(labels)))
        if isinstance(self.class_weight, dict):
            weights[: len(labels)] = [float(self.class_weight.get(label, 1.0)) for label in labels.tolist()]
        elif self.class_weight is not None and len(labels):
            weights = np.asarray(counts.sum() / (len(labels) * counts))
        return weights

    def _values(self, sums: npt.NDArray[np.int64], weights: Floats) -> Floats:
        weighted = sums * weights
        total = weighted.sum(axis=1, keepdims=True)
        return np.where(total > 0, weighted / np.where(total > 0, total, 1.0), 1.0 / len(weights))

    def _impurities(self, sums: npt.NDArray[np.int64], weights: Floats) -> tuple[Floats, Floats]:
        weighted = sums * weights
        total = weighted.sum(axis=1)
        share = weighted / np.where(total > 0, total, 1.0)[:, np.newaxis]
        return total, np.asarray(1.0 - (share**2).sum(axis=1))

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of the classes that are left, sorted."""
        return np.array(self._solution()["classes"])

    def predict_proba(self, X: Any) -> Floats:
        """Mean share of the classes in the leaves, shape (n, n_classes), in the order of ``classes_``."""
        return np.asarray(self._mean(X))

    def predict_log_proba(self, X: Any) -> Floats:
        """Logarithm of :meth:`predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self._mean(X)))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable label of each row, shape (n,); of equals the first."""
        proba = self._mean(X)
        return np.asarray(self._solution()["classes"][np.argmax(proba, axis=1)])


class ForestClassifier(ManyTrees, _Classifier, Forest):
    """A forest of randomized trees from which a record is forgotten in about a millisecond, to the bit.

    Parameters
    ----------
    n_estimators : int, default=100
        Trees, from 1 to 100,000.
    max_depth : int or None, default=None
        Largest depth of a leaf; None for no limit.
    min_samples_split, min_samples_leaf : int, default=2 and 1
        Records that a node needs to be split, and that each side of a split needs among those it is scored on.
    min_weight_fraction_leaf : float, default=0.0
        Share of the weight of all records that each side of a split needs; if it is not zero, every change is a fit.
    max_features : "sqrt", "log2", int, float or None, default="sqrt"
        Features that a node looks at; "sqrt" is rounded to the nearest, a float is a share, None means all. If none of
        them splits the node, it looks at as many more.
    n_thresholds : int, default=5
        Thresholds of each feature: so many different values, of categories twice as many, the first of those in the
        first 4 ``n_thresholds`` records of the node.
    random_top : int, default=0
        Levels from the root on that take the first split that is possible, without scoring. Each makes forgetting
        faster.
    share : float, default=1.0
        Share of the trees that each record enters, above 0. With a tenth, forgetting and fitting are ten times faster.
    class_weight : dict, "balanced" or None, default=None
        Weight of each label. With "balanced" every change of the records changes every score, so it is a fit.
    n_jobs : int or None, default=None
        Threads that grow trees; None for one, -1 for all cores. Never changes a bit.
    seed : int, default=0
        Keys the order of the records in each tree and the draws of each node.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    feature_importances_ : ndarray of shape (n_features,)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left.

    Notes
    -----
    Columns may be numbers, texts, categories or both kinds side by side, with missing values. A fit costs
    O(T n (log n + levels)); to forget a record, one path in each of its trees, and growing again what is below a node
    whose best split changed. How a tree follows from its records stands in ``docs/methods/forests.md``. Weights of
    records are multiples of 1/1024.

    References
    ----------
    J. Brophy, D. Lowd, "Machine unlearning for random forests", ICML 2021: cached statistics, random upper levels.
    DynFrs (2025): records that enter a part of the trees.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True)
    >>> model = ForestClassifier(n_estimators=10, max_depth=4).fit(X, y)
    >>> removal = model.forget([3, 4])
    >>> rest = [i for i in range(len(X)) if i not in (3, 4)]
    >>> fresh = ForestClassifier(n_estimators=10, max_depth=4).fit(X[rest], y[rest], record_ids=rest)
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
        "class_weight": ["balanced", {-1: 5.0}, {0: 5.0}],
        "random_top": [2],
    }

    def __init__(
        self, *, n_estimators: int = 100, max_depth: int | None = None, min_samples_split: int = 2,
        min_samples_leaf: int = 1, min_weight_fraction_leaf: float = 0.0, max_features: Any = "sqrt",
        n_thresholds: int = 5, random_top: int = 0, share: float = 1.0, class_weight: Any = None,
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
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.seed = seed


class DecisionTreeClassifier(_Classifier, Forest):
    """One tree that tells classes apart and forgets a record to the bit.

    Parameters
    ----------
    max_depth : int or None, default=None
    min_samples_split, min_samples_leaf : int, default=2 and 1
    min_weight_fraction_leaf : float, default=0.0
    max_features : "sqrt", "log2", int, float or None, default=None
    n_thresholds : int, default=20
    random_top : int, default=0
    class_weight : dict, "balanced" or None, default=None
    seed : int, default=0
        All as for :class:`ForestClassifier`.

    Guarantee
    ---------
    As for :class:`ForestClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = DecisionTreeClassifier(max_depth=2).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    >>> model.forget([0, 1, 2]).n_forgotten
    3
    """

    _execution_params: ClassVar[tuple[str, ...]] = ()
    _alternatives: ClassVar[dict[str, list[Any]]] = {
        **{name: values for name, values in ForestClassifier._alternatives.items() if name != "share"},
        "max_features": [1, 2],
        "n_thresholds": [2, 4],
    }

    def __init__(
        self, *, max_depth: int | None = None, min_samples_split: int = 2, min_samples_leaf: int = 1,
        min_weight_fraction_leaf: float = 0.0, max_features: Any = None, n_thresholds: int = 20, random_top: int = 0,
        class_weight: Any = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.n_thresholds = n_thresholds
        self.random_top = random_top
        self.class_weight = class_weight
        self.seed = seed

    def _size(self) -> tuple[int, float, int]:
        return 1, 1.0, 1
