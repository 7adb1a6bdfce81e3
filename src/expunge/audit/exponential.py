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
from expunge.audit.moments import Moments

__all__ = ["common_variance", "exponential_family"]

Floats = npt.NDArray[np.float64]

#: Degrees of freedom from which on Student's distribution is the normal one.
_NORMAL = 1e6


def exponential_family(target: Floats, outside: Moments, inside: Moments | None = None) -> Floats:
    """Log-likelihood ratio of Student predictives with shrunken variances; offline without "in" models.

    Parameters
    ----------
    target : ndarray of shape (..., n)
        Logit-scaled confidences of the audited model.
    outside, inside : Moments
        Of the same, over two models or more that were not trained on each record, and over two or more that were. With
        the moments of :func:`~expunge.audit.moments.without_each` and the references as the target each reference is
        compared with the others: variances and prior are those of the others too.

    Returns
    -------
    ndarray of shape (..., n)
        Online: log t(phi; in) - log t(phi; out). Offline: (phi - mu_out) / (s sqrt(1 + 1 / m)), turned into a normal
        deviate of the same probability under Student's distribution: within 3 % of it from five degrees of freedom on.

    References
    ----------
    R. Brännvall, "Exponential-family membership inference: from LiRA and RMIA to BaVarIA", arXiv 2603.11799, the
    predictive under a normal-inverse-gamma prior. The weight of the prior: G. Smyth, "Linear models and empirical Bayes
    methods", Statistical Applications in Genetics 3, 2004, section 6.2. The deviate: D. Wallace, "Bounds on normal
    approximations to Student's and the chi-square distributions", Annals of Mathematical Statistics 30, 1959.

    Examples
    --------
    >>> outside = Moments(np.full(2, 9.0), np.zeros(2), np.array([0.9, 0.9]))
    >>> exponential_family(np.array([1.0, -2.0]), outside).round(3).tolist()
    [0.937, -1.874]
    """
    if inside is not None:
        out: Floats = _log_density(target, inside) - _log_density(target, outside)
        return out
    scale, freedom = _predictive(outside)
    z = (target - outside.mean) / scale
    return np.asarray(np.sign(z) * (8 * freedom + 1) / (8 * freedom + 3) * np.sqrt(freedom * np.log1p(z**2 / freedom)))


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
    """Scale and degrees of freedom of the next observation of each record; the prior is learned row by row."""
    variance, freedom = np.maximum(of.variance, SMALLEST**2), of.models - 1
    rows = variance.reshape(-1, variance.shape[-1])
    priors = np.array([common_variance(of.models, row) for row in rows]).reshape(*variance.shape[:-1], 1, 2)
    s0_squared, d0 = priors[..., 0], priors[..., 1]
    shrunk = s0_squared + freedom / (d0 + freedom) * (variance - s0_squared)
    return np.sqrt(shrunk * (1 + 1 / of.models)), np.minimum(d0 + freedom, _NORMAL)


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
