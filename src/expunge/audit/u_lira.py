"""U-LiRA: per record, models that learned and unlearned it against models that never saw it."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from expunge.audit.lira import SMALLEST
from expunge.audit.statistics import Interval, clopper_pearson, mean_interval
from expunge.errors import InvalidDataError

__all__ = ["ULiRA", "u_lira"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class ULiRA:
    """What U-LiRA found.

    Parameters
    ----------
    accuracy : Interval
        Over all records and test models; 0.5 is ideal.
    per_record : ndarray of shape (n,)
        Accuracy on each record.
    log_ratio_unlearned, log_ratio_never : ndarray of shape (t, n)
        Log-likelihood ratios of the test models of both kinds.
    """

    accuracy: Interval
    per_record: Floats
    log_ratio_unlearned: Floats
    log_ratio_never: Floats


def u_lira(unlearned: Floats, never: Floats, *, confidence: float = 0.95) -> ULiRA:
    """Fit two normals per record to half of the models, and tell the other half apart.

    Parameters
    ----------
    unlearned : ndarray of shape (u, n)
        Logit-scaled confidences of models that were trained on a record, then made to forget it by the method that is
        audited. The first half fits, the second half tests.
    never : ndarray of shape (v, n)
        The same of models that never saw it.
    confidence : float, default=0.95
        Of the interval, in (0, 1).

    Raises
    ------
    InvalidDataError
        Fewer than four models of a kind.

    Notes
    -----
    Attacks that pool records understate what the worst record gives away, which is why this one stays with each record.
    The interval takes models of one record as independent, and records as blocks: it is that of the mean of the
    per-record accuracies where records are many, and exact binomial where there is one.

    References
    ----------
    J. Hayes, I. Shumailov, E. Triantafillou, A. Khalifa, N. Papernot, "Inexact unlearning needs more careful
    evaluations to avoid a false sense of privacy", arXiv 2403.01218, algorithm 1.
    """
    if unlearned.ndim != 2 or never.ndim != 2 or unlearned.shape[1] != never.shape[1]:
        raise InvalidDataError(f"Shapes {unlearned.shape} and {never.shape} are no models on the same records.")
    if min(len(unlearned), len(never)) < 4:
        raise InvalidDataError(
            f"U-LiRA needs four models of each kind, got {len(unlearned)} and {len(never)}.", hint="Train more."
        )
    fit_u, test_u = np.split(unlearned, [len(unlearned) // 2])
    fit_v, test_v = np.split(never, [len(never) // 2])
    ratio_u, ratio_v = (
        _log_normal(test, fit_u) - _log_normal(test, fit_v) for test in (test_u, test_v)
    )  # above 0: looks unlearned
    hits = 0.5 * (_right(ratio_u).mean(axis=0) + _right(-ratio_v).mean(axis=0))
    if len(hits) == 1:
        trials = len(test_u) + len(test_v)
        accuracy = clopper_pearson(round(float(hits[0]) * trials), trials, confidence=confidence)
    else:
        accuracy = mean_interval(hits, confidence=confidence)
    return ULiRA(accuracy, hits, ratio_u, ratio_v)


def _right(ratio: Floats) -> Floats:
    """1 above 0, a half at 0: a guess."""
    return 0.5 * (np.sign(ratio) + 1)


def _log_normal(values: Floats, sample: Floats) -> Floats:
    scale = np.maximum(sample.std(axis=0, ddof=1), SMALLEST)
    out: Floats = -np.log(scale) - 0.5 * ((values - sample.mean(axis=0)) / scale) ** 2
    return out
