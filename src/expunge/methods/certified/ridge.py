"""Ridge regression with noise on its weights: a Newton step is exact, and the certificate hides only rounding."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.utils import Tags

from expunge.methods.certified.certified_linear import CertifiedLinear
from expunge.methods.certified.losses import SQUARED
from expunge.rows import Table
from expunge.state import Part
from expunge.validation import numeric_input

__all__ = ["CertifiedRidge"]

Floats = npt.NDArray[np.float64]


class CertifiedRidge(RegressorMixin, CertifiedLinear):
    """Least squares in floating point that forgets with a certificate, for tables too wide for integer sums.

    Minimises Σ w (y - x·coef - intercept)² / 2 + alpha/2 |(coef, intercept)|², and publishes the weights with noise
    from N(0, (sigma / alpha)² I). :class:`~expunge.methods.sums.ridge.Ridge` is exact and needs no noise; this one
    keeps floats, and its certificate is used up by rounding alone.

    Parameters
    ----------
    alpha, epsilon, delta, sigma, norm_bound, clip, fit_intercept, on_exhausted, allow_large_delta, noise_seed, seed
        As of :class:`~expunge.methods.certified.logistic_regression.CertifiedLogisticRegression`.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
    intercept_ : float
    residual_, residual_limit_, distance_to_refit_ : float

    Guarantee
    ---------
    ``certified``: (epsilon, delta)-indistinguishable from a fresh fit on what is left.

    Notes
    -----
    The loss is quadratic, so a Newton step ends at the minimum but for rounding, which is bounded and charged. The
    state beside the published weights is not for publication, as there. The noise has to hide rounding alone, so a
    sigma of a millionth is often enough; a fit whose rounding is more than a hundredth of what it hides is refused.

    References
    ----------
    C. Guo et al., "Certified data removal from machine learning models", ICML 2020, section 3.1.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = CertifiedRidge(alpha=0.1, sigma=0.1).fit(X, y)
    >>> removal = model.forget([3, 4])
    >>> model.residual_ < 1e-6
    True
    """

    _loss: ClassVar = SQUARED
    _requests: ClassVar[tuple[str, ...]] = ("records", "subjects", "features")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # of few records the noise hides almost everything
        return tags

    def _names(self, table: Table) -> Part:
        return {"k": 1}

    def _targets(self, table: Table, names: Part) -> Floats:
        return np.asarray(table.y, dtype=np.float64).reshape(len(table), 1)

    def predict(self, X: Any) -> Floats:
        """Predictions, shape (n,)."""
        self._state()
        X, _ = numeric_input(self, X, None, reset=False)
        return np.asarray(self._scores(X)[:, 0])

    @property
    def coef_(self) -> Floats:
        """Coefficients, shape (n_features,)."""
        return np.asarray(super().coef_[0])

    @property
    def intercept_(self) -> Any:
        """Intercept."""
        return float(super().intercept_[0])
