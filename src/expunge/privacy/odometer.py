"""A budget that is kept: what a model may still spend, in a record that is saved with it.

The rule of spending is written down first: :meth:`Odometer.spend` returns the odometer *after* the event, to be stored
before (or together with) whatever the event releases. A process that dies in between has paid for something that nobody
got; it never gets something that was not paid for.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Literal

from expunge.errors import BudgetExhaustedError, InvalidParameterError
from expunge.privacy.accounts import Accountant, check_words, epsilon_of, left_of
from expunge.privacy.arguments import check_delta, check_epsilon, check_schema
from expunge.privacy.events import Event, Several, check_event, event_from_dict

__all__ = ["Odometer"]

_SCHEMA = 1
Level = Literal["record", "user"]


@dataclasses.dataclass(frozen=True)
class Odometer:
    """A budget in (epsilon, delta), and the events that were charged to it.

    Parameters
    ----------
    epsilon, delta : float
        What may be spent in all.
    level : {"record", "user"}
        What neighbours differ in. At the level of users the multipliers of the events must be relative to the
        sensitivity of all records of a user.
    events : tuple of Event
        What was charged, equal events in a row counted together.
    accountant : {"pld", "rdp"}

    Examples
    --------
    >>> from expunge.privacy import Gaussian
    >>> odometer = Odometer(epsilon=1.0, delta=1e-5)
    >>> odometer = odometer.spend(Gaussian(8.0))
    >>> 0.4 < odometer.spent < 0.5, odometer.affords(Gaussian(1.0))
    (True, False)
    """

    epsilon: float
    delta: float
    level: Level = "record"
    events: tuple[Event, ...] = ()
    accountant: Accountant = "pld"

    def __post_init__(self) -> None:
        check_epsilon(self.epsilon)
        check_delta(self.delta)
        check_words(self.accountant)
        for event in self.events:
            check_event("events", event)
        if self.level not in ("record", "user"):
            raise InvalidParameterError(f"level is 'record' or 'user', got {self.level!r}.")

    @property
    def spent(self) -> float:
        """Epsilon at this delta of everything that was charged."""
        return epsilon_of(self.events, self.delta, accountant=self.accountant) if self.events else 0.0

    @property
    def left(self) -> float:
        """Epsilon that is left; what composes better than by adding may afford more."""
        return left_of(self.epsilon, self.spent)

    def affords(self, event: Event) -> bool:
        """Whether the budget holds after the event too."""
        return self._with(event).spent <= self.epsilon

    def spend(self, event: Event) -> Odometer:
        """The odometer after the event; store it before anything of the event is released.

        Raises
        ------
        BudgetExhaustedError
            The event would cost more than is left. Nothing is charged then.
        InvalidParameterError
            It is no event. Nothing is charged then either.
        """
        after = self._with(event)
        cost = after.spent
        if not cost <= self.epsilon:
            shown = "no finite epsilon" if math.isinf(cost) else f"epsilon = {cost:.4g}"
            raise BudgetExhaustedError(
                f"The budget is epsilon = {self.epsilon:g} at delta = {self.delta:g}; with this it would be {shown}.",
                hint="Train again with fresh noise, or ask for less.",
            )
        return after

    def _with(self, event: Event) -> Odometer:
        check_event("event", event)
        count, inner = (event.count, event.event) if isinstance(event, Several) else (1, event)
        before = list(self.events)
        if before:
            last = before[-1]
            known, same = (last.count, last.event) if isinstance(last, Several) else (1, last)
            if same == inner:
                before[-1] = Several(known + count, inner)
                return dataclasses.replace(self, events=tuple(before))
        return dataclasses.replace(self, events=(*before, event))

    def to_dict(self) -> dict[str, Any]:
        """The odometer as plain data, for JSON."""
        return {
            "schema": _SCHEMA, "epsilon": self.epsilon, "delta": self.delta, "level": self.level,
            "accountant": self.accountant, "events": [event.to_dict() for event in self.events],
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Odometer:
        """The odometer from plain data; one that a later version wrote is refused.

        Raises
        ------
        InvalidParameterError
            The data are no odometer.
        NewerFormatError
            A later version wrote them.
        """
        check_schema(data.get("schema"), _SCHEMA)
        try:
            return cls(
                epsilon=data["epsilon"], delta=data["delta"], level=data["level"], accountant=data["accountant"],
                events=tuple(event_from_dict(event) for event in data["events"]),
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise InvalidParameterError("This is no odometer: a field is missing or wrong.") from error
