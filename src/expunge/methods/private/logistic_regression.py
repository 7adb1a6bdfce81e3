"""Logistic regression by noisy gradient descent on all records, under differential privacy."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from expunge.arguments import check_count, check_flag, check_number, check_scale
from expunge.errors import InvalidParameterError
from expunge.estimators import one_thread
from expunge.maths.logistic_scores import LogisticScores, class_names, class_targets
from expunge.methods.private.compression import check_compress, compressed
from expunge.methods.private.do_nothing import DoNothing
from expunge.privacy.bounded_rows import BoundedRows, weights_of
from expunge.privacy.claims import about_rows
from expunge.privacy.noise import Noise
from expunge.rows import Table
from expunge.state import Part

__all__ = ["PrivateLogisticRegression", "gradient_length", "slopes_of"]

Floats = npt.NDArray[np.float64]

#: Share of the account that the number of records takes; the gradients take the rest.
_COUNT_SHARE = 0.01
#: Momentum of the descent; what comes out of noisy gradients costs nothing more.
_MOMENTUM = 0.9
_LARGEST_LR = 2 * (1 + _MOMENTUM)


class PrivateLogisticRegression(LogisticScores, BoundedRows, DoNothing):
    """Classify by logistic regression where up to ``group_size`` records may go without anything being done.

    Minimises Σ w log loss + alpha/2 |coef|² by gradient descent with noise on each gradient; softmax where there are
    more than two classes.

    Parameters
    ----------
    epsilon, delta : float, default=1.0 and 1e-5
        What is promised to any ``group_size`` records together; delta at most 1/n unless allowed.
    group_size : int, default=1
        So many records may be forgotten before a fit has to be done again, and so many may be one person's.
    alpha : float, default=1.0
        Penalty of the whole sum, at least 0.
    n_steps : int, default=60
        Of descent, from 1 to 1,000,000. More of them come closer to the minimum, and each has more noise.
    lr : float, default=1.0
        Length of a step, in units of the inverse of the largest curvature there can be; below 3.8, where the descent
        begins to swing.
    norm_bound : float, default=1.0
        No row is longer than this in the Euclidean norm. A public number, not one computed from the records; from
        1e-100 to 1e100.
    clip : bool, default=True
        Shorten longer rows, each by itself. If not, they are refused.
    fit_intercept : bool, default=True
    compress : None, int or ndarray of shape (m, n_features), default=None
        Fewer columns before noise: so many random directions, or directions from public data. ``norm_bound`` is of the
        rows after this.
    on_exhausted : {"retrain", "refuse"}, default="retrain"
        When more records are to go than may: fit again with fresh noise, or refuse, leaving everything as it was.
    allow_large_delta : bool, default=False
    noise_seed : int, optional
        Default: the operating system's generator. A seed is for tests: who knows it sees through the noise.
    seed : int, default=0
        Keys the canonical order of the records, and the random directions.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (k, m)
        k is 1 for two classes, else n_classes; of the compressed columns.
    intercept_ : ndarray of shape (k,)
    odometer_ : GroupOdometer
        Records gone since the fit, what they have cost, and how many more may go.
    noise_multiplier_ : float

    Guarantee
    ---------
    ``certified``: after k records have gone the model, unchanged, is (epsilon(k), delta)-indistinguishable from a fresh
    fit without them; epsilon(k) is that of a Gaussian whose sensitivity is k times as large, exactly.

    Notes
    -----
    A record's gradient is (p - t) x: no longer than norm_bound for two classes, and sqrt(2) norm_bound for more. No
    gradient has to be clipped. A fit is ``n_steps`` releases of a sum and one of the number of records, each Gaussian,
    on a grid; together one Gaussian mechanism, so that epsilon(k) needs no bound. O(n_steps n d k); forgetting reads
    nothing. Learning, correcting and forgetting columns fit again.

    References
    ----------
    R. Bassily, A. Smith, A. Thakurta, "Private empirical risk minimization: efficient algorithms and tight error
    bounds", FOCS 2014: noisy gradients; here on all records in each step. B. Balle, Y.-X. Wang, ICML 2018, theorem 8,
    for the noise.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = PrivateLogisticRegression(epsilon=3.0, group_size=5, norm_bound=6.0).fit(scale(X), y)
    >>> removal = model.forget([3, 4])
    >>> removal.guarantee.kind, removal.work, model.odometer_.left
    ('certified', 0, 3)
    """

    _requests: ClassVar[tuple[str, ...]] = ("records", "subjects", "classes", "features")

    def __init__(
        self, *, epsilon: float = 1.0, delta: float = 1e-5, group_size: int = 1, alpha: float = 1.0, n_steps: int = 60,
        lr: float = 1.0, norm_bound: float = 1.0, clip: bool = True, fit_intercept: bool = True, compress: Any = None,
        on_exhausted: str = "retrain", allow_large_delta: bool = False, noise_seed: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.epsilon = epsilon
        self.delta = delta
        self.group_size = group_size
        self.alpha = alpha
        self.n_steps = n_steps
        self.lr = lr
        self.norm_bound = norm_bound
        self.clip = clip
        self.fit_intercept = fit_intercept
        self.compress = compress
        self.on_exhausted = on_exhausted
        self.allow_large_delta = allow_large_delta
        self.noise_seed = noise_seed
        self.seed = seed

    _names = staticmethod(class_names)

    def _check_params(self) -> None:
        super()._check_params()
        check_number("alpha", self.alpha)
        check_count("n_steps", self.n_steps, most=1_000_000)
        for name in ("lr", "norm_bound"):
            check_scale(name, getattr(self, name))
        for name in ("clip", "fit_intercept"):
            check_flag(name, getattr(self, name))
        if self.lr >= _LARGEST_LR:
            raise InvalidParameterError(f"lr must be below {_LARGEST_LR}, got {self.lr!r}: the descent would swing.")
        check_compress(self.compress)

    def _passes(self) -> int:
        return int(self.n_steps)

    def _assumed(self) -> tuple[str, ...]:
        return (
            about_rows(self.norm_bound, clip=self.clip),
            "the rounding of a sum over n records in doubles, n² · 10⁻¹⁶ of a row at most, is not counted",
        )

    def _released(self, table: Table, names: Part, multiplier: float, noise: Noise) -> dict[str, Part]:
        X, weights = self._bounded(table.X, table.ids), weights_of(table)
        targets, steps = (class_targets(table, names) + 1) / 2, int(self.n_steps)
        coef = np.zeros((targets.shape[1], X.shape[1]))
        if not len(coef):
            return {"published": {"coef": coef}}
        alpha, radius = float(self.alpha), self._radius
        sigma = multiplier * math.sqrt(steps / (1 - _COUNT_SHARE)) * gradient_length(len(coef)) * radius
        total = max(1.0, float(noise.gaussian(weights.sum(), multiplier / math.sqrt(_COUNT_SHARE))))
        length = self.lr / (radius**2 / 4 * gradient_length(len(coef)) ** 2 + alpha / total)
        speed, mean, last = np.zeros_like(coef), np.zeros_like(coef), range(steps // 2, steps)
        with one_thread():
            for step in range(steps):
                exact = (slopes_of(X @ coef.T, targets) * weights[:, np.newaxis]).T @ X
                gradient = noise.gaussian(exact, sigma) + alpha * coef
                speed = _MOMENTUM * speed - length / total * gradient
                coef = coef + speed
                if step in last:
                    mean += coef
        return {"published": {"coef": mean / len(last)}}

    def _bounded(self, X: Floats, ids: Any = None) -> Floats:
        return super()._bounded(compressed(X, self.compress, self.seed), ids)

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities, shape (n, n_classes)."""
        scores = self._read_scores(X)
        return super().predict_proba(X) if scores.shape[1] < 2 else np.asarray(softmax(scores, axis=1))


def gradient_length(k: int) -> float:
    """The length that no record's slopes exceed, by the number of scores: |p - t| of one, or of a softmax."""
    return 1.0 if k == 1 else math.sqrt(2.0)


def slopes_of(scores: Floats, targets: Floats) -> Floats:
    """Slopes of the loss of each record, shape (n, k); targets are 0 or 1."""
    return np.asarray((expit(scores) if scores.shape[1] == 1 else softmax(scores, axis=1)) - targets)
