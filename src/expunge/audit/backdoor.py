"""Backdoor verification: a person who marked their records tests whether the mark still works (Sommer et al. 2022)."""

from __future__ import annotations

import dataclasses

from scipy import stats

from expunge.audit.statistics import Interval, clopper_pearson
from expunge.errors import InvalidParameterError

__all__ = ["BackdoorTest", "backdoor_power", "backdoor_test", "queries_needed"]


@dataclasses.dataclass(frozen=True)
class BackdoorTest:
    """Outcome of a backdoor verification.

    Parameters
    ----------
    rate : Interval
        Share of the queries answered with the backdoor's label.
    p_value : float
        Chance of so many or more if the records were deleted.
    critical : int
        Least count that says "not deleted" at level alpha; ``n_queries + 1`` if none does.
    power : float
        Chance to say so if they were not deleted and the backdoor works at the rate ``kept``.
    not_deleted : bool
        Whether the count reaches the critical one.
    """

    rate: Interval
    p_value: float
    critical: int
    power: float
    not_deleted: bool


def backdoor_test(hits: int, n_queries: int, *, deleted: float, kept: float, alpha: float = 0.05) -> BackdoorTest:
    """Test from the answers to queries that carry the mark.

    Parameters
    ----------
    hits : int
        Queries answered with the label that the mark stands for.
    n_queries : int
    deleted : float
        Rate at which a model that never saw the marked records gives that label (q in the paper).
    kept : float
        Rate at which one that was trained on them does (p), above ``deleted``.
    alpha : float
        Chance to accuse wrongly, at most.

    Raises
    ------
    InvalidParameterError
        More hits than queries, rates that are none, or a model that kept the records and answers no more often.

    References
    ----------
    D. Sommer, L. Song, S. Wagh, P. Mittal, "Athena: probabilistic verification of machine unlearning", PoPETs 2022,
    section 4: hypothesis test and theorem 1.

    Examples
    --------
    >>> test = backdoor_test(9, 10, deleted=0.1, kept=0.9, alpha=0.001)
    >>> test.not_deleted, test.critical, round(test.power, 4)
    (True, 6, 0.9984)
    """
    _check(deleted, kept)
    if not 0 <= hits <= n_queries or n_queries < 1:
        raise InvalidParameterError(f"{hits} hits of {n_queries} queries are no count.")
    critical = _critical(n_queries, deleted, alpha)
    return BackdoorTest(
        rate=clopper_pearson(hits, n_queries),
        p_value=float(stats.binom.sf(hits - 1, n_queries, deleted)),
        critical=critical,
        power=backdoor_power(n_queries, deleted=deleted, kept=kept, alpha=alpha),
        not_deleted=hits >= critical,
    )


def backdoor_power(n_queries: int, *, deleted: float, kept: float, alpha: float = 0.05) -> float:
    """Chance that the test finds records that were kept (the paper's deletion confidence)."""
    _check(deleted, kept)
    return float(stats.binom.sf(_critical(n_queries, deleted, alpha) - 1, n_queries, kept))


def queries_needed(*, deleted: float, kept: float, alpha: float = 0.05, power: float = 0.95, most: int = 10_000) -> int:
    """Least number of queries that reaches the power (a few more may not, as counts are whole).

    Raises
    ------
    InvalidParameterError
        More than ``most`` would be needed.

    Examples
    --------
    >>> queries_needed(deleted=0.1, kept=0.9, alpha=0.001, power=0.999)
    9
    """
    for n in range(1, most + 1):
        if backdoor_power(n, deleted=deleted, kept=kept, alpha=alpha) >= power:
            return n
    raise InvalidParameterError(
        f"Even {most:,} queries do not tell {deleted:g} from {kept:g}.", hint="A stronger mark, or more marked records."
    )


def _critical(n_queries: int, deleted: float, alpha: float) -> int:
    """Least count whose upper tail under "deleted" is at most alpha."""
    return int(stats.binom.isf(alpha, n_queries, deleted)) + 1


def _check(deleted: float, kept: float) -> None:
    if not 0 <= deleted < kept <= 1:
        raise InvalidParameterError(
            f"The rate of a model that kept the records must be above the other; got {kept!r} and {deleted!r}."
        )
