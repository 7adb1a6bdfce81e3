"""Logistic regression that forgets by more steps of plain gradient descent and noise on what is published."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_count
from expunge.methods.certified.newton_steps import Data
from expunge.methods.certified.noisy_descent import Descent, NoisyDescent
from expunge.privacy.gaussian import gaussian_sigma
from expunge.privacy.noise import Noise
from expunge.records import STATE_TELLS

__all__ = ["DescentToDelete"]

Floats = npt.NDArray[np.float64]


class DescentToDelete(NoisyDescent):
    """Classify by gradient descent that goes on after each request, and publish weights with noise.

    The weights without noise are kept and never published. After each request, ``n_steps`` steps on the records that
    are left bring them close to the minimum; noise hides how close.

    Parameters
    ----------
    alpha : float, default=1.0
        Penalty of the whole sum, from 1e-100 to 1e100.
    epsilon, delta : float, default=1.0 and 1e-5
        What is promised; delta at most 1/n unless allowed.
    n_steps : int, default=100
        Of gradient descent after each request, from 1 to 1,000,000. More of them need less noise.
    norm_bound, clip, fit_intercept, allow_large_delta, noise_seed, seed
        As of :class:`~expunge.methods.certified.logistic_regression.CertifiedLogisticRegression`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (k, n_features)

    Guarantee
    ---------
    ``certified``: (epsilon, delta)-indistinguishable from a fresh fit on what is left.

    Notes
    -----
    With contraction c and a minimum that a record of weight one moves by at most Z, weights that begin within
    c^K Z / (1 - c^K) of the minimum, K = ``n_steps``, end no farther from it after a record has gone: the fixed point
    of the recursion. The noise hides twice that, for the fresh fit may be as far off, by the exact condition of the
    Gaussian mechanism.
    It is the same for every model of a capacity, and at least what a fit leaves, so that a fit lies in the ball too.
    Larger requests take more steps, as many as lead back there. A step reads all records that are left, O(n d k).
    Weights without noise can be followed backwards: beside the rows that are left they show the direction of one that
    has gone.

    References
    ----------
    S. Neel, A. Roth, S. Sharifi-Malvajerdi, "Descent-to-Delete: gradient-based methods for machine unlearning", ALT
    2021, the strongly convex case with noise on what is published.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = DescentToDelete(norm_bound=6.0, alpha=50.0).fit(scale(X), y)
    >>> model.forget([3]).work == 100 * 568
    True
    """

    _assumed: ClassVar[tuple[str, ...]] = (STATE_TELLS,)
    _requests: ClassVar[tuple[str, ...]] = ("records", "subjects", "classes", "features")

    def __init__(
        self, *, alpha: float = 1.0, epsilon: float = 1.0, delta: float = 1e-5, n_steps: int = 100,
        norm_bound: float = 1.0, clip: bool = True, fit_intercept: bool = True, allow_large_delta: bool = False,
        noise_seed: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.epsilon = epsilon
        self.delta = delta
        self.n_steps = n_steps
        self.norm_bound = norm_bound
        self.clip = clip
        self.fit_intercept = fit_intercept
        self.allow_large_delta = allow_large_delta
        self.noise_seed = noise_seed
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_count("n_steps", self.n_steps, most=1_000_000)

    def _ball(self, descent: Descent) -> float:
        """How far from the minimum the weights are at most, when they are published."""
        shrunk = descent.rate ** int(self.n_steps)
        return max(descent.moved(1.0) * shrunk / (1 - shrunk), descent.left_by_fit)

    def _steps_for(self, descent: Descent, distance: float) -> int:
        ball, least = self._ball(descent), int(self.n_steps)
        if distance * descent.rate**least <= ball or descent.rate == 0.0:
            return least
        return max(least, math.ceil(math.log(ball / distance) / math.log(descent.rate)))

    def _run(
        self, descent: Descent, batches: list[Data], coef: Floats, passes: int, noise: Noise
    ) -> tuple[Floats, Floats]:
        for _ in range(passes):
            for data in batches:
                coef = descent.step(data, coef)
        sigma = gaussian_sigma(self.epsilon, self.delta, 2 * self._ball(descent))
        return coef, noise.gaussian(coef, sigma)
