"""How much noise makes an iteration forget where it began, whatever its steps are.

Two runs of the same noisy steps on the same records start at two models: one that learned some records, and one that
never did. Nothing is known of the steps' gradients but what clipping makes of them.

*Clipped gradients.* x ← (1 - eta lambda) x - eta clip(g(x), C1) + N(0, sigma²), from a start of a norm of at most C0.
With c = 1 - eta lambda the distance z of the runs grows to c z + 2 eta C1 at most. Shift the one run towards the other
by a_t in step t, until they are together after T: Σ c^(T-t) a_t = c^T 2 C0 + 2 eta C1 (1 - c^T) / (1 - c). Each shift
is hidden by that step's noise, so the runs are as hard to tell apart as two Gaussians sqrt(Σ a_t²) / sigma apart, which
is least for a_t in proportion to c^(T-t). These grow, so that no run is shifted past the other on the way.

*Clipped models.* x ← clip(x - eta (g(x) + lambda x), C2) + N(0, sigma²). Before the noise two runs are 2 C2 apart at
most, so a step is a Gaussian mechanism, and shrinks their hockey-stick divergence at epsilon by the factor
delta(epsilon; 2 C2 / sigma). After T steps it is at most that to the power of T.

References
----------
A. Koloskova, Y. Allouah, A. Jha, R. Guerraoui, S. Koyejo, "Certified unlearning for neural networks", ICML 2025: both
ways, with Rényi divergences for the first.
J. Bok, W. Su, J. Altschuler, "Shifted interpolation for differential privacy", ICML 2024: the shifts, for the whole
trade-off curve.
S. Asoodeh, M. Diaz, F. Calmon, "Privacy amplification of iterative algorithms via contraction coefficients", ISIT 2020.
"""

from __future__ import annotations

import math

from expunge.privacy.gaussian import gaussian_sigma

__all__ = ["sigma_for_clipped_gradients", "sigma_for_clipped_models"]

_SAFE = 1 + 2.0**-30  # what the arithmetic of a step, in doubles, can add to a distance


def sigma_for_clipped_gradients(
    epsilon: float, delta: float, steps: int, *, lr: float, model_norm: float, max_grad_norm: float, weight_decay: float
) -> float:
    """The least noise of each step, where gradients are clipped.

    Parameters
    ----------
    epsilon, delta : float
    steps : int
        T.
    lr, weight_decay : float
        eta and lambda, with eta lambda in [0, 1).
    model_norm, max_grad_norm : float
        C0 and C1.

    Examples
    --------
    >>> settings = {"lr": 0.1, "model_norm": 5.0, "max_grad_norm": 0.01}
    >>> few, many = (sigma_for_clipped_gradients(1.0, 1e-5, t, **settings, weight_decay=1.0) for t in (10, 60))
    >>> few > 5 * many
    True
    """
    c = 1 - lr * weight_decay
    shrunk = c**steps
    sums = (float(steps), float(steps)) if c == 1 else ((1 - shrunk) / (1 - c), (1 - shrunk**2) / (1 - c**2))
    distance = shrunk * 2 * model_norm + 2 * lr * max_grad_norm * sums[0]
    return gaussian_sigma(epsilon, delta, distance / math.sqrt(sums[1]) * _SAFE)


def sigma_for_clipped_models(epsilon: float, delta: float, steps: int, *, model_norm: float) -> float:
    """The least noise of each step, where models are clipped to ``model_norm``, C2.

    Examples
    --------
    >>> one, many = (sigma_for_clipped_models(1.0, 1e-5, steps, model_norm=1.0) for steps in (1, 20))
    >>> one > 4 * many
    True
    """
    return gaussian_sigma(epsilon, delta ** (1 / steps), 2 * model_norm * _SAFE)
