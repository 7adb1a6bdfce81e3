"""Modular training: a module for each class, pair of classes or group of columns. Forgetting trains few of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, is_classifier, is_outlier_detector
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if

from expunge.arguments import check_choice, check_jobs, check_verbose
from expunge.errors import InvalidParameterError
from expunge.methods.sharded.aggregation import mean_probabilities, vote_shares
from expunge.methods.sharded.modular_layout import check_groups, class_keys, class_modules, pair_modules
from expunge.methods.sharded.modular_training import Modular
from expunge.methods.sharded.modular_votes import class_scores, column_shares, couple, pair_margins, posteriors
from expunge.methods.sharded.training import check_estimator_param, input_tags_of
from expunge.rows import Rows
from expunge.state import Part
from expunge.validation import any_input

__all__ = ["ModularClassifier"]

Floats = npt.NDArray[np.float64]


def _is_density(estimator: Any) -> bool:
    return hasattr(estimator, "score_samples") and not is_classifier(estimator) and not is_outlier_detector(estimator)


def _has_margins(model: Any) -> bool:
    return bool(model.by == "class")


def _has_probabilities(model: Any) -> bool:
    return model.by == "columns" or hasattr(model.estimator, "predict_proba") or _is_density(model.estimator)


class ModularClassifier(ClassifierMixin, Modular):
    """Forget with one module for each class, pair of classes or group of columns, for whom few of these are touched.

    Parameters
    ----------
    estimator : scikit-learn outlier detector, density estimator, classifier, or Pipeline that ends in one
        Cloned for each module; every ``random_state`` in it is set from the seed, every ``n_jobs`` to one. What is no
        classifier needs ``score_samples`` or ``decision_function``, as ``KernelDensity``, ``GaussianMixture``,
        ``IsolationForest``, ``OneClassSVM`` and ``LocalOutlierFactor(novelty=True)`` have.
    by : {"class", "columns"}, default="class"
        ``"class"``: with a detector or density estimator one module for each class, fitted on the records of the class;
        the class with the highest score is predicted. With a classifier one module for each pair of classes, and the
        pairs vote; it sees the labels 0 and 1. ``"columns"``: a classifier for each group of columns, on all records;
        the mean of their probabilities decides, or of their votes if they have none.
    groups : None, int or list of lists, default=None
        For ``by="columns"``. None: each column alone. An integer: a column goes to one of so many groups by a keyed
        hash of its name. Lists: the names of the columns of each group, positions for arrays; each column of X must be
        in one. Names that X does not have are passed over, so that the same argument serves after a column was
        forgotten; :meth:`forget` takes the column out of this argument.
    priors : None or "empirical", default=None
        For density estimators by class. ``"empirical"`` adds the logarithm of the class's share of the records (of
        their weight) to its score, as Bayes' rule wants it for log densities; None takes all classes for equally
        likely. Detectors of outliers are refused, since their scores are no densities.
    seed : int, default=0
        Non-negative integer of any size.
    n_jobs : int, optional
        Modules trained at a time, through joblib: its backends (loky, Ray, Dask) work unchanged and give the same bits.
    verbose : int, default=0
        Above zero: a progress bar on standard error.

    Attributes
    ----------
    classes_ : ndarray of shape (c,)
        Labels of the classes that are left, sorted.

    Guarantee
    ---------
    ``exact``, if the estimator gives the same bits twice; a sample is fitted twice at ``fit`` to see that. Otherwise
    ``empirical``, and the removal says which parameter to look at.

    Notes
    -----
    With n records, K classes and m groups, forgetting one record trains again

    - one of K modules, on the n / K records of its class, with a detector or density estimator;
    - K - 1 of K (K - 1) / 2 modules, on 2 n / K records each, with a classifier: 2 / K of the training of all;
    - all m modules, by columns.

    A class that goes takes its modules along and trains none. A feature that goes trains again the one module that saw
    it, or none if it was alone there; by class it trains all. A module that is too small for its estimator takes no
    part (at ``fit`` it is an error); a class that is left alone is predicted always.

    ARCANE also learns from a selection of representative records, and keeps states of training. Both are left out:
    which records are selected depends on those that are not, so a forgotten record would remain in the choice; for
    states of training see ``SISAClassifier``. ARCANE predicts the class whose autoencoder has the smallest loss, here
    it is the highest ``score_samples``, else ``decision_function``. Nothing puts the scores of detectors of different
    classes on one scale: the score of a ``OneClassSVM`` grows with the number of records, that of an
    ``IsolationForest`` does not.

    Probabilities of pairs are coupled by the formula of Price et al. (1995), see
    ``expunge.methods.sharded.modular_votes.couple``; on contested rows the largest may not be the winner of the votes.

    References
    ----------
    Yan et al., "ARCANE: An Efficient Architecture for Exact Machine Unlearning", IJCAI 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.mixture import GaussianMixture
    >>> from sklearn.svm import LinearSVC
    >>> X, y = load_iris(return_X_y=True)
    >>> model = ModularClassifier(GaussianMixture(), priors="empirical").fit(X, y)
    >>> model.forget(17).work
    49
    >>> model.score(X, y) > 0.95
    True
    >>> model = ModularClassifier(LinearSVC()).fit(X, y)
    >>> model.forget(17).work  # two of three pairs
    198
    >>> ModularClassifier(LinearSVC(), by="columns").fit(X, y).plan(features=[2]).work_high
    0
    """

    _alternatives: ClassVar[Mapping[str, list[Any]]] = {"by": ["columns"], "priors": ["empirical"]}

    def __init__(
        self, estimator: Any, *, by: str = "class", groups: Any = None, priors: str | None = None, seed: int = 0,
        n_jobs: int | None = None, verbose: int = 0,
    ) -> None:  # fmt: skip
        self.estimator = estimator
        self.by = by
        self.groups = groups
        self.priors = priors
        self.seed = seed
        self.n_jobs = n_jobs
        self.verbose = verbose

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags = input_tags_of(self.estimator)
        if self.by == "columns":
            tags.classifier_tags.multi_class = get_tags(self.estimator).classifier_tags.multi_class
        return tags

    def _check_params(self) -> None:
        check_choice("by", self.by, ("class", "columns"))
        is_other = not isinstance(self.estimator, type) and hasattr(self.estimator, "fit")
        is_other = self.by == "class" and is_other and not is_classifier(self.estimator)
        check_estimator_param(self.estimator, classifier=not is_other)
        if is_other and not (hasattr(self.estimator, "score_samples") or hasattr(self.estimator, "decision_function")):
            raise InvalidParameterError(
                f"{type(self.estimator).__name__} is no classifier, and has neither score_samples nor "
                "decision_function.",
                hint="Pass a classifier or a detector; LocalOutlierFactor needs novelty=True.",
            )
        check_jobs(self.n_jobs)
        check_verbose(self.verbose)
        check_groups(self.groups)
        if self.groups is not None and self.by != "columns":
            raise InvalidParameterError("groups are groups of columns.", hint="Pass by='columns' too.")
        check_choice("priors", self.priors, (None, "empirical"))
        if self.priors is not None and (self.by != "class" or not _is_density(self.estimator)):
            raise InvalidParameterError(
                f"priors are for density estimators by class, not for {type(self.estimator).__name__}.",
                hint="Leave priors out.",
            )

    # ------------------------------------------------------------------ after

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        labels = rows.labels()
        out: Part = {"classes": labels.tolist() if labels.dtype.kind == "U" else labels}
        if self.by == "columns":
            found = [p for p in parts.values() if "columns" in p and p["estimator"] is not None]
            found.sort(key=lambda part: part["columns"])
            out |= {f"columns/{i}": part["estimator"] for i, part in enumerate(found)}
            return {**out, "positions": [part["columns"] for part in found]} if found else None
        keys = class_keys(self.seed, labels).tolist()
        if len(keys) == 1 and self._kind == "pair":
            return out
        modules = (pair_modules if self._kind == "pair" else class_modules)(keys)
        place = {key: i for i, key in enumerate(keys)}
        live = {}
        for module in modules:
            if parts[module.name]["estimator"] is not None:
                at = sorted(place[key] for key in module.keys)
                live[f"{self._kind}/" + "/".join(map(str, at))] = parts[module.name]["estimator"]
        if self.priors == "empirical":
            masses = np.array([parts[module.name]["mass"] for key in keys for module in class_modules([key])])
            with np.errstate(divide="ignore"):
                out["log_priors"] = np.log(masses) - np.log(masses.sum())
        return out | live if live else None

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of the classes that are left, sorted."""
        return np.array(self._solution()["classes"])

    def _models(self, X: Any) -> tuple[Part, dict[tuple[int, ...], Any], Any]:
        """The solution, its models by their places, and X as they want it."""
        solution = self._solution()
        X, _ = any_input(self, X, None, reset=False)
        found = {tuple(map(int, name.split("/")[1:])): model for name, model in solution.items() if "/" in name}
        return solution, dict(sorted(found.items())), X  # of a file they come in another order

    def _margins(self, X: Any) -> Floats:
        """What the largest of decides, by class; shape (n, c)."""
        solution, models, X = self._models(X)
        n, n_classes = X.shape[0], len(solution["classes"])
        if self._kind == "pair":
            return pair_margins(models, X, n, n_classes)
        return class_scores(models, X, n, n_classes, solution.get("log_priors"))

    @available_if(_has_margins)
    def decision_function(self, X: Any) -> Floats:
        """Scores of shape (n, c) by the detectors, or votes with a part for their confidence; (n,) for two classes.

        Of two classes: of pairs the second one's votes and confidence, of detectors the second score minus the first.
        """
        margins = self._margins(X)
        if margins.shape[1] != 2:
            return margins
        if self._kind == "pair":
            return np.array(margins[:, 1])
        with np.errstate(invalid="ignore"):
            return np.where(margins[:, 0] == margins[:, 1], 0.0, margins[:, 1] - margins[:, 0])

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of shape (n, c): coupled from the pairs, posteriors of densities, or means over columns."""
        if self._kind == "class":
            return posteriors(self._margins(X))
        solution, models, X = self._models(X)
        if self._kind == "pair":
            return couple(models, X, X.shape[0], len(solution["classes"]))
        combine = mean_probabilities if hasattr(self.estimator, "predict_proba") else vote_shares
        ordered = [models[i,] for i in range(len(models))]
        return column_shares(ordered, solution["positions"], X, np.asarray(solution["classes"]), combine)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The class with the most votes, the highest score or the largest mean; of equal ones the first; shape (n,)."""
        found = self.predict_proba(X) if self.by == "columns" else self._margins(X)
        return np.asarray(self.classes_[found.argmax(axis=1)])
