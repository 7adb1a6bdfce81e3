"""Logistic regression that forgets a record by one Newton step, with an (epsilon, delta) that is kept."""

from __future__ import annotations

from typing import ClassVar

from expunge.maths.logistic_scores import LogisticScores, class_names, class_targets
from expunge.methods.certified.certified_linear import CertifiedLinear
from expunge.methods.certified.losses import LOGISTIC

__all__ = ["CertifiedLogisticRegression"]


class CertifiedLogisticRegression(LogisticScores, CertifiedLinear):
    """Classify by logistic regression, where records must go in less than a millisecond and a budget may be spent.

    Minimises Σ w log(1 + exp(-t (x·coef + intercept))) + alpha/2 |(coef, intercept)|² + b·(coef, intercept), where b is
    drawn once from N(0, sigma² I) and hides what a Newton step leaves. With more than two classes each is told from the
    others, and the certificate holds for all of them together.

    Parameters
    ----------
    alpha : float, default=1.0
        Penalty of the whole sum, from 1e-100 to 1e100; with a penalty of lambda for each of n records it is lambda · n.
        The intercept is penalised too: without, nothing bounds how far a record moves it.
    epsilon, delta : float, default=1.0 and 1e-5
        What is promised; delta at most 1/n unless allowed.
    sigma : float, default=1.0
        Standard deviation of the noise in the objective, in the unit of a gradient: of norm_bound. More of it costs
        accuracy and affords more removals.
    norm_bound : float, default=1.0
        No row is longer than this in the Euclidean norm. A public number, not one computed from the records; from
        1e-100 to 1e100.
    clip : bool, default=True
        Shorten longer rows, each by itself. If not, they are refused.
    fit_intercept : bool, default=True
    on_exhausted : {"recompute", "measure", "retrain", "refuse"}, default="recompute"
        When the bound exceeds what the noise hides: compute the gradient from all records and take further steps with
        the same noise; read it from all records once and take no step, while that leaves half of the limit, and the
        removal says how many more that buys; fit again with fresh noise; or refuse, leaving everything as it was.
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
    the bound is valid after any number of removals, from the matrices alone. They and the anchor of the Hessian are not
    for publication: beside the rows that are left they show the direction of one that went since the fit. See
    :mod:`expunge.methods.certified.certificate` for its proof. Learning is the mirror image. A class goes with
    its last record, and the model is then fitted again.

    References
    ----------
    C. Guo, T. Goldstein, A. Hannun, L. van der Maaten, "Certified data removal from machine learning models", ICML
    2020, equation 3 and theorem 3. B. Balle, Y.-X. Wang, ICML 2018, theorem 8, for the noise.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = CertifiedLogisticRegression(alpha=20.0, norm_bound=6.0, sigma=5.0).fit(scale(X), y)
    >>> removal = model.forget([3, 4])
    >>> removal.guarantee.kind, removal.work, model.residual_ < model.residual_limit_
    ('certified', 2, True)
    """

    _loss: ClassVar = LOGISTIC
    _requests: ClassVar[tuple[str, ...]] = ("records", "subjects", "classes", "features")

    _names = staticmethod(class_names)
    _targets = staticmethod(class_targets)
