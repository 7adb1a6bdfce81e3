"""Gaussian naive Bayes from clipped sums with noise on them, under differential privacy."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_number
from expunge.errors import InvalidParameterError
from expunge.methods.private.do_nothing import DoNothing
from expunge.methods.private.noisy_counts import NoisyBayes, class_codes, noisy_class_sums
from expunge.privacy.bounded_rows import weights_of
from expunge.privacy.noise import Noise
from expunge.rows import Table
from expunge.state import Part

__all__ = ["PrivateGaussianNB"]

Floats = npt.NDArray[np.float64]

#: Shares of the account: numbers of records, sums, sums of squares.
_SHARES = (0.1, 0.5, 0.4)


class PrivateGaussianNB(NoisyBayes, DoNothing):
    """Gaussian naive Bayes where up to ``group_size`` records may go without anything being done.

    Parameters
    ----------
    epsilon, delta, group_size, on_exhausted, allow_large_delta, noise_seed, seed
        As of :class:`~expunge.methods.private.logistic_regression.PrivateLogisticRegression`.
    bounds : tuple of float, default=(-3.0, 3.0)
        The smallest and the largest value; those beyond are set to them. Public numbers, not computed from the records.
    var_smoothing : float, default=1e-3
        Least variance, as a share of the squared half width of the bounds; above 0.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    theta_, var_ : ndarray of shape (n_classes, n_features)
        Means and variances, with noise.
    class_prior_ : ndarray of shape (n_classes,)
    odometer_, noise_multiplier_
        As there.

    Guarantee
    ---------
    ``certified``, as there: epsilon(k) is that of one Gaussian mechanism, exactly.

    Notes
    -----
    Three releases for each class: how many records, Σ u and Σ u², of values u brought to -1 to 1. A record stands in
    one class and moves these by at most 1, sqrt(d) and sqrt(d) in the Euclidean norm. A fit reads each record once,
    O(n d); forgetting reads nothing. Weights count as so many records.

    References
    ----------
    J. Vaidya, B. Shafiq, A. Basu, Y. Hong, "Differentially private naive Bayes classification", WI 2013: noise on the
    statistics of a naive Bayes model; here Gaussian and on all of a kind together.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = PrivateGaussianNB(epsilon=3.0, group_size=3).fit(scale(X), y)
    >>> model.forget([3, 4]).work, model.odometer_.left
    (0, 1)
    """

    _requests: ClassVar[tuple[str, ...]] = ("records", "subjects", "classes", "features")

    def __init__(
        self, *, epsilon: float = 1.0, delta: float = 1e-5, group_size: int = 1,
        bounds: tuple[float, float] = (-3.0, 3.0), var_smoothing: float = 1e-3, on_exhausted: str = "retrain",
        allow_large_delta: bool = False, noise_seed: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.epsilon = epsilon
        self.delta = delta
        self.group_size = group_size
        self.bounds = bounds
        self.var_smoothing = var_smoothing
        self.on_exhausted = on_exhausted
        self.allow_large_delta = allow_large_delta
        self.noise_seed = noise_seed
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_number("var_smoothing", self.var_smoothing, open_low=True)
        given = self.bounds
        is_pair = isinstance(given, (tuple, list)) and len(given) == 2
        if not is_pair or not all(isinstance(b, (int, float)) and math.isfinite(b) for b in given):
            raise InvalidParameterError(f"bounds must be two finite numbers, got {given!r}.")
        if not given[0] < given[1]:
            raise InvalidParameterError(f"bounds must ascend, got {given!r}.")

    def _assumed(self) -> tuple[str, ...]:
        low, high = self.bounds
        return (f"values lie between {low:g} and {high:g}: set to these where they are beyond",)

    def _released(self, table: Table, names: Part, multiplier: float, noise: Noise) -> dict[str, Part]:
        middle, half = self._scale()
        u = np.clip((table.X - middle) / half, -1.0, 1.0)
        codes, weights = class_codes(table, names), weights_of(table)
        count, first, second = (
            noisy_class_sums(
                values, codes, weights, len(names["classes"]), length, multiplier / math.sqrt(share), noise
            )
            for values, length, share in zip(
                (np.ones((len(u), 1)), u, u**2), (1.0, *[math.sqrt(u.shape[1])] * 2), _SHARES, strict=True
            )
        )
        count = np.maximum(count, 1.0)
        mean = np.clip(first / count, -1.0, 1.0)
        spread = np.clip(second / count - mean**2, self.var_smoothing, 1.0)
        prior = np.log(count[:, 0] / count.sum())
        return {"published": {"log_prior": prior, "mean": mean * half + middle, "var": spread * half**2}}

    def _scale(self) -> tuple[float, float]:
        low, high = (float(b) for b in self.bounds)
        return (low + high) / 2, (high - low) / 2

    def _joint(self, X: Floats, solution: Part) -> Floats:
        X = np.clip(X, *self.bounds)
        mean, var = solution["mean"], solution["var"]
        fits = [-0.5 * (np.log(2 * np.pi * v) + (X - m) ** 2 / v).sum(axis=1) for m, v in zip(mean, var, strict=True)]
        return np.asarray(np.stack(fits, axis=1) + solution["log_prior"])

    @property
    def theta_(self) -> Floats:
        """Means of the classes, shape (n_classes, n_features)."""
        return np.array(self._solution()["mean"])

    @property
    def var_(self) -> Floats:
        """Variances of the classes, shape (n_classes, n_features)."""
        return np.array(self._solution()["var"])
