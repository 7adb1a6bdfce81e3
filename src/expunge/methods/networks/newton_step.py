"""One Newton step to where training without the records would have ended: influence of second order."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from torch import nn

from expunge.arguments import check_choice, check_count, check_number
from expunge.maths.vectors import Vector, add, minus, scaled
from expunge.methods.networks.curvature import solve_curvature
from expunge.methods.networks.job import Job, endless_work
from expunge.methods.networks.limits import Limits
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.rectifying import rectified
from expunge.methods.networks.task import Task
from expunge.records import Rectification

__all__ = ["NewtonStep"]


class NewtonStep(NetworkMethod):
    """Influence unlearning: a damped Newton step; corrects features and labels, too.

    Parameters
    ----------
    solver : {"cg", "lissa", "kfac", "ekfac"}, default="cg"
        How the inverse is applied: conjugate gradients, a truncated series over batches, or layer by layer with
        Kronecker factors of the Fisher matrix (networks of linear layers and convolutions).
    curvature : {"gauss_newton", "hessian"}, default="gauss_newton"
        Of cg and lissa. The Hessian of a network has negative eigenvalues; the Gauss-Newton matrix has none.
    damping : float, default=0.01
        Added to the diagonal.
    weight_decay : float, default=0.0
        Of the training: its objective was mean loss + weight_decay / 2 · ‖θ‖².
    gradient : {"retain", "forget"}, default="retain"
        Of which set the gradient is read. "forget" is cheaper, and right only if the training had converged.
    max_iter : int, default=20
        Products with the curvature, of cg and lissa.
    tol : float, default=1e-4
        Relative residual at which cg stops.
    scale : float, default=10.0
        Of lissa: more than half the largest eigenvalue.
    max_samples : int, default=1024
        Records of the retain set, at most, over which the curvature is averaged: chosen by the hash of their ids.
    batch_size : int, default=256
        In which they are read; of lissa the records of one product.

    Raises
    ------
    InvalidParameterError
        By its verbs: an argument out of range.
    UnsupportedEstimatorError
        For Kronecker factors: another layer is trained than a linear one or a convolution.
    InvalidDataError
        The curvature is not positive definite, or the series does not converge: more damping, or a larger scale.

    Guarantee
    ---------
    ``empirical``: equal to the retrained model where the objective is quadratic; elsewhere no distance is proved.

    Notes
    -----
    With the retain objective L(θ) and its curvature H at the trained weights, θ ← θ - strength · (H + damping)⁻¹ ∇L.
    With gradient="forget", n_retain ∇L = -Σ_forget (∇ℓ + weight_decay θ), as it is at a minimum over all records. To
    correct records, L is that with the corrected ones, and n ∇L = Σ ∇ℓ(corrected) - Σ ∇ℓ(as they were). All in eval
    mode. The code of Warnecke et al. has lissa with damping 1e-4, scale 2e5 and products over 1,024 records for a CNN;
    the defaults are ours, tuned on a small network.

    References
    ----------
    P. W. Koh, P. Liang, "Understanding black-box predictions via influence functions", ICML 2017, arXiv 1703.04730,
    section 2.1; C. Guo, T. Goldstein, A. Hannun, L. van der Maaten, "Certified data removal from machine learning
    models", ICML 2020, arXiv 1911.03030, equation 3; A. Warnecke, L. Pirch, C. Wressnegger, K. Rieck, "Machine
    unlearning of features and labels", NDSS 2023, arXiv 2108.11577, the equation of the second-order update.

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, NewtonStep
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = NewtonStep(solver="ekfac", damping=0.1).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 9)
    """

    _statement = "a damped Newton step was taken; no distance is proved"

    def __init__(
        self, *, solver: Literal["cg", "lissa", "kfac", "ekfac"] = "cg",
        curvature: Literal["gauss_newton", "hessian"] = "gauss_newton", damping: float = 0.01,
        weight_decay: float = 0.0, gradient: Literal["retain", "forget"] = "retain", max_iter: int = 20,
        tol: float = 1e-4, scale: float = 10.0, max_samples: int = 1024, batch_size: int = 256,
    ) -> None:  # fmt: skip
        self.solver = solver
        self.curvature = curvature
        self.damping = damping
        self.weight_decay = weight_decay
        self.gradient = gradient
        self.max_iter = max_iter
        self.tol = tol
        self.scale = scale
        self.max_samples = max_samples
        self.batch_size = batch_size

    def _check(self) -> None:
        check_choice("solver", self.solver, ("cg", "lissa", "kfac", "ekfac"))
        check_choice("curvature", self.curvature, ("gauss_newton", "hessian"))
        check_choice("gradient", self.gradient, ("retain", "forget"))
        for name in ("damping", "weight_decay", "tol"):
            check_number(name, getattr(self, name))
        check_number("scale", self.scale, open_low=True)
        for name in ("max_iter", "max_samples", "batch_size"):
            check_count(name, getattr(self, name))

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        used = min(n_retain, self.max_samples)
        of_series = endless_work(used, self.batch_size, self.max_iter)
        passes = {"cg": self.max_iter * used, "lissa": of_series, "kfac": used}
        return passes.get(self.solver, 2 * used) + (n_retain if self.gradient == "retain" else n_forget)

    def _least(self, n_forget: int, n_retain: int) -> int:
        """Conjugate gradients stop where the residual is small."""
        spared = (self.max_iter - 1) * min(n_retain, self.max_samples) if self.solver == "cg" else 0
        return self._estimate(n_forget, n_retain) - spared

    def _run(self, job: Job) -> None:
        if self.gradient == "retain":
            gradient = job.mean_gradient(job.retain)
            gradient = add(gradient, job.start(), self.weight_decay)
        else:
            own = add(job.mean_gradient(job.forget), job.start(), self.weight_decay)
            gradient = scaled(own, -len(job.forget) / len(job.retain))
        self._leap(job, gradient, job.task, job.retain)

    def _correct(self, job: Job, corrected: Task) -> None:
        n = len(job.forget) + len(job.retain)
        was, is_ = (job.mean_gradient(job.forget, of=task) for task in (job.task, corrected))
        gradient = scaled(minus(is_, was), len(job.forget) / n)
        self._leap(job, gradient, corrected, np.concatenate([job.forget, job.retain]))

    def _leap(self, job: Job, gradient: Vector, task: Task, positions: Any) -> None:
        solved = solve_curvature(job, task, positions, gradient, self)
        job.notes.append(f"residual {solved.residual:.2g} after {solved.n_products} products with the curvature")
        job.jump(scaled(solved.x, -job.strength))

    def rectify(
        self, model: nn.Module, task: Task, ids: Any, corrected: Any, seed: int = 0, *, limits: Limits | None = None,
        strength: float = 1.0,
    ) -> tuple[nn.Module, Rectification]:  # fmt: skip
        """Make a copy of a model learn corrected features or labels; see :func:`rectified`."""
        return rectified(self, self._correct, model, task, ids, corrected, seed, limits=limits, strength=strength)
