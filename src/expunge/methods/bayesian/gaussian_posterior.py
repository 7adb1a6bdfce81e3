"""The Gaussian that is nearest to the posterior of a logistic regression, found without sampling.

q = N(m, S) minimises KL(q | p) for p(theta) ∝ exp(-alpha/2 |theta|²) Π sigmoid(t x·theta)^w. A score x·theta is
Gaussian under q, so every expectation is an integral in one dimension: over the score, by Gauss and Hermite, or where
the score spreads over more than one, over the logistic variable whose distribution function the sigmoid is, by equal
steps. The optimum satisfies S⁻¹ = alpha I + Σ w E[l''] x xᵀ and alpha m + Σ w E[l'] x = 0; natural-gradient steps lead
there.

References
----------
M. Opper, C. Archambeau, "The variational Gaussian approximation revisited", Neural Computation 21 (2009), equations 10
and 11, for a factorising likelihood.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import linalg
from scipy.special import expit, ndtr

from expunge.errors import InvalidDataError

__all__ = ["Posterior", "chances", "nearest_gaussian", "posterior_of"]

Floats = npt.NDArray[np.float64]

_NODES, _MASSES = np.polynomial.hermite_e.hermegauss(40)
_MASSES = _MASSES / _MASSES.sum()
_LOGISTIC = np.arange(-40.0, 40.25, 0.5)
_LOGISTIC_MASSES = 0.5 * expit(_LOGISTIC) * expit(-_LOGISTIC)
_MOST, _TOLERANCE, _ROUNDED = 500, 1e-7, 1e-4
_CHUNK = 4096


class Posterior(NamedTuple):
    """Mean (d,) and covariance (d, d).

    Parameters
    ----------
    mean : ndarray of shape (d,)
    covariance : ndarray of shape (d, d)
    """

    mean: Floats
    covariance: Floats


class _Place(NamedTuple):
    """A Gaussian on the way: its divergence but for a constant, where the next one is, and how far off both are."""

    posterior: Posterior
    precision: Floats
    divergence: float
    gradient: Floats
    wanted: Floats
    far: float
    off: float


def chances(X: Floats, posterior: Posterior) -> Floats:
    """Probabilities E[sigmoid(x·theta)] of rows (n, d), shape (n,)."""
    return _expected(X, posterior)[1]


def posterior_of(X: Floats, t: Floats, weights: Floats, alpha: float) -> Posterior:
    """The nearest Gaussian, from the prior N(0, I / alpha).

    Parameters
    ----------
    X : ndarray of shape (n, d)
    t : ndarray of shape (n,)
        1 or -1.
    weights : ndarray of shape (n,)
    alpha : float

    Raises
    ------
    InvalidDataError
        The steps do not settle.

    Notes
    -----
    O(n d²) for each of some dozen steps.
    """
    d = X.shape[1]
    here = _at(X, t, weights, alpha, np.zeros(d), alpha * np.eye(d))
    for _ in range(_MOST):
        if max(here.far, here.off) < _TOLERANCE:
            break
        size = 1.0
        while True:  # shorter steps, until the divergence falls
            precision = (1 - size) * here.precision + size * here.wanted
            step = linalg.cho_solve(linalg.cho_factor(precision, lower=True), here.gradient)
            there = _at(X, t, weights, alpha, here.posterior.mean - size * step, precision)
            if there.divergence <= here.divergence or size < 2.0**-30:
                break
            size /= 2
        if not there.divergence < here.divergence:  # to rounding, this is the minimum
            here = min(here, there, key=lambda place: max(place.far, place.off))
            break
        here = there
    if not max(here.far, here.off) < _ROUNDED:
        raise InvalidDataError("The posterior was not found.", hint="Scale the columns, or choose a larger alpha.")
    return here.posterior


def nearest_gaussian(X: Floats, targets: Floats, weights: Floats, alpha: float) -> list[Posterior]:
    """One for each column of the targets (n, k)."""
    return [posterior_of(X, targets[:, i], weights, alpha) for i in range(targets.shape[1])]


def _at(X: Floats, t: Floats, weights: Floats, alpha: float, mean: Floats, precision: Floats) -> _Place:
    d = len(mean)
    factor = linalg.cho_factor(precision, lower=True)
    covariance = linalg.cho_solve(factor, np.eye(d))
    cost, p, curvature = _expected(X, Posterior(mean, covariance))
    right = (t + 1) / 2
    divergence = float(weights @ (cost - right * (X @ mean))) + alpha / 2 * float(mean @ mean + np.trace(covariance))
    gradient = X.T @ (weights * (p - right)) + alpha * mean
    wanted = alpha * np.eye(d) + (X.T * (weights * curvature)) @ X
    return _Place(
        Posterior(mean, covariance), precision, divergence + float(np.log(np.diag(factor[0])).sum()), gradient, wanted,
        far=float(np.sqrt(gradient @ covariance @ gradient)),
        off=float(np.abs(wanted - precision).max() / np.abs(precision).max()),
    )  # fmt: skip


def _expected(X: Floats, posterior: Posterior) -> tuple[Floats, Floats, Floats]:
    """Expectations of log(1 + exp(z)) and its first two derivatives at the scores of rows (n, d), shapes (n,)."""
    out = np.empty((3, len(X)))
    for start in range(0, len(X), _CHUNK):
        part = slice(start, start + _CHUNK)
        mean = X[part] @ posterior.mean
        spread = np.sqrt(np.maximum(np.einsum("ij,ij->i", X[part] @ posterior.covariance, X[part]), 0.0))
        narrow = spread <= 1
        at = mean[narrow, np.newaxis] + spread[narrow, np.newaxis] * _NODES
        q, deviation = expit(at), spread[~narrow, np.newaxis]
        away = mean[~narrow, np.newaxis] - _LOGISTIC
        below, density = ndtr(away / deviation), np.exp(-((away / deviation) ** 2) / 2) / math.sqrt(2 * math.pi)
        out[:, part][:, narrow] = [np.logaddexp(0, at) @ _MASSES, q @ _MASSES, (q * (1 - q)) @ _MASSES]
        wide = (away * below + deviation * density, below, density / deviation)
        out[:, part][:, ~narrow] = [values @ _LOGISTIC_MASSES for values in wide]
    return out[0], out[1], out[2]
