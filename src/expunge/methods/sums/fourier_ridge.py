"""Least squares on random Fourier features: nonlinear regression that forgets a record by integer sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin

from expunge.estimators import one_thread
from expunge.maths import exact
from expunge.maths.fixed_point import WEIGHT_RESOLUTION, refuse_zero_weight, rounding_terms
from expunge.maths.moments import Moments, TargetMoments
from expunge.methods.sums.fourier_map import ALTERNATIVES, FourierMap, scatter_of_features, unit_of_sums
from expunge.methods.sums.product_sums import ProductSums
from expunge.methods.sums.ridge import solve_moments
from expunge.rows import Rows
from expunge.state import Part
from expunge.validation import numeric_input

__all__ = ["FourierRidge"]

Floats = npt.NDArray[np.float64]
Limbs = npt.NDArray[np.int64]


class FourierRidge(FourierMap, RegressorMixin, ProductSums):
    """Kernel ridge regression by random Fourier features: a nonlinear model that forgets in time independent of n.

    Minimises Σ w (y - z(x)·coef - intercept)² + alpha · |coef|² over features z(x) of which the inner products are near
    the kernel: z(x) = (cos ω·x, sin ω·x) / √m for m random frequencies ω.

    Parameters
    ----------
    n_frequencies : int, default=128
        Number m of random frequencies; each gives two features, so there are D = 2 m. The error of the kernel falls
        as 1 / √m. At most 100,000.
    kernel : {"rbf", "laplacian"}, default="rbf"
        exp(-gamma |x - x'|²), or exp(-gamma |x - x'|₁).
    gamma : float, default=1.0
        Positive, in one over the (squared) unit of the columns after ``scales``.
    scales : float, array-like of shape (n_features,) or dict of str to float, optional
        What columns are divided by, so that a difference of one means the same in each; for columns that a dictionary
        leaves out it is one. You choose it, from what the columns mean: a standard deviation of the records would have
        to change when one is forgotten, and with it all features.
    alpha : float, default=1.0
        Penalty, at least 0.
    fit_intercept : bool, default=True
        If not, the intercept is 0.
    target_resolution : float, default=2**-32
        Unit of the integers that hold the targets: a power of two. Targets are rounded to multiples of it and must be
        below 2**63 of it in size; the default reaches to 2**31.
    seed : int, default=0
        Of the frequencies. Also keys the canonical order of the records.

    Attributes
    ----------
    coef_ : ndarray of shape (2 · n_frequencies,)
        Of cosines, then sines, of size one.
    intercept_ : float

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. The features
    belong to the model and are rounded once and for all, to multiples of 2**-20; only targets are rounded besides.
    Frequencies, features and sums are made of operations that IEEE 754 fixes, so the state is the same on every
    machine, too; coefficients are solved by LAPACK, and equal in the same environment.

    Notes
    -----
    Features depend on no record and, for columns with names, on no other column: a column brings its own frequencies
    along, and the fit without it keeps those of the others. The state is that of
    :class:`~expunge.methods.sums.ridge.Ridge` on D features: a fit costs O(n D (d + D)), forgetting k records
    O(k D (d + D) + D²), the next solve O(D³), whatever n is.

    References
    ----------
    A. Rahimi, B. Recht, "Random features for large-scale kernel machines", NIPS 2007, algorithm 1.
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE Symposium on Security and Privacy
    2015, section 4: the summation form.

    Examples
    --------
    >>> X = np.linspace(0, 6, 200)[:, np.newaxis]
    >>> model = FourierRidge(n_frequencies=32, alpha=1e-3).fit(X, np.sin(X[:, 0]))
    >>> round(model.score(X, np.sin(X[:, 0])), 3)
    1.0
    >>> model.forget([3, 4]).work
    2
    """

    _has_target = True
    _alternatives: ClassVar[dict[str, list[Any]]] = ALTERNATIVES

    def __init__(
        self, *, n_frequencies: int = 128, kernel: str = "rbf", gamma: float = 1.0, scales: Any = None,
        alpha: float = 1.0, fit_intercept: bool = True, target_resolution: Any = exact.DEFAULT_RESOLUTION,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self.n_frequencies = n_frequencies
        self.kernel = kernel
        self.gamma = gamma
        self.scales = scales
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.target_resolution = target_resolution
        self.seed = seed

    def _lacking(self, weight: float, n: int, d: int) -> Exception | None:
        return None if weight > 0 else refuse_zero_weight()

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        limbs = parts["sums"]["products"]
        if not limbs[:, 0, 0].any():
            return None
        with one_thread():
            return {
                **self._from_moments(self._moments(limbs, len(rows), unit_of_sums(rows.has_weights))),
                **parts["map"],
            }

    def _moments(self, limbs: Limbs, n: int, unit: float) -> Moments:
        """Moments of features and targets; what has to do with targets, which may be large, is centred in integers."""
        D, r = limbs.shape[1] - 2, exact.check_resolution(self.target_resolution, 1)[0]
        first, last = (  # twice the sums: (w z) zᵀ is rounded on one side
            exact.to_integers(exact.add(limbs[:, k], limbs[:, :, k])) for k in (0, -1)
        )
        size, sums, of_y = first[0], first[1:-1], first[-1]
        weight = float(size / 2 * WEIGHT_RESOLUTION**2)
        means = (sums / size).astype(np.float64) * (unit / WEIGHT_RESOLUTION)
        mean_y = float(of_y / size) * (r / WEIGHT_RESOLUTION)
        centred = (last[1:] * size - first[1:] * of_y) / (2 * size)
        cross = centred[:-1].astype(np.float64) * (unit * r)
        A = scatter_of_features(limbs[:, 1:-1, 1:-1], means * weight, weight, unit)
        targets = TargetMoments(np.array([mean_y]), cross[:, np.newaxis], np.array([[float(centred[-1]) * r * r]]))
        return Moments(n, weight, means, A.reshape(D, D), targets)

    def _from_moments(self, moments: Moments) -> Part:
        coef, intercept = solve_moments(moments, self._penalty, fit_intercept=self.fit_intercept)
        return {"coef": coef[0].copy(), "intercept": float(intercept[0])}

    def _terms(self) -> str:
        return f", on {rounding_terms(self.target_resolution, 'targets')}"

    @property
    def coef_(self) -> Floats:
        """Coefficients, shape (2 · n_frequencies,)."""
        return np.array(self._solution()["coef"])

    @property
    def intercept_(self) -> float:
        """Intercept."""
        return float(self._solution()["intercept"])

    def predict(self, X: Any) -> Floats:
        """Predict targets, shape (n,)."""
        solution = self._solution()
        X, _ = numeric_input(self, X, None, reset=False)
        return self._linear_scores(X, solution)
