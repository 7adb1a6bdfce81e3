"""Classes told by logistic regressions, one for each or one for two: targets, probabilities, predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.base import ClassifierMixin

from expunge.errors import InvalidDataError
from expunge.maths.class_sums import number_classes
from expunge.rows import Table
from expunge.state import Part
from expunge.validation import numeric_input

__all__ = ["LogisticScores", "class_names", "class_targets", "codes_of", "together"]

Floats = npt.NDArray[np.float64]


def class_names(table: Table) -> Part:
    """The classes, and how many regressions tell them apart (``k``)."""
    classes, _ = number_classes(table.y)
    return {"classes": classes, "k": len(classes) if len(classes) > 2 else max(0, len(classes) - 1)}


def codes_of(table: Table, classes: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """The number of each record's class, shape (n,).

    Raises
    ------
    InvalidDataError
        A class that was not there when the first model was fitted.
    """
    labels = table.y.tolist()
    number = {label: code for code, label in enumerate(classes.tolist())}
    if strange := set(labels) - set(number):
        raise InvalidDataError(
            f"{len(strange)} classes are new; the set of classes is public and fixed by the first fit.",
            hint="Fit again with all classes.",
        )
    return np.array([number[label] for label in labels], dtype=np.intp)


def class_targets(table: Table, names: Part) -> Floats:
    """1 for the class of each regression and -1 for the others, shape (n, k); refuses what :func:`codes_of` does."""
    codes, k = codes_of(table, names["classes"]), int(names["k"])
    if k == 1:
        return np.where(codes == 1, 1.0, -1.0)[:, np.newaxis]
    return np.where(codes[:, np.newaxis] == np.arange(k), 1.0, -1.0)


def together(p: Floats, n_classes: int) -> Floats:
    """Probabilities of all classes, shape (n, n_classes), from those of the regressions, shape (n, k)."""
    if n_classes == 1:
        return np.ones((len(p), 1))
    if n_classes == 2:
        return np.concatenate([1 - p, p], axis=1)
    p = np.maximum(p, np.finfo(np.float64).tiny)
    return np.asarray(p / p.sum(axis=1, keepdims=True))


class LogisticScores(ClassifierMixin):
    """Mixin of classifiers whose solution has ``classes`` and whose ``_scores(X)`` has shape (n, k)."""

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of the classes, sorted."""
        return np.array(self._solution()["classes"])

    def decision_function(self, X: Any) -> Floats:
        """Scores, shape (n,) for two classes, else (n, n_classes)."""
        scores = self._read_scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities, shape (n, n_classes); of more than two classes each by itself, then scaled to sum to one."""
        return together(expit(self._read_scores(X)), len(self.classes_))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The class of the largest score, shape (n,)."""
        scores = self._read_scores(X)
        codes = scores.argmax(axis=1) if scores.shape[1] > 1 else (scores > 0).sum(axis=1)
        return np.asarray(self.classes_[codes])

    def _read_scores(self, X: Any) -> Floats:
        self._state()
        X, _ = numeric_input(self, X, None, reset=False)
        return np.asarray(self._scores(X))
