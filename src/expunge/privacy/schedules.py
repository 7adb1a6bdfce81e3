"""Noise that changes from step to step, with the account of what really was added.

A schedule is decided before the data is seen. What it costs follows from the multipliers themselves, so no formula for
"a decaying schedule" is needed, and none is trusted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from expunge.arguments import check_number
from expunge.errors import InvalidParameterError
from expunge.privacy.accounts import epsilon_of
from expunge.privacy.arguments import check_delta, check_epsilon
from expunge.privacy.events import Event, Gaussian, Sampled

__all__ = ["Schedule"]


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Noise multipliers of the steps of a run.

    Parameters
    ----------
    multipliers : tuple of float
        One for each step, all above 0.

    Examples
    --------
    >>> Schedule.decaying(4.0, steps=3, rate=0.5).multipliers
    (4.0, 2.0, 1.0)
    """

    multipliers: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.multipliers:
            raise InvalidParameterError("A schedule has at least one step.")
        for multiplier in self.multipliers:
            check_number("multiplier", multiplier, open_low=True)

    def __len__(self) -> int:
        return len(self.multipliers)

    def __iter__(self) -> Iterator[float]:
        return iter(self.multipliers)

    @classmethod
    def constant(cls, multiplier: float, *, steps: int) -> Schedule:
        """The same noise in each step."""
        return cls((float(multiplier),) * steps)

    @classmethod
    def decaying(cls, multiplier: float, *, steps: int, rate: float) -> Schedule:
        """Noise that becomes ``rate`` times what it was, step by step: more where gradients are large, less later."""
        return cls(tuple(multiplier * rate**step for step in range(steps)))

    @classmethod
    def linear(cls, first: float, last: float, *, steps: int) -> Schedule:
        """Noise that goes evenly from one multiplier to another."""
        return cls(tuple(first + (last - first) * step / max(1, steps - 1) for step in range(steps)))

    def events(self, *, probability: float | None = None) -> list[Event]:
        """What happens if this is followed, each record taking part in a step with a probability."""
        steps: list[Event] = [Gaussian(multiplier) for multiplier in self.multipliers]
        return steps if probability is None else [Sampled(probability, step) for step in steps]

    def scaled(self, epsilon: float, delta: float, *, probability: float | None = None) -> Schedule:
        """The same shape with as little noise as keeps (epsilon, delta), found by bisection on the true account.

        Raises
        ------
        InvalidParameterError
            No noise keeps this epsilon at this delta.
        """
        epsilon, delta = check_epsilon(epsilon), check_delta(delta)

        def with_factor(factor: float) -> Schedule:
            return Schedule(tuple(factor * multiplier for multiplier in self.multipliers))

        def cost(factor: float) -> float:
            return epsilon_of(with_factor(factor).events(probability=probability), delta)

        high = 1.0
        while cost(high) > epsilon:
            high *= 2
            if high > 2.0**40:
                raise InvalidParameterError(f"No noise keeps epsilon = {epsilon:g} at delta = {delta:g}.")
        low = high / 2
        while low > 2.0**-20 and cost(low) <= epsilon:
            low, high = low / 2, low
        while high - low > 1e-4 * high:
            middle = (low + high) / 2
            low, high = (low, middle) if cost(middle) <= epsilon else (middle, high)
        return with_factor(high)
