"""Forgetting the obvious way: train again on what is left. The oracle of all other methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if

from expunge.contract import Unlearner
from expunge.methods.sharded.training import (
    check_estimator_param,
    check_repeats,
    fit_estimator,
    input_tags_of,
    repeatable,
    seeded,
)
from expunge.rows import Rows
from expunge.state import Change, Part
from expunge.validation import any_input

__all__ = ["RetrainClassifier", "RetrainRegressor"]


class _Retrain(Unlearner):
    _execution_params: ClassVar[tuple[str, ...]] = ()

    def __init__(self, estimator: Any, *, seed: int = 0) -> None:
        self.estimator = estimator
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags = input_tags_of(self.estimator)
        tags.target_tags.required = True
        tags.target_tags.multi_output = isinstance(self, RegressorMixin) and self._accepts_several_targets()
        return tags

    def _accepts_several_targets(self) -> bool:
        return bool(get_tags(self.estimator).target_tags.multi_output)

    def _check_params(self) -> None:
        check_estimator_param(self.estimator, classifier=isinstance(self, ClassifierMixin))

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        return any_input(self, X, y, reset=reset, least=least)

    def _doubt(self, rows: Rows) -> str | None:
        return "" if not len(rows) else check_repeats(self.estimator, len(rows), lambda n: rows.peek(rows.slots()[:n]))

    def _update(self, change: Change) -> dict[str, Part | None]:
        slots = change.rows.slots()
        if not len(slots):
            return {"model": {"estimator": None}}
        estimator = seeded(self.estimator, self.seed)
        tolerant = change.tolerant or change.parts.get("model", {"estimator": 0})["estimator"] is None
        fitted = fit_estimator(estimator, change.rows.read(slots), tolerant=tolerant)
        if fitted is None:
            change.notes.append(f"too little is left for {type(self.estimator).__name__}: the model is dormant")
        return {"model": {"estimator": fitted}}

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        return None if parts["model"]["estimator"] is None else dict(parts["model"])

    def _ask(self, name: str, X: Any) -> Any:
        estimator = self._solution()["estimator"]
        X, _ = any_input(self, X, None, reset=False)
        with repeatable():
            return getattr(estimator, name)(X)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Predict as the estimator does; shape (n,)."""
        return np.array(self._ask("predict", X))


def _has(name: str) -> Any:
    return available_if(lambda model: hasattr(model.estimator, name))


class RetrainClassifier(ClassifierMixin, _Retrain):
    """Train a scikit-learn classifier again, on what is left, whenever something is forgotten.

    Parameters
    ----------
    estimator : scikit-learn classifier or Pipeline
        Cloned; every ``random_state`` in it is set from the seed, every ``n_jobs`` to one.
    seed : int, default=0
        Non-negative integer of any size.

    Guarantee
    ---------
    ``exact``, if the estimator gives the same bits twice; a sample is fitted twice at ``fit`` to see that. Otherwise
    ``empirical``, and the removal says which parameter to look at.

    Notes
    -----
    Forgetting costs a fit on the n - k records that are left.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> model = RetrainClassifier(LogisticRegression(max_iter=500)).fit(X, y)
    >>> model.forget([3, 4]).work
    148
    """

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = get_tags(self.estimator).classifier_tags.multi_class
        return tags

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of the classes that are left, sorted."""
        return np.array(self._solution()["estimator"].classes_)

    @_has("predict_proba")
    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities of shape (n, number of classes), in the order of ``classes_``."""
        return np.array(self._ask("predict_proba", X))


class RetrainRegressor(RegressorMixin, _Retrain):
    """Train a scikit-learn regressor again, on what is left, whenever something is forgotten.

    Parameters
    ----------
    estimator : scikit-learn regressor or Pipeline
        Cloned; every ``random_state`` in it is set from the seed, every ``n_jobs`` to one.
    seed : int, default=0
        Non-negative integer of any size.

    Guarantee
    ---------
    As :class:`RetrainClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> RetrainRegressor(DecisionTreeRegressor(max_depth=3)).fit(X, y).forget(7)  # doctest: +ELLIPSIS
    exact · 1 record · ...
    """
