"""Principal components that forget a record by taking it out of integer sums of products."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.extmath import svd_flip

from expunge.arguments import check_flag
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.maths import exact
from expunge.maths.fixed_point import refuse_zero_weight
from expunge.maths.moments import Moments
from expunge.maths.product_moments import row_products
from expunge.methods.sums.product_sums import ProductSums
from expunge.state import Part
from expunge.validation import numeric_input

__all__ = ["PCA"]

Floats = npt.NDArray[np.float64]


class PCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ProductSums):
    """Principal component analysis, for tables of numbers from which records must disappear at once and entirely.

    Parameters
    ----------
    n_components : int or float, optional
        How many components to keep, at least 1; or a share of the variance, between 0 and 1, that they must explain
        more than; or None for all min(n, n_features). With fewer records or features than components the model is
        dormant, and a fit is refused.
    whiten : bool, default=False
        Scale the outputs to a variance of one.
    resolution : float or array-like of shape (n_features,), default=2**-32
        Unit of the integers that hold the values of a feature: a power of two. Values are rounded to multiples of it
        and must be below 2**63 of it in size; the default reaches to 2**31.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_features)
        Axes, by decreasing variance. The entry of largest size in each is positive.
    explained_variance_, explained_variance_ratio_, singular_values_ : ndarray of shape (n_components_,)
    mean_ : ndarray of shape (n_features,)
    noise_variance_ : float
        Mean variance along the axes left out.
    n_components_ : int

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. It holds for
    the rounded values; the removal says how far they can be from those given.

    Notes
    -----
    The state is the sum of w z zᵀ over the records, z = (1, x), in integers: a fit reads each record once, O(n d²);
    forgetting k records reads those, O((k + 1) d²), whatever n is. When asked for, the scatter is centred in integers,
    each entry rounded once, and decomposed on one thread, O(d³). As with every solver on the covariance, variances
    below 1e-16 of the largest have no correct digit, and axes of equal variance may be turned. y is ignored and not
    kept.

    A record of weight w counts as w records: the variance is divided by Σ w - 1, and n is Σ w. Scikit-learn's has no
    weights. The output for a row does not depend on the other rows of the call, bit for bit, so the terms are not added
    by a matrix product: O(n d k), some times slower than one. Not here: ``n_components="mle"``, ``score_samples``.

    References
    ----------
    C. M. Bishop, "Pattern recognition and machine learning", 2006: (12.5); ``noise_variance_`` is (12.46).
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE Symposium on Security and Privacy
    2015, section 4: the summation form.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, _ = load_wine(return_X_y=True)
    >>> model = PCA(n_components=2).fit(X)
    >>> removal = model.forget([3, 4])
    >>> removal.work, removal.touched
    (2, ('sums',))
    >>> rest = [i for i in range(len(X)) if i not in (3, 4)]
    >>> model.digest() == PCA(n_components=2).fit(X[rest], record_ids=rest).digest()
    True
    """

    _requests = ("records", "subjects", "features")

    def __init__(
        self, *, n_components: float | None = None, whiten: bool = False,
        resolution: Any = exact.DEFAULT_RESOLUTION, seed: int = 0,
    ) -> None:  # fmt: skip
        self.n_components = n_components
        self.whiten = whiten
        self.resolution = resolution
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_flag("whiten", self.whiten)
        k = self.n_components
        is_count = isinstance(k, Integral) and not isinstance(k, bool) and k >= 1
        is_share = isinstance(k, Real) and not isinstance(k, Integral) and 0 < k < 1
        if not (k is None or is_count or is_share):
            raise InvalidParameterError(
                f"n_components must be an integer from 1 on, a share between 0 and 1, or None, got {k!r}."
            )

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        return super()._validate(X, None, reset=reset, least=least)

    def _lacking(self, weight: float, n: int, d: int) -> Exception | None:
        if not weight > 0:
            return refuse_zero_weight()
        if not weight > 1:
            return InvalidDataError(
                f"A variance needs more than one record: n_samples = {n}, of weight {weight:g} in all.",
                hint="Learn more records, or multiply their weights by a constant.",
            )
        if isinstance(self.n_components, Integral) and self.n_components > min(weight, d):
            return InvalidDataError(
                f"n_components={self.n_components} must be at most n_samples = {n} (their weight is {weight:g}) and "
                f"n_features = {d}.",
                hint="Ask for fewer components.",
            )
        return None

    def _from_moments(self, moments: Moments) -> Part:
        dof = moments.weight - 1.0
        variance, axes = linalg.eigh(moments.scatter / dof, driver="evd")
        variance = np.maximum(variance[::-1], 0.0)
        _, axes = svd_flip(None, np.ascontiguousarray(axes[:, ::-1].T), u_based_decision=False)
        most, total = min(int(moments.weight), len(variance)), variance.sum()
        ratio = variance / total if total > 0 else np.zeros_like(variance)
        k = most if self.n_components is None else self.n_components
        if not isinstance(k, Integral):
            k = min(int(np.searchsorted(np.cumsum(ratio), k, side="right")) + 1, most)
        k = int(k)
        return {
            "components": axes[:k].copy(), "variance": variance[:k].copy(), "ratio": ratio[:k].copy(),
            "singular": np.sqrt(variance[:k] * dof), "mean": moments.means,
            "noise": float(variance[k:most].mean()) if k < most else 0.0,
        }  # fmt: skip

    def _linear(self, solution: Part) -> tuple[Floats, Floats]:
        """The outputs as A x + shift."""
        A = (solution["components"].T / self._scale(solution)).T
        return A, -A @ solution["mean"]

    def _scale(self, solution: Part) -> Any:
        """What the outputs are divided by."""
        return np.maximum(np.sqrt(solution["variance"]), np.finfo(np.float64).eps) if self.whiten else 1.0

    def transform(self, X: Any) -> Floats:
        """Coordinates of rows along the components, shape (n, n_components_)."""
        solution = self._solution()
        X, _ = numeric_input(self, X, None, reset=False)
        return np.asarray(row_products(X - solution["mean"], solution["components"]) / self._scale(solution))

    def inverse_transform(self, X: Any) -> Floats:
        """Rows with these coordinates, shape (n, n_features): the nearest the components can give."""
        solution = self._solution()
        X = check_array(X, dtype=np.float64)
        _check_width(X, solution["components"])
        rows = row_products(X * self._scale(solution), np.ascontiguousarray(solution["components"].T))
        return np.asarray(rows + solution["mean"])

    @property
    def components_(self) -> Floats:
        """Axes, shape (n_components_, n_features)."""
        return np.array(self._solution()["components"])

    @property
    def explained_variance_(self) -> Floats:
        """Variance along each axis, shape (n_components_,)."""
        return np.array(self._solution()["variance"])

    @property
    def explained_variance_ratio_(self) -> Floats:
        """Its share in the variance of all features, shape (n_components_,); 0 if nothing varies."""
        return np.array(self._solution()["ratio"])

    @property
    def singular_values_(self) -> Floats:
        """Singular values of the centred rows, shape (n_components_,)."""
        return np.array(self._solution()["singular"])

    @property
    def mean_(self) -> Floats:
        """Mean of each feature, shape (n_features,)."""
        return np.array(self._solution()["mean"])

    @property
    def noise_variance_(self) -> float:
        """Mean variance along the axes left out; 0 if none is."""
        return float(self._solution()["noise"])

    @property
    def n_components_(self) -> int:
        """Number of components."""
        return len(self._solution()["components"])

    @property
    def _n_features_out(self) -> int:
        return self.n_components_


def _check_width(X: Floats, components: Floats) -> None:
    if X.shape[1] != len(components):
        raise InvalidDataError(f"X has {X.shape[1]} columns, and there are {len(components)} components.")
