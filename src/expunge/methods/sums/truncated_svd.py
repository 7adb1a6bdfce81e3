"""Latent semantic analysis that forgets a record by taking it out of integer sums of products."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_array
from sklearn.utils.extmath import svd_flip

from expunge.arguments import check_count
from expunge.errors import InvalidDataError
from expunge.maths import exact
from expunge.maths.fixed_point import refuse_zero_weight
from expunge.maths.moments import Moments
from expunge.maths.product_moments import row_products
from expunge.methods.sums.product_sums import ProductSums
from expunge.state import Part
from expunge.validation import numeric_input

__all__ = ["TruncatedSVD"]

Floats = npt.NDArray[np.float64]


class TruncatedSVD(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ProductSums):
    """The first right singular vectors of a table, sparse or not, from which records must disappear entirely.

    Parameters
    ----------
    n_components : int, default=2
        At least 1. With fewer records or features than components the model is dormant, and a fit is refused.
    resolution : float or array-like of shape (n_features,), default=2**-32
        Unit of the integers that hold the values of a feature: a power of two. Values are rounded to multiples of it
        and must be below 2**63 of it in size; the default reaches to 2**31.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Right singular vectors, by decreasing singular value. The entry of largest size in each is positive.
    explained_variance_, explained_variance_ratio_ : ndarray of shape (n_components,)
        Variance of the outputs over the records, and its share in that of all features.
    singular_values_ : ndarray of shape (n_components,)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. It holds for
    the rounded values; the removal says how far they can be from those given.

    Notes
    -----
    The state is the sum of w z zᵀ over the records, z = (1, x), in integers, O(d²) numbers whatever n is: for some
    thousand features at most. A fit reads each record once, O(n d²), a CSR matrix too; forgetting k records reads
    those, O((k + 1) d²). When asked for, the Gram matrix is decomposed on one thread, O(d³). It is put together from
    the scatter about the means, centred in integers, and the means: in that direction nothing cancels, and its error is
    that of the decomposition. The squares of the singular values are its eigenvalues, so a singular value below 1e-8
    of the largest has no correct digit. All is computed directly; scikit-learn's ``algorithm``, ``n_iter`` and the like
    have no place here. y is ignored and not kept.

    A record of weight w counts as w records; scikit-learn's has no weights. The output for a row does not depend on the
    other rows of the call, bit for bit.

    References
    ----------
    G. H. Golub, C. F. Van Loan, "Matrix computations", 4th edition, 2013: section 8.6, AᵀA = V diag(σ²) Vᵀ.
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE Symposium on Security and Privacy
    2015, section 4: the summation form.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, _ = load_digits(return_X_y=True)
    >>> model = TruncatedSVD(n_components=5, resolution=1.0).fit(X)
    >>> model.forget([3, 4]).work
    2
    >>> model.transform(X[:3]).shape
    (3, 5)
    """

    _requests = ("records", "subjects", "features")

    def __init__(
        self, *, n_components: int = 2, resolution: Any = exact.DEFAULT_RESOLUTION, seed: int = 0
    ) -> None:  # fmt: skip
        self.n_components = n_components
        self.resolution = resolution
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_params(self) -> None:
        super()._check_params()
        check_count("n_components", self.n_components)

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        return super()._validate(X, None, reset=reset, least=least)

    def _lacking(self, weight: float, n: int, d: int) -> Exception | None:
        if not weight > 0:
            return refuse_zero_weight()
        if self.n_components > min(n, d):
            return InvalidDataError(
                f"n_components={self.n_components} must be at most n_samples = {n} and n_features = {d}.",
                hint="Ask for fewer components.",
            )
        return None

    def _from_moments(self, moments: Moments) -> Part:
        mean, k = moments.means, int(self.n_components)
        gram = moments.scatter + moments.weight * np.multiply.outer(mean, mean)
        squares, axes = linalg.eigh(gram, driver="evd")
        _, axes = svd_flip(None, np.ascontiguousarray(axes[:, ::-1].T), u_based_decision=False)
        axes = axes[:k].copy()
        variance = np.maximum(np.sum((axes @ moments.scatter) * axes, axis=1), 0.0) / moments.weight
        total = np.trace(moments.scatter) / moments.weight
        return {
            "components": axes, "singular": np.sqrt(np.maximum(squares[::-1][:k], 0.0)), "variance": variance,
            "ratio": variance / total if total > 0 else np.zeros(k),
        }  # fmt: skip

    def _linear(self, solution: Part) -> tuple[Floats, Floats]:
        """The outputs as A x + shift."""
        return solution["components"], np.zeros(len(solution["components"]))

    def transform(self, X: Any) -> Floats:
        """Coordinates of rows, dense or CSR, along the components, shape (n, n_components)."""
        solution = self._solution()
        X, _ = numeric_input(self, X, None, reset=False)
        return row_products(X, solution["components"])

    def inverse_transform(self, X: Any) -> Floats:
        """Rows with these coordinates, shape (n, n_features), dense.

        Raises
        ------
        InvalidDataError
            Another number of columns than of components.
        """
        components = self._solution()["components"]
        X = check_array(X, dtype=np.float64)
        if X.shape[1] != len(components):
            raise InvalidDataError(f"X has {X.shape[1]} columns, and there are {len(components)} components.")
        return row_products(X, np.ascontiguousarray(components.T))

    @property
    def components_(self) -> Floats:
        """Right singular vectors, shape (n_components, n_features)."""
        return np.array(self._solution()["components"])

    @property
    def explained_variance_(self) -> Floats:
        """Variance of each output over the records, shape (n_components,)."""
        return np.array(self._solution()["variance"])

    @property
    def explained_variance_ratio_(self) -> Floats:
        """Its share in the variance of all features, shape (n_components,); 0 if nothing varies."""
        return np.array(self._solution()["ratio"])

    @property
    def singular_values_(self) -> Floats:
        """Singular values, shape (n_components,)."""
        return np.array(self._solution()["singular"])

    @property
    def _n_features_out(self) -> int:
        return len(self._solution()["components"])
