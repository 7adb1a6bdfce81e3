"""Scores of several models of items for one user, on one scale and weighted; and the weights, learned by ranking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.estimators import one_thread

__all__ = ["blended", "learn_weights", "scaled_scores"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_ROUNDS, _PULL = 12, 10.0


def scaled_scores(models: Sequence[tuple[Integers, Floats]], known: Integers, n_items: int) -> Floats:
    """What each model says about each item to a user with these items, shape (models, n_items).

    Parameters
    ----------
    models : sequence of (places, factors)
        Factors of shape (m, k) of the items at these places. A user is the mean of the factors of known items.
    known : ndarray of int64
    n_items : int

    Notes
    -----
    Scores of a model have mean 0 and deviation 1 over its items; 0 is said about items that it does not know, and about
    all if it knows none of the user's.
    """
    out = np.zeros((len(models), n_items))
    for line, (places, factors) in enumerate(models):
        mine = np.searchsorted(places, known)
        mine = (
            mine[(mine < len(places)) & (places[np.minimum(mine, len(places) - 1)] == known)] if len(places) else mine
        )
        if not len(places) or not len(mine):
            continue
        scores = factors @ factors[mine].mean(axis=0)
        deviation = float(np.sqrt(np.mean((scores - scores.mean()) ** 2)))
        if deviation > 0:
            out[line, places] = (scores - scores.mean()) / deviation
    return out


def learn_weights(models: Sequence[tuple[Integers, Floats]], sample: Sequence[tuple[Any, ...]], n_items: int) -> Floats:
    """A weight for each model, so that items that were held out score above others; shape (models,).

    Parameters
    ----------
    models, n_items : as for :func:`scaled_scores`
    sample : sequence of (known, held out, others)
        Items of some users; ``others`` as many as are held out.

    Notes
    -----
    Logistic regression on differences of scores, drawn towards equal weights, by Newton's method with a fixed number of
    rounds. Weights below zero are set to zero.
    """
    equal = np.full(len(models), 1.0 / max(1, len(models)))
    with one_thread():
        pieces = [np.zeros((0, len(models)))]
        for known, held_out, others in sample:
            scores = scaled_scores(models, known, n_items)
            pieces.append((scores[:, held_out] - scores[:, others]).T)
        X, weights = np.concatenate(pieces), equal.copy()
        for _ in range(_ROUNDS):
            miss = 1.0 / (1.0 + np.exp(np.clip(X @ weights, -30, 30)))
            slope = X.T @ miss - _PULL * (weights - equal)
            curvature = (X * (miss * (1.0 - miss))[:, None]).T @ X + _PULL * np.eye(len(models))
            weights = weights + np.linalg.solve(curvature, slope)
    return np.asarray(np.maximum(weights, 0.0))


def blended(
    models: Sequence[tuple[Integers, Floats]], weights: Floats, starts: Integers, codes: Integers, n_items: int
) -> Floats:
    """Weighted scores for each of some histories, shape (m, n_items)."""
    out = np.zeros((len(starts) - 1, n_items))
    with one_thread():
        for line in range(len(out)):
            scores = scaled_scores(models, codes[starts[line] : starts[line + 1]], n_items)
            for weight, said in zip(weights, scores, strict=True):  # one by one, so that sums round alike
                out[line] += weight * said
    return out
