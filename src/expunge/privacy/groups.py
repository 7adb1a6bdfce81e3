"""What events cost several records together: exactly, and not by multiplying epsilon.

A group of k records moves a sum k times as far as one. Where each record takes part with a probability q, the number of
those that do is binomial, so that the noisy sum is one Gaussian without the group and a mixture of k + 1 with it: that
pair is the worst one, for every step of a run, whatever the steps before gave.

References
----------
A. Ganesh, "Tight group-level DP guarantees for DP-SGD with sampling via mixture of Gaussians mechanisms", 2024, theorem
3.1: the pair, and that it dominates.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from scipy.stats import binom

from expunge.errors import InvalidParameterError
from expunge.privacy.events import Event, Gaussian, Group, Laplace, Sampled, Several

__all__ = ["INTERVAL", "MixtureAccount", "is_mixed", "mixture_account", "spread"]

#: Steps of the privacy loss: rounded to the safe side, some 0.05 % of an epsilon of one.
INTERVAL = 2e-3


def spread(event: Event, size: float = 1.0) -> Event:
    """The event as a group sees it, with as few :class:`Group` in it as can be.

    Parameters
    ----------
    event : Event
    size : float
        Of the group.

    Raises
    ------
    InvalidParameterError
        The event is sampled, and its noise is not Gaussian.

    Examples
    --------
    >>> spread(Group(3, Several(2, Gaussian(6.0))))
    Several(count=2, event=Gaussian(multiplier=2.0))
    """
    if isinstance(event, Group):
        return spread(event.event, size * event.size)
    if isinstance(event, Several):
        return Several(event.count, spread(event.event, size))
    if isinstance(event, (Gaussian, Laplace)):
        return event if size == 1.0 else type(event)(event.multiplier / size)
    if isinstance(event, Sampled):
        if event.probability == 1.0:
            return spread(event.event, size)
        if size == 1.0:
            return event
        inner = spread(event.event)
        if not isinstance(inner, Gaussian):
            raise InvalidParameterError("What a sampled event costs a group is known for Gaussian noise alone.")
        return Group(int(size), Sampled(event.probability, inner))
    return event


def is_mixed(event: Event) -> bool:
    """Whether an event that was spread has a group of sampled records in it."""
    return isinstance(event, Group) or (isinstance(event, Several) and is_mixed(event.event))


@functools.lru_cache(maxsize=64)
def mixture_account(events: tuple[Event, ...]) -> MixtureAccount:
    """The account of events that were spread; remembered, for an odometer asks for it again and again."""
    return MixtureAccount(events)


class MixtureAccount:
    """The privacy loss of events of which some are sampled and seen by groups.

    Parameters
    ----------
    events : sequence of Event
        Spread.
    interval : float
        Steps of the loss; whatever they are, what comes out is an upper bound.
    """

    def __init__(self, events: Sequence[Event], *, interval: float = INTERVAL) -> None:
        from dp_accounting.pld import privacy_loss_distribution as pld

        self._loss = pld.identity(value_discretization_interval=interval)
        for event in events:
            self._loss = self._loss.compose(_loss(event, pld, interval))

    def get_epsilon(self, delta: float) -> float:
        """The least epsilon at a delta."""
        return float(self._loss.get_epsilon_for_delta(delta))

    def get_delta(self, epsilon: float) -> float:
        """The least delta at an epsilon."""
        return float(self._loss.get_delta_for_epsilon(epsilon))


def _loss(event: Event, pld: Any, interval: float) -> Any:
    count = 1
    while isinstance(event, Several):
        count, event = count * event.count, event.event
    if not count or type(event) is Event:
        return pld.identity(value_discretization_interval=interval)
    if isinstance(event, Group) and isinstance(event.event, Sampled) and isinstance(event.event.event, Gaussian):
        size, q, sigma = int(event.size), event.event.probability, event.event.event.multiplier
        taking_part = list(range(size + 1))
        chances = binom.pmf(taking_part, size, q)
        one = pld.from_mixture_gaussian_mechanism(
            sigma, taking_part, (chances / chances.sum()).tolist(), value_discretization_interval=interval
        )
    elif isinstance(event, Gaussian):
        one = pld.from_gaussian_mechanism(event.multiplier, value_discretization_interval=interval)
    elif isinstance(event, Laplace):
        one = pld.from_laplace_mechanism(event.multiplier, value_discretization_interval=interval)
    elif isinstance(event, Sampled) and isinstance(event.event, Gaussian):
        one = pld.from_gaussian_mechanism(
            event.event.multiplier, sampling_prob=event.probability, value_discretization_interval=interval
        )
    else:
        raise InvalidParameterError(f"What {event!r} costs beside a group of sampled records is not known.")
    return one.self_compose(count)
