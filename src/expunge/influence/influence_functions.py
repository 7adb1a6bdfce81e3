"""Influence functions: what a step of Newton's method says that a retrain without each record would change."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_choice, check_count, check_number
from expunge.influence.case import Case
from expunge.influence.targets import SELF
from expunge.records import Guarantee

__all__ = ["InfluenceFunctions"]


class InfluenceFunctions:
    """Influence by the inverse Hessian, for networks and for certified linear models, all records at once.

    Parameters
    ----------
    solver : {"ekfac", "kfac", "cg", "lissa"}, default="ekfac"
        How the inverse is applied in a network; see :class:`~expunge.methods.networks.newton_step.NewtonStep`. "cg" and
        "lissa" take any layers; for self-influence they solve once for each record.
    curvature : {"gauss_newton", "hessian"}, default="gauss_newton"
        Of cg and lissa.
    damping : float, default=0.01
        Added to the diagonal of the mean Hessian.
    weight_decay : float, default=0.0
        Of the training; added too.
    max_iter, tol, scale, max_samples, batch_size
        As of NewtonStep.

    Guarantee
    ---------
    ``empirical``: a first-order estimate. Equal to the derivative in the weight of a record at a minimum, and nothing
    is proved about a retrain.

    Notes
    -----
    With the objective L summed over n records, its Hessian H at the weights and a target Q, forgetting record i changes
    Q by about ∇Qᵀ H⁻¹ ∇ℓᵢ. H⁻¹ ∇Q is solved for once; then each record costs one derivative along it, forward mode,
    about two passes. Self-influence, ∇ℓᵢᵀ H⁻¹ ∇ℓᵢ, costs a gradient each with Kronecker factors. A linear model's
    Hessian is exact; of the arguments it reads none.

    References
    ----------
    P. W. Koh, P. Liang, "Understanding black-box predictions via influence functions", ICML 2017, arXiv 1703.04730,
    equation 2 (here with the sign of forgetting); R. Grosse et al., "Studying large language model generalization with
    influence functions", 2023, arXiv 2308.03296, section 2.3, for EK-FAC.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from expunge.certified import CertifiedLogisticRegression
    >>> from expunge.influence import influence
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = scale(X)
    >>> model = CertifiedLogisticRegression(alpha=20.0, norm_bound=6.0, noise_seed=0).fit(X[:400], y[:400])
    >>> found = influence(model, on=(X[400:], y[400:]), method=InfluenceFunctions())
    >>> len(found), found.top(1, which="lowers")[0].score < 0
    (400, True)
    """

    name = "influence-functions"
    asks_whole = False

    def __init__(
        self, *, solver: Literal["ekfac", "kfac", "cg", "lissa"] = "ekfac",
        curvature: Literal["gauss_newton", "hessian"] = "gauss_newton", damping: float = 0.01,
        weight_decay: float = 0.0, max_iter: int = 20, tol: float = 1e-4, scale: float = 10.0, max_samples: int = 1024,
        batch_size: int = 256,
    ) -> None:  # fmt: skip
        self.solver = solver
        self.curvature = curvature
        self.damping = damping
        self.weight_decay = weight_decay
        self.max_iter = max_iter
        self.tol = tol
        self.scale = scale
        self.max_samples = max_samples
        self.batch_size = batch_size

    def check(self) -> None:
        check_choice("solver", self.solver, ("ekfac", "kfac", "cg", "lissa"))
        check_choice("curvature", self.curvature, ("gauss_newton", "hessian"))
        for name in ("damping", "weight_decay", "tol"):
            check_number(name, getattr(self, name))
        check_number("scale", self.scale, open_low=True)
        for name in ("max_iter", "max_samples", "batch_size"):
            check_count(name, getattr(self, name))

    def scores(self, case: Case) -> npt.NDArray[np.float64]:
        view = case.view
        if case.target == SELF:
            return view.curved_norms(case.positions, self)
        return view.along(view.solve(view.slope(), self), case.positions)

    def guarantee(self, case: Case) -> Guarantee:
        return Guarantee(
            kind="empirical",
            statement="a first-order estimate of what forgetting one record changes; no retrain is compared",
        )

    def value(self, case: Case) -> float | None:
        return case.view.value()
