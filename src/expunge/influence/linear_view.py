"""Linear models with a known loss as functions of their weights: derivatives and the Hessian in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import linalg
from scipy.special import expit
from sklearn.base import is_classifier

from expunge.errors import InvalidDataError, InvalidRequestError, UnsupportedRequestError
from expunge.influence.quantities import quantities
from expunge.influence.targets import SELF, Target
from expunge.influence.view import Features, Positions
from expunge.maths.logistic_scores import class_targets
from expunge.methods.certified.losses import LOGISTIC, SQUARED
from expunge.methods.pipeline.pipeline import Pipeline
from expunge.privacy.bounded_rows import BoundedRows, weights_of

if TYPE_CHECKING:
    from expunge.methods.networks.curvature import CurvatureOptions

__all__ = ["LinearView"]

Floats = npt.NDArray[np.float64]


class LinearView:
    """A certified logistic or ridge regression, alone or as the last step of a pipeline.

    Its objective is Σ w ℓ(x·θ, t) + alpha/2 |θ|² for each of k regressions; a vector of weights has shape (k, d). What
    stands before it in a pipeline is taken as it is.

    Parameters
    ----------
    model : Unlearner
    target : Target

    Raises
    ------
    UnsupportedRequestError
        Another model: its weights are not the minimum of a known loss.

    Notes
    -----
    O(k n d²) for the Hessian and memory for n rows of d numbers, once.
    """

    def __init__(self, model: Any, target: Target) -> None:
        self._model, self._target = model, target
        step: Any = model.steps[-1][1] if isinstance(model, Pipeline) else model
        if not (isinstance(step, BoundedRows) and hasattr(step, "alpha")):
            raise UnsupportedRequestError(
                f"The weights of {type(model).__name__} are not known as the minimum of a loss.",
                hint="Take method='leave-one-out', or a certified linear model.",
            )
        solution = model._solution()
        if isinstance(model, Pipeline):
            inner = f"{model.steps[-1][0]}/"
            solution = {name.removeprefix(inner): v for name, v in solution.items() if name.startswith(inner)}
        rows = model._rows()
        table = rows.peek(rows.slots())
        self.ids = table.ids
        self._names, self._coef = solution, np.asarray(solution["coef"])
        self._loss = LOGISTIC if is_classifier(step) else SQUARED
        self._X, self._t, self._w = self._bounded(table.X), self._targets(table), weights_of(table)
        scores = self._X @ self._coef.T
        self._slopes = self._w[:, None] * self._loss.slope(scores, self._t)
        weights = self._w[:, None] * self._loss.curvature(scores, self._t)
        ridge = float(step.alpha) * np.eye(self._X.shape[1])
        self._factors = [linalg.cho_factor((self._X.T * column) @ self._X + ridge) for column in weights.T]

    # ------------------------------------------------------------------ the target

    def value(self) -> float | None:
        return None if self._target == SELF else float(self._weighted()[0].sum())

    def slope(self) -> Floats:
        target: Any = self._target
        _, weights = self._weighted()
        rows = self._bounded(target.data)
        slopes = self._quantity_slopes(rows @ self._coef.T, target)
        return np.asarray((weights[:, None] * slopes).T @ rows)

    def _weighted(self) -> tuple[Floats, Floats]:
        """Weight times quantity, and weight, of each record of the target."""
        target: Any = self._target
        now = quantities(self._model, target.data, target.y, target.chance)
        weights = target.weights(target.y, now)
        return weights * now, weights

    def _quantity_slopes(self, scores: Floats, target: Any) -> Floats:
        """Derivative of each record's quantity in its scores, shape (m, k)."""
        if not is_classifier(self._model):
            return np.asarray(scores - np.asarray(target.y, dtype=np.float64).reshape(scores.shape))
        classes = np.asarray(self._names["classes"]).tolist()
        wanted = [target.chance] * len(scores) if target.chance is not None else np.asarray(target.y).tolist()
        if strange := [label for label in wanted if label not in classes]:
            raise InvalidDataError(
                f"The model does not know the label {strange[0]!r}.", hint="Leave records with it out."
            )
        codes = np.array([classes.index(label) for label in wanted])
        p = expit(scores)
        if scores.shape[1] == 1:
            sign = np.where(codes == 1, 1.0, -1.0)[:, None]
            chance = np.where(codes[:, None] == 1, p, 1 - p)
            return np.asarray(sign * p * (1 - p) if target.chance is not None else -sign * (1 - chance))
        total, own = p.sum(axis=1, keepdims=True), np.eye(len(classes))[codes]
        share = (p * own).sum(axis=1, keepdims=True) / total
        slopes = p * (1 - p) * (own - share) / total  # of the share
        return np.asarray(slopes if target.chance is not None else -slopes / share)

    # ------------------------------------------------------------------ the records

    def along(self, direction: Floats, positions: Positions) -> Floats:
        return np.asarray((self._slopes[positions] * (self._X[positions] @ direction.T)).sum(axis=1))

    def square_norms(self, positions: Positions) -> Floats:
        return np.asarray((self._slopes[positions] ** 2).sum(axis=1) * (self._X[positions] ** 2).sum(axis=1))

    def solve(self, vector: Floats, how: CurvatureOptions) -> Floats:
        return np.stack([linalg.cho_solve(factor, row) for factor, row in zip(self._factors, vector, strict=True)])

    def curved_norms(self, positions: Positions, how: CurvatureOptions) -> Floats:
        X, out = self._X[positions], np.zeros(len(positions))
        for factor, slopes in zip(self._factors, self._slopes[positions].T, strict=True):
            out += slopes**2 * (X * linalg.cho_solve(factor, X.T).T).sum(axis=1)
        return out

    def features(self, n_projections: int) -> Features:
        """The rows themselves: their gradients have few enough columns.

        Raises
        ------
        UnsupportedRequestError
            The model has several outputs.
        """
        if len(self._coef) != 1:
            raise UnsupportedRequestError(
                f"TRAK follows one output, and this model has {len(self._coef)}.", hint="Take influence functions."
            )
        slope = None if self._target == SELF else self.slope()[0]
        return Features(self._X, self._slopes[:, 0], slope)

    def at(self, checkpoint: Any) -> LinearView:
        raise InvalidRequestError("A model of the library has no checkpoints.", hint="Leave checkpoints out.")

    # ------------------------------------------------------------------ rows as numbers

    def _bounded(self, X: Any) -> Floats:
        """Rows as the regression reads them: transformed, within the bound, with their one."""
        if isinstance(self._model, Pipeline):
            return np.asarray(self._model._asked("_bounded", X))
        return np.asarray(self._model._bounded(np.asarray(X, dtype=np.float64)))

    def _targets(self, table: Any) -> Floats:
        if self._loss is SQUARED:
            return np.asarray(table.y, dtype=np.float64).reshape(-1, 1)
        return class_targets(table, self._names)
