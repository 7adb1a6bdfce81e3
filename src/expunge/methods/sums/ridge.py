"""Ridge regression that forgets a record by taking it out of integer sums of products."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg
from sklearn.base import RegressorMixin
from sklearn.utils import Tags

from expunge.arguments import check_flag, check_number_or_numbers
from expunge.contract import Unlearner
from expunge.errors import InvalidParameterError, OutOfRangeError
from expunge.estimators import one_thread
from expunge.maths import exact
from expunge.maths.fixed_point import (
    WEIGHT_RESOLUTION,
    check_resolution_param,
    refuse_zero_weight,
    rounded_weight,
    rounding_terms,
)
from expunge.maths.moments import Moments, TargetMoments
from expunge.maths.running_sum import sum_after
from expunge.rows import Rows, Table
from expunge.state import Change, Part
from expunge.validation import numeric_input

__all__ = ["Ridge", "solve_moments", "solve_symmetric"]

Floats = npt.NDArray[np.float64]
Limbs = npt.NDArray[np.int64]
CHUNK = 8192  # records of which [1, X, y] is in memory at a time


class Ridge(RegressorMixin, Unlearner):
    """Linear least squares with a penalty, for tables from which records must disappear at once and entirely.

    Minimises Σ w (y - x·coef - intercept)² + alpha · |coef|².

    Parameters
    ----------
    alpha : float or array-like of shape (n_targets,), default=1.0
        Penalty, at least 0, in the square of the unit of the features. With 0 and features that depend on each other
        the solution is the one of least norm.
    fit_intercept : bool, default=True
        If not, no column is centred and the intercept is 0.
    resolution : float or array-like of shape (n_features,), default=2**-32
        Unit of the integers that hold the values of a feature, in the feature's own unit: a power of two. Values are
        rounded to multiples of it and must be below 2**63 of it in size; the default reaches to 2**31. A coarser
        one, such that all values are below 2**43 of it, is faster.
    target_resolution : float or array-like of shape (n_targets,), default=2**-32
        The same for the targets.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    coef_ : ndarray of shape (n_targets, n_features), or (n_features,) for one target
    intercept_ : float or ndarray of shape (n_targets,)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left. It holds for
    the rounded values; the removal says how far they can be from those given.

    Notes
    -----
    The state is the sum of z zᵀ over the records, z = √w (1, x, y), in integers: a fit reads each record once, O(n d²);
    forgetting k records reads those, O((k + 1) d²), whatever n is. A weight is below 2**23 and rounded to a multiple
    of 2**-40, its root too. Coefficients are solved from the sums when asked for: the sums are centred in integers,
    each entry is rounded once, and the normal equations, scaled by powers of two to a diagonal near one, are
    solved by Cholesky factorisation on one thread, O(d³). If they are singular to working precision, the least-norm
    solution of the unscaled ones is taken instead, through their singular values. No factor is kept or updated: it
    would remember the order of deletions.

    References
    ----------
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE Symposium on Security and Privacy
    2015, section 4: the summation form.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = Ridge(alpha=0.1).fit(X, y)
    >>> removal = model.forget([3, 4])
    >>> removal.work, removal.touched
    (2, ('sums',))
    >>> rest = [i for i in range(len(X)) if i not in (3, 4)]
    >>> model.digest() == Ridge(alpha=0.1).fit(X[rest], y[rest], record_ids=rest).digest()
    True
    """

    def __init__(
        self, *, alpha: Any = 1.0, fit_intercept: bool = True, resolution: Any = exact.DEFAULT_RESOLUTION,
        target_resolution: Any = exact.DEFAULT_RESOLUTION, seed: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.resolution = resolution
        self.target_resolution = target_resolution
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags

    def _check_params(self) -> None:
        check_resolution_param("resolution", self.resolution)
        check_resolution_param("target_resolution", self.target_resolution)
        check_number_or_numbers("alpha", self.alpha, "target")
        check_flag("fit_intercept", self.fit_intercept)

    def _update(self, change: Change) -> dict[str, Part | None]:
        old = change.parts.get("sums", {})
        total = sum_after(old.get("products"), change, self._products, add=exact.add, subtract=exact.subtract)
        if not old and not change.tolerant and not total[:, 0, 0].any():
            raise refuse_zero_weight()
        return {"sums": {"products": total, "n_targets": old["n_targets"] if old else _n_targets(change.added.y)}}

    def _products(self, table: Table) -> Limbs:
        """Sum of z zᵀ over the records, limbs of shape (6, m, m), m = 1 + d + t; z = √w (1, x, y)."""
        X, weight = table.X, rounded_weight(table)
        y = table.y if table.y.ndim == 2 else table.y[:, np.newaxis]
        (n, d), m = X.shape, 1 + X.shape[1] + y.shape[1]
        resolution = self._resolutions(d, m - 1 - d)
        total = exact.zeros_product((m, m))
        for start in range(0, n, CHUNK):
            rows = slice(start, min(start + CHUNK, n))
            Z = np.empty((rows.stop - start, m))
            Z[:, 0], Z[:, 1 : 1 + d], Z[:, 1 + d :] = 1.0, X[rows], y[rows]
            if weight is not None:
                root = np.rint(np.sqrt(weight[rows]) / WEIGHT_RESOLUTION) * WEIGHT_RESOLUTION
                Z *= root[:, np.newaxis]
            try:
                # Exact on any number of threads; on small blocks two mostly wait for each other.
                with one_thread() if n > 1 else nullcontext():
                    products = exact.gram(Z, resolution)
            except OutOfRangeError:
                raise self._refusal(table, start, Z, resolution, d) from None
            total = exact.add(total, products)
        return total

    def _resolutions(self, d: int, n_targets: int) -> Floats:
        if (wrong := self._wrong_penalties(n_targets)) is not None:
            raise wrong
        features = exact.check_resolution(self.resolution, d)
        return np.concatenate(
            [[WEIGHT_RESOLUTION], features, exact.check_resolution(self.target_resolution, n_targets)]
        )

    def _wrong_penalties(self, n_targets: int) -> Exception | None:
        alpha = np.asarray(self.alpha)
        if not alpha.ndim or len(alpha) in (1, n_targets):
            return None
        return InvalidParameterError(
            f"Number of targets and number of penalties do not correspond: {len(alpha)} != {n_targets}."
        )

    def _refusal(self, table: Table, start: int, Z: Floats, resolution: Floats, d: int) -> OutOfRangeError:
        with np.errstate(over="ignore"):
            row, column = np.argwhere(~(np.abs(Z / resolution) < 2.0**63))[0].tolist()
        where, name = "its target", "target_resolution"
        if column <= d:
            where, name = f"column {getattr(self, 'feature_names_in_', range(d))[column - 1]!r}", "resolution"
        weighted = "" if table.weight is None else ", times the root of its weight"
        return OutOfRangeError(
            f"Record {table.ids[start + row : start + row + 1].tolist()[0]!r} (row {start + row}) has "
            f"{float(Z[row, column])!r} in {where}{weighted}: not below 2**63 resolutions.",
            hint=f"Correct or drop it, or choose a coarser {name}.",
        )

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        products, n_targets = parts["sums"]["products"], parts["sums"]["n_targets"]
        if not products[:, 0, 0].any():
            return None
        d = products.shape[1] - 1 - (n_targets or 1)
        weight, means, scatter = exact.centred_gram(products, self._resolutions(d, n_targets or 1))
        targets = TargetMoments(means[d:], scatter[:d, d:], scatter[d:, d:], is_flat=not n_targets)
        with one_thread():
            return self._from_moments(Moments(len(rows), weight, means[:d], scatter[:d, :d], targets))

    def _lack(self, moments: Moments) -> Exception | None:
        if not moments.weight > 0:
            return refuse_zero_weight()
        return self._wrong_penalties(0 if moments.targets is None else len(moments.targets.means))

    def _from_moments(self, moments: Moments) -> Part:
        targets = moments.targets
        assert targets is not None  # noqa: S101 - a regressor is given targets
        t = len(targets.means)
        coef, intercept = solve_moments(moments, self.alpha, fit_intercept=self.fit_intercept)
        coef = coef[0].copy() if t == 1 else np.ascontiguousarray(coef)
        if targets.is_flat:
            return {"coef": coef, "intercept": float(intercept[0])}
        return {"coef": coef, "intercept": intercept if self.fit_intercept else 0.0}

    def _estimate(self, rows: Rows, slots: npt.NDArray[np.intp]) -> tuple[int, int, tuple[str, ...]]:
        return len(slots), len(slots), ("sums",)

    def _terms(self) -> str:
        if np.array_equal(self.resolution, self.target_resolution):
            return f", on {rounding_terms(self.resolution, 'values')}"
        targets = rounding_terms(self.target_resolution, "targets")
        return f", on {rounding_terms(self.resolution, 'values')} and {targets}"

    @property
    def coef_(self) -> Floats:
        """Coefficients, shape (n_features,) or (n_targets, n_features)."""
        return np.array(self._solution()["coef"])

    @property
    def intercept_(self) -> Any:
        """Intercept: a float, or an array of shape (n_targets,) if y had two dimensions."""
        return copy(self._solution()["intercept"])

    def predict(self, X: Any) -> Floats:
        """Predict targets, shape (n,) or (n, n_targets)."""
        solution = self._solution()
        X, _ = numeric_input(self, X, None, reset=False)
        return np.asarray(X @ solution["coef"].T + solution["intercept"])


def _n_targets(y: Floats) -> int:
    """Number of columns of y; 0 if it is one-dimensional."""
    return y.shape[1] if y.ndim == 2 else 0


def solve_moments(moments: Moments, alpha: Any, *, fit_intercept: bool) -> tuple[Floats, Floats]:
    """Ridge regression from moments with t targets.

    Parameters
    ----------
    moments : Moments
    alpha : float or array-like of shape (t,)
    fit_intercept : bool

    Returns
    -------
    coef : ndarray of shape (t, d)
    intercept : ndarray of shape (t,)
    """
    targets = moments.targets
    assert targets is not None  # noqa: S101 - a regressor is given targets
    A, b, t = moments.scatter, targets.cross, len(targets.means)
    if not fit_intercept:
        A = A + moments.weight * np.multiply.outer(moments.means, moments.means)
        b = b + moments.weight * np.multiply.outer(moments.means, targets.means)
    alpha = np.broadcast_to(np.asarray(alpha, dtype=np.float64), (t,))
    if (alpha == alpha[0]).all():
        coef = solve_symmetric(A, b, alpha[0]).T
    else:
        coef = np.stack([solve_symmetric(A, b[:, j], alpha[j]) for j in range(t)])
    return coef, targets.means - coef @ moments.means if fit_intercept else np.zeros(t)


def solve_symmetric(A: Floats, b: Floats, alpha: float) -> Floats:
    """Solve (A + alpha I) x = b for symmetric, positive semi-definite A."""
    A = A + alpha * np.eye(len(A))
    diagonal = np.diag(A)
    scale = np.ldexp(1.0, -(np.frexp(np.where(diagonal > 0, diagonal, 1.0))[1] // 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error", linalg.LinAlgWarning)
        try:
            x = linalg.solve(A * np.multiply.outer(scale, scale), (b.T * scale).T, assume_a="pos")
            return np.asarray((x.T * scale).T)
        except (linalg.LinAlgError, linalg.LinAlgWarning):
            return np.asarray(linalg.lstsq(A, b)[0])
