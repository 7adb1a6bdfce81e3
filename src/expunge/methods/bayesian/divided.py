"""Records divided out of a Gaussian posterior, or multiplied into it, without reading the others.

Let q be the posterior of all records and L(theta) the likelihood of those that go. The posterior of the others is q /
L, up to a constant and the error of q, and the nearest Gaussian to it is wanted. In *EUBO*, q' minimises E_q'[log L] +
KL(q' | q), the distance from q' to q / L. In *rKL* it minimises the distance from q / L to q', so that its mean and
covariance are those of q / L. Where q is far below its peak it is no good approximation, and dividing by L makes much
of that: both use the adjusted likelihood, which is L where q > threshold · max q and 1 elsewhere.

In the coordinates in which q is N(0, I), L depends on the directions of its rows alone, r of them. The others enter by
their length only, whose square follows a chi² of d - r degrees of freedom, so that sums over samples are needed in r
dimensions, and none for the rest. Where r = d, two directions that do not exist are added: their length blurs the edge.

References
----------
Q. P. Nguyen, B. K. H. Low, P. Jaillet, "Variational Bayesian unlearning", NeurIPS 2020: the evidence upper bound,
the reverse divergence, and the adjusted likelihood.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import linalg, optimize
from scipy.special import log_expit
from scipy.stats import chi2

from expunge.methods.bayesian.gaussian_posterior import Posterior

__all__ = ["divided"]

Floats = npt.NDArray[np.float64]
Algorithm = Literal["eubo", "rkl"]


class _Seen(NamedTuple):
    """The likelihood in r coordinates: offsets (m,) and directions (m, r) of signed scores, powers (m,), the edge of
    the adjusted likelihood, and how many other directions there are."""

    offsets: Floats
    directions: Floats
    powers: Floats
    edge: float
    others: int

    def log(self, u: Floats) -> Floats:
        """log L at samples (s, r), shape (s,)."""
        return np.asarray(log_expit(self.offsets + u @ self.directions.T) @ self.powers)

    def slope(self, u: Floats) -> Floats:
        """Its gradient, shape (s, r)."""
        below = np.exp(log_expit(-(self.offsets + u @ self.directions.T)))
        return np.asarray((below * self.powers) @ self.directions)


class _Moved(NamedTuple):
    """A Gaussian in r coordinates, and the scale of the others."""

    mean: Floats
    covariance: Floats
    scale: float


def divided(
    posterior: Posterior,
    X: Floats,
    t: Floats,
    powers: Floats,
    *,
    algorithm: Algorithm,
    threshold: float,
    samples: Floats,
) -> Posterior:
    """The posterior without records of a positive power, and with those of a negative one.

    Parameters
    ----------
    posterior : Posterior
    X : ndarray of shape (m, d)
    t : ndarray of shape (m,)
        1 or -1.
    powers : ndarray of shape (m,)
        Weights of records that go; minus those of records that come.
    algorithm : {"eubo", "rkl"}
    threshold : float
        Of the adjusted likelihood, in [0, 1).
    samples : ndarray of shape (s, d)
        Standard normal numbers.

    Notes
    -----
    O(d³ + m d²) and O(s m r) for some dozen steps, r = min(m, d).
    """
    root = linalg.cholesky(posterior.covariance, lower=True)
    base, upper = linalg.qr((X @ root).T, mode="economic")
    d, r = base.shape
    edge = -2 * math.log(threshold) if threshold > 0 else math.inf
    seen = _Seen(t * (X @ posterior.mean), t[:, np.newaxis] * upper.T, powers, edge, d - r or 2)
    drawn = _standard(samples[:, :r])
    moved = _eubo(seen, drawn) if algorithm == "eubo" else _rkl(seen, drawn)
    inner = moved.scale * np.eye(d) + base @ (moved.covariance - moved.scale * np.eye(r)) @ base.T
    covariance = root @ inner @ root.T
    return Posterior(posterior.mean + root @ (base @ moved.mean), (covariance + covariance.T) / 2)


def _standard(u: Floats) -> Floats:
    """Samples and their mirror images, with a covariance of exactly one."""
    u = np.concatenate([u, -u])
    root = linalg.cholesky(u.T @ u / len(u), lower=True)
    return np.asarray(linalg.solve_triangular(root, u.T, lower=True).T)


def _rkl(seen: _Seen, u: Floats) -> _Moved:
    """Moments of q / L: sums over samples, half of q and half of what EUBO finds, with weights for the difference."""
    near, n = _eubo(seen, u), len(u)
    root = linalg.cholesky(near.covariance, lower=True)
    points = np.concatenate([u, near.mean + u @ root.T])
    back = linalg.solve_triangular(root, (points - near.mean).T, lower=True).T
    square = (points**2).sum(axis=1)
    own = -square / 2
    other = -(back**2).sum(axis=1) / 2 - np.log(np.diag(root)).sum()
    drawn = own - np.logaddexp(own, other) + math.log(2)  # of q, over the mixture
    logs = drawn - seen.log(points)
    most = max(float(drawn.max()), float(logs.max()))
    inverse, one = np.exp(logs - most), np.exp(drawn - most)
    within, further = np.ones(2 * n), np.ones(2 * n)
    if seen.edge < math.inf:
        within, further = (chi2.cdf(seen.edge - square, seen.others + more) for more in (0, 2))
    weights = within * inverse + (1 - within) * one
    total = weights.sum()
    mean = weights @ points / total
    apart = points - mean
    scale = float((further * inverse + (1 - further) * one).sum() / total)
    return _Moved(mean, (apart.T * weights) @ apart / total, scale)


def _eubo(seen: _Seen, u: Floats) -> _Moved:
    """The least evidence upper bound over Gaussians, by quasi-Newton steps on mean, root and scale."""
    r = u.shape[1]
    at, n = np.tril_indices(r), len(u)

    def bound(x: Floats) -> tuple[float, Floats]:
        mean, tau = x[:r], x[-1]
        root = np.zeros((r, r))
        root[at] = x[r:-1]
        points, square = mean + u @ root.T, math.exp(2 * tau)
        logs, slopes = seen.log(points), seen.slope(points)
        slope_tau = 0.0
        if seen.edge < math.inf:
            room = (seen.edge - (points**2).sum(axis=1)) / square
            within, density = chi2.cdf(room, seen.others), chi2.pdf(room, seen.others)
            slopes = within[:, np.newaxis] * slopes - (2 / square * logs * density)[:, np.newaxis] * points
            slope_tau = float((-2 * room * density * logs).mean())
            logs = within * logs
        diagonal = np.diag(root)
        if (diagonal <= 0).any():
            return math.inf, np.zeros_like(x)
        kl = ((root**2).sum() + mean @ mean - r) / 2 - np.log(diagonal).sum()
        kl += seen.others * (square - 1 - 2 * tau) / 2
        along = (slopes.T @ u / n) + root - np.diag(1 / diagonal)
        gradient = np.concatenate([slopes.mean(axis=0) + mean, along[at], [slope_tau + seen.others * (square - 1)]])
        return float(logs.mean() + kl), gradient

    start = np.concatenate([np.zeros(r), np.eye(r)[at], [0.0]])
    bounds = [(None, None)] * r + [(1e-8, None) if i == j else (None, None) for i, j in zip(*at, strict=True)]
    found = optimize.minimize(
        bound, start, jac=True, method="L-BFGS-B", bounds=[*bounds, (-20.0, 20.0)],
        options={"maxiter": 500, "gtol": 1e-8, "ftol": 1e-15},
    )  # fmt: skip
    root = np.zeros((r, r))
    root[at] = found.x[r:-1]
    return _Moved(found.x[:r], root @ root.T, math.exp(2 * found.x[-1]))
