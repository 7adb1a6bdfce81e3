"""Sums over the records of each class, with noise, and what naive Bayes models make of them alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags

from expunge.maths.logistic_scores import codes_of
from expunge.privacy.noise import Noise
from expunge.rows import Table
from expunge.state import Part
from expunge.validation import numeric_input

__all__ = ["NoisyBayes", "class_codes", "noisy_class_sums"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]


def class_codes(table: Table, names: Part) -> Codes:
    """Number of the class of each record, shape (n,); a class that was not there at first is refused."""
    return codes_of(table, names["classes"])


def noisy_class_sums(
    values: Floats, codes: Codes, weights: Floats, n_classes: int, length: float, multiplier: float, noise: Noise
) -> Floats:
    """Weighted sums of the rows of each class, shape (n_classes, d), with noise.

    Parameters
    ----------
    values : ndarray of shape (n, d)
        No row longer than ``length``. Values are cut to multiples of 2**-30, so that sums of up to 2**23 records of
        whole weights are exact: what a record moves is not a matter of rounding.
    codes : ndarray of shape (n,)
    weights : ndarray of shape (n,)
    n_classes : int
    length : float
        A record stands in one class alone, so that is what it moves of all sums together.
    multiplier : float
        Of the noise, relative to ``length``.
    noise : Noise

    Examples
    --------
    >>> rows, ones = np.array([[1.0], [1.0], [-1.0]]), np.ones(3)
    >>> noisy_class_sums(rows, np.array([0, 0, 1]), ones, 2, 1.0, 1e-3, Noise(seed=0)).round(1).tolist()
    [[2.0], [-1.0]]
    """
    sums, values = np.zeros((n_classes, values.shape[1])), np.trunc(values * 2.0**30) / 2.0**30
    for code in range(n_classes):
        mine = codes == code
        sums[code] = weights[mine] @ values[mine]
    return noise.gaussian(sums, multiplier * length)


class NoisyBayes(ClassifierMixin):
    """Mixin of classifiers that write ``_joint(X, solution)``: log P(class, x), shape (n, n_classes)."""

    _solution: Any
    _joint: Any

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # of few records noise hides almost everything
        return tags

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of the classes, sorted."""
        return np.array(self._solution()["classes"])

    @property
    def class_prior_(self) -> Floats:
        """Shares of the classes, with noise, shape (n_classes,)."""
        return np.asarray(np.exp(self._solution()["log_prior"]))

    def predict_joint_log_proba(self, X: Any) -> Floats:
        """log P(class, x), shape (n, n_classes), in the order of ``classes_``."""
        solution = self._solution()
        X, _ = numeric_input(self, X, None, reset=False)
        return np.asarray(self._joint(X, solution))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable label of each row, shape (n,)."""
        return np.asarray(self._solution()["classes"][np.argmax(self.predict_joint_log_proba(X), axis=1)])

    def predict_log_proba(self, X: Any) -> Floats:
        """log P(class | x), shape (n, n_classes)."""
        joint = self.predict_joint_log_proba(X)
        return np.asarray(joint - logsumexp(joint, axis=1, keepdims=True))

    def predict_proba(self, X: Any) -> Floats:
        """P(class | x), shape (n, n_classes)."""
        return np.asarray(np.exp(self.predict_log_proba(X)))
