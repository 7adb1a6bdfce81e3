"""What a model still knows that has nothing to do with who was forgotten: to lose it is a failure of its own.

Numbers in, a verdict out: nothing here knows a model.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from expunge.arguments import check_number
from expunge.errors import InvalidDataError

__all__ = ["Knowledge", "knowledge_kept"]


@dataclasses.dataclass(frozen=True)
class Knowledge:
    """What is left of a measure on unrelated items.

    Parameters
    ----------
    verdict : {"kept", "over-forgotten", "cannot tell"}
    lost : float
        Mean of what the references have beyond the model that forgot, in the unit of the values; below 0, it gained.
    low, high : float
        Interval of the mean over items, 95 %.
    allowed : float
        What may be lost: the tolerance, or the spread of the references where that is larger.
    n_items, n_references : int
    """

    verdict: Literal["kept", "over-forgotten", "cannot tell"]
    lost: float
    low: float
    high: float
    allowed: float
    n_items: int
    n_references: int

    def __str__(self) -> str:
        return f"{self.verdict}: lost {self.lost:.3g} ({self.low:.3g} to {self.high:.3g}), {self.allowed:.3g} allowed"


def knowledge_kept(after: npt.ArrayLike, references: npt.ArrayLike, *, tolerance: float) -> Knowledge:
    """Whether a model that forgot still knows the rest as well as models that never learned what is forgotten.

    Parameters
    ----------
    after : array of shape (n,)
        Of the model that forgot, a value for each item that has nothing to do with the forgotten records; higher is
        better: 1 for a right answer and 0 for a wrong one, F1, a probability, -loss of a text in nats.
    references : array of shape (m, n)
        The same of models that were trained without the records.
    tolerance : float
        What may be lost on average, in the unit of the values, at least 0. Of losses in nats, log of the factor by
        which perplexity may grow.

    Returns
    -------
    Knowledge
        "over-forgotten" if the whole interval lies above what is allowed, "kept" if it lies below, else "cannot tell":
        then take more items.

    Raises
    ------
    InvalidDataError
        Fewer than two items, no reference, shapes that do not fit, or references that are not finite. A value of minus
        infinity in ``after`` is an item that the model rules out, and is over-forgotten.

    Notes
    -----
    Items are the sample, so the interval is Student's over paired differences. What a reference loses against the mean
    of the others is the spread of retraining, and a model that lost no more has lost nothing. Cost O(m · n).

    Examples
    --------
    >>> print(knowledge_kept([1, 1, 0, 1], [[1, 1, 0, 1]], tolerance=0.02))
    kept: lost 0 (0 to 0), 0.02 allowed
    >>> knowledge_kept([0, 0, 0, 0], [[1, 1, 1, 1], [1, 1, 1, 0]], tolerance=0.02).verdict
    'over-forgotten'
    """
    own, others = np.asarray(after, dtype=np.float64), np.asarray(references, dtype=np.float64)
    if own.ndim != 1 or others.ndim != 2 or others.shape[1:] != own.shape or len(own) < 2 or not len(others):
        raise InvalidDataError(
            f"Expected values of n items, two or more, and (m, n) of references, got {own.shape} and {others.shape}."
        )
    if not np.isfinite(others).all() or np.isnan(own).any() or (own == np.inf).any():
        raise InvalidDataError("Values are finite numbers; of the model that forgot minus infinity is one, too.")
    check_number("tolerance", tolerance)
    means, m, n = others.mean(axis=1), len(others), len(own)
    spread = float(((means.sum() - means) / (m - 1) - means).max()) if m > 1 else 0.0
    allowed = max(float(tolerance), spread)
    if not np.isfinite(own).all():
        return Knowledge("over-forgotten", np.inf, np.inf, np.inf, allowed, n, m)
    gap = others.mean(axis=0) - own
    half = float(stats.t.ppf(0.975, n - 1) * gap.std(ddof=1) / np.sqrt(n))
    lost = float(gap.mean())
    verdict: Literal["kept", "over-forgotten", "cannot tell"] = "cannot tell"
    if lost - half > allowed:
        verdict = "over-forgotten"
    elif lost + half <= allowed:
        verdict = "kept"
    return Knowledge(verdict, lost, lost - half, lost + half, allowed, n, m)
