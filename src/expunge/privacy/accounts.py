"""What events cost together: epsilon at a delta, by accountants that are proofs and not approximations.

One Gaussian or Laplace event by itself has a formula. Everything else goes to ``dp-accounting`` (extra ``dp``), either
through the privacy loss distribution, which is tight, or through Rényi divergences, which is looser and quicker. The
approximation by the central limit (GDP) is not offered: it may lie below the truth.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal, get_args

from expunge.arguments import check_choice, check_count, check_number
from expunge.errors import InvalidParameterError, MissingExtraError
from expunge.privacy.arguments import check_delta
from expunge.privacy.events import Event, Gaussian, Group, Laplace, Sampled, Several, check_event
from expunge.privacy.gaussian import gaussian_delta, gaussian_epsilon
from expunge.privacy.groups import INTERVAL, MixtureAccount, is_mixed, mixture_account, spread

__all__ = ["check_words", "cost_of_run", "delta_of", "epsilon_of", "group_privacy", "left_of"]

Accountant = Literal["pld", "rdp"]
Neighbours = Literal["add or remove one", "replace one"]


def epsilon_of(
    events: Event | Sequence[Event], delta: float, *, accountant: Accountant = "pld",
    neighbours: Neighbours = "add or remove one",
) -> float:  # fmt: skip
    """The epsilon that events on the same data cost together.

    Parameters
    ----------
    events : Event or sequence of Event
    delta : float
    accountant : {"pld", "rdp"}, default="pld"
    neighbours : {"add or remove one", "replace one"}
        The relation in whose sensitivity the multipliers of the events are given.

    Returns
    -------
    float
        An upper bound; infinite where no finite one is found.

    Examples
    --------
    >>> round(epsilon_of(Gaussian(4.0), 1e-5), 3)
    0.926
    >>> 1.85 < epsilon_of(Several(4, Gaussian(4.0)), 1e-5) < 2.0
    True
    """
    delta = check_delta(delta)
    check_words(accountant, neighbours)
    merged = _merged(_sequence(events))
    if merged is not None:
        return gaussian_epsilon(delta, merged) if merged < math.inf else 0.0
    return float(_account(events, accountant, neighbours).get_epsilon(delta))


def delta_of(
    events: Event | Sequence[Event], epsilon: float, *, accountant: Accountant = "pld",
    neighbours: Neighbours = "add or remove one",
) -> float:  # fmt: skip
    """The delta that events on the same data cost together at an epsilon."""
    epsilon = check_number("epsilon", epsilon)
    check_words(accountant, neighbours)
    merged = _merged(_sequence(events))
    if merged is not None:
        return gaussian_delta(epsilon, merged) if merged < math.inf else 0.0
    return float(_account(events, accountant, neighbours).get_delta(epsilon))


@functools.lru_cache(maxsize=256)
def cost_of_run(run: Event, size: float, delta: float, budget: float) -> float:
    """The epsilon of a run as a group sees it, in steps that suit a budget; remembered, for it is asked often.

    Parameters
    ----------
    run : Event
    size : float
        Of the group, above 0.
    delta : float
    budget : float
        An epsilon: the larger it is, the longer are the steps of the privacy loss.
    """
    event = spread(Group(size, run))
    inner = event
    while isinstance(inner, Several):
        inner = inner.event
    if not isinstance(inner, (Group, Sampled)):
        return epsilon_of(event, delta)
    return MixtureAccount([event], interval=min(5 * INTERVAL, max(INTERVAL, 2e-3 * budget))).get_epsilon(delta)


def left_of(epsilon: float, spent: float) -> float:
    """What is left of a budget, as one reckons by hand: no digit that only the binary fractions have.

    Examples
    --------
    >>> 2.0 - 1.7, left_of(2.0, 1.7), left_of(1.0, 1.5)
    (0.30000000000000004, 0.3, 0.0)
    """
    return max(0.0, float(Decimal(repr(float(epsilon))) - Decimal(repr(float(spent)))))


def group_privacy(epsilon: float, delta: float, size: int) -> tuple[float, float]:
    """What (epsilon, delta) for one record promises for a group: a person with several records, say.

    Parameters
    ----------
    epsilon, delta : float
        For neighbours that differ in one record.
    size : int
        Records of the group, at least 1.

    Returns
    -------
    epsilon, delta : float
        k·epsilon and delta · (exp(k·epsilon) - 1) / (exp(epsilon) - 1), the second at most 1.

    Notes
    -----
    It is the best that the two numbers allow, and loose: an account of ``Group(size, event)`` starts from the event.

    References
    ----------
    S. Vadhan, "The complexity of differential privacy", 2017, lemma 2.2.

    Examples
    --------
    >>> group_privacy(0.5, 0.0, 3)
    (1.5, 0.0)
    """
    epsilon, delta = check_number("epsilon", epsilon), check_number("delta", delta)
    size = check_count("size", size)
    if epsilon == 0:
        return 0.0, min(1.0, size * delta)
    if size * epsilon > 700:
        return size * epsilon, min(1.0, math.inf if delta else 0.0)
    return size * epsilon, min(1.0, delta * math.expm1(size * epsilon) / math.expm1(epsilon))


def check_words(accountant: str, neighbours: str = "add or remove one") -> None:
    """Refuse an accountant or a relation that is not known, also where a formula would ask for neither."""
    check_choice("accountant", accountant, get_args(Accountant))
    check_choice("neighbours", neighbours, get_args(Neighbours))


def _sequence(events: Event | Sequence[Event]) -> list[Event]:
    """The events, each as a record sees it, or a group of which it is one; what is none is refused."""
    listed = events if isinstance(events, Sequence) else [events]
    return [spread(check_event("events", event)) for event in listed]


def _merged(events: Sequence[Event]) -> float | None:
    """The one multiplier that Gaussian events have together (1/m² add up); None if there is anything else."""
    total = 0.0
    for event in events:
        count = 1
        while isinstance(event, Several):
            count, event = count * event.count, event.event
        if isinstance(event, Gaussian):
            total += count / event.multiplier**2
        elif type(event) is not Event and count:
            return None
    return 1 / math.sqrt(total) if total else math.inf


def _account(events: Event | Sequence[Event], accountant: str, neighbours: str) -> Any:
    try:
        import dp_accounting
        from dp_accounting import pld, rdp
    except ImportError as error:
        raise MissingExtraError("Composition needs dp-accounting.", hint="pip install 'expunge[dp]'.") from error
    relations = {
        "add or remove one": dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE,
        "replace one": dp_accounting.NeighboringRelation.REPLACE_ONE,
    }
    kind = pld.PLDAccountant if accountant == "pld" else rdp.RdpAccountant
    given = _sequence(events)
    if any(map(is_mixed, given)):
        if accountant != "pld" or neighbours != "add or remove one":
            raise InvalidParameterError(
                "What a sampled event costs a group is known to the accountant 'pld', for records that come or go."
            )
        return mixture_account(tuple(given))
    account = kind(neighboring_relation=relations[neighbours])
    event = dp_accounting.ComposedDpEvent([_theirs(e, dp_accounting) for e in given])
    if not account.supports(event):
        raise InvalidParameterError(f"The accountant {accountant!r} cannot tell what these events cost {neighbours}.")
    return account.compose(event)


def _theirs(event: Event, module: Any) -> Any:
    if isinstance(event, Gaussian):
        return module.GaussianDpEvent(event.multiplier)
    if isinstance(event, Laplace):
        return module.LaplaceDpEvent(event.multiplier)
    if isinstance(event, Sampled):
        return module.PoissonSampledDpEvent(event.probability, _theirs(event.event, module))
    if isinstance(event, Several):
        return module.SelfComposedDpEvent(_theirs(event.event, module), event.count)
    if type(event) is Event:
        return module.NoOpDpEvent()
    raise InvalidParameterError(f"What {event!r} costs is not known.")
