"""How many records may go without anything being done, and what those that went have cost: a record that is saved.

A model that was fitted under differential privacy cannot tell much of any k records, so it is nearly the model that
never knew them. How nearly is the epsilon of a group of k, and k grows with every request. Nothing else is spent by
forgetting; what further fits on the same records cost beside this is a composition, and counted apart.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from expunge.arguments import check_number
from expunge.errors import BudgetExhaustedError, InvalidParameterError
from expunge.privacy.accounts import cost_of_run, left_of
from expunge.privacy.arguments import check_delta, check_epsilon, check_schema
from expunge.privacy.events import Event, Group, check_event, event_from_dict

__all__ = ["GroupOdometer"]

_SCHEMA = 1
_ROUNDING = 1e-9  # of the calibration: a budget that was met exactly is not passed by the last bit


@dataclasses.dataclass(frozen=True)
class GroupOdometer:
    """What forgetting may cost in all, what the fit gave away of each record, and how many records are gone.

    Parameters
    ----------
    epsilon, delta : float
        What may be spent in all.
    event : Event
        What the fit was, its multipliers relative to one record.
    gone : float
        Total weight of the records that were forgotten since that fit; their number, where the event is sampled.

    Examples
    --------
    >>> from expunge.privacy import Gaussian
    >>> odometer = GroupOdometer(epsilon=1.0, delta=1e-5, event=Gaussian(20.0))
    >>> odometer = odometer.spend(3)
    >>> round(odometer.spent, 2), odometer.left
    (0.53, 2)
    """

    epsilon: float
    delta: float
    event: Event
    gone: float = 0.0

    def __post_init__(self) -> None:
        check_epsilon(self.epsilon)
        check_delta(self.delta)
        check_event("event", self.event)
        if check_number("gone", self.gone):
            Group(self.gone, self.event)  # what it refuses

    @property
    def spent(self) -> float:
        """The epsilon of the records that are gone, as a group."""
        return self.cost(self.gone)

    def cost(self, size: float) -> float:
        """The epsilon of a group of this size, at this delta; infinite where there is none."""
        return cost_of_run(self.event, float(size), self.delta, self.epsilon) if size else 0.0

    def affords(self, size: float) -> bool:
        """Whether so many more may go."""
        return self.cost(self.gone + size) <= self.epsilon * (1 + _ROUNDING)

    @property
    def epsilon_left(self) -> float:
        """Epsilon that is left at this delta."""
        return left_of(self.epsilon, self.spent)

    @property
    def left(self) -> int:
        """How many more records of weight one may go."""
        low, high = 0, 1
        while self.affords(high) and high < 2**40:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.affords(middle) else (low, middle)
        return low

    def spend(self, size: float) -> GroupOdometer:
        """The odometer once so many more are gone; store it before anything is said of it.

        Raises
        ------
        BudgetExhaustedError
            That is more than may go. Nothing is charged then.
        InvalidParameterError
            It is a part of a record, and the event is sampled.
        """
        check_number("size", size)
        if not self.affords(size):
            cost = self.cost(self.gone + size)
            shown = "no finite epsilon" if math.isinf(cost) else f"epsilon = {cost:.4g}"
            raise BudgetExhaustedError(
                f"The budget is epsilon = {self.epsilon:g} at delta = {self.delta:g}; {self.gone + size:g} records "
                f"gone since the fit would cost {shown}.",
                hint="Train again on what is left, as does on_exhausted='retrain', where the method has that.",
            )
        return dataclasses.replace(self, gone=self.gone + float(size))

    def to_dict(self) -> dict[str, Any]:
        """The odometer as plain data, for JSON."""
        return {
            "schema": _SCHEMA, "epsilon": self.epsilon, "delta": self.delta, "event": self.event.to_dict(),
            "gone": self.gone,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GroupOdometer:
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
            return cls(data["epsilon"], data["delta"], event_from_dict(data["event"]), data["gone"])
        except (KeyError, TypeError) as error:
            raise InvalidParameterError("This is no odometer: a field is missing or wrong.") from error
