"""Naive Bayes on yes-or-no features, from counts with noise on them, under differential privacy."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_number
from expunge.methods.private.do_nothing import DoNothing
from expunge.methods.private.noisy_counts import NoisyBayes, class_codes, noisy_class_sums
from expunge.privacy.bounded_rows import weights_of
from expunge.privacy.noise import Noise
from expunge.rows import Table
from expunge.state import Part

__all__ = ["PrivateBernoulliNB"]

Floats = npt.NDArray[np.float64]

#: Shares of the account: numbers of records, and of those with a feature.
_SHARES = (0.1, 0.9)


class PrivateBernoulliNB(NoisyBayes, DoNothing):
    """Bernoulli naive Bayes where up to ``group_size`` records may go without anything being done.

    Parameters
    ----------
    epsilon, delta, group_size, on_exhausted, allow_large_delta, noise_seed, seed
        As of :class:`~expunge.methods.private.logistic_regression.PrivateLogisticRegression`.
    alpha : float, default=1.0
        Added to the count of each feature in each class, above 0.
    binarize : float, default=0.0
        Values above it, at least 0, count as one, others as zero.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    feature_log_prob_ : ndarray of shape (n_classes, n_features)
    class_prior_ : ndarray of shape (n_classes,)
    odometer_, noise_multiplier_
        As there.

    Guarantee
    ---------
    ``certified``, as there: epsilon(k) is that of one Gaussian mechanism, exactly.

    Notes
    -----
    Two releases for each class: how many records, and how many with each feature, -1 for those without it: a record
    stands in one class and moves these by 1 and sqrt(d). Counts are whole numbers, and noise lies on a grid. A fit
    reads each record once, O(n d); forgetting reads nothing.

    References
    ----------
    J. Vaidya, B. Shafiq, A. Basu, Y. Hong, "Differentially private naive Bayes classification", WI 2013.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = PrivateBernoulliNB(epsilon=3.0, group_size=3, binarize=7.5).fit(X, y)
    >>> model.forget([3, 4]).work, model.odometer_.left
    (0, 1)
    """

    _requests: ClassVar[tuple[str, ...]] = ("records", "subjects", "classes", "features")

    def __init__(
        self, *, epsilon: float = 1.0, delta: float = 1e-5, group_size: int = 1, alpha: float = 1.0,
        binarize: float = 0.0, on_exhausted: str = "retrain", allow_large_delta: bool = False,
        noise_seed: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.epsilon = epsilon
        self.delta = delta
        self.group_size = group_size
        self.alpha = alpha
        self.binarize = binarize
        self.on_exhausted = on_exhausted
        self.allow_large_delta = allow_large_delta
        self.noise_seed = noise_seed
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_number("alpha", self.alpha, open_low=True)
        check_number("binarize", self.binarize)

    def _released(self, table: Table, names: Part, multiplier: float, noise: Noise) -> dict[str, Part]:
        signs = np.where(self.binarize < table.X, 1.0, -1.0)
        codes, weights, k = class_codes(table, names), weights_of(table), len(names["classes"])
        ones, length = np.ones((len(signs), 1)), math.sqrt(signs.shape[1])
        count = noisy_class_sums(ones, codes, weights, k, 1.0, multiplier / math.sqrt(_SHARES[0]), noise)
        balance = noisy_class_sums(signs, codes, weights, k, length, multiplier / math.sqrt(_SHARES[1]), noise)
        count, alpha = np.maximum(count, 1.0), float(self.alpha)
        share = (np.clip((balance + count) / 2, 0.0, count) + alpha) / (count + 2 * alpha)
        return {"published": {"log_prior": np.log(count[:, 0] / count.sum()), "log_prob": np.log(share)}}

    def _joint(self, X: Floats, solution: Part) -> Floats:
        yes = solution["log_prob"]
        no = np.log1p(-np.exp(yes))
        return np.asarray((self.binarize < X) @ (yes - no).T + no.sum(axis=1) + solution["log_prior"])

    @property
    def feature_log_prob_(self) -> Floats:
        """log P(feature | class), shape (n_classes, n_features)."""
        return np.array(self._solution()["log_prob"])
