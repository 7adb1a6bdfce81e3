"""What every naive Bayes method on class sums does alike; each method adds what it sums and what it makes of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp
from sklearn.base import ClassifierMixin

from expunge.arguments import check_numbers
from expunge.contract import Unlearner
from expunge.errors import InvalidParameterError
from expunge.maths.class_sums import class_count, class_weights, tally_changed
from expunge.maths.fixed_point import check_resolution_param, refuse_zero_weight, rounding_terms
from expunge.maths.running_sum import refuse_new_lack
from expunge.rows import Rows, Table
from expunge.state import Change, Part
from expunge.validation import numeric_input

__all__ = ["NaiveBayes", "class_log_prior"]

Floats = npt.NDArray[np.float64]


class NaiveBayes(ClassifierMixin, Unlearner):
    """Parent of the naive Bayes methods.

    A method writes ``_tally(table)`` (see :mod:`expunge.maths.class_sums`), ``_learned(part)``, the solution
    without ``classes``, and ``_joint(X, solution)``, log P(class, x) of validated rows; and names in ``_priors`` the
    parameter that holds the probabilities of the classes. One that sums no values, and has no ``resolution``, writes
    ``_update(change)`` instead of ``_tally``.
    """

    _priors: str

    def _tally(self, table: Table) -> Part:
        raise NotImplementedError

    def _learned(self, part: Part) -> Part:
        raise NotImplementedError

    def _joint(self, X: Any, solution: Part) -> Floats:
        raise NotImplementedError

    def _check_params(self) -> None:
        if hasattr(self, "resolution"):
            check_resolution_param("resolution", self.resolution)
        given = getattr(self, self._priors)
        if given is not None:
            check_numbers(self._priors, given, "class")

    def _update(self, change: Change) -> dict[str, Part | None]:
        old = change.parts.get("sums")
        new = tally_changed(old, change, self._tally)
        refuse_new_lack(old, new, change, self._refusal)
        return {"sums": new}

    def _refusal(self, part: Part) -> Exception | None:
        """Why nothing can be predicted from this tally; None if it can."""
        priors, n_classes = getattr(self, self._priors), len(part["classes"])
        if priors is not None and len(priors) != n_classes:
            return InvalidParameterError(
                f"Number of priors must match number of classes: {len(priors)} in {self._priors}, {n_classes} in y.",
                hint="Give one prior for each label in y.",
            )
        return None if n_classes and class_weights(part)[0].any() else refuse_zero_weight()

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        part = parts["sums"]
        return None if self._refusal(part) is not None else {"classes": part["classes"], **self._learned(part)}

    def _estimate(self, rows: Rows, slots: npt.NDArray[np.intp]) -> tuple[int, int, tuple[str, ...]]:
        return len(slots), len(slots), ("sums",)

    def _terms(self) -> str:
        return f", on {rounding_terms(self.resolution, 'values')}" if hasattr(self, "resolution") else ""

    def _read(self, X: Any) -> Any:
        """Rows to predict from, validated."""
        return numeric_input(self, X, None, reset=False)[0]

    def _sums(self) -> Part:
        """The tally, for attributes that an export does not have."""
        self._solution()
        if self._state().rows is None:
            raise AttributeError("An export holds no sums.")
        return self._state().parts["sums"]

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of the classes that are left, sorted."""
        return np.array(self._solution()["classes"])

    @property
    def class_count_(self) -> Floats:
        """Sum of the weights of each class, shape (n_classes,). Not in an export."""
        return class_count(self._sums())

    def predict_joint_log_proba(self, X: Any) -> Floats:
        """log P(class, x) for each row, shape (n, n_classes), in the order of ``classes_``."""
        solution = self._solution()
        X = self._read(X)
        with np.errstate(divide="ignore", invalid="ignore"):  # log 0: a class of weight zero, no smoothing
            return self._joint(X, solution)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable label of each row, shape (n,); of equals the first."""
        return np.asarray(self._solution()["classes"][np.argmax(self.predict_joint_log_proba(X), axis=1)])

    def predict_log_proba(self, X: Any) -> Floats:
        """log P(class | x) for each row, shape (n, n_classes), in the order of ``classes_``."""
        joint = self.predict_joint_log_proba(X)
        with np.errstate(invalid="ignore"):  # no class is possible: NaN, as in scikit-learn
            return np.asarray(joint - logsumexp(joint, axis=1, keepdims=True))

    def predict_proba(self, X: Any) -> Floats:
        """P(class | x) for each row, shape (n, n_classes), in the order of ``classes_``."""
        return np.asarray(np.exp(self.predict_log_proba(X)))


def class_log_prior(model: Any, part: Part) -> Floats:
    """log P(class): of ``class_prior``, or from the weights of the classes, or equal for all without ``fit_prior``."""
    if model.class_prior is not None:
        return np.log(np.asarray(model.class_prior, dtype=np.float64))
    count = class_count(part)
    with np.errstate(divide="ignore"):  # log 0: a class of weight zero
        return np.log(count) - np.log(count.sum()) if model.fit_prior else np.full(len(count), -np.log(len(count)))
