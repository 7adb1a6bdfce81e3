"""The forgetting score of the NeurIPS 2023 competition, and what a perfect method would get with as many models."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["ForgettingScore", "forgetting_score", "record_epsilons", "record_scores"]

Floats = npt.NDArray[np.float64]

DELTA = 1e-5
CAP = 50.0
_BUCKET = 0.5
_ZERO = 1e-12  # below this a rate is a rounding of 0
_REACH = 2.0  # units by which intervals may be wider or narrower than the narrower scores


@dataclasses.dataclass(frozen=True, eq=False)
class ForgettingScore:
    """The score beside the score of retraining, which is not 1.

    Parameters
    ----------
    score : float
        Of the unlearned models against the first half of the retrained ones.
    retrain : float
        Of the second half of the retrained ones against the first: what a perfect method gets.
    epsilons, retrain_epsilons : ndarray of shape (n,)
        Privacy degree of each record, in either comparison.
    n_models : int
        Of each kind in each comparison.
    """

    score: float
    retrain: float
    epsilons: Floats
    retrain_epsilons: Floats
    n_models: int


def forgetting_score(unlearned: Floats, retrained: Floats) -> ForgettingScore:
    """Score unlearned models, and retrained ones in the same way with the same number of models.

    Parameters
    ----------
    unlearned : ndarray of shape (u, n)
        Logit-scaled confidence of each unlearned model on each forgotten record.
    retrained : ndarray of shape (v, n)
        Of retrained models; half of them stand for the truth, half for a perfect method.

    Returns
    -------
    ForgettingScore

    Raises
    ------
    InvalidDataError
        Fewer than eight retrained or four unlearned models, or shapes that do not fit.

    Notes
    -----
    With Gaussian scores and thresholds picked after the fact, perfect retraining scores far below 1 (about 0.16
    with unit normal scores, of 128 as of 512 models): the score alone means nothing.

    References
    ----------
    E. Triantafillou et al., "Are we making progress in unlearning?", arXiv 2406.09073, section 3: H(s) = 2 / 2^n(s),
    with n(s) the number of the bucket of width 0.5 that the privacy degree falls into.
    """
    if unlearned.ndim != 2 or retrained.ndim != 2 or unlearned.shape[1] != retrained.shape[1]:
        raise InvalidDataError(f"Shapes {unlearned.shape} and {retrained.shape} are no models on the same records.")
    size = min(len(unlearned), len(retrained) // 2)
    if size < 4:
        raise InvalidDataError(
            f"The forgetting score needs eight retrained and four unlearned models, got {len(retrained)} and "
            f"{len(unlearned)}.",
            hint="Half of the retrained ones show what perfect forgetting scores.",
        )
    truth, twin = retrained[:size], retrained[size : 2 * size]
    epsilons, of_twin = (record_epsilons(part, truth) for part in (unlearned[:size], twin))
    score, retrain = (float(record_scores(of, size).mean()) for of in (epsilons, of_twin))
    return ForgettingScore(score, retrain, epsilons, of_twin, size)


def record_epsilons(unlearned: Floats, retrained: Floats, *, delta: float = DELTA) -> Floats:
    """Privacy degree of each record: the largest epsilon that a threshold on the scores shows.

    Parameters
    ----------
    unlearned, retrained : ndarray of shape (v, n)
        The same number of models.
    delta : float

    Returns
    -------
    ndarray of shape (n,)
        max over rules of max(log((1 - delta - fpr) / fnr), log((1 - delta - fnr) / fpr)), from 0 to 50. The
        rules are all thresholds (what is above is of the kind with the larger median), and all intervals about as wide
        as the narrower kind, two units more or less (what is inside is of that kind). A rule with one rate at 0 and the
        other above it is left out, since so few models cannot tell; both at 0 give 50.
    """
    return np.array([_epsilon(unlearned[:, j], retrained[:, j], delta) for j in range(unlearned.shape[1])])


def record_scores(epsilons: Floats, n_models: int) -> Floats:
    """H of each record: halved with each bucket of its privacy degree, 0 beyond what so many models can show.

    Examples
    --------
    >>> record_scores(np.array([0.2, 0.7, 9.0]), 64).tolist()
    [1.0, 0.5, 0.0]
    """
    buckets = int(np.ceil(np.log(n_models - 1)) / _BUCKET)
    place = np.floor(epsilons / _BUCKET)
    return np.where(place < buckets, 0.5**place, 0.0)


def _epsilon(unlearned: Floats, retrained: Floats, delta: float) -> float:
    narrow, wide = sorted((unlearned, retrained), key=np.ptp)
    width = float(np.ptp(narrow))
    if width < 0.01 * float(np.ptp(wide)):
        return CAP  # one of them is a spike: told apart at sight
    cuts = np.unique(np.concatenate([unlearned, retrained]))
    high, low = sorted((unlearned, retrained), key=np.median, reverse=True)
    worst = _largest(_below(high, cuts), 1 - _below(low, cuts), delta)
    # Intervals from the i-th value on and before the j-th.
    in_narrow, in_wide = (np.append(_below(part, cuts), 1.0) for part in (narrow, wide))
    edges = np.concatenate([[-np.inf], cuts, [np.inf]])
    for start in range(len(cuts)):
        ends = np.arange(start + 1, len(cuts) + 1)
        least, most = cuts[ends - 1] - cuts[start], edges[ends + 1] - edges[start]
        ends = ends[(least <= width + _REACH) & (most >= width - _REACH)]
        missed = 1 - (in_narrow[ends] - in_narrow[start])
        worst = max(worst, _largest(missed, in_wide[ends] - in_wide[start], delta))
    return min(worst, CAP)


def _below(values: Floats, cuts: Floats) -> Floats:
    """Share of the values below each cut."""
    return np.searchsorted(np.sort(values), cuts, side="left") / len(values)


def _largest(fnr: Floats, fpr: Floats, delta: float) -> float:
    """Largest epsilon of rules with these rates."""
    fnr, fpr = np.where(fnr < _ZERO, 0.0, fnr), np.where(fpr < _ZERO, 0.0, fpr)
    if np.any((fnr == 0) & (fpr == 0)):
        return CAP
    told = (fnr > 0) & (fpr > 0)
    first, second = 1 - delta - fpr[told], 1 - delta - fnr[told]
    ratios = np.concatenate([first / fnr[told], second / fpr[told], [1.0]])
    return float(np.log(ratios.max()))
