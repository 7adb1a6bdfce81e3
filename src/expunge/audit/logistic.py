"""The attack of the NeurIPS 2023 starter kit: a logistic regression on losses, forgotten against held out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.model_selection import StratifiedShuffleSplit

from expunge.audit.statistics import Interval, clopper_pearson
from expunge.errors import InvalidDataError

__all__ = ["starter_kit_accuracy"]

Floats = npt.NDArray[np.float64]

_STEPS, _CLOSE, _TINY = 50, 1e-6, 1e-9


def starter_kit_accuracy(
    forgotten: Floats, held_out: Floats, *, seed: int = 0, splits: int = 10, confidence: float = 0.95
) -> Interval:
    """Cross-validated accuracy of telling forgotten from held-out records by their loss; 0.5 is ideal.

    Parameters
    ----------
    forgotten, held_out : ndarray of shape (s,), (h,)
        Losses. The larger group is cut to the size of the smaller by a draw.
    seed : int
        Of the draw and of the splits.
    splits : int
        Each tests on a tenth.
    confidence : float
        Of the interval: exact binomial on the records tested in one split, as the splits overlap.

    Returns
    -------
    Interval

    Raises
    ------
    InvalidDataError
        Fewer than ten records of a kind, constant or non-finite losses.

    References
    ----------
    E. Triantafillou et al., "Are we making progress in unlearning?", arXiv 2406.09073, and the starter kit of that
    competition.
    """
    size = min(len(forgotten), len(held_out))
    if size < 10:
        raise InvalidDataError(f"The starter kit's attack needs ten records of each kind, got {size}.")
    rng = np.random.default_rng(seed)
    both = np.concatenate([rng.choice(part, size, replace=False) for part in (forgotten, held_out)])
    if not np.isfinite(both).all() or np.ptp(both) == 0:
        raise InvalidDataError("The losses are constant or not finite.")
    split = StratifiedShuffleSplit(n_splits=splits, random_state=seed)
    labels = np.repeat([1, 0], size)
    right = [
        np.mean((_log_odds(both[fit], labels[fit], both[test]) > 0) == labels[test])
        for fit, test in split.split(both[:, None], labels)
    ]
    value = float(np.mean(right))
    tested = int(np.ceil(0.1 * 2 * size))
    edge = clopper_pearson(round(value * tested), tested, confidence=confidence)
    return Interval(value, min(edge.low, value), max(edge.high, value))


def _log_odds(losses: Floats, labels: npt.NDArray[np.int64], asked: Floats) -> Floats:
    """Of scikit-learn's logistic regression with one feature and C = 1: Newton's steps, halved where they overshoot."""
    scale = float(losses.std()) or 1.0
    features = np.column_stack([losses / scale, np.ones(len(losses))])
    penalty = np.array([1 / scale**2, 0.0])  # of the weight as it would be without the scale

    def cost(weights: Floats) -> float:
        margin = features @ weights
        return float(np.logaddexp(0, margin).sum() - labels @ margin + 0.5 * penalty @ weights**2)

    weights = np.zeros(2)
    for _ in range(_STEPS):
        p = expit(features @ weights)
        gradient = features.T @ (p - labels) + penalty * weights
        curvature = features.T @ (features * (p * (1 - p))[:, None]) + np.diag(penalty + _TINY)
        step = np.linalg.solve(curvature, gradient)
        now, length = cost(weights), 1.0
        while cost(weights - length * step) > now and length > _TINY:
            length /= 2
        weights = weights - length * step
        if np.abs(length * step).max() < _CLOSE * max(1.0, float(np.abs(weights).max())):
            break
    return np.asarray(np.column_stack([asked / scale, np.ones(len(asked))]) @ weights)
