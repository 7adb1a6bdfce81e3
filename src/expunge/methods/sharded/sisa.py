"""SISA: train on shards that know nothing of each other, so that forgetting trains one shard again and not the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import Tags, get_tags

from expunge.errors import InvalidParameterError
from expunge.methods.sharded.aggregation import combine_values, mean_probabilities, vote_shares
from expunge.methods.sharded.shards import Sharded
from expunge.rows import Rows
from expunge.state import Part

__all__ = ["SISAClassifier", "SISARegressor"]


class SISAClassifier(ClassifierMixin, Sharded):
    """Forget with any scikit-learn classifier: each shard of the records trains its own, and the shards vote.

    Parameters
    ----------
    estimator : scikit-learn classifier or Pipeline
        Cloned for each shard; every ``random_state`` in it is set from the seed, every ``n_jobs`` to one. A Pipeline is
        fitted as a whole on the shard's own records, so encoders and vocabularies forget too.
    n_shards : int in [1, 1000], default=5
        More shards forget faster and learn less well: each sees n / n_shards records.
    n_slices : int in [1, 100], default=1
        Checkpoints in each shard: forgetting trains again from the earliest slice that held one of the records. Needs
        an estimator that continues training: with ``partial_fit`` (one pass over the records of all slices so far), or
        one of ``expunge.methods.sharded.continuation.WARM_STARTERS``; the steps of a Pipeline before it must need no
        fit.
    aggregation : {"mean", "vote", "weighted"}, default="mean"
        Mean of the probabilities; a vote of each shard, ties to the first class; or the mean weighted by each shard's
        accuracy on the records of the next one.
    partition : None, str, int or callable, default=None
        Where a record goes. None: by a keyed hash of its id. A column of X with the prior in [0, 1] that the record
        will be forgotten: likely ones share shards and late slices; equal priors share a place. A callable from
        (record id, row) to a shard (int) or such a prior (float); it sees one record at a time, must depend on nothing
        else, and is not saved: after loading, pass it again with ``set_params`` before ``learn``.
    place_by : {"record", "subject"}, default="record"
        Whose id the hash is of. ``"subject"``: everything about a person goes to one place, so that a request by person
        trains one shard again; records about nobody go by their own ids. Not together with a partition.
    seed : int, default=0
        Non-negative integer of any size.
    n_jobs : int, optional
        Shards trained at a time, through joblib: its backends (loky, Ray, Dask) work unchanged and give the same bits.
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
    Forgetting one record costs a fit on n / n_shards records, with slices about two thirds of that shard's training; a
    batch trains each touched shard once, and so does a person whose records ``place_by`` put into one. Memory: the
    rows, and n_shards * n_slices models. A shard with one class is a constant; one that is too small for its estimator
    takes no part (at ``fit`` it is an error). An estimator that adds up what it is given, such as naive Bayes, counts
    records of early slices more often. XGBoost wants all classes in each shard.

    References
    ----------
    Bourtoule et al., "Machine Unlearning", IEEE S&P 2021, arXiv 1912.03817, sections IV and VIII.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = SISAClassifier(make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss"))).fit(X, y)
    >>> model.plan(17).work_high
    130
    >>> model.forget(17).work
    130
    >>> model.score(X, y) > 0.95
    True
    """

    _aggregations: ClassVar[tuple[str, ...]] = ("mean", "vote", "weighted")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = get_tags(self.estimator).classifier_tags.multi_class
        return tags

    def _check_params(self) -> None:
        super()._check_params()
        if self.aggregation != "vote" and not hasattr(self.estimator, "predict_proba"):
            raise InvalidParameterError(
                f"aggregation={self.aggregation!r} needs probabilities, and {type(self.estimator).__name__} has none.",
                hint="Use aggregation='vote'.",
            )

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        out = super()._solve(rows, parts)
        if out is not None:
            labels = rows.labels()
            out["classes"] = labels.tolist() if labels.dtype.kind == "U" else labels
        return out

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of the classes that are left, sorted."""
        return np.array(self._solution()["classes"])

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities of shape (n, number of classes): means over the shards, or their shares of votes."""
        solution, models, X = self._models(X)
        classes = np.asarray(solution["classes"])
        if self.aggregation == "vote":
            return vote_shares(models, X, classes)
        return mean_probabilities(models, X, classes, solution.get("weights"))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The class with the largest share; of equal ones the first; shape (n,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])


class SISARegressor(RegressorMixin, Sharded):
    """Forget with any scikit-learn regressor: each shard of the records trains its own, the predictions are combined.

    Parameters
    ----------
    estimator : scikit-learn regressor or Pipeline
        As for :class:`SISAClassifier`.
    n_shards, n_slices, partition, place_by, seed, n_jobs, verbose
        As for :class:`SISAClassifier`.
    aggregation : {"mean", "median", "weighted"}, default="mean"
        Of the shards' predictions; the weight of a shard is its R² on the records of the next one, zero if negative.

    Guarantee
    ---------
    As :class:`SISAClassifier`.

    References
    ----------
    As :class:`SISAClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = SISARegressor(Ridge(alpha=0.1), n_shards=3).fit(X, y)
    >>> model.forget([3, 4])  # doctest: +ELLIPSIS
    exact · 2 records · ...
    """

    _aggregations: ClassVar[tuple[str, ...]] = ("mean", "median", "weighted")

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Combined prediction of shape (n,)."""
        solution, models, X = self._models(X)
        return combine_values(models, X, self.aggregation, solution.get("weights"))
