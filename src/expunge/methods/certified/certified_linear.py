"""What linear models with a certificate do alike: Newton steps, a limit, and noise on what is published."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

import numpy as np
import numpy.typing as npt
from sklearn.utils import Tags

from expunge.arguments import check_choice
from expunge.contract import Unlearner
from expunge.errors import BudgetExhaustedError, InvalidDataError
from expunge.estimators import one_thread
from expunge.methods.certified.arguments import check_claim
from expunge.methods.certified.curvature import Curvature, OneRecord, SeveralRecords
from expunge.methods.certified.losses import Loss
from expunge.methods.certified.newton_steps import Data, Problem, State, certified_step, measured, renewed, solved
from expunge.params import refuse_changed_params
from expunge.privacy.arguments import POLICIES, check_delta
from expunge.privacy.bounded_rows import BoundedRows, weights_of
from expunge.privacy.claims import NEIGHBOURS, about_large_delta, about_loss, about_noise, about_rows, tagged
from expunge.privacy.gaussian import gaussian_sensitivity
from expunge.privacy.last_of_class import is_last_of_a_class, without_names
from expunge.privacy.noise import Noise
from expunge.records import STATE_TELLS, Guarantee, Kind, independent_of
from expunge.rows import Rows, Table
from expunge.state import Change, Part

__all__ = ["CertifiedLinear"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]

Names = tuple[str, ...]

#: Names of the parts that a change touches.
PARTS: Names = ("weights", "published", "certificate", "curvature")
_FIT_SHARE = 1e-6  # of the limit: gradient at which a fit ends
_LEFT_SHARE = 1e-2  # of what the noise hides: what a fit may leave, kept free for the fresh one


class CertifiedLinear(BoundedRows, Unlearner):
    """Base of linear models with a certificate; see :mod:`expunge.methods.certified.newton_steps` for the mathematics.

    Parameters
    ----------
    alpha, epsilon, delta, sigma, norm_bound : float
    clip, fit_intercept, allow_large_delta : bool
    on_exhausted : str
    noise_seed, seed : int or None
        As of :class:`~expunge.certified.CertifiedLogisticRegression`.
    """

    _loss: ClassVar[Loss]
    _strongest: ClassVar[Kind] = "certified"
    _execution_params: ClassVar[tuple[str, ...]] = ("allow_large_delta",)

    def __init__(
        self, *, alpha: float = 1.0, epsilon: float = 1.0, delta: float = 1e-5, sigma: float = 0.3,
        norm_bound: float = 1.0, clip: bool = True, fit_intercept: bool = True, on_exhausted: str = "recompute",
        allow_large_delta: bool = False, noise_seed: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.epsilon = epsilon
        self.delta = delta
        self.sigma = sigma
        self.norm_bound = norm_bound
        self.clip = clip
        self.fit_intercept = fit_intercept
        self.on_exhausted = on_exhausted
        self.allow_large_delta = allow_large_delta
        self.noise_seed = noise_seed
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        return tagged(super().__sklearn_tags__(), self.noise_seed)

    # ------------------------------------------------------------------ what a loss adds

    def _targets(self, table: Table, names: Part) -> Floats:
        """Targets of the records, shape (n, k)."""
        raise NotImplementedError

    def _names(self, table: Table) -> Part:
        """What is public of the targets: the classes, and how many problems there are (``k``)."""
        raise NotImplementedError

    # ------------------------------------------------------------------ arguments

    def _check_params(self) -> None:
        check_claim(self, positive=("alpha", "sigma", "norm_bound"))
        check_choice("on_exhausted", self.on_exhausted, ("recompute", "measure", *POLICIES))

    @property
    def residual_limit_(self) -> float:
        """Largest norm of the gradient at which noise of sigma / alpha on the weights still gives (epsilon, delta)."""
        if self.__sklearn_is_fitted__():
            refuse_changed_params(self, self._state().params)
        return self._limit()

    def _limit(self) -> float:
        return gaussian_sensitivity(self.epsilon, self.delta, self.sigma) * (1 - _LEFT_SHARE)

    @property
    def residual_(self) -> float:
        """At least the norm of the gradient at the weights before the noise, over all problems together."""
        return float(np.linalg.norm(self._state().parts["certificate"]["residual"]))

    @property
    def distance_to_refit_(self) -> float:
        """At least the distance of the weights, before the noise, from those of an exact fit: residual_ / alpha."""
        refuse_changed_params(self, self._state().params)
        return self.residual_ / self.alpha

    # ------------------------------------------------------------------ the contract

    def _update(self, change: Change) -> dict[str, Any]:
        if not len(change.rows):
            return dict.fromkeys(change.parts)
        if is_last_of_a_class(change.rows, change.removed_slots, change.parts.get("names")):
            change = without_names(change)
        if "weights" not in change.parts or "names" not in change.parts:
            table = change.rows.read(change.rows.slots())
            names = change.parts.get("names") or self._names(table)
            return {"names": names, **self._fitted_parts(change, table, names)}
        names, old = change.parts["names"], self._state_of(change.parts)
        curvature: Curvature = change.parts["curvature"]  # type: ignore[assignment]
        removed = self._data(change.removed, names)
        added = self._data(change.added, names) if len(change.added_slots) else removed.none()
        with one_thread():
            state, patch = certified_step(self._problem(), old, curvature, removed, added)
        if float(np.linalg.norm(state.residual)) <= self._limit():
            return self._parts(change, state, patch)
        if self.on_exhausted == "refuse":
            self._refuse(state)
        return self._after_the_limit(change, names, state, Curvature(*patch.aside()))

    def _after_the_limit(self, change: Change, names: Part, state: State, curvature: Curvature) -> dict[str, Any]:
        """The bound exceeds what the noise hides: read all records, as was decided beforehand, and say so."""
        table = change.rows.read(change.rows.slots())
        if self.on_exhausted == "measure":
            with one_thread():
                seen = measured(self._problem(), self._data(table, names), state)
            if (room := self._room(change, state, seen)) > 0:
                change.notes.append(
                    "the certificate was used up and the gradient measured, from all records in one pass: room for "
                    f"about {room:,} more such removals"
                )
                return self._parts(change, seen, curvature)
        if self.on_exhausted in ("recompute", "measure"):
            with one_thread():
                data = self._data(table, names)
                state, curvature = renewed(self._problem(), data, state, curvature, self._tolerance())
            if float(np.linalg.norm(state.residual)) <= self._limit():
                change.notes.append("the certificate was used up and is renewed: all records were read")
                return self._parts(change, state, curvature)
        change.notes.append("the certificate was used up: trained again on what is left, with fresh noise")
        return self._fitted_parts(change, table, names)

    def _room(self, change: Change, bounded: State, seen: State) -> int:
        """How many removals like this one fit between what was measured and the limit; 0 if it is above half of it."""
        left = self._limit() - float(np.linalg.norm(seen.residual))
        last = float(np.linalg.norm(bounded.residual)) - float(np.linalg.norm(change.parts["certificate"]["residual"]))
        return int(left / last) if 2 * left > self._limit() and 0 < last < math.inf else 0

    def _refuse(self, state: State) -> NoReturn:
        raise BudgetExhaustedError(
            f"After this the gradient may be {float(np.linalg.norm(state.residual)):.4g} long; noise of sigma = "
            f"{self.sigma:g} hides {self._limit():.4g} at epsilon = {self.epsilon:g}, delta = {self.delta:g}.",
            hint="Set on_exhausted to 'recompute' or 'retrain'; both read all records.",
        )

    def _fitted_parts(self, change: Change, table: Table, names: Part) -> dict[str, Any]:
        check_delta(self.delta, n=len(table), allow_large_delta=self.allow_large_delta)
        data, most = self._data(table, names), self._limit() * _LEFT_SHARE
        with one_thread():
            state, curvature = solved(self._problem(), data, self._tolerance())
        if not float(np.linalg.norm(state.residual)) <= most:
            raise InvalidDataError(
                f"The fit ends with a gradient of {float(np.linalg.norm(state.residual)):.3g}; it may be {most:.3g}.",
                hint="Choose a larger alpha or sigma.",
            )
        return self._parts(change, state, curvature)

    def _parts(self, change: Change, state: State, curvature: Curvature | OneRecord | SeveralRecords) -> dict[str, Any]:
        """The parts of a state, and its weights with noise, drawn anew: they alone are ever read by predict."""
        draws = int(change.parts["published"]["draws"]) + 1 if "published" in change.parts else 0
        noise = Noise() if self.noise_seed is None else Noise(int(self.noise_seed) * 2**32 + draws)
        coef = noise.gaussian(state.coef, float(self.sigma) / float(self.alpha))
        rest, published = state._asdict(), {"coef": coef, "draws": draws}
        weights = {"coef": rest.pop("coef")}
        return {"weights": weights, "published": published, "certificate": rest, "curvature": curvature}

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        return {**parts["names"], "coef": parts["published"]["coef"]} if "published" in parts else None

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, Names]:
        """The records themselves; all that are left as well, should the certificate be used up."""
        left = len(rows) - len(slots)
        if not left or is_last_of_a_class(rows, slots, self._state().parts.get("names")):
            return left, left, ("names", *PARTS)
        if len(slots):
            self._try(rows, slots)
        return len(slots), len(slots) + self._after(left), PARTS

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, Names]:
        if is_last_of_a_class(rows, slots, self._state().parts.get("names"), table):
            return len(rows), len(rows), ("names", *PARTS)
        least = len(slots) + len(table)
        self._try(rows, slots, table)
        return least, least + self._after(len(rows)), PARTS

    def _try(self, rows: Rows, slots: Slots, added: Table | None = None) -> None:
        """Refuse what :meth:`_update` would refuse: the step is taken, and thrown away."""
        parts = self._state().parts
        if self.on_exhausted != "refuse" or "weights" not in parts:
            return
        names, curvature = parts["names"], parts["curvature"]
        removed = self._data(rows.peek(slots), names)
        with one_thread():
            coming = removed.none() if added is None else self._data(added, names)
            state, _ = certified_step(self._problem(), self._state_of(parts), curvature, removed, coming)  # type: ignore[arg-type]
        if not float(np.linalg.norm(state.residual)) <= self._limit():
            self._refuse(state)

    def _after(self, left: int) -> int:
        """How many records are read when the certificate is used up."""
        return 0 if self.on_exhausted == "refuse" else left

    def _revive(self, name: str, part: Part) -> Any:
        return Curvature(part["hessian"], part["inverse"]) if name == "curvature" else part

    def _guarantee(self) -> Guarantee:
        if "certificate" not in self._state().parts:
            return self._guarantee_after(None)
        return dataclasses.replace(
            self._guarantee_after(None), residual=self.residual_, residual_limit=self._limit()
        )  # fmt: skip

    def _guarantee_after(self, slots: Slots | None, corrected: bool = False) -> Guarantee:
        large = about_large_delta(self.delta, len(self._rows()), allowed=self.allow_large_delta)
        return _promise(
            float(self.epsilon), float(self.delta), float(self.sigma), float(self.norm_bound), bool(self.clip),
            self.noise_seed, large, self._loss.name, float(self.alpha),
        )  # fmt: skip

    def _reading(self) -> tuple[str, ...]:
        if "certificate" not in self._state().parts:
            return ()
        return (f"certificate: {self.residual_:.3g} of {self._limit():.3g} is used",)

    # ------------------------------------------------------------------ rows as numbers

    def _problem(self) -> Problem:
        return Problem(self._loss, float(self.alpha), self._radius)

    def _tolerance(self) -> float:
        return _FIT_SHARE * self._limit()

    def _data(self, table: Table, names: Part) -> Data:
        return Data(self._bounded(table.X, table.ids), self._targets(table, names), weights_of(table))

    @staticmethod
    def _state_of(parts: Mapping[str, Part]) -> State:
        return State(**parts["weights"], **parts["certificate"])


@functools.lru_cache(maxsize=64)
def _promise(
    epsilon: float, delta: float, sigma: float, norm_bound: float, clip: bool, noise_seed: int | None, large: str,
    loss: str, alpha: float,
) -> Guarantee:  # fmt: skip
    """The guarantee of a model with these arguments; the same for each of its removals."""
    limit = gaussian_sensitivity(epsilon, delta, sigma) * (1 - _LEFT_SHARE)
    return Guarantee(
        kind="certified", epsilon=epsilon, delta=delta,
        assumptions=(
            f"the noise on what is published is {about_noise(noise_seed)}",
            NEIGHBOURS, about_rows(norm_bound, clip=clip), about_loss(loss, alpha),
            "the classes and the number of columns are public",
            "each model is published by itself, and only by its export",
            STATE_TELLS,
            independent_of("model"),
        ),
        statement=(
            f"the weights are ({epsilon:g}, {delta:g})-indistinguishable from those of a fresh fit on what is left: "
            f"noise of sigma = {sigma:g}, divided by alpha, hides a gradient up to {limit:.4g}{large}"
        ),
    )  # fmt: skip
