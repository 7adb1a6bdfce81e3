"""Logistic regression that forgets a record by one Newton step, with an (epsilon, delta) that is kept."""

from __future__ import annotations

from typing import ClassVar

from sklearn.utils import Tags

from expunge.maths.logistic_scores import LogisticScores, class_names, class_targets
from expunge.methods.certified.certified_linear import CertifiedLinear
from expunge.methods.certified.losses import LOGISTIC

__all__ = ["CertifiedLogisticRegression"]


class CertifiedLogisticRegression(LogisticScores, CertifiedLinear):
    """Classify by logistic regression, where records must go in less than a millisecond and a budget may be spent.

    Minimises Σ w log(1 + exp(-t (x·coef + intercept))) + alpha/2 |(coef, intercept)|². When records go, a Newton step
    leads almost to the minimum without them, and a bound is kept on the gradient that is left. What is published has
    noise from N(0, (sigma / alpha)² I) on each weight, drawn anew after each change, which hides that much. With more
    than two classes each is told from the others, and the certificate holds for all of them together.

    Parameters
    ----------
    alpha : float, default=1.0
        Penalty of the whole sum, from 1e-100 to 1e100; with a penalty of lambda for each of n records it is lambda · n.
        The intercept is penalised too: without, nothing bounds how far a record moves it.
    epsilon, delta : float, default=1.0 and 1e-5
        What is promised; delta at most 1/n unless allowed.
    sigma : float, default=0.3
        Noise in the unit of a gradient, that of norm_bound; divided by alpha it is the standard deviation of the noise
        on each weight that is published. More of it costs accuracy and affords more removals: small beside the weights,
        it costs little.
    norm_bound : float, default=1.0
        No row is longer than this in the Euclidean norm. A public number, not one computed from the records; from
        1e-100 to 1e100.
    clip : bool, default=True
        Shorten longer rows, each by itself. If not, they are refused.
    fit_intercept : bool, default=True
    on_exhausted : {"recompute", "measure", "retrain", "refuse"}, default="recompute"
        When the bound exceeds what the noise hides: compute the gradient from all records and take further steps;
        read it from all records once and take no step, while that leaves half of the limit, and the removal says how
        many more that buys; fit again; or refuse, leaving everything as it was.
    allow_large_delta : bool, default=False
    noise_seed : int, optional
        Default: the operating system's generator. A seed is for tests: who knows it sees through the noise.
    seed : int, default=0
        Keys the canonical order of the records.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_, intercept_ : ndarray of shapes (k, n_features) and (k,)
        With their noise; k is 1 for two classes, else n_classes.
    residual_, residual_limit_ : float
        Bound on the gradient before the noise, and what it may be.
    distance_to_refit_ : float
        At least the distance of the weights, before the noise, from those of an exact fit.

    Guarantee
    ---------
    ``certified``: (epsilon, delta)-indistinguishable from a fresh fit on what is left, under the assumptions that the
    guarantee lists by name. The weights before the noise are within residual_ / alpha of the minimum, for the objective
    is alpha strongly convex; nothing that is kept or decided depends on the noise; so this is one Gaussian mechanism.
    A hundredth of what it hides is kept free for the fresh fit.

    Notes
    -----
    A fit costs O(n d²) for each Hessian. One record is forgotten in O(k d²) and two passes over memory, whatever n is;
    the bound is valid after any number of removals, from the matrices alone. They, the anchor of the Hessian and the
    weights before the noise are not for publication: beside the rows that are left they show the direction of one that
    went since the fit. See :mod:`expunge.methods.certified.certificate` for the proof of the bound. Learning is the
    mirror image. A class goes with its last record, and the model is then fitted again.

    References
    ----------
    C. Guo, T. Goldstein, A. Hannun, L. van der Maaten, "Certified data removal from machine learning models", ICML
    2020, equation 3: the step. Their noise stands in the objective, and their proof takes what a step leaves to be
    independent of it, which it is not (decision 12). B. Balle, Y.-X. Wang, ICML 2018, theorem 8, for the noise.

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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # of few records the noise hides almost everything
        return tags
