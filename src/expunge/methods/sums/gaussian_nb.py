"""Gaussian naive Bayes that forgets a record by taking it out of integer sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_number
from expunge.errors import InvalidParameterError
from expunge.maths import exact
from expunge.maths.class_sums import class_weights, named_sums, tally, weight_sums
from expunge.maths.fixed_point import rounded_weight
from expunge.methods.sums.naive_bayes import NaiveBayes
from expunge.rows import Table
from expunge.state import Part

__all__ = ["GaussianNB"]

Floats = npt.NDArray[np.float64]


class GaussianNB(NaiveBayes):
    """Gaussian naive Bayes, for tables of numbers from which records must disappear at once and entirely.

    Parameters
    ----------
    priors : array-like of shape (n_classes,), optional
        Probabilities of the classes, in the order of their labels; non-negative, sum one. Default: the share of each
        class in the weight of the records. When the number of classes is no longer that of the priors, because all
        records of a class were forgotten, the model is dormant.
    var_smoothing : float, default=1e-9
        Share of the largest variance of a feature that is added to all variances; at least 0.
    resolution : float or array-like of shape (n_features,), default=2**-32
        Unit of the integers that hold the values of a feature, in the feature's own unit: a power of two. Values are
        rounded to multiples of it and must be below 2**63 of it in size; the default reaches to 2**31. A coarser
        one, such that all values are below 2**43 of it, is faster.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes that are left, sorted.
    class_count_ : ndarray of shape (n_classes,)
        Sum of the weights of each class.
    class_prior_ : ndarray of shape (n_classes,)
    theta_, var_ : ndarray of shape (n_classes, n_features)
        Mean and variance of each feature in each class.
    epsilon_ : float
        What was added to all variances.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. It holds for
    the rounded values; the removal says how far they can be from those given.

    Notes
    -----
    The state is, for each class, the number of its records, Σ x and Σ x² in integers; a fit reads each record once,
    O(n d), and forgetting k records reads those, O((k + n_classes) d). Means and variances are computed from the
    integers when asked for, each rounded once, in O(n_classes d) operations on Python integers. A record of weight w
    contributes w, w x and (√w x)², where w, below 2**23, is first rounded to a multiple of 2**-40, and w x and √w x to
    multiples of the resolution; with w = 1 those are the numbers without weights. As in scikit-learn, a class whose
    records all weigh nothing keeps its place, with probability zero, and ``epsilon_`` is computed without weights.

    References
    ----------
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE Symposium on Security and Privacy
    2015, section 4: the summation form.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True)
    >>> model = GaussianNB().fit(X, y)
    >>> removal = model.forget([3, 4])
    >>> removal.work, removal.touched
    (2, ('sums',))
    >>> rest = [i for i in range(len(X)) if i not in (3, 4)]
    >>> model.digest() == GaussianNB().fit(X[rest], y[rest], record_ids=rest).digest()
    True
    """

    _priors = "priors"

    def __init__(
        self, *, priors: Any = None, var_smoothing: float = 1e-9,
        resolution: Any = exact.DEFAULT_RESOLUTION, seed: int = 0,
    ) -> None:  # fmt: skip
        self.priors = priors
        self.var_smoothing = var_smoothing
        self.resolution = resolution
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_number("var_smoothing", self.var_smoothing)
        if self.priors is not None and not np.isclose(np.sum(self.priors), 1.0):
            raise InvalidParameterError(f"The sum of the priors should be 1, got {self.priors!r}.")

    def _tally(self, table: Table) -> Part:
        X, w = table.X, rounded_weight(table)

        def sums(codes: npt.NDArray[np.int64], n_classes: int) -> dict[str, npt.NDArray[np.int64]]:
            def of(add_up: Any, values: Floats) -> npt.NDArray[np.int64]:
                return named_sums(add_up, values, codes, n_classes, self.resolution, table.ids)

            plain = {"sums": of(exact.group_sums, X), "squares": of(exact.group_squares, X)}
            if w is None:
                return plain
            return {
                "sums": of(exact.group_sums, X * w[:, np.newaxis]),
                "squares": of(exact.group_squares, X * np.sqrt(w)[:, np.newaxis]),
                "weight": weight_sums(w, codes, n_classes),
                **{f"plain_{name}": limbs for name, limbs in plain.items()},
            }

        return tally(table.y, sums)

    def _learned(self, part: Part) -> Part:
        weight, unit = class_weights(part)
        mean, variance = _moments(weight, unit, part["sums"], part["squares"])
        r = exact.check_resolution(self.resolution, mean.shape[1])
        prior = weight / weight.sum() if self.priors is None else self.priors
        return {
            "theta": mean * r,
            "var": variance * r**2 + self._epsilon(part),
            "prior": np.asarray(prior, dtype=np.float64),
        }

    def _joint(self, X: Floats, solution: Part) -> Floats:
        joint = np.empty((len(X), len(solution["classes"])))
        log_prior = np.log(solution["prior"])
        for k, (mean, variance) in enumerate(zip(solution["theta"], solution["var"], strict=True)):
            constant = log_prior[k] - 0.5 * np.sum(np.log(2.0 * np.pi * variance))
            joint[:, k] = constant - 0.5 * np.sum((X - mean) ** 2 / variance, axis=1)
        return joint

    def _epsilon(self, part: Part) -> float:
        """var_smoothing times the largest variance of a column of all records, whatever their weights."""
        sums, squares = (part[f"plain_{name}" if f"plain_{name}" in part else name] for name in ("sums", "squares"))
        count = np.array([int(part["counts"].sum())], dtype=object)
        totals = (exact.carry(limbs.sum(axis=1, keepdims=True)) for limbs in (sums, squares))
        variance = _moments(count, 1, *totals)[1] * exact.check_resolution(self.resolution, sums.shape[2]) ** 2
        return float(self.var_smoothing * variance.max())

    @property
    def theta_(self) -> Floats:
        """Mean of each feature in each class, shape (n_classes, n_features)."""
        return np.array(self._solution()["theta"])

    @property
    def var_(self) -> Floats:
        """Variance of each feature in each class, with ``epsilon_``; shape (n_classes, n_features)."""
        return np.array(self._solution()["var"])

    @property
    def class_prior_(self) -> Floats:
        """Probability of each class, shape (n_classes,)."""
        return np.array(self._solution()["prior"])

    @property
    def epsilon_(self) -> float:
        """What was added to all variances. Not in an export."""
        return self._epsilon(self._sums())


def _moments(
    weight: npt.NDArray[np.object_], unit: int, sums: npt.NDArray[np.int64], squares: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Mean and variance in units of the resolution, each rounded once; zero where there is no weight.

    With the weight W / unit, Σ w x = S and Σ w x² = Q, the variance is unit · (Q W - unit · S²) / W². Only with
    weights, whose terms are rounded one by one, can it come out negative; it is zero then.
    """
    w = weight[:, np.newaxis]
    s, q = exact.to_integers(sums) * unit, exact.to_integers(squares) * unit
    divisor = np.where(w == 0, 1, w)
    mean = np.where(w == 0, 0, s)
    spread = np.where(w == 0, 0, np.maximum(q * w - s * s, 0))
    return (mean / divisor).astype(np.float64), (spread / divisor**2).astype(np.float64)
