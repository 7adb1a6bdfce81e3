"""Logistic regression that forgets by a few more noisy steps on what is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils import Tags

from expunge.arguments import check_count, check_number
from expunge.methods.certified.contraction import fewest_steps
from expunge.methods.certified.newton_steps import Data
from expunge.methods.certified.noisy_descent import Descent, NoisyDescent, refuse_more
from expunge.privacy.noise import Noise

__all__ = ["LangevinLogisticRegression"]

Floats = npt.NDArray[np.float64]


class LangevinLogisticRegression(NoisyDescent):
    """Classify by noisy gradient descent, where many records go in one request and a pass over the data is cheap.

    Minimises Σ w log(1 + exp(-t z)) + alpha/2 |(coef, intercept)|². A request takes the fewest noisy steps on the
    records that are left that hide what the others have done.

    Parameters
    ----------
    alpha : float, default=1.0
        Penalty of the whole sum, from 1e-100 to 1e100.
    epsilon, delta : float, default=1.0 and 1e-5
        What is promised; delta at most 1/n unless allowed.
    noise : float, default=0.05
        Standard deviation of what each step adds to each weight. More of it costs accuracy and takes fewer steps.
    n_batches : int, default=1
        With more, steps are stochastic: each reads one batch, to which a record belongs by its id. A request then reads
        the records about ``n_batches`` times less often for nearly as many steps. Requests end after whole passes. At
        most 100,000.
    max_steps : int, default=10_000
        More than so many are refused, and nothing changes.
    norm_bound, clip, fit_intercept, allow_large_delta, noise_seed, seed
        As of :class:`~expunge.methods.certified.logistic_regression.CertifiedLogisticRegression`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (k, n_features)

    Guarantee
    ---------
    ``certified``: (epsilon, delta)-indistinguishable from a fresh fit on what is left that goes on for as many steps.

    Notes
    -----
    A pass reads all records that are left, O(n d k), and takes a step, or one for each batch. Requests for many records
    cost no more than for one where the same number of steps hides both. Distances add up over requests and shrink with
    every step, so that a sequence is covered by the triangle inequality; the distance is part of the state. Rows have a
    bounded length and the fit starts at the minimum, so no gradient has to be clipped and no weights projected for the
    distance to be known.

    References
    ----------
    E. Chien, H. Wang, Z. Chen, P. Li, "Langevin unlearning", NeurIPS 2024, and "Certified machine unlearning via noisy
    stochastic gradient descent", NeurIPS 2024. For the bound see :mod:`expunge.methods.certified.contraction`.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LangevinLogisticRegression(norm_bound=6.0, alpha=50.0, noise=0.1).fit(scale(X), y)
    >>> removal = model.forget([3, 4])
    >>> removal.guarantee.kind, removal.work % 567
    ('certified', 0)
    """

    _execution_params: ClassVar[tuple[str, ...]] = ("allow_large_delta", "max_steps")  # they refuse, and change nothing
    _added_params: ClassVar = {"n_batches": 1}
    _requests: ClassVar[tuple[str, ...]] = ("records", "subjects", "classes", "features")
    _waivers: ClassVar[Mapping[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": "with batches a record twice is two records, in two of them"
    }

    def __init__(
        self, *, alpha: float = 1.0, epsilon: float = 1.0, delta: float = 1e-5, noise: float = 0.05,
        n_batches: int = 1, max_steps: int = 10_000, norm_bound: float = 1.0, clip: bool = True,
        fit_intercept: bool = True, allow_large_delta: bool = False, noise_seed: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.epsilon = epsilon
        self.delta = delta
        self.noise = noise
        self.n_batches = n_batches
        self.max_steps = max_steps
        self.norm_bound = norm_bound
        self.clip = clip
        self.fit_intercept = fit_intercept
        self.allow_large_delta = allow_large_delta
        self.noise_seed = noise_seed
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score |= self.n_batches > 1  # of few records the noise hides almost everything
        return tags

    def _check_params(self) -> None:
        super()._check_params()
        check_number("noise", self.noise, open_low=True)
        check_count("max_steps", self.max_steps)
        check_count("n_batches", self.n_batches, most=100_000)

    def _steps_for(self, descent: Descent, distance: float) -> int:
        most = int(self.max_steps)
        steps = fewest_steps(distance, descent.rate, self.noise, self.epsilon, self.delta, most)
        if steps is None:
            raise refuse_more(most)
        return -(-steps // descent.n_batches)

    def _run(
        self, descent: Descent, batches: list[Data], coef: Floats, passes: int, noise: Noise
    ) -> tuple[Floats, Floats]:
        for _ in range(passes):
            for data in batches:
                coef = noise.gaussian(descent.step(data, coef), self.noise)
        return coef, coef
