"""One step along the gradient of the forgotten records: influence of first order."""

from __future__ import annotations

from typing import Any

from torch import nn

from expunge.arguments import check_number
from expunge.maths.vectors import Vector, minus, scaled
from expunge.methods.networks.job import Job
from expunge.methods.networks.limits import Limits
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.rectifying import rectified
from expunge.methods.networks.task import Task
from expunge.records import Rectification

__all__ = ["GradientStep"]


class GradientStep(NetworkMethod):
    """Undo the records' part of the gradient in one step; corrects features and labels, too.

    Parameters
    ----------
    rate : float, default=1e-4
        τ; the strength of ``forget`` scales it.

    Raises
    ------
    InvalidParameterError
        By its verbs: an argument out of range.

    Guarantee
    ---------
    ``empirical``. (The paper's certified form needs a convex loss and noise at training.)

    Notes
    -----
    θ ← θ - τ (Σ ∇ℓ(corrected records) - Σ ∇ℓ(records)); to forget, there is no corrected record. Reads each record
    once, in eval mode. τ has to be tuned: the authors' code has 2e-5 for a CNN with poisoned labels.

    References
    ----------
    A. Warnecke, L. Pirch, C. Wressnegger, K. Rieck, "Machine unlearning of features and labels", NDSS 2023, arXiv
    2108.11577, the equation of the first-order update.

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, GradientStep
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = GradientStep(rate=0.01).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 1)
    """

    _statement = "one step was taken along the gradient of the records; no distance is proved"

    def __init__(self, *, rate: float = 1e-4) -> None:
        self.rate = rate

    def _check(self) -> None:
        check_number("rate", self.rate)

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return n_forget

    def _run(self, job: Job) -> None:
        job.jump(scaled(job.mean_gradient(job.forget), job.strength * self.rate * len(job.forget)))

    def _correct(self, job: Job, corrected: Task) -> None:
        gradients: list[Vector] = [job.mean_gradient(job.forget, of=task) for task in (job.task, corrected)]
        job.jump(scaled(minus(*gradients), job.strength * self.rate * len(job.forget)))

    def rectify(
        self, model: nn.Module, task: Task, ids: Any, corrected: Any, seed: int = 0, *, limits: Limits | None = None,
        strength: float = 1.0,
    ) -> tuple[nn.Module, Rectification]:  # fmt: skip
        """Make a copy of a model learn corrected features or labels; see :func:`rectified`."""
        return rectified(self, self._correct, model, task, ids, corrected, seed, limits=limits, strength=strength)
