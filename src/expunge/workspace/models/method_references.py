"""References of any method of the library: what an audit compares a model with, trained by the method itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import clone, is_classifier

from expunge.estimators.probabilities import probabilities_of

__all__ = ["MethodTraining"]

Floats = npt.NDArray[np.float64]


class MethodTraining:
    """Train a method on chosen records; a ``train`` for :func:`expunge.audit.references.references`.

    Parameters
    ----------
    model : Unlearner
        Cloned for each reference; its ``seed`` is set.
    X, y, ids : arrays of length N
        All records: retained, forgotten and held out.
    query : ndarray of int, shape (n,)
        Positions of the records asked about.
    fit_arguments : mapping of str to array, optional
        Further arguments of ``fit``, one value a record.
    forgets : ndarray of bool, shape (N,), optional
        Records that each model forgets after it was trained on them.
    """

    def __init__(
        self, model: Any, X: Any, y: Any, ids: Any, query: npt.NDArray[np.intp],
        fit_arguments: Mapping[str, Any] | None = None, forgets: npt.NDArray[np.bool_] | None = None,
    ) -> None:  # fmt: skip
        self.model, self.X, self.ids, self.query = clone(model), X, np.asarray(ids), query
        self.y = None if y is None else np.asarray(y)
        self.fit_arguments, self.forgets = dict(fit_arguments or {}), forgets
        self.task: Literal["classification", "regression"] = "classification" if is_classifier(model) else "regression"
        known = self.y if self.y is not None and self.task == "classification" else np.empty(0)
        self.classes = np.unique(known)

    def __call__(self, members: npt.NDArray[np.bool_], seeds: tuple[int, ...]) -> Floats:
        """Outputs of shape (b, n, k), or of regressions of shape (b, n)."""
        return np.stack([self.one(chosen, seed) for chosen, seed in zip(members, seeds, strict=True)])

    def one(self, chosen: npt.NDArray[np.bool_], seed: int | None) -> Floats:
        """Outputs of one model; with ``seed=None`` it keeps its own."""
        model = self.fitted(chosen, seed)
        if self.forgets is not None:
            model.forget(self.ids[self.forgets])
        return self.answers(model)

    def that_forgets(self, records: npt.NDArray[np.bool_]) -> MethodTraining:
        """The same training, after which each model forgets these records."""
        return MethodTraining(self.model, self.X, self.y, self.ids, self.query, self.fit_arguments, records)

    def answers(self, model: Any) -> Floats:
        """What a model says about the records that are asked about."""
        if self.task == "classification":
            return probabilities_of(model, self._rows(self.query), self.classes)
        return np.asarray(model.predict(self._rows(self.query)), dtype=np.float64)

    def targets(self) -> npt.NDArray[Any]:
        """Places of the true classes among the classes, or targets of regressions, of the records asked about."""
        y = np.asarray(self.y)[self.query]
        return np.searchsorted(self.classes, y) if self.task == "classification" else y.astype(np.float64)

    def fitted(self, chosen: npt.NDArray[np.bool_], seed: int | None = None, *, allow_dormant: bool = False) -> Any:
        """A model of the chosen records; of too few a dormant one, if allowed."""
        model = clone(self.model)
        if seed is not None:
            model.set_params(seed=seed)
        places = np.flatnonzero(chosen)
        more = {name: np.asarray(values)[places] for name, values in self.fit_arguments.items()}
        y = None if self.y is None else self.y[places]
        return model.fit(self._rows(places), y, record_ids=self.ids[places], allow_dormant=allow_dormant, **more)

    def _rows(self, places: npt.NDArray[np.intp]) -> Any:
        return self.X.iloc[places] if hasattr(self.X, "iloc") else self.X[places]
