"""From the answers of modules to one answer: votes of pairs, probabilities coupled from pairs, posteriors of densities.

References
----------
Price, Knerr, Personnaz and Dreyfus, "Pairwise neural network classifiers with probabilistic outputs", NIPS 7, 1995;
compared with others in Wu, Lin and Weng, "Probability estimates for multi-class classification by pairwise coupling",
JMLR 5, 2004.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.methods.sharded.modular_layout import take_columns
from expunge.methods.sharded.training import repeatable

__all__ = ["class_scores", "column_shares", "couple", "pair_margins", "posteriors"]

Floats = npt.NDArray[np.float64]
Models = Mapping[tuple[int, ...], Any]

#: Probabilities of a pair are kept so far from 0 and 1: of classes that beat each other in a circle none is impossible.
_LEAST = 1e-9


def pair_margins(models: Models, X: Any, n: int, n_classes: int) -> Floats:
    """Votes of the pairs, ties broken by the sum of their confidences.

    Parameters
    ----------
    models : dict of (i, j) to fitted classifier, i < j
        It answers 0 for class i and 1 for class j. Its confidence in j is its decision function; without one
        2 p - 1 for the probability p; without that either, plus or minus one.
    X : rows as the classifiers take them
    n, n_classes : int

    Returns
    -------
    ndarray of shape (n, n_classes)
        Number of votes plus s / (3 |s| + 3), where s sums the confidences of the pairs of that class: less than a third
        of a vote, so confidence decides between equal votes only.
    """
    votes, sums = np.zeros((n, n_classes)), np.zeros((n, n_classes))
    with repeatable():
        for (i, j), model in models.items():
            is_second = np.asarray(model.predict(X)).ravel() == 1
            confidence = _confidence(model, X, is_second)
            votes[:, i] += ~is_second
            votes[:, j] += is_second
            sums[:, i] -= confidence
            sums[:, j] += confidence
    sums = np.clip(sums, -1e300, 1e300)
    return votes + sums / (3.0 * (np.abs(sums) + 1.0))


def _confidence(model: Any, X: Any, is_second: npt.NDArray[np.bool_]) -> Floats:
    if hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(X), dtype=np.float64).ravel()
    if hasattr(model, "predict_proba"):
        return 2.0 * np.asarray(model.predict_proba(X), dtype=np.float64)[:, 1] - 1.0
    return np.where(is_second, 1.0, -1.0)


def couple(models: Models, X: Any, n: int, n_classes: int) -> Floats:
    """Probabilities of the classes from those of the pairs.

    Parameters
    ----------
    models : dict of (i, j) to fitted classifier, i < j
        With probabilities of 0 (class i) and 1 (class j). A pair without a model counts as one half.
    X : rows as the classifiers take them
    n, n_classes : int

    Returns
    -------
    ndarray of shape (n, n_classes)
        p_i = 1 / (sum over j of 1 / r_ij - (K - 2)), divided by their sum, with r_ij = P(i | i or j). It is the
        solution of sum over j of P(i or j) - (K - 2) P(i) = 1, exact where the pairs agree with each other.
    """
    total = np.full((n, n_classes), 2.0 * (n_classes - 1) - (n_classes - 2))
    with repeatable():
        for (i, j), model in models.items():
            second = np.clip(np.asarray(model.predict_proba(X), dtype=np.float64)[:, 1], _LEAST, 1.0 - _LEAST)
            total[:, i] += 1.0 / (1.0 - second) - 2.0
            total[:, j] += 1.0 / second - 2.0
    found = 1.0 / total
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def class_scores(models: Models, X: Any, n: int, n_classes: int, log_priors: Floats | None) -> Floats:
    """Score of each class by its own detector, plus its log prior if given; minus infinity for a class without one."""
    scores = np.full((n, n_classes), -np.inf)
    with repeatable():
        for (i,), model in models.items():
            ask = model.score_samples if hasattr(model, "score_samples") else model.decision_function
            scores[:, i] = np.asarray(ask(X), dtype=np.float64).ravel()
    return scores if log_priors is None else scores + log_priors


def posteriors(scores: Floats) -> Floats:
    """Bayes' rule on log densities plus log priors; equal shares where every density is zero."""
    top = scores.max(axis=1, keepdims=True)
    shifted = np.where(np.isfinite(top), scores - np.where(np.isfinite(top), top, 0.0), 0.0)
    found = np.exp(shifted)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def column_shares(
    models: Sequence[Any], columns: Sequence[Sequence[int]], X: Any, classes: npt.NDArray[Any], combine: Any
) -> Floats:
    """Mean over modules of what ``combine`` makes of each one's answer on its own columns; shape (n, c)."""
    answers = [combine([model], take_columns(X, own), classes) for model, own in zip(models, columns, strict=True)]
    total: Floats = answers[0]
    for answer in answers[1:]:
        total = total + answer
    return total / len(answers)
