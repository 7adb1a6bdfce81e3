"""Dampen the weights that matter more to the forget set than to all data."""

from __future__ import annotations

import numpy as np
import torch

from expunge.arguments import check_count, check_number
from expunge.methods.networks.job import Job
from expunge.methods.networks.network_method import NetworkMethod

__all__ = ["SSD"]


class SSD(NetworkMethod):
    """Selective synaptic dampening: shrink the weights that are important for the forgotten records; no training.

    Parameters
    ----------
    alpha : float, default=10.0
        A weight is dampened where its importance for the forget set is more than alpha times that for all data; the
        strength of ``forget`` divides it.
    dampening : float, default=1.0
        λ: a dampened weight is multiplied by min(λ · importance for all / importance for the forget set, 1).
    chunk : int, default=64
        Records whose gradients are held at once: memory against time, no result depends on it beyond rounding.

    Raises
    ------
    InvalidParameterError
        By its verbs: an argument out of range.

    Guarantee
    ---------
    ``empirical``.

    Notes
    -----
    Importance is the diagonal of the empirical Fisher matrix, the mean of squared gradients of single records, in eval
    mode. Reads n + n_forget records once; memory of ``chunk`` gradients. Defaults are those of the authors' code for a
    ResNet-18 (alpha 10, lambda 1); that code squares the gradients of batches; here they are of single records, as the
    matrix is defined.

    References
    ----------
    J. Foster, S. Schoepf, A. Brintrup, "Fast machine unlearning without retraining through selective synaptic
    dampening", AAAI 2024, arXiv 2308.07707, the equations of the selection (α) and of the dampening (λ, β).

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, SSD
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = SSD(alpha=1.0).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 5)
    """

    _statement = "weights that mattered most to the records were shrunk; no distance is proved"
    _execution_params = ("chunk",)

    def __init__(self, *, alpha: float = 10.0, dampening: float = 1.0, chunk: int = 64) -> None:
        self.alpha = alpha
        self.dampening = dampening
        self.chunk = chunk

    def _check(self) -> None:
        check_number("alpha", self.alpha)
        check_number("dampening", self.dampening)
        check_count("chunk", self.chunk)

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return 2 * n_forget + n_retain

    def _run(self, job: Job) -> None:
        of_all = job.fisher_diagonal(np.concatenate([job.forget, job.retain]), chunk=self.chunk)
        of_forgotten = job.fisher_diagonal(job.forget, chunk=self.chunk)
        change, n_dampened = {}, 0
        for name, weight in job.start().items():
            important = job.strength * of_forgotten[name] > self.alpha * of_all[name]
            factor = (self.dampening * of_all[name] / of_forgotten[name]).clamp(max=1.0)
            change[name] = torch.where(important, (factor - 1) * weight, torch.zeros_like(weight))
            n_dampened += int(important.sum())
        job.notes.append(f"{n_dampened:,} weights were dampened")
        job.jump(change)
