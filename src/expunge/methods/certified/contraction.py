"""What noisy steps hide that lead together whatever they start from.

Gradient descent on a strongly convex, smooth objective is a contraction: two starts at a distance z are at c z after a
step. Let each of K steps add noise N(0, tau² I). Two runs of the same steps that start within Z of each other are then
as hard to tell apart as N(0, tau²) from N(mu, tau²) with

    mu = c^K Z · sqrt((1 - c²) / (1 - c^(2K))) .

For the start may be shifted towards the other a little in each step, by a_1, ..., a_K with Σ c^(K-t) a_t = c^K Z; each
shift is hidden by that step's noise alone, and Gaussian noises compose as sqrt(Σ a_t²), which is least for a_t in
proportion to c^(K-t). With one step that is noise on the output; with more, the earlier noise counts too.

References
----------
V. Feldman, I. Mironov, K. Talwar, A. Thakurta, "Privacy amplification by iteration", FOCS 2018: the shifts.
J. Bok, W. Su, J. Altschuler, "Shifted interpolation for differential privacy", ICML 2024: that they hold for the whole
trade-off curve and not for Rényi divergences alone.
E. Chien, H. Wang, Z. Chen, P. Li, "Langevin unlearning: a new perspective of noisy gradient descent for machine
unlearning", NeurIPS 2024; and "Certified machine unlearning via noisy stochastic gradient descent", NeurIPS 2024: the
distance between runs with and without the records, and its sum over requests.
S. Neel, A. Roth, S. Sharifi-Malvajerdi, "Descent-to-Delete: gradient-based methods for machine unlearning", ALT 2021.
"""

from __future__ import annotations

import math

from expunge.privacy.gaussian import gaussian_sensitivity

__all__ = ["fewest_steps", "hidden_shift"]


def hidden_shift(distance: float, rate: float, steps: int) -> float:
    """The shift ``mu`` of a Gaussian that K noisy steps make of a distance.

    Parameters
    ----------
    distance : float
        Z, at least 0.
    rate : float
        c, in [0, 1).
    steps : int
        K, at least 1.

    Examples
    --------
    >>> hidden_shift(2.0, 0.5, 1)  # one step: contraction, then noise
    1.0
    >>> hidden_shift(2.0, 0.5, 2) < 0.5
    True
    """
    if rate == 0.0 or distance == 0.0:
        return 0.0
    log_rate = math.log(rate)
    shrunk = math.exp(steps * log_rate)
    return distance * shrunk * math.sqrt(math.expm1(2 * log_rate) / math.expm1(2 * steps * log_rate))


def fewest_steps(distance: float, rate: float, noise: float, epsilon: float, delta: float, most: int) -> int | None:
    """The fewest steps after which noise of this size hides the distance; None if that takes more than ``most``.

    Examples
    --------
    >>> fewest_steps(1.0, 0.9, noise=0.5, epsilon=1.0, delta=1e-5, most=1000)
    12
    """
    limit = gaussian_sensitivity(epsilon, delta, noise)
    low, high = 0, 1
    while hidden_shift(distance, rate, high) > limit:
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if hidden_shift(distance, rate, middle) <= limit else (middle, high)
    return high
