"""Convex problems: fitted, changed by a Newton step with its certificate, and made exact again.

A problem is: minimise Σ weight · l(w·x, t) + alpha/2 |w|². A model has k of them over the same rows, one for each class
or target. Nothing here is drawn by chance: noise is for what is published, and nothing in this module reads it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import linalg, optimize

from expunge.methods.certified.certificate import UNIT, Way, bound_of_step, norm_of, rounding_of_gradient
from expunge.methods.certified.curvature import Curvature, OneRecord, SeveralRecords, inverse_of, times
from expunge.methods.certified.losses import Loss

__all__ = [
    "Data",
    "Problem",
    "State",
    "certified_step",
    "gradients",
    "measured",
    "plain_gradients",
    "renewed",
    "solved",
]

Floats = npt.NDArray[np.float64]

_POLISH = 60  # Newton steps with a Hessian that stays: each reads all records once
_CHUNK = 8192


class Data(NamedTuple):
    """Rows (n, d), targets (n, k) and weights (n,).

    Parameters
    ----------
    X : ndarray of shape (n, d)
    targets : ndarray of shape (n, k)
    weights : ndarray of shape (n,)
    """

    X: Floats
    targets: Floats
    weights: Floats

    def none(self) -> Data:
        """None of them."""
        return Data(self.X[:0], self.targets[:0], self.weights[:0])


@dataclasses.dataclass(frozen=True)
class Problem:
    """What is the same for all problems of a model: the loss, the penalty, and the longest row.

    Parameters
    ----------
    loss : Loss
    penalty, radius : float
    """

    loss: Loss
    penalty: float
    radius: float


class State(NamedTuple):
    """Weights, anchor, and the Hessian times weights minus anchor, (k, d); then bounds (k,): on the gradient, on
    the largest eigenvalue without the penalty, on the error of the Hessian, and on that of the product; and how often
    the gradient was read from all records since the anchor was set.

    Parameters
    ----------
    coef, anchor, pull : ndarray of shape (k, d)
    residual, top, drift, slip : ndarray of shape (k,)
    renewals : int
    """

    coef: Floats
    anchor: Floats
    pull: Floats
    residual: Floats
    top: Floats
    drift: Floats
    slip: Floats
    renewals: int


def renewed(
    problem: Problem, data: Data, state: State, curvature: Curvature, tolerance: float
) -> tuple[State, Curvature]:
    """The gradient read from all records, and a new anchor where that has paid for itself.

    A Hessian costs about d / 8 of these readings. So once there were as many since the anchor was set, it is set anew:
    whatever comes, that costs at most twice what the best moment would have cost.
    """
    if 8 * (state.renewals + 1) >= state.coef.shape[1]:
        return anchored(problem, data, _polished(problem, data, state, curvature, tolerance), tolerance)
    state = state._replace(renewals=state.renewals + 1)
    return _polished(problem, data, state, curvature, tolerance), curvature


def measured(problem: Problem, data: Data, state: State) -> State:
    """The gradient read from all records in one pass, in place of the sum of bounds; no weight is moved."""
    gradient, rounding = gradients(problem, data, state.coef)
    return state._replace(residual=np.linalg.norm(gradient, axis=1) * (1 + 4 * gradient.shape[1] * UNIT) + rounding)


def gradients(problem: Problem, data: Data, coef: Floats) -> tuple[Floats, Floats]:
    """Gradients (k, d) over all records, and a bound (k,) on how far rounding can have moved each."""
    total = problem.penalty * coef
    sizes = np.linalg.norm(total, axis=1)
    for X, slopes in _slopes(problem, data, coef):
        total = total + slopes.T @ X
        sizes = sizes + np.abs(slopes).T @ np.linalg.norm(X, axis=1)
    # A score is rounded by at most d u R |w|, which moves a slope by at most its curvature (<= 1) times that.
    scores = UNIT * coef.shape[1] * problem.radius**2 * np.linalg.norm(coef, axis=1) * data.weights.sum()
    chain = min(len(data.X), _CHUNK) + len(data.X) // _CHUNK  # additions that one record's part goes through
    rounding = [rounding_of_gradient(chain, coef.shape[1], float(size)) for size in sizes]
    return total, np.asarray(rounding) + scores


def plain_gradients(problem: Problem, data: Data, coef: Floats) -> Floats:
    """Gradients (k, d) over all records, without a bound on their rounding."""
    total = problem.penalty * coef
    for X, slopes in _slopes(problem, data, coef):
        total = total + slopes.T @ X
    return np.asarray(total)


def _slopes(problem: Problem, data: Data, coef: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Rows by blocks, and the weighted slopes of their losses (m, k)."""
    for start in range(0, len(data.X), _CHUNK):
        part = slice(start, start + _CHUNK)
        X = data.X[part]
        yield X, problem.loss.slope(X @ coef.T, data.targets[part]) * data.weights[part, np.newaxis]


