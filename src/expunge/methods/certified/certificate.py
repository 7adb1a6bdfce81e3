"""How far the gradient can be from zero after a step: a bound from matrices of size d², without reading a record.

Let L(w; D) be the objective, A its Hessian over the records that are left, taken at a fixed point, the
*anchor* a. When records go (or come), their gradients at w, summed, are Delta, and the step is v = A⁻¹ Delta. The new
gradient is the old one, plus

    (A v - Delta)  +  ∫₀¹ (H(w + t v) - A) v dt,

the error of the solve, which is computed, and the change of the Hessian along the way from the anchor, which is
bounded. Let c be the loss's bound on the third derivative over the second, let no row be longer than R, and let
p = u - a be the way to a point u. The curvatures s(u) and s(a) of a record x at the two points differ by at most
kappa s(a) |x·p| with kappa = (exp(c R |p|) - 1) / (R |p|). So, for any unit vector y,

    |yᵀ (H(u) - A) v|  <=  kappa Σ s(a) |x·p| |x·v| |x·y|  <=  kappa R · sqrt(pᵀ A p) · sqrt(vᵀ A v)

by Cauchy and Schwarz, A without its penalty. With kappa at the farther end, the bound is convex along the way, so its
mean is at most that of its two ends. It follows: the staleness of the Hessian is inside the certificate, and A, from
which records are taken out, never has to be made anew for it to hold. A p is kept from step to step. What
floating-point arithmetic can add is added too, with factors that are safe for any order of summation.

L is alpha strongly convex, so the weights are within the norm of the gradient, divided by alpha, of the minimum. Noise
on what is published hides that. It must not stand in the objective: what a step leaves would then depend on the noise,
and so would the decision to take it, and neither is a shift of a Gaussian (decision 12).

References
----------
C. Guo, T. Goldstein, A. Hannun, L. van der Maaten, "Certified data removal from machine learning models", ICML 2020:
the removal (equation 3) and its data-dependent bound (corollary 1), here in the inner product of the Hessian.
F. Bach, "Self-concordant analysis for logistic regression", Electronic Journal of Statistics 4 (2010): the exponential.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.methods.certified.losses import Loss

__all__ = ["UNIT", "Way", "bound_of_step", "form_of", "norm_of", "rounding_of_gradient"]

Floats = npt.NDArray[np.float64]

#: The distance from 1 to the next double: twice what one operation rounds by.
UNIT = 2.0**-52


class Way(NamedTuple):
    """From the anchor to a point: p, its product with the Hessian, and a bound on the error of that product.

    Parameters
    ----------
    p, Ap : ndarray of shape (d,)
    slip : float
    """

    p: Floats
    Ap: Floats
    slip: float


def bound_of_step(
    loss: Loss, radius: float, before: Way, after: Way, v: Floats, Av: Floats, delta: Floats, *, penalty: float,
    top: float, drift: float,
) -> float:  # fmt: skip
    """By how much the norm of the gradient can have grown.

    Parameters
    ----------
    loss : Loss
    radius : float
        R, the longest row.
    before, after : Way
        From the anchor to the weights before and after the step.
    v, Av, delta : ndarray of shape (d,)
        The step, its product with the Hessian at the anchor, and the gradient that the step is for.
    penalty : float
        alpha, the part of the Hessian that is the penalty's and never changes.
    top : float
        At least the largest eigenvalue of the Hessian without the penalty.
    drift : float
        At least the distance, in the spectral norm, of the matrix held from the true Hessian at the anchor.

    Returns
    -------
    float
        At least the norm of the new gradient minus that of the old one.
    """
    d, length = len(v), norm_of(v)
    rounding = 4 * d * UNIT * math.sqrt(d) * (top + penalty)  # of a product of the matrix and a vector of length 1
    solved = norm_of(Av - delta)
    step = form_of(Way(v, Av, rounding * length), penalty, drift)
    rate = loss.concordance * radius * max(norm_of(before.p), norm_of(after.p))
    if rate > 700:  # the exponential is no double any more, and the bound says nothing
        return math.inf
    kappa = loss.concordance * (math.expm1(rate) / rate if rate > 1e-8 else 1.0 + rate)
    mean = (math.sqrt(form_of(before, penalty, drift)) + math.sqrt(form_of(after, penalty, drift))) / 2
    stale = kappa * radius * mean * math.sqrt(step)
    rounded = (rounding + drift) * length + 4 * d * UNIT * norm_of(delta)
    return (solved + stale + rounded) * (1 + 1e-12)


def norm_of(vector: Floats) -> float:
    """The Euclidean norm, on the safe side."""
    return math.sqrt(float(vector @ vector)) * (1 + 4 * len(vector) * UNIT)


def form_of(way: Way, penalty: float, drift: float) -> float:
    """At least pᵀ A p, for the true Hessian at the anchor without its penalty."""
    d, length = len(way.p), norm_of(way.p)
    doubt = (drift + 4 * d * UNIT * penalty) * length + way.slip + 4 * d * UNIT * norm_of(way.Ap)
    return max(0.0, float(way.p @ way.Ap) - penalty * length**2) + doubt * length


def rounding_of_gradient(chain: int, d: int, terms: float) -> float:
    """How far a gradient that was summed in doubles can be from the true one.

    ``chain`` is the number of additions that a term goes through at most, ``terms`` the sum of their sizes.
    """
    return 2 * (chain + d + 8) * UNIT * terms
