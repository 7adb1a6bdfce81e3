"""Bayesian logistic regression that divides records out of its posterior, without reading the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import chi2, qmc
from sklearn.base import ClassifierMixin

from expunge.arguments import check_choice, check_count, check_flag, check_number, check_scale
from expunge.contract import Unlearner
from expunge.estimators import one_thread
from expunge.maths.logistic_scores import class_names, class_targets, together
from expunge.methods.bayesian.divided import divided
from expunge.methods.bayesian.gaussian_posterior import Posterior, chances, nearest_gaussian
from expunge.records import Guarantee, Kind
from expunge.rows import Rows, Table
from expunge.seeds import derive_seed
from expunge.state import Change, Part
from expunge.validation import numeric_input

__all__ = ["BayesianLogisticRegression"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]
Names = tuple[str, ...]
ALGORITHMS = ("eubo", "rkl")
PARTS = ("posterior",)
_TRUSTED = 0.9999


class BayesianLogisticRegression(ClassifierMixin, Unlearner):
    """Classify with a posterior over the weights, where records go one by one and the others are not to be read again.

    The posterior is the Gaussian N(mean, covariance) that is nearest to the true one under the prior N(0, I / alpha).
    With more than two classes each is told from the others.

    Parameters
    ----------
    alpha : float, default=1.0
        Precision of the prior of each weight, the intercept too; from 1e-100 to 1e100.
    algorithm : {"eubo", "rkl"}, default="eubo"
        How a record is divided out: by the evidence upper bound, or by the reverse divergence. The first finds a
        Gaussian within the quotient, the second one that covers it and is somewhat wider.
    threshold : float, optional
        From 0 to below 1. Where the posterior is below this share of its peak it is not trusted, and is left as it is:
        that keeps many removals at once from blowing it up. At 0 it is trusted everywhere, at 0.5 hardly anywhere, for
        in d dimensions a typical point has exp(-d/2) of the peak. Default: what holds 99.99 % of it.
    n_samples : int, default=1024
        Pairs of samples for the sums, rounded up to a power of two; from 2 to 10,000,000.
    fit_intercept : bool, default=True
    seed : int, default=0
        Keys the samples and the canonical order of the records.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_, intercept_ : ndarray of shapes (k, n_features) and (k,)
        Posterior means; k is 1 for two classes, else n_classes.
    covariance_ : ndarray of shape (k, d, d)
        Of each, the intercept in the last place.

    Guarantee
    ---------
    ``empirical``: the posterior is that of neither fit, with the records or without, and its distance to the second is
    not proved. Measured, it is far nearer to it than the posterior with the records is.

    Notes
    -----
    A fit is O(n d²) for each of some dozen steps. Forgetting m records reads those alone, whatever n is: O(d³) and
    O(n_samples m min(m, d)) for each of some dozen steps. Learning is the mirror image: the posterior becomes the prior
    of what comes. Errors of many requests add up, so fit again from time to time. Models with a conjugate prior forget
    exactly, from sums: :class:`~expunge.methods.sums.bayesian_ridge.BayesianRidge` and naive Bayes.

    References
    ----------
    Q. P. Nguyen, B. K. H. Low, P. Jaillet, "Variational Bayesian unlearning", NeurIPS 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = BayesianLogisticRegression().fit(scale(X), y)
    >>> removal = model.forget([3, 4])
    >>> removal.guarantee.kind, removal.work
    ('empirical', 2)
    """

    _alternatives: ClassVar = {"threshold": [0.5], "algorithm": ["rkl", "eubo"]}
    _strongest: ClassVar[Kind] = "empirical"

    def __init__(
        self, *, alpha: float = 1.0, algorithm: str = "eubo", threshold: float | None = None, n_samples: int = 1024,
        fit_intercept: bool = True, seed: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.algorithm = algorithm
        self.threshold = threshold
        self.n_samples = n_samples
        self.fit_intercept = fit_intercept
        self.seed = seed

    def _check_params(self) -> None:
        check_scale("alpha", self.alpha)
        check_flag("fit_intercept", self.fit_intercept)
        check_choice("algorithm", self.algorithm, ALGORITHMS)
        if self.threshold is not None:  # from 1 on nothing would be forgotten
            check_number("threshold", self.threshold, high=1.0, open_high=True)
        check_count("n_samples", self.n_samples, least=2, most=10_000_000)

    # ------------------------------------------------------------------ the contract

    def _update(self, change: Change) -> dict[str, Any]:
        if not len(change.rows):
            return {name: None for name in change.parts if name != "names"}
        names = change.parts.get("names")
        with one_thread():
            if names is None or "posterior" not in change.parts:
                table = change.rows.read(change.rows.slots())
                names = names or class_names(table)
                given = self._numbers(table, names)
                found = nearest_gaussian(*given, float(self.alpha))
                return {"names": names, "posterior": _part(found, given[0].shape[1])}
            going, coming = (self._numbers(table, names) for table in (change.removed, change.added))
            X, targets = (np.concatenate([a, b]) for a, b in zip(going[:2], coming[:2], strict=True))
            powers = np.concatenate([going[2], -coming[2]])
            old = change.parts["posterior"]
            found = [
                divided(
                    Posterior(old["mean"][i], old["covariance"][i]), X, targets[:, i], powers,
                    algorithm="rkl" if self.algorithm == "rkl" else "eubo", threshold=self._trusted(X.shape[1]),
                    samples=self._samples(X),
                )
                for i in range(targets.shape[1])
            ]  # fmt: skip
            return {"posterior": _part(found, X.shape[1])}

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        return {**parts["names"], **parts["posterior"]} if "posterior" in parts else None

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, Names]:
        work = len(slots) if len(rows) > len(slots) else 0
        return work, work, PARTS

    def _guarantee(self) -> Guarantee:
        trusted = ", trusted where 99.99 % of it lies" if self.threshold is None else ""
        if self.threshold:
            trusted = f", trusted above {self.threshold:g} of its peak"
        wanted = "least evidence upper bound" if self.algorithm == "eubo" else "least reverse divergence"
        return Guarantee(
            kind="empirical",
            statement=(
                f"the records were divided out of the posterior by the {wanted}{trusted}; its distance to a fit "
                "without them is not proved"
            ),
        )

    # ------------------------------------------------------------------ what it says

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities averaged over the posterior, shape (n, n_classes); of three classes or more scaled to one."""
        self._state()
        X, _ = numeric_input(self, X, None, reset=False)
        solution = self._solution()
        rows = self._rows_of(X)
        pairs = zip(solution["mean"], solution["covariance"], strict=True)
        p = [chances(rows, Posterior(mean, covariance)) for mean, covariance in pairs]
        return together(np.reshape(p, (len(p), len(rows))).T, len(solution["classes"]))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class, shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of the classes, sorted."""
        return np.array(self._solution()["classes"])

    @property
    def coef_(self) -> Floats:
        """Posterior means, shape (k, n_features)."""
        mean = np.array(self._solution()["mean"])
        return mean[:, :-1] if self.fit_intercept else mean

    @property
    def intercept_(self) -> Floats:
        """Posterior means of the intercepts, shape (k,)."""
        mean = self._solution()["mean"]
        return np.array(mean[:, -1]) if self.fit_intercept else np.zeros(len(mean))

    @property
    def covariance_(self) -> Floats:
        """Posterior covariances, shape (k, d, d)."""
        return np.array(self._solution()["covariance"])

    # ------------------------------------------------------------------ small things

    def _numbers(self, table: Table, names: Part) -> tuple[Floats, Floats, Floats]:
        weights = np.ones(len(table)) if table.weight is None else np.asarray(table.weight, dtype=np.float64)
        return self._rows_of(table.X), class_targets(table, names), weights

    def _rows_of(self, X: Floats) -> Floats:
        return np.concatenate([X, np.ones((len(X), 1))], axis=1) if self.fit_intercept else np.ascontiguousarray(X)

    def _trusted(self, d: int) -> float:
        """The share of the peak above which the posterior is trusted."""
        return float(np.exp(-chi2.ppf(_TRUSTED, d) / 2) if self.threshold is None else self.threshold)

    def _samples(self, X: Floats) -> Floats:
        """Standard normal numbers, spread more evenly than by chance; enough that their covariance has full rank."""
        count, r = max(int(self.n_samples), 4 * min(X.shape)), min(X.shape)
        generator = np.random.Generator(np.random.Philox(derive_seed(self.seed, "posterior samples")))
        points = qmc.Sobol(r, scramble=False).random_base2(max(1, (count - 1).bit_length())) + generator.random(r)
        return np.asarray(ndtri(np.clip(points % 1.0, 2.0**-60, 1 - 2.0**-53)))


def _part(posteriors: list[Posterior], d: int) -> Part:
    k = len(posteriors)
    return {
        "mean": np.reshape([p.mean for p in posteriors], (k, d)),
        "covariance": np.reshape([p.covariance for p in posteriors], (k, d, d)),
    }
