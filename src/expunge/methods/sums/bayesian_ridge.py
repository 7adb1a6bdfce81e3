"""Bayesian linear regression that forgets a record exactly: its posterior is a function of integer sums of products."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import linalg
from sklearn.base import RegressorMixin

from expunge.arguments import check_choice, check_count, check_flag, check_number
from expunge.maths import exact
from expunge.maths.fixed_point import refuse_zero_weight
from expunge.maths.moments import Moments
from expunge.methods.sums.product_sums import ProductSums
from expunge.state import Part
from expunge.validation import numeric_input

__all__ = ["BayesianRidge"]

Floats = npt.NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)
_LEAST = 1e-100  # of a denominator: a perfect fit under a flat prior has no finite precision


class BayesianRidge(RegressorMixin, ProductSums):
    """Linear regression with a posterior, for tables from which records must disappear from the posterior too.

    y = x·coef + intercept + noise; noise ~ N(0, 1/α), coef ~ N(0, I/λ), and any intercept is as likely as another.

    Parameters
    ----------
    hyperparameters : {"evidence", "fixed"}, default="evidence"
        "evidence": α and λ are the most probable ones, found by iteration, as scikit-learn's ``BayesianRidge`` does.
        "fixed": the prior is the normal-gamma one, and nothing is estimated: α ~ Gamma(alpha_1, alpha_2), and given α,
        λ = alpha · lambda_init. The posterior has the same form, in closed form.
    max_iter : int, default=300
        Most iterations. This, ``tol``, ``lambda_1``, ``lambda_2`` and ``alpha_init`` are for "evidence" alone.
    tol : float, default=1e-3
        Iterations end when the coefficients move by less, all together.
    alpha_1, alpha_2 : float, default=1e-6
        Shape and rate of the Gamma prior of α. At least 0; with "fixed" above 0.
    lambda_1, lambda_2 : float, default=1e-6
        Shape and rate of the Gamma prior of λ, at least 0.
    alpha_init : float, optional
        α to begin with, above 0; by default one over the variance of y.
    lambda_init : float, optional
        Above 0, by default 1. With "evidence" λ to begin with; with "fixed" the precision of each coefficient in units
        of that of the noise, which is the ``alpha`` of :class:`Ridge`.
    fit_intercept : bool, default=True
        If not, no column is centred and the intercept is 0.
    resolution : float or array-like of shape (n_features,), default=2**-32
        Unit of the integers that hold the values of a feature: a power of two. Values are rounded to multiples of it
        and must be below 2**63 of it in size; the default reaches to 2**31.
    target_resolution : float, default=2**-32
        The same for the target.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Posterior mean.
    intercept_ : float
    sigma_ : ndarray of shape (n_features, n_features)
        Posterior covariance of the coefficients; with "fixed" and at most 2 degrees of freedom there is none (inf).
    alpha_, lambda_ : float
        Precision of the noise and of the coefficients; with "fixed" their posterior means.
    n_iter_ : int
        Iterations made; 1 with "fixed", which makes none.

    Guarantee
    ---------
    ``exact``: after ``forget`` the posterior is bit for bit that of a fresh fit on the records that are left, and so
    are α and λ. It holds for the rounded values; the removal says how far they can be from those given.

    Notes
    -----
    The state is the sum of w z zᵀ over the records, z = (1, x, y), in integers: a fit reads each record once, O(n d²);
    forgetting k records reads those, O((k + 1) d²), whatever n is. When asked for, the sums are centred in integers,
    each entry rounded once, and the scatter S of the features is decomposed on one thread, O(d³). Each iteration is
    then O(d²). Eigenvalues of S below d · 2e-16 of the largest count as zero, so scale features whose sizes differ by a
    factor of a million or more. The sum of squared errors comes from the sums too: below 1e-16 of that of y it is not
    told from zero.

    With "fixed", and N = Σ w, less one for the intercept: P = S + lambda_init I; coef = P⁻¹ Σ (x - x̄)(y - ȳ);
    α ~ Gamma(a, b), a = alpha_1 + N/2, b = alpha_2 + (Σ (y - ȳ)² - coef·P coef)/2; coef given α ~ N(coef_, P⁻¹/α). Then
    a prediction is Student's t with 2a degrees of freedom, and its standard deviation is that of y, the doubt about
    the intercept included. With "evidence" it leaves that out, as scikit-learn's does. A record of weight w
    counts as w records.

    References
    ----------
    C. M. Bishop, "Pattern recognition and machine learning", 2006: (3.53), (3.54) and (3.59) for given α and λ, the
    normal-gamma prior of exercises 3.12 and 3.13 for "fixed", (3.91), (3.92) and (3.95) for "evidence".
    His β is our α, and his α our λ.
    D. J. C. MacKay, "Bayesian interpolation", Neural Computation 4, 1992.
    M. E. Tipping, "Sparse Bayesian learning and the relevance vector machine", JMLR 1, 2001: appendix A.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = BayesianRidge().fit(X, y)
    >>> removal = model.forget([3, 4])
    >>> removal.work, removal.touched
    (2, ('sums',))
    >>> mean, std = model.predict(X[:2], return_std=True)
    >>> bool((std > 1 / model.alpha_ ** 0.5).all())
    True
    """

    _has_target = True
    _alternatives: ClassVar = {
        "hyperparameters": ["fixed", "evidence"], "max_iter": [1], "tol": [1.0, 1e-9],
        "alpha_1": [5.0], "alpha_2": [5.0], "lambda_1": [5.0], "lambda_2": [5.0],
    }  # fmt: skip
    _tried_with: ClassVar = {
        name: {"hyperparameters": "evidence"}
        for name in ("max_iter", "tol", "alpha_1", "alpha_2", "lambda_1", "lambda_2", "alpha_init")
    }

    def __init__(
        self, *, hyperparameters: str = "evidence", max_iter: int = 300, tol: float = 1e-3, alpha_1: float = 1e-6,
        alpha_2: float = 1e-6, lambda_1: float = 1e-6, lambda_2: float = 1e-6, alpha_init: float | None = None,
        lambda_init: float | None = None, fit_intercept: bool = True, resolution: Any = exact.DEFAULT_RESOLUTION,
        target_resolution: Any = exact.DEFAULT_RESOLUTION, seed: int = 0,
    ) -> None:  # fmt: skip
        self.hyperparameters = hyperparameters
        self.max_iter = max_iter
        self.tol = tol
        self.alpha_1 = alpha_1
        self.alpha_2 = alpha_2
        self.lambda_1 = lambda_1
        self.lambda_2 = lambda_2
        self.alpha_init = alpha_init
        self.lambda_init = lambda_init
        self.fit_intercept = fit_intercept
        self.resolution = resolution
        self.target_resolution = target_resolution
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_flag("fit_intercept", self.fit_intercept)
        check_choice("hyperparameters", self.hyperparameters, ("evidence", "fixed"))
        check_count("max_iter", self.max_iter)
        positive = {"tol", "alpha_init", "lambda_init"}
        if self.hyperparameters == "fixed":
            positive |= {"alpha_1", "alpha_2"}
        for name in ("tol", "alpha_1", "alpha_2", "lambda_1", "lambda_2", "alpha_init", "lambda_init"):
            value = getattr(self, name)
            if value is None and name in ("alpha_init", "lambda_init"):
                continue
            check_number(name, value, open_low=name in positive)

    def _lacking(self, weight: float, n: int, d: int) -> Exception | None:
        return None if weight > 0 else refuse_zero_weight()

    def _from_moments(self, moments: Moments) -> Part:
        targets = moments.targets
        assert targets is not None  # noqa: S101 - a regressor is given targets
        weight, x, y = moments.weight, moments.means, float(targets.means[0])
        S, cross, squares = moments.scatter, targets.cross[:, 0], float(targets.scatter[0, 0])
        variance = squares / weight
        if not self.fit_intercept:
            S, cross, squares = S + weight * np.multiply.outer(x, x), cross + weight * x * y, squares + weight * y * y
        sums = _rotated(S, cross, squares, weight)
        solution = self._fixed(sums) if self.hyperparameters == "fixed" else self._evidence(sums, variance)
        centre = x if self.fit_intercept else np.zeros_like(x)
        return {**solution, "centre": centre, "intercept": (y - float(centre @ solution["coef"])) * self.fit_intercept}

    def _evidence(self, sums: _Rotated, variance: float) -> Part:
        """MacKay's updates of α and λ, under Gamma priors; coefficients in the axes of the scatter."""
        values, cross = sums.values, sums.cross
        alpha = 1.0 / (variance + _EPS) if self.alpha_init is None else float(self.alpha_init)
        lam = 1.0 if self.lambda_init is None else float(self.lambda_init)
        old, n_iter = None, 0
        while n_iter < self.max_iter:
            n_iter += 1
            coef = cross / (values + lam / alpha)
            gamma = np.sum(alpha * values / (lam + alpha * values))
            error = sums.squared_error(coef)
            lam = float((gamma + 2 * self.lambda_1) / max(np.sum(coef**2) + 2 * self.lambda_2, _LEAST))
            alpha = float((sums.weight - gamma + 2 * self.alpha_1) / max(error + 2 * self.alpha_2, _LEAST))
            lam, alpha = max(lam, _LEAST), max(alpha, _LEAST)
            new = sums.axes @ coef
            if old is not None and np.sum(np.abs(old - new)) < self.tol:
                break
            old = new
        return {
            "coef": sums.axes @ (cross / (values + lam / alpha)), "sigma": sums.inverse(alpha * values + lam),
            "alpha": alpha, "lambda": lam, "n_iter": n_iter, "noise": 1.0 / alpha,
        }  # fmt: skip

    def _fixed(self, sums: _Rotated) -> Part:
        """The normal-gamma posterior."""
        ratio = 1.0 if self.lambda_init is None else float(self.lambda_init)
        precision = sums.values + ratio
        a = self.alpha_1 + max(sums.weight - self.fit_intercept, 0.0) / 2
        b = self.alpha_2 + max(sums.squares - float(np.sum(sums.cross**2 / precision)), 0.0) / 2
        spread = b / (a - 1) if a > 1 else np.inf  # variance of the noise, on average
        with np.errstate(invalid="ignore"):
            sigma = spread * sums.inverse(precision)
        return {
            "coef": sums.axes @ (sums.cross / precision), "sigma": sigma, "alpha": a / b, "lambda": ratio * a / b,
            "n_iter": 1, "noise": spread * (1.0 + self.fit_intercept / sums.weight),
        }  # fmt: skip

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Mean of the prediction for each row, shape (n,), and with ``return_std`` its standard deviation beside."""
        solution = self._solution()
        X, _ = numeric_input(self, X, None, reset=False)
        mean = X @ solution["coef"] + solution["intercept"]
        if not return_std:
            return mean
        if not np.isfinite(solution["noise"]):
            return mean, np.full(len(X), np.inf)
        offset = X - solution["centre"]
        return mean, np.sqrt(np.sum((offset @ solution["sigma"]) * offset, axis=1) + solution["noise"])

    @property
    def coef_(self) -> Floats:
        """Posterior mean of the coefficients, shape (n_features,)."""
        return np.array(self._solution()["coef"])

    @property
    def intercept_(self) -> float:
        """Intercept."""
        return float(self._solution()["intercept"])

    @property
    def sigma_(self) -> Floats:
        """Posterior covariance of the coefficients, shape (n_features, n_features)."""
        return np.array(self._solution()["sigma"])

    @property
    def alpha_(self) -> float:
        """Precision of the noise."""
        return float(self._solution()["alpha"])

    @property
    def lambda_(self) -> float:
        """Precision of the coefficients."""
        return float(self._solution()["lambda"])

    @property
    def n_iter_(self) -> int:
        """Iterations made."""
        return int(self._solution()["n_iter"])


class _Rotated(NamedTuple):
    """Sums of products in the axes of the scatter: its eigenvalues, the cross sums along them, those of y."""

    axes: Floats
    values: Floats
    cross: Floats
    squares: float
    weight: float

    def squared_error(self, coef: Floats) -> float:
        """Σ w (y - x·coef)², coef along the axes."""
        return max(self.squares - float(np.sum(coef * (2 * self.cross - self.values * coef))), 0.0)

    def inverse(self, precision: Floats) -> Floats:
        """The matrix whose inverse has this eigenvalue along each axis."""
        return np.asarray((self.axes / precision) @ self.axes.T)


def _rotated(S: Floats, cross: Floats, squares: float, weight: float) -> _Rotated:
    """Eigenvalues that are zero but for rounding are made so, and so are the cross sums along their axes."""
    values, axes = linalg.eigh(S, driver="evd")
    null = values <= len(S) * _EPS * max(values[-1], 0.0)
    along = axes.T @ cross
    return _Rotated(axes, np.where(null, 0.0, values), np.where(null, 0.0, along), squares, weight)
