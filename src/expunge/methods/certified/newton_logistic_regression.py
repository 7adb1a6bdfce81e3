"""Logistic regression that forgets by one Newton step from stored sums, with noise on what is published."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils import Tags

from expunge.arguments import check_choice
from expunge.contract import Unlearner
from expunge.errors import BudgetExhaustedError, InvalidDataError
from expunge.estimators import one_thread
from expunge.maths.logistic_scores import LogisticScores, class_names, class_targets
from expunge.methods.certified.arguments import check_claim
from expunge.methods.certified.curvature import Curvature, inverse_of
from expunge.methods.certified.losses import LOGISTIC
from expunge.methods.certified.newton_bound import newton_distance
from expunge.methods.certified.newton_steps import Data, Problem, anchored, solved
from expunge.privacy.arguments import POLICIES, check_delta
from expunge.privacy.bounded_rows import BoundedRows, weight_of, weights_of
from expunge.privacy.claims import NEIGHBOURS, about_large_delta, about_loss, about_noise, about_rows, tagged
from expunge.privacy.gaussian import gaussian_sigma
from expunge.privacy.last_of_class import is_last_of_a_class, without_names
from expunge.privacy.noise import Noise
from expunge.records import STATE_TELLS, Guarantee, Kind, independent_of
from expunge.rows import Rows, Table
from expunge.state import Change, Part

__all__ = ["NewtonLogisticRegression"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]
Names = tuple[str, ...]
PARTS = ("weights", "published", "moved", "curvature")
_FIT_SHARE = 1e-7  # of the longest row: gradient at which a fit ends
_LEFT_SHARE = 1e-3  # of the longest row: what a fit and the solve of a step may leave, and the noise hides


class NewtonLogisticRegression(LogisticScores, BoundedRows, Unlearner):
    """Classify by logistic regression, where it is known beforehand how many records may go before the next fit.

    Minimises Σ w log(1 + exp(-t z)) + alpha/2 |(coef, intercept)|² and keeps the minimum, its Hessian and the sum of
    the gradients that have gone. What is published is one Newton step from there, for everything that has gone since
    the fit, and noise that hides how far such a step can end from the minimum without these records.

    Parameters
    ----------
    alpha : float, default=1.0
        Penalty of the whole sum, from 1e-100 to 1e100.
    epsilon, delta : float, default=1.0 and 1e-5
        What is promised; delta at most 1/n unless allowed.
    capacity : float, default=10.0
        Total weight of records that may go or come after a fit: their number, without weights. The noise grows with its
        square, whether they are used or not.
    on_exhausted : {"retrain", "refuse"}, default="retrain"
        When more have to go: fit again, or refuse and leave everything as it was.
    norm_bound, clip, fit_intercept, allow_large_delta, noise_seed, seed
        As of :class:`~expunge.methods.certified.logistic_regression.CertifiedLogisticRegression`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (k, n_features)
    sigma_ : float
        Standard deviation of the noise on each weight that is published.

    Guarantee
    ---------
    ``certified``: (epsilon, delta)-indistinguishable from a fresh fit on what is left.

    Notes
    -----
    Every step begins at the minimum of the fit, so a sequence of requests ends where one request for all of them ends.
    The noise is chosen before a record is seen, from the loss, ``norm_bound``, alpha, the number of records at the fit
    and the capacity: the better of two bounds (:mod:`expunge.methods.certified.newton_bound`). A request costs O(k d²)
    for one record, whatever n is; each is published with noise of its own. The sum of the gradients that have gone
    stays in the state until the next fit and is not published; of one record it shows the direction of its row.

    References
    ----------
    A. Sekhari, J. Acharya, G. Kamath, A. T. Suresh, "Remember what you want to forget: algorithms for machine
    unlearning", NeurIPS 2021, algorithms 1 and 2.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = NewtonLogisticRegression(norm_bound=6.0, alpha=400.0, capacity=3).fit(scale(X), y)
    >>> removal = model.forget([3, 4])
    >>> removal.guarantee.kind, removal.work
    ('certified', 2)
    """

    _execution_params: ClassVar[Names] = ("allow_large_delta",)
    _requests: ClassVar[Names] = ("records", "subjects", "classes", "features")
    _strongest: ClassVar[Kind] = "certified"

    def __init__(
        self, *, alpha: float = 1.0, epsilon: float = 1.0, delta: float = 1e-5, capacity: float = 10.0,
        norm_bound: float = 1.0, clip: bool = True, fit_intercept: bool = True, on_exhausted: str = "retrain",
        allow_large_delta: bool = False, noise_seed: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.epsilon = epsilon
        self.delta = delta
        self.capacity = capacity
        self.norm_bound = norm_bound
        self.clip = clip
        self.fit_intercept = fit_intercept
        self.on_exhausted = on_exhausted
        self.allow_large_delta = allow_large_delta
        self.noise_seed = noise_seed
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        tags = tagged(super().__sklearn_tags__(), self.noise_seed)
        tags.classifier_tags.poor_score = True  # of few records the noise hides almost everything
        return tags

    def _check_params(self) -> None:
        check_claim(self, positive=("alpha", "norm_bound", "capacity"))
        check_choice("on_exhausted", self.on_exhausted, POLICIES)

    @property
    def sigma_(self) -> float:
        """Standard deviation of the noise on each weight that is published."""
        return float(self._state().parts["moved"]["sigma"])

    # ------------------------------------------------------------------ the contract

    def _update(self, change: Change) -> dict[str, Any]:
        if not len(change.rows):
            return dict.fromkeys(change.parts)
        if is_last_of_a_class(change.rows, change.removed_slots, change.parts.get("names")):
            draws = int(change.parts["moved"]["draws"]) + 1
            return self._fitted_parts(without_names(change), None, draws=draws)
        if "weights" not in change.parts:
            return self._fitted_parts(change, change.parts.get("names"), draws=0)
        names, old = change.parts["names"], change.parts["moved"]
        going, coming = (weight_of(change.rows, slots) for slots in (change.removed_slots, change.added_slots))
        moved, total = float(old["moved"]) + going + coming, float(old["total"]) - going + coming
        if self._is_exhausted(old, moved, total):
            change.notes.append("the capacity is used up: trained again on what is left, with fresh noise")
            return self._fitted_parts(change, names, draws=int(old["draws"]) + 1)
        curvature: Curvature = change.parts["curvature"]  # type: ignore[assignment]
        with one_thread():
            weights, curvature = self._stepped(change, curvature)
        kept = {**old, "moved": moved, "total": total, "draws": int(old["draws"]) + 1}
        return {**self._published(weights, kept), "curvature": curvature}

    def _stepped(self, change: Change, curvature: Curvature) -> tuple[Part, Curvature]:
        """The step for everything that has gone since the fit, and the matrices of what is left."""
        names, weights = change.parts["names"], change.parts["weights"]
        removed, added = (self._data(table, names) for table in (change.removed, change.added))
        X = np.concatenate([removed.X, added.X])
        targets = np.concatenate([removed.targets, added.targets])
        signed = np.concatenate([-removed.weights, added.weights])[:, np.newaxis]
        scores = X @ weights["minimum"].T
        gone = weights["gone"] - (LOGISTIC.slope(scores, targets) * signed).T @ X
        new = Curvature(*curvature.change(X, LOGISTIC.curvature(scores, targets) * signed).aside())
        if not new.solves(gone, self._left):  # what many small changes have added up to
            new = Curvature(new.hessian, np.stack([inverse_of(matrix) for matrix in new.hessian]))
            if not new.solves(gone, self._left):
                raise InvalidDataError("The step cannot be solved for precisely enough.", hint="Choose a larger alpha.")
        return {"minimum": weights["minimum"], "gone": gone, "coef": weights["minimum"] + new.solved(gone)}, new

    def _fitted_parts(self, change: Change, names: Part | None, *, draws: int) -> dict[str, Any]:
        table = change.rows.read(change.rows.slots())
        check_delta(self.delta, n=len(table), allow_large_delta=self.allow_large_delta)
        names = names or class_names(table)
        data, total = self._data(table, names), float(weights_of(table).sum())
        problem = Problem(LOGISTIC, float(self.alpha), self._radius)
        with one_thread():
            state, _ = solved(problem, data, _FIT_SHARE * self._radius)
            state, curvature = anchored(problem, data, state, _FIT_SHARE * self._radius)  # the Hessian of the minimum
        if not (state.residual <= self._left).all() or not (state.coef == state.anchor).all():
            raise InvalidDataError("The fit ends too far from the minimum.", hint="Choose a larger alpha.")
        sigma = gaussian_sigma(self.epsilon, self.delta, self._sensitivity(total, int(names["k"])))
        kept = {"at_fit": total, "total": total, "moved": 0.0, "sigma": sigma, "draws": draws}
        weights = {"minimum": state.coef, "gone": np.zeros_like(state.coef), "coef": state.coef}
        return {"names": names, **self._published(weights, kept), "curvature": curvature}

    def _published(self, weights: Part, kept: Part) -> dict[str, Any]:
        draw = int(kept["draws"])
        noise = Noise() if self.noise_seed is None else Noise(int(self.noise_seed) * 2**32 + draw)
        return {
            "weights": weights, "published": {"coef": noise.gaussian(weights["coef"], float(kept["sigma"]))},
            "moved": kept,
        }  # fmt: skip

    @property
    def _left(self) -> float:
        return _LEFT_SHARE * self._radius

    def _sensitivity(self, total: float, k: int) -> float:
        """How far a model that forgot up to the capacity can be from a fresh one, before the noise."""
        left, alpha = 2 * self._left, float(self.alpha)  # a fit's, and that of solving for a step
        far = newton_distance(float(self.capacity), total, radius=self._radius, penalty=alpha, left=left)
        return math.sqrt(max(1, k)) * (far + self._left / alpha)  # the fresh one is no exact minimum either

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        return {**parts["names"], "coef": parts["published"]["coef"]} if "published" in parts else None

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, Names]:
        if (left := len(rows) - len(slots)) and is_last_of_a_class(rows, slots, self._state().parts.get("names")):
            return left, left, tuple(self._state().parts)
        return self._planned(left, len(slots), weight_of(rows, slots), 0.0)

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, Names]:
        if is_last_of_a_class(rows, slots, self._state().parts.get("names"), table):
            return len(rows), len(rows), tuple(self._state().parts)
        coming = float(weights_of(table).sum())
        return self._planned(
            len(rows) - len(slots) + len(table), len(slots) + len(table), weight_of(rows, slots), coming
        )

    def _planned(self, left: int, changed: int, going: float, coming: float) -> tuple[int, int, Names]:
        parts = self._state().parts
        if not left or "moved" not in parts:
            return 0, left, tuple(parts)
        old = parts["moved"]
        moved, total = float(old["moved"]) + going + coming, float(old["total"]) - going + coming
        if self._is_exhausted(old, moved, total):
            return left, left + changed, tuple(parts)
        return changed, changed, PARTS

    def _is_exhausted(self, old: Part, moved: float, total: float) -> bool:
        """Whether the noise of the fit does not hide this; refused where that was decided."""
        if moved <= float(self.capacity) and total <= float(old["at_fit"]):
            return False
        if self.on_exhausted == "refuse":
            raise BudgetExhaustedError(
                f"With these, records of a weight of {moved:g} have gone or come since the fit; capacity is "
                f"{self.capacity:g}, and {float(old['at_fit']):g} is the most there may be.",
                hint="Set on_exhausted to 'retrain', or fit again with a larger capacity.",
            )
        return True

    def _revive(self, name: str, part: Part) -> Any:
        return Curvature(part["hessian"], part["inverse"]) if name == "curvature" else part

    def _guarantee(self) -> Guarantee:
        large = about_large_delta(self.delta, len(self._rows()), allowed=self.allow_large_delta)
        return Guarantee(
            kind=self._strongest, epsilon=float(self.epsilon), delta=float(self.delta),
            assumptions=(
                f"the noise on what is published is {about_noise(self.noise_seed)}",
                NEIGHBOURS, about_rows(self.norm_bound, clip=self.clip), about_loss("logistic", float(self.alpha)),
                "the classes, the number of columns and that of records at the fit are public",
                "each model is published by itself, and only by its export", STATE_TELLS,
                independent_of("model"),
            ),
            statement=(
                f"({self.epsilon:g}, {self.delta:g})-indistinguishable from a fresh fit on what is left with "
                f"noise of the same size; up to a weight of {self.capacity:g} may go or come{large}"
            ),
        )  # fmt: skip

    def _reading(self) -> tuple[str, ...]:
        if "moved" not in (parts := self._state().parts):
            return ()
        return (f"capacity: a weight of {float(parts['moved']['moved']):g} of {self.capacity:g} is used",)

    def _data(self, table: Table, names: Part) -> Data:
        return Data(self._bounded(table.X, table.ids), class_targets(table, names), weights_of(table))