def _hessian_of(problem: Problem, data: Data, anchor: Floats, i: int) -> Floats:
    """Lower triangle of the Hessian of problem i at the anchor (k, d), with its penalty."""
    total = problem.penalty * np.eye(data.X.shape[1])
    for start in range(0, len(data.X), _CHUNK):
        part = slice(start, start + _CHUNK)
        X = data.X[part]
        weights = _curvatures(problem, Data(X, data.targets[part], data.weights[part]), anchor)[:, i]
        root = X * np.sqrt(weights)[:, np.newaxis]
        total += root.T @ root
    return np.tril(total)


def solved(problem: Problem, data: Data, tolerance: float) -> tuple[State, Curvature]:
    """A fit.

    Notes
    -----
    O(n d k) for each of some dozen steps of L-BFGS, then O(n d² + d³) for each Hessian and a few readings of all rows.
    """
    k, d = data.targets.shape[1], data.X.shape[1]
    start = np.reshape([_minimum(problem, data, i) for i in range(k)], (k, d))
    nothing, unknown = np.zeros(k), np.full(k, np.inf)
    state = State(start, start, np.zeros((k, d)), unknown, nothing, nothing, nothing, 0)
    return anchored(problem, data, state, tolerance)


def anchored(problem: Problem, data: Data, state: State, tolerance: float) -> tuple[State, Curvature]:
    """The Hessians made anew at the weights of now, which become the anchor; then the gradients read."""
    k, d = state.coef.shape
    curvature = Curvature(np.zeros((k, d, d)), np.zeros((k, d, d)))
    top, drift = np.zeros(k), np.zeros(k)
    for i in range(k):
        hessian = curvature.hessian[i] = _hessian_of(problem, data, state.coef, i)
        curvature.inverse[i] = inverse_of(hessian)
        drift[i] = 2 * (len(data.X) + 8) * UNIT * float(np.trace(hessian))
        largest = float(linalg.eigvalsh(hessian, lower=True, subset_by_index=(d - 1, d - 1))[0])
        top[i] = max(0.0, largest * (1 + 4 * d * UNIT) - problem.penalty) + drift[i]
    state = state._replace(anchor=state.coef, top=top, drift=drift, renewals=0)
    return _polished(problem, data, state, curvature, tolerance), curvature


def _minimum(problem: Problem, data: Data, i: int) -> Floats:
    """Where the objective of one problem is least, roughly: it becomes the anchor."""

    def objective(w: Floats) -> tuple[float, Floats]:
        z = data.X @ w
        target = data.targets[:, i]
        value = float(data.weights @ problem.loss.value(z, target)) + problem.penalty / 2 * float(w @ w)
        slope = (data.weights * problem.loss.slope(z, target)) @ data.X + problem.penalty * w
        return value, slope

    found = optimize.minimize(
        objective, np.zeros(data.X.shape[1]), jac=True, method="L-BFGS-B",
        options={"maxiter": 500, "gtol": 1e-4, "ftol": 1e-14, "maxcor": 20},
    )  # fmt: skip
    return np.asarray(found.x)


