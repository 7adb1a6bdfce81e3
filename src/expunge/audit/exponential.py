"""A likelihood-ratio score for few references: variances are pulled together, as far as the records agree.

LiRA takes a normal distribution with two parameters for each record, which few references cannot tell; a score with one
variance for all records (RMIA and BASE are of that kind) ignores that records differ. Between them stands the conjugate
prior: the variance of a record is a scaled inverse chi-square draw around a common one, whose weight is learned from
all records, and the predictive distribution is Student's.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from expunge.audit.lira import SMALLEST
from expunge.audit.moments import Moments, moments

__all__ = ["common_variance", "exponential_family"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def exponential_family(target: Floats, references: Floats, members: Bools | None = None) -> Floats:
    """Log-likelihood ratio of Student predictives with shrunken variances; offline where no model trained on a record.

    Parameters
    ----------
    target : ndarray of shape (n,)
        Logit-scaled confidences of the audited model.
    references : ndarray of shape (m, n)
    members : ndarray of bool, shape (m, n), optional
        Default: no model was trained on any of the records. Where every record has two "in" models, the score is
        online.

    Returns
    -------
    ndarray of shape (n,)
        Online: log t(phi; in) - log t(phi; out). Offline: (phi - mu_out) / (s sqrt(1 + 1 / m)), turned into the normal
        deviate of the same probability under Student's distribution.

    Raises
    ------
    InvalidDataError
        Fewer than two "out" models of a record.

    References
    ----------
    R. Brännvall, "Exponential-family membership inference: from LiRA and RMIA to BaVarIA", arXiv 2603.11799, the
    predictive under a normal-inverse-gamma prior. The weight of the prior: G. Smyth, "Linear models and empirical Bayes
    methods", Statistical Applications in Genetics 3, 2004, section 6.2.
    """
    members = np.zeros(references.shape, dtype=bool) if members is None else members
    outside = moments(references, ~members, least=2, what="out")
    if (members.sum(axis=0) < 2).any():
        scale, freedom = _predictive(outside)
        z = (target - outside.mean) / scale
        # The deviate, from the smaller tail, so that far scores keep their order.
        tail = stats.t.logsf(np.abs(z), freedom)
        return np.asarray(np.sign(z) * -special.ndtri_exp(np.minimum(tail, np.log(0.5))))
    inside = moments(references, members, least=2, what="in")
    out: Floats = _log_density(target, inside) - _log_density(target, outside)
    return out


def common_variance(count: Floats, variance: Floats) -> tuple[float, float]:
    """The common variance s0^2 and the weight d0 that it has, in observations.

    Parameters
    ----------
    count : ndarray of shape (n,)
        Models of each record.
    variance : ndarray of shape (n,)
        Of each record, over count - 1.

    Returns
    -------
    s0_squared, d0 : float
        d0 is infinite where the variances differ no more than chance makes them.
    """
    freedom = count - 1
    told = (freedom > 0) & (variance > 0)
    if told.sum() < 2:
        return max(float(np.mean(variance)), SMALLEST**2), np.inf
    half = freedom[told] / 2
    e = np.log(variance[told]) - special.digamma(half) + np.log(half)
    excess = float(e.var(ddof=1) - special.polygamma(1, half).mean())
    if excess <= 0:
        return float(np.exp(e.mean())), np.inf
    d0 = 2 * _inverse_trigamma(excess)
    return float(np.exp(e.mean() + special.digamma(d0 / 2) - np.log(d0 / 2))), d0


def _predictive(of: Moments) -> tuple[Floats, Floats]:
    """Scale and degrees of freedom of the next observation of each record."""
    s0_squared, d0 = common_variance(of.models, of.variance)
    freedom = of.models - 1
    if np.isinf(d0):
        shrunk, total = np.full_like(of.variance, s0_squared), np.full_like(of.variance, 1e6)
    else:
        shrunk = (d0 * s0_squared + freedom * of.variance) / (d0 + freedom)
        total = d0 + freedom
    return np.maximum(np.sqrt(shrunk * (1 + 1 / of.models)), SMALLEST), total


def _log_density(target: Floats, of: Moments) -> Floats:
    scale, freedom = _predictive(of)
    out: Floats = stats.t.logpdf((target - of.mean) / scale, freedom) - np.log(scale)
    return out


def _inverse_trigamma(value: float) -> float:
    """x with trigamma(x) = value, by Newton's steps on 1 / trigamma, which is nearly straight."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(special.polygamma(2, x))
        x += step
        if abs(step) < 1e-10 * x:
            break
    return x
