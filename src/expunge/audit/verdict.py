"""The rule from evidence to verdict. It reads references and never a guarantee, and it knows no bare threshold.

1. The digest of the audited model equals that of a fresh fit without the records: **forgotten**. Equal bits leave
   nothing to see. (Whoever audits makes the fresh fit; what a method promises is not looked at.)
2. Of all deciding attacks together, the audited model's rank among the retrained references, upwards and downwards,
   gives two exact p-values, each tested at alpha / 2. Upwards: **not forgotten**. Downwards: **over-forgotten**. Both,
   as where a model was made to be wrong with certainty: the side on which it lies farther out.
3. Neither, and the same rule catches references that were trained on the forget set with a power of at least 0.8, by
   the lower end of its exact interval (one-sided 95 %): **forgotten**.
4. Else **cannot tell**.

References are draws, so copies of one are one (:mod:`expunge.audit.copies`), and a model that answers all records as a
retrained reference does is accused of nothing.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_number
from expunge.audit.ranks import max_t
from expunge.audit.report import Figure, Verdict
from expunge.audit.statistics import Interval, clopper_pearson

__all__ = ["LEAST_POWER", "Decision", "caught_share", "decide", "equality", "retrains_needed"]

Floats = npt.NDArray[np.float64]

LEAST_POWER = 0.8


@dataclasses.dataclass(frozen=True)
class Decision:
    """A verdict, its p-values, its power, and how it came about.

    Parameters
    ----------
    verdict : str
    p_not_forgotten, p_over_forgotten : float
    power : Figure
        Value with the one-sided 95 % bound as ``low``.
    reasons : tuple of str
    """

    verdict: Verdict
    p_not_forgotten: float
    p_over_forgotten: float
    power: Figure
    reasons: tuple[str, ...]


def retrains_needed(alpha: float) -> int:
    """References without the records that it takes before the rule can accuse.

    Examples
    --------
    >>> retrains_needed(0.05)
    39
    """
    check_number("alpha", alpha, high=1.0, open_low=True, open_high=True)
    return math.ceil(2 / alpha - 1e-9) - 1


def decide(
    audited: Floats, retrains: Floats, unforgotten: Floats, *, alpha: float, is_equal: bool | None = None,
    times: npt.NDArray[np.intp] | None = None, is_among: bool = False,
) -> Decision:  # fmt: skip
    """Apply the rule.

    Parameters
    ----------
    audited : ndarray of shape (t,)
        Statistics of the deciding attacks, larger for a model that remembers more.
    retrains : ndarray of shape (m, t)
    unforgotten : ndarray of shape (q, t)
    alpha : float
    is_equal : bool, optional
        Whether the digest equals that of a fresh fit without the records; None if nobody compared.
    times : ndarray of int, shape (q,), optional
        As in :func:`power_of`.
    is_among : bool
        Whether the audited model answers all records as one of the retrained references does.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> retrains, unforgotten = rng.normal(size=(60, 2)), rng.normal(size=(24, 2)) + 9
    >>> decide(np.zeros(2), retrains, unforgotten, alpha=0.05).verdict
    'forgotten'
    >>> decide(np.full(2, 9.0), retrains, unforgotten, alpha=0.05).verdict
    'not forgotten'
    """
    high, low, most, least = max_t(np.vstack([audited, retrains]))
    if is_among:
        high = low = 1.0
    power = power_of(retrains, unforgotten, alpha=alpha, times=times)
    needed = retrains_needed(alpha)
    reasons = [equality(is_equal)] if is_equal is not None else []
    if len(retrains) < needed:
        reasons.append(f"{len(retrains)} retrained references; {needed} are needed to accuse anybody at {alpha:g}.")
    if is_among:
        reasons.append("The model answers all these records as one of the retrained references does.")
    reasons.append(
        f"More memory than the retrained references: p = {high:.3g}; less: p = {low:.3g}; each against {alpha / 2:g}."
    )
    reasons.append(_power_words(power))
    verdict: Verdict
    if is_equal:
        verdict = "forgotten"
    elif min(high, low) <= alpha / 2:
        verdict = "not forgotten" if high < low or (high == low and most >= least) else "over-forgotten"
    else:
        verdict = "forgotten" if power.low is not None and power.low >= LEAST_POWER else "cannot tell"
    return Decision(verdict, high, low, power, tuple(reasons))


def power_of(
    retrains: Floats, unforgotten: Floats, *, alpha: float, times: npt.NDArray[np.intp] | None = None
) -> Figure:
    """Share of the do-nothing references that the rule calls not forgotten, each put in the audited model's place.

    ``times`` says how many of them answer as each of these does: a model that is caught counts once, copied or not, and
    one that is missed each time, so that the power is not overstated whether they are copies or agree by chance.
    """
    if not len(unforgotten):
        return Figure(refusal="No reference was trained on the forget set: nobody knows what the audit would miss.")
    caught = np.array([max_t(np.vstack([row, retrains])).p_high <= alpha / 2 for row in unforgotten])
    return Figure.of(caught_share(caught, times, confidence=0.9), confidence=0.9)


def caught_share(
    caught: npt.NDArray[np.bool_], times: npt.NDArray[np.intp] | None, *, confidence: float = 0.95
) -> Interval:
    """Share of those caught, with its exact interval; counted as :func:`power_of` says."""
    missed = len(caught) - int(caught.sum()) if times is None else int(times[~caught].sum())
    return clopper_pearson(int(caught.sum()), int(caught.sum()) + missed, confidence=confidence)


def equality(is_equal: bool) -> str:
    """What equal or unequal digests say."""
    if is_equal:
        return "The learned state is bit for bit that of a fresh fit without the records."
    return "The learned state is not bit for bit that of the fresh fit, which says nothing either way."


def _power_words(power: Figure) -> str:
    if power.value is None or power.low is None:
        return power.refusal
    enough = "enough" if power.low >= LEAST_POWER else f"too little: {LEAST_POWER:g} is needed before silence counts"
    return (
        f"The same rule catches {power.value:.0%} of the models that forgot nothing (at least {power.low:.0%} with "
        f"95 % confidence): {enough}."
    )