def _polished(problem: Problem, data: Data, state: State, curvature: Curvature, tolerance: float) -> State:
    """Newton steps with the Hessian that is held until each gradient, read from all records, is below the tolerance.

    The residual is then what was computed, with its rounding, and no sum of bounds any more.
    """
    coef, best, least = state.coef, state.coef, np.full(len(state.coef), np.inf)
    for _ in range(_POLISH):
        gradient, rounding = gradients(problem, data, coef)
        norms = np.linalg.norm(gradient, axis=1)
        if not float(np.linalg.norm(norms + rounding)) < 0.9 * float(np.linalg.norm(least)):
            break
        best, least = coef, norms + rounding
        if (norms <= np.maximum(tolerance, rounding)).all():
            break
        coef = coef - np.reshape([times(curvature.inverse[i], gradient[i]) for i in range(len(coef))], coef.shape)
    ways = best - state.anchor
    pull = np.reshape([times(curvature.hessian[i], p) for i, p in enumerate(ways)], best.shape)
    slip = np.array([_rounding(problem, state, i) * norm_of(p) for i, p in enumerate(ways)], dtype=np.float64)
    return state._replace(coef=best, pull=pull, residual=least, slip=slip)


def certified_step(
    problem: Problem, state: State, curvature: Curvature, removed: Data, added: Data
) -> tuple[State, OneRecord | SeveralRecords]:
    """A Newton step for records that go and come, with the bound on the gradient after it; nothing is written to.

    Notes
    -----
    One record: two products with d² numbers for each problem, and a change of both matrices. Several: O(m d²), and
    O(d³) from m = d / 4 on.
    """
    k, d = state.coef.shape
    X, targets, signed = removed.X, removed.targets, -removed.weights
    if len(added.X):
        X, targets = np.concatenate([X, added.X]), np.concatenate([targets, added.targets])
        signed = np.concatenate([signed, added.weights])
    slopes = problem.loss.slope(X @ state.coef.T, targets) * signed[:, np.newaxis]
    weights = _curvatures(problem, Data(X, targets, signed), state.anchor)
    deltas, change = -(slopes.T @ X), curvature.change(X, weights)
    moved = np.abs(weights).sum(axis=0) * problem.radius**2
    top = (state.top + np.maximum(weights, 0.0).sum(axis=0) * problem.radius**2) * (1 + 4 * UNIT)
    drift = state.drift + 4 * (len(X) + 2) * UNIT * (np.sqrt(d) * (top + problem.penalty) + moved)
    old = state._replace(top=top, drift=drift)
    coef, pull, residual, slip = state.coef.copy(), state.pull.copy(), state.residual.copy(), state.slip.copy()
    for i in range(k):
        v = change.solve(i, slopes[:, i], deltas[i])
        p, Av = state.coef[i] - state.anchor[i], change.times(i, v)
        Ap = state.pull[i] + (weights[:, i] * (X @ p)) @ X
        of_products = _rounding(problem, old, i) * (norm_of(p) + norm_of(v))
        of_rows = 8 * (len(X) + d) * UNIT * moved[i] * norm_of(p)
        slip[i] += of_products + of_rows
        coef[i], pull[i] = state.coef[i] + v, Ap + Av
        residual[i] += bound_of_step(
            problem.loss, problem.radius, Way(p, Ap, slip[i]), Way(coef[i] - state.anchor[i], pull[i], slip[i]), v, Av,
            deltas[i], penalty=problem.penalty, top=float(top[i]), drift=float(drift[i]),
        )  # fmt: skip
    return old._replace(coef=coef, pull=pull, residual=residual, slip=slip), change


def _rounding(problem: Problem, state: State, i: int) -> float:
    """How far a product of the Hessian and a vector of length 1 can be from the true one by rounding."""
    d = state.coef.shape[1]
    return float(8 * d * UNIT * np.sqrt(d) * (state.top[i] + problem.penalty))


def _curvatures(problem: Problem, data: Data, anchor: Floats) -> Floats:
    """Weight of each record in each Hessian at the anchor, shape (n, k)."""
    return problem.loss.curvature(data.X @ anchor.T, data.targets) * data.weights[:, np.newaxis]
