"""The attack of the NeurIPS 2023 starter kit: a logistic regression on losses, forgotten against held out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score

from expunge.audit.statistics import Interval, clopper_pearson
from expunge.errors import InvalidDataError

__all__ = ["starter_kit_accuracy"]

Floats = npt.NDArray[np.float64]


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
    value = float(cross_val_score(LogisticRegression(), both[:, None], labels, cv=split, scoring="accuracy").mean())
    tested = int(np.ceil(0.1 * 2 * size))
    edge = clopper_pearson(round(value * tested), tested, confidence=confidence)
    return Interval(value, min(edge.low, value), max(edge.high, value))
