"""Logistic regression that forgets a record by one Newton step, with an (epsilon, delta) that is kept."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.base import ClassifierMixin

from expunge.errors import InvalidDataError
from expunge.methods.certified.certified_linear import CertifiedLinear
from expunge.methods.certified.losses import LOGISTIC
from expunge.methods.sums.class_sums import number_classes
from expunge.rows import Table
from expunge.state import Part
from expunge.validation import numeric_input

__all__ = ["CertifiedLogisticRegression"]

Floats = npt.NDArray[np.float64]


class CertifiedLogisticRegression(ClassifierMixin, CertifiedLinear):
    """Classify by logistic regression, where records must go in less than a millisecond and a budget may be spent.

    Minimises Σ w log(1 + exp(-t (x·coef + intercept))) + alpha/2 |(coef, intercept)|² + b·(coef, intercept), where b is
    drawn once from N(0, sigma² I) and hides what a Newton step leaves. With more than two classes each is told from the
    others, and the certificate holds for all of them together.

    Parameters
    ----------
    alpha : float, default=1.0
        Penalty of the whole sum, above 0; with a penalty of lambda for each of n records it is lambda · n. The
        intercept is penalised too: without, nothing bounds how far a record moves it.
    epsilon, delta : float, default=1.0 and 1e-5
        What is promised; delta at most 1/n unless allowed.
    sigma : float, default=1.0
        Standard deviation of the noise in the objective, in the unit of a gradient: of norm_bound. More of it costs
        accuracy and affords more removals.
    norm_bound : float, default=1.0
        No row is longer than this in the Euclidean norm. A public number, not one computed from the records.
    clip : bool, default=True
        Shorten longer rows, each by itself. If not, they are refused.
    fit_intercept : bool, default=True
    on_exhausted : {"recompute", "retrain", "refuse"}, default="recompute"
        When the bound exceeds what the noise hides: compute the gradient from all records and take further steps with
        the same noise; fit again with fresh noise; or refuse, leaving everything as it was.
    allow_large_delta : bool, default=False
    noise_seed : int, optional
        Default: the operating system's generator. A seed is for tests: who knows it sees through the noise.
    seed : int, default=0
        Keys the canonical order of the records.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_, intercept_ : ndarray of shapes (k, n_features) and (k,)
        k is 1 for two classes, else n_classes.
    residual_, residual_limit_ : float
        Bound on the gradient, and what it may be.
    distance_to_refit_ : float
        At least the distance of the weights from those of an exact fit with the same noise.

    Guarantee
    ---------
    ``certified``: (epsilon, delta)-indistinguishable from a fresh fit on what is left, under the assumptions that the
    guarantee lists by name.

    Notes
    -----
    A fit costs O(n d²) for each Hessian. One record is forgotten in O(k d²) and two passes over memory, whatever n is;
    the bound is valid after any number of removals, from the matrices alone, and they hold no record. See
    :mod:`expunge.methods.certified.certificate` for its proof. Learning is the mirror image. Classes stay, also when
    their last record is forgotten: they are public.

    References
    ----------
    C. Guo, T. Goldstein, A. Hannun, L. van der Maaten, "Certified data removal from machine learning models", ICML
    2020, equation 3 and theorem 3. B. Balle, Y.-X. Wang, ICML 2018, theorem 8, for the noise.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = CertifiedLogisticRegression(norm_bound=6.0, sigma=5.0).fit(scale(X), y)
    >>> removal = model.forget([3, 4])
    >>> removal.guarantee.kind, removal.work, model.residual_ < model.residual_limit_
    ('certified', 2, True)
    """

    _loss: ClassVar = LOGISTIC
    _requests: ClassVar[tuple[str, ...]] = ("records", "subjects", "classes", "features")

    def __init__(
        self, *, alpha: float = 1.0, epsilon: float = 1.0, delta: float = 1e-5, sigma: float = 1.0,
        norm_bound: float = 1.0, clip: bool = True, fit_intercept: bool = True, on_exhausted: str = "recompute",
        allow_large_delta: bool = False, noise_seed: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.epsilon = epsilon
        self.delta = delta
        self.sigma = sigma
        self.norm_bound = norm_bound
        self.clip = clip
        self.fit_intercept = fit_intercept
        self.on_exhausted = on_exhausted
        self.allow_large_delta = allow_large_delta
        self.noise_seed = noise_seed
        self.seed = seed

    def _names(self, table: Table) -> Part:
        classes, _ = number_classes(table.y)
        return {"classes": classes, "k": len(classes) if len(classes) > 2 else len(classes) - 1}

    def _targets(self, table: Table, names: Part) -> Floats:
        classes, k = names["classes"], int(names["k"])
        labels = table.y.tolist()
        number = {label: code for code, label in enumerate(classes.tolist())}
        if strange := set(labels) - set(number):
            raise InvalidDataError(
                f"{len(strange)} classes are new; the set of classes is public and fixed by the first fit.",
                hint="Fit again with all classes.",
            )
        codes = np.array([number[label] for label in labels], dtype=np.intp)
        if k == 1:
            return np.where(codes == 1, 1.0, -1.0)[:, np.newaxis]
        return np.where(codes[:, np.newaxis] == np.arange(k), 1.0, -1.0)

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of the classes, sorted."""
        return np.array(self._solution()["classes"])

    def decision_function(self, X: Any) -> Floats:
        """Scores, shape (n,) for two classes, else (n, n_classes)."""
        X, _ = self._read(X)
        scores = self._scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities, shape (n, n_classes); of more than two classes each by itself, then scaled to sum to one."""
        X, _ = self._read(X)
        p = expit(self._scores(X))
        n_classes = len(self._solution()["classes"])
        if n_classes == 1:
            return np.ones((len(X), 1))
        if n_classes == 2:
            return np.concatenate([1 - p, p], axis=1)
        p = np.maximum(p, np.finfo(np.float64).tiny)
        return np.asarray(p / p.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The class of the largest score, shape (n,)."""
        X, _ = self._read(X)
        scores, classes = self._scores(X), self._solution()["classes"]
        if scores.shape[1] < 2:
            codes = (scores > 0).sum(axis=1) if scores.shape[1] else np.zeros(len(X), dtype=np.intp)
        else:
            codes = scores.argmax(axis=1)
        return np.asarray(classes[codes])

    def _read(self, X: Any) -> tuple[Floats, None]:
        self._state()
        return numeric_input(self, X, None, reset=False)
