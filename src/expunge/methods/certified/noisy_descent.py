"""Classifiers that forget by going on with gradient descent on what is left: what the two ways of it do alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils import Tags

from expunge.contract import Unlearner
from expunge.errors import BudgetExhaustedError, InvalidParameterError, UnsupportedRequestError
from expunge.estimators import one_thread
from expunge.maths.logistic_scores import LogisticScores, class_names, class_targets
from expunge.methods.certified.arguments import check_claim
from expunge.methods.certified.losses import LOGISTIC
from expunge.methods.certified.newton_steps import Data, Problem, plain_gradients, solved
from expunge.privacy.arguments import check_delta
from expunge.privacy.bounded_rows import BoundedRows, weight_of, weights_of
from expunge.privacy.claims import NEIGHBOURS, about_large_delta, about_loss, about_noise, about_rows, tagged
from expunge.privacy.last_of_class import is_last_of_a_class, without_names
from expunge.privacy.noise import Noise
from expunge.records import Guarantee, Kind, independent_of
from expunge.rows import Rows, Table
from expunge.seeds import uniform64
from expunge.state import Change, Part

__all__ = ["Descent", "NoisyDescent"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]
_FIT_SHARE = 1e-7  # of the longest row: gradient at which a fit ends
_FIT_STEPS = 1  # passes behind that minimum; those that requests took come after them, in the fresh fit too


class Descent:
    """Steps on the objective Σ w log(1 + exp(-t z)) + alpha/2 |coef|², for a known largest total weight.

    A pass is a step for each batch. The gradient of a batch counts ``n_batches``-fold, so that a pass goes the way of
    as many steps on all records at a cost of one.

    Parameters
    ----------
    alpha, radius : float
        Penalty, and the longest row with its intercept.
    capacity : float
        No more than this total weight of records is ever there: that of the heaviest batch, times their number.
    k : int
        Regressions side by side.
    n_batches : int, default=1
        Of a pass, in an order that stays.

    Attributes
    ----------
    smoothness, rate : float
        Of the objective of each batch, and by how much a step contracts.
    left_by_fit : float
        How far from the minimum a fit ends at most.

    Raises
    ------
    InvalidParameterError
        A step does not contract, in floating point.
    """

    def __init__(self, alpha: float, radius: float, capacity: float, k: int, n_batches: int = 1) -> None:
        self.problem = Problem(LOGISTIC, alpha, radius)
        self.smoothness = alpha + capacity * radius**2 / 4
        self.rate = 1 - alpha / self.smoothness
        if self.rate == 1.0:
            raise InvalidParameterError(
                f"With alpha = {alpha:g}, and rows as long as {radius:g}, a step comes no closer to the minimum in "
                "floating point.",
                hint="Choose a larger alpha, or a smaller norm_bound.",
            )
        self.n_batches = n_batches
        longest = radius * math.sqrt(max(1, k)) / alpha  # how far a weight of one can move the minimum
        self.reach = longest if n_batches == 1 else longest * n_batches * (1 - self.rate) / (1 - self.rate**n_batches)
        self.left_by_fit = _FIT_SHARE * longest

    def moved(self, weight: float) -> float:
        """How far records of this total weight can move the minimum, and two runs at the end of each pass.

        A record is in one step of a pass, which it moves by at most B w R sqrt(k) / smoothness, B batches; a pass
        contracts by c^B. The distance d = c^B d + that is at least the one between the minima, Σ w R sqrt(k) / alpha.
        """
        return weight * self.reach

    def step(self, data: Data, coef: Floats) -> Floats:
        """One step of gradient descent of length 1 / smoothness."""
        return coef - plain_gradients(self.problem, data, coef) / self.smoothness

    def after(self, distance: float, passes: int) -> float:
        """What so many passes on the same records leave of a distance."""
        return distance * self.rate ** (passes * self.n_batches)

    def batches(self, data: Data, places: npt.NDArray[np.int64] | None) -> list[Data]:
        """The records of each step of a pass, each counted as often as there are batches."""
        if places is None:
            return [data]
        at = (places == j for j in range(self.n_batches))
        return [Data(data.X[j], data.targets[j], data.weights[j] * self.n_batches) for j in at]


class NoisyDescent(LogisticScores, BoundedRows, Unlearner):
    """Base of both: arguments, fit, and the distance that is kept from request to request."""

    alpha: float
    epsilon: float
    delta: float
    allow_large_delta: bool
    noise_seed: int | None
    #: What its guarantee assumes, beyond what both do.
    _assumed: ClassVar[tuple[str, ...]] = ()
    #: Batches of a pass: one, where a method has no such argument.
    n_batches: int = 1

    _execution_params: ClassVar[tuple[str, ...]] = ("allow_large_delta",)
    _strongest: ClassVar[Kind] = "certified"

    def __sklearn_tags__(self) -> Tags:
        return tagged(super().__sklearn_tags__(), self.noise_seed)

    def _check_params(self) -> None:
        check_claim(self, positive=("alpha", "norm_bound"))

    # ------------------------------------------------------------------ what the two ways differ in

    def _steps_for(self, descent: Descent, distance: float) -> int:
        """How many passes hide this distance."""
        raise NotImplementedError

    def _run(
        self, descent: Descent, batches: list[Data], coef: Floats, passes: int, noise: Noise
    ) -> tuple[Floats, Floats]:
        """Take passes: the weights to go on with, and those to publish."""
        raise NotImplementedError

    # ------------------------------------------------------------------ the contract

    def _update(self, change: Change) -> dict[str, Any]:
        rows = change.rows
        if not len(rows):
            return dict.fromkeys(change.parts)
        if is_last_of_a_class(rows, change.removed_slots, change.parts.get("names")):
            return self._first(without_names(change))
        if "weights" not in change.parts:
            return self._first(change)
        names, weights, old = (change.parts[name] for name in ("names", "weights", "distance"))
        descent = self._descent(float(old["capacity"]), names)
        added = float(weights_of(change.added).sum()) if len(change.added_slots) else 0.0
        if (total := self._heaviest(rows, rows.slots())) > float(old["capacity"]):
            raise UnsupportedRequestError(
                "With these there would be more records than the steps were chosen for.", hint="Fit again."
            )
        distance = float(old["distance"]) + descent.moved(weight_of(rows, change.removed_slots) + added)
        steps, draws = self._steps_for(descent, distance), int(old["draws"]) + 1
        table = rows.read(rows.slots(), times=steps)
        batches = descent.batches(self._data(table, names), table.place)
        with one_thread():
            coef, published = self._run(descent, batches, weights["coef"], steps, self._noise(draws))
        kept = {"distance": descent.after(distance, steps), "total": total, "draws": draws, "steps": steps}
        return {
            "weights": {"coef": coef}, "published": {"coef": published},
            "distance": {"capacity": old["capacity"], **kept},
        }  # fmt: skip

    def _first(self, change: Change) -> dict[str, Any]:
        """A fit: the minimum, found to a tolerance, and one pass from there, which brings the noise."""
        table = change.rows.read(change.rows.slots())
        check_delta(self.delta, n=len(table), allow_large_delta=self.allow_large_delta)
        names = change.parts.get("names") or class_names(table)
        data, total = self._data(table, names), self._heaviest(change.rows, change.rows.slots())
        descent = self._descent(total, names)
        with one_thread():
            state, _ = solved(descent.problem, data, _FIT_SHARE * descent.problem.radius)
            distance = 2 * float(np.linalg.norm(state.residual)) / self.alpha  # ours, and as much of the reference
            batches = descent.batches(data, table.place)
            coef, published = self._run(descent, batches, state.coef, _FIT_STEPS, self._noise(0))
        kept = {"distance": distance, "total": total, "draws": 0, "steps": 0}
        return {
            "names": names, "weights": {"coef": coef}, "published": {"coef": published},
            "distance": {"capacity": total, **kept},
        }  # fmt: skip

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        return {**parts["names"], "coef": parts["published"]["coef"]} if "published" in parts else None

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        left, parts = len(rows) - len(slots), self._state().parts
        if not len(slots) or (left and is_last_of_a_class(rows, slots, parts.get("names"))):
            return left, left, tuple(parts)  # a fit
        return self._planned(left, weight_of(rows, slots))

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, tuple[str, ...]]:
        if is_last_of_a_class(rows, slots, self._state().parts.get("names"), table):
            return len(rows), len(rows), tuple(self._state().parts)
        low, high, touched = self._planned(
            len(rows) - len(slots) + len(table), weight_of(rows, slots) + float(weights_of(table).sum())
        )
        return low + len(table), high + len(table), touched

    def _planned(self, left: int, moved: float) -> tuple[int, int, tuple[str, ...]]:
        parts = self._state().parts
        if not left or "distance" not in parts:
            return 0, left, tuple(parts)
        descent = self._descent(float(parts["distance"]["capacity"]), parts["names"])
        steps = self._steps_for(descent, float(parts["distance"]["distance"]) + descent.moved(moved))
        return steps * left, steps * left, ("weights", "published", "distance")

    def _guarantee(self) -> Guarantee:
        large = about_large_delta(self.delta, len(self._rows()), allowed=self.allow_large_delta)
        return Guarantee(
            kind=self._strongest, epsilon=float(self.epsilon), delta=float(self.delta),
            assumptions=(
                f"the noise is {about_noise(self.noise_seed)}", NEIGHBOURS,
                about_rows(self.norm_bound, clip=self.clip), about_loss("logistic", float(self.alpha)),
                f"the classes, the number of columns and that of records{self._each} at the fit are public",
                "each model is published by itself, and only by its export", *self._assumed,
                "the fresh fit goes on for as many steps, of the same length",
                independent_of("model"),
            ),
            statement=(
                f"({self.epsilon:g}, {self.delta:g})-indistinguishable from a fresh fit on what is left{large}"
            ),
        )  # fmt: skip

    def _reading(self) -> tuple[str, ...]:
        if "distance" not in (parts := self._state().parts):
            return ()
        return (f"distance that earlier requests have left: {float(parts['distance']['distance']):.3g}",)

    # ------------------------------------------------------------------ small things

    @property
    def _each(self) -> str:
        return "" if self.n_batches == 1 else " in each batch"

    def _descent(self, capacity: float, names: Part) -> Descent:
        return Descent(float(self.alpha), self._radius, capacity, int(names["k"]), int(self.n_batches))

    def _place(self, table: Table) -> npt.NDArray[np.int64] | None:
        """The batch of each record, from its id alone."""
        if self.n_batches == 1:
            return None
        return (uniform64(self.seed, "batch", table.ids) % np.uint64(self.n_batches)).astype(np.int64)

    def _heaviest(self, rows: Rows, slots: Slots) -> float:
        """The weight of the heaviest batch, times their number: of one batch that of all records."""
        if self.n_batches == 1:
            return weight_of(rows, slots)
        _, weights = rows.targets(slots)
        counted = np.bincount(rows.places()[slots], weights=weights, minlength=int(self.n_batches))
        return float(counted.max()) * int(self.n_batches)

    def _noise(self, draw: int) -> Noise:
        return Noise() if self.noise_seed is None else Noise(int(self.noise_seed) * 2**32 + draw)

    def _data(self, table: Table, names: Part) -> Data:
        return Data(self._bounded(table.X, table.ids), class_targets(table, names), weights_of(table))


def refuse_more(steps: int) -> BudgetExhaustedError:
    """Not even so many steps hide the distance."""
    return BudgetExhaustedError(
        f"{steps:,} steps do not hide what has been forgotten since the fit.",
        hint="Fit again, choose more noise, or allow more steps with max_steps.",
    )
