"""How far one Newton step from a stored minimum ends from the minimum without some records, before any record is seen.

Let F be the sum of the losses and alpha/2 |w|², w its minimum up to a gradient of rho, and let records of a total
weight m go or come, each with a gradient of at most R a unit of weight. With H the Hessian of the new sum at w and g
the sum of the gradients that go, the step is v = H⁻¹ g, of length |v| <= s = m R / alpha. Three bounds on the distance
of w + v from the new minimum hold, and the least of them counts:

- *any loss.* Its Hessian is Lipschitz, with M a unit of weight: the new gradient is at most rho + M n s² / 2, and the
  objective is alpha strongly convex. That is lemma 3 of the reference, with the step itself in place of a bound on the
  distance of both minima, which saves a factor of 4.
- *a loss whose third derivative is at most its second* (logistic, Bach 2010). Up to a distance u from w the Hessian
  keeps within factors of exp(± R u). The new gradient, in the inner product of H⁻¹, is at most
  (phi(r) m R + rho) / sqrt(alpha) with phi(r) = (exp(r) - 1 - r) / r and r = R (m R + rho) / alpha; and both ends lie
  within r / R of w, so the distance is at most exp(r) times that over sqrt(alpha). The number of records is not in it.
- *nothing at all*: s and (m R + rho) / alpha, one after the other.

References
----------
A. Sekhari, J. Acharya, G. Kamath, A. T. Suresh, "Remember what you want to forget: algorithms for machine unlearning",
NeurIPS 2021, algorithm 1 and lemma 3: with L = R, 2 M L² m² / (lambda³ n²) for a mean over n records.
F. Bach, "Self-concordant analysis for logistic regression", Electronic Journal of Statistics 4 (2010), proposition 1.
"""

from __future__ import annotations

import math

__all__ = ["newton_distance"]

#: Largest third derivative of log(1 + exp(-z)).
_THIRD = 1 / (6 * math.sqrt(3))


def newton_distance(moved: float, total: float, *, radius: float, penalty: float, left: float = 0.0) -> float:
    """The bound for logistic losses.

    Parameters
    ----------
    moved : float
        m, the total weight of records that go or come.
    total : float
        n, no more than this weight is left.
    radius : float
        R, the longest row.
    penalty : float
        alpha, of the whole sum.
    left : float
        rho, the gradient at the stored minimum, and the error of solving for the step, both in a gradient's unit.

    Examples
    --------
    >>> newton_distance(1.0, 12_000.0, radius=1.0, penalty=12.0) < 0.004
    True
    """
    slope, step = moved * radius, moved * radius / penalty
    rate = radius * (slope + left) / penalty
    bounds = [(left + _THIRD * radius**3 * total * step**2 / 2) / penalty, step + (slope + left) / penalty]
    if rate < 50:  # beyond it the exponential says nothing
        growth = (math.expm1(rate) - rate) / rate if rate > 1e-4 else rate / 2 * (1 + rate)
        bounds.append(math.exp(rate) * (growth * slope + left) / penalty)
    return min(bounds)
