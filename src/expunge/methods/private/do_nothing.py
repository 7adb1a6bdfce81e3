"""What models fitted under differential privacy do alike: forgetting does nothing, and is charged to an odometer.

A fit hides any ``group_size`` records together at (epsilon, delta). So the model that has been fitted is as good as one
that was fitted without them, and when up to so many are to be forgotten, nothing of it has to change. What that costs
is the epsilon of exactly as many records as have gone since the fit, from the account of the mechanism itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils import Tags

from expunge.arguments import check_choice, check_count, check_flag
from expunge.contract import Unlearner
from expunge.errors import BudgetExhaustedError
from expunge.maths.class_sums import number_classes
from expunge.params import refuse_changed_params
from expunge.privacy.arguments import POLICIES, check_delta, check_epsilon
from expunge.privacy.bounded_rows import weight_of
from expunge.privacy.claims import HIDES_NO_MORE, about_large_delta, about_noise, tagged
from expunge.privacy.events import Gaussian
from expunge.privacy.gaussian import gaussian_sigma
from expunge.privacy.group_odometer import GroupOdometer
from expunge.privacy.last_of_class import is_last_of_a_class, without_names
from expunge.privacy.noise import Noise
from expunge.records import Guarantee, Kind, independent_of
from expunge.rows import Rows, Table
from expunge.seeds import check_seed
from expunge.state import Change, Part

__all__ = ["DoNothing", "about_odometer"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]


class DoNothing(Unlearner):
    """Base: a release under differential privacy, and how many records have gone since."""

    epsilon: float
    delta: float
    group_size: int
    on_exhausted: str
    allow_large_delta: bool
    noise_seed: int | None

    _strongest: ClassVar[Kind] = "certified"
    #: Whether what comes is learned without a new fit, so that a corrected record is one that goes and one that comes.
    _goes_on: ClassVar[bool] = False
    _execution_params: ClassVar[tuple[str, ...]] = ("allow_large_delta",)

    def __sklearn_tags__(self) -> Tags:
        return tagged(super().__sklearn_tags__(), self.noise_seed)

    # ------------------------------------------------------------------ what a method adds

    def _names(self, table: Table) -> Part:
        """What is public of the targets: the classes."""
        return {"classes": number_classes(table.y)[0]}

    def _released(self, table: Table, names: Part, multiplier: float, noise: Noise) -> dict[str, Part]:
        """Parts of the model: ``published``, and what else it needs to go on.

        The mechanism must be one whose privacy loss is that of a Gaussian with this noise multiplier, relative to what
        a record of weight one moves.
        """
        raise NotImplementedError

    def _without_gone(self, parts: Mapping[str, Part]) -> dict[str, Part]:
        """Parts that would show what is gone to whoever has the rest, as they are once they do not; here none."""
        return {}

    def _passes(self) -> int:
        """How often a fit reads all records."""
        return 1

    def _assumed(self) -> tuple[str, ...]:
        """What its guarantee assumes, beyond what it does for all."""
        return ()

    # ------------------------------------------------------------------ arguments

    def _check_params(self) -> None:
        check_epsilon(self.epsilon)
        check_delta(self.delta)
        check_count("group_size", self.group_size, most=2**31 - 1)
        check_choice("on_exhausted", self.on_exhausted, POLICIES)
        check_flag("allow_large_delta", self.allow_large_delta)
        if self.noise_seed is not None:
            check_seed(self.noise_seed)

    @property
    def odometer_(self) -> GroupOdometer:
        """How many records are gone since the fit, what that has cost, and what is left."""
        refuse_changed_params(self, self._state().params)
        return self._odometer(self._state().parts["odometer"])

    @property
    def noise_multiplier_(self) -> float:
        """Noise of the whole fit, relative to what a record moves: with that of all its steps taken together."""
        if self.__sklearn_is_fitted__():
            refuse_changed_params(self, self._state().params)
        return self._multiplier()

    def _multiplier(self) -> float:
        return gaussian_sigma(self.epsilon, self.delta, float(self.group_size))

    # ------------------------------------------------------------------ the contract

    def _update(self, change: Change) -> dict[str, Any]:
        if not len(change.rows):
            return dict.fromkeys(change.parts)
        if is_last_of_a_class(change.rows, change.removed_slots, change.parts.get("names")):
            return {"names": None, **self._fitted_anew(without_names(change))}
        if "published" not in change.parts or len(change.added_slots):
            return self._fitted_anew(change)
        try:
            odometer = self._odometer(change.parts["odometer"]).spend(weight_of(change.rows, change.removed_slots))
        except BudgetExhaustedError:
            if self.on_exhausted == "refuse":
                raise
            change.notes.append(HIDES_NO_MORE)
            return self._fitted_anew(change)
        change.notes.append(about_odometer(odometer))
        return {"odometer": {**change.parts["odometer"], "gone": odometer.gone}, **self._without_gone(change.parts)}

    def _fitted_anew(self, change: Change) -> dict[str, Any]:
        table = change.rows.read(change.rows.slots(), times=self._passes())
        check_delta(self.delta, n=len(table), allow_large_delta=self.allow_large_delta)
        names = change.parts.get("names") or self._names(table)
        fits = int(change.parts["odometer"]["fits"]) + 1 if "odometer" in change.parts else 1
        noise = Noise() if self.noise_seed is None else Noise(int(self.noise_seed) * 2**32 + fits)
        multiplier = self._multiplier()
        return {
            "names": names, **self._released(table, names, multiplier, noise),
            "odometer": {"multiplier": multiplier, "gone": 0.0, "fits": fits},
        }  # fmt: skip

    def _odometer(self, part: Part) -> GroupOdometer:
        event = Gaussian(float(part["multiplier"]))
        return GroupOdometer(float(self.epsilon), float(self.delta), event, float(part["gone"]))

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        return {**parts["names"], **parts["published"]} if "published" in parts else None

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        left, parts = len(rows) - len(slots), self._state().parts
        if not left or not len(slots) or "published" not in parts:
            work = self._passes() * left
            return work, work, tuple(parts)
        if is_last_of_a_class(rows, slots, parts["names"]):
            return self._passes() * left, self._passes() * left, tuple(parts)
        try:
            self._odometer(parts["odometer"]).spend(weight_of(rows, slots))
        except BudgetExhaustedError:
            if self.on_exhausted == "refuse":
                raise
            return self._passes() * left, self._passes() * left, tuple(parts)
        return 0, 0, ("odometer", *self._without_gone(parts))

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, tuple[str, ...]]:
        work = self._passes() * len(rows)
        return work, work, ("names", "published", "odometer")

    def _guarantee(self) -> Guarantee:
        parts = self._state().parts
        return self._promise(self._odometer(parts["odometer"]) if "odometer" in parts else None)

    def _guarantee_after(self, slots: Slots | None, corrected: bool = False) -> Guarantee:
        parts, rows = self._state().parts, self._rows()
        if "odometer" not in parts or (slots is not None and len(slots) == len(rows) and not corrected):
            return self._promise(None)
        odometer = self._odometer(parts["odometer"])
        if (
            slots is not None
            and (self._goes_on or not corrected)
            and (corrected or not is_last_of_a_class(rows, slots, parts["names"]))
            and odometer.affords(weight := weight_of(rows, slots))
        ):
            return self._promise(odometer.spend(weight))
        return self._promise(dataclasses.replace(odometer, gone=0.0))

    def _promise(self, odometer: GroupOdometer | None) -> Guarantee:
        large = about_large_delta(self.delta, len(self._rows()), allowed=self.allow_large_delta)
        if odometer is None:
            said = "no record is left, and nothing that was learned from any"
        elif not odometer.gone:
            said = "the model is a fit on what is left, with fresh noise"
        else:
            said = (
                f"the model, which was not changed, is ({odometer.spent:.4g}, {self.delta:g})-indistinguishable from a "
                f"fresh fit without the records that went since its own; {about_odometer(odometer)}{large}"
            )
        return Guarantee(
            kind=self._strongest, epsilon=0.0 if odometer is None else odometer.spent, delta=float(self.delta),
            epsilon_left=None if odometer is None else odometer.epsilon_left,
            assumptions=(
                f"the noise is {about_noise(self.noise_seed)}",
                "neighbours differ in records that are there or not, a record of weight w counting as w",
                *self._assumed(), "the classes and the number of columns are public",
                "each fit is published by itself", independent_of("model"),
            ),
            statement=said,
        )  # fmt: skip


def about_odometer(odometer: GroupOdometer) -> str:
    """The reading, in words.

    Examples
    --------
    >>> about_odometer(GroupOdometer(1.0, 1e-5, Gaussian(20.0), gone=2.0))
    'odometer: 2 records gone at epsilon = 0.3407 of 1'
    """
    return f"odometer: {odometer.gone:g} records gone at epsilon = {odometer.spent:.4g} of {odometer.epsilon:g}"
