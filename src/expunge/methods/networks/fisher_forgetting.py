"""Noise on the weights, most where the retain set does not care."""

from __future__ import annotations

import torch

from expunge.arguments import check_count, check_number
from expunge.methods.networks.job import Job
from expunge.methods.networks.network_method import NetworkMethod

__all__ = ["FisherForgetting"]


class FisherForgetting(NetworkMethod):
    """Add normal noise to each weight, with a variance that falls with the weight's importance for the retain set.

    Parameters
    ----------
    noise : float, default=1e-9
        λσ² of the paper; the strength of ``forget`` multiplies it. The standard deviation of the noise of a weight is
        (noise / (F + floor))^¼, F the diagonal of the Fisher matrix of the retain set.
    floor : float, default=1e-6
        Added to F, so that a weight that does not matter is not drowned.
    chunk : int, default=64
        Records whose gradients are held at once: memory against time.

    Raises
    ------
    InvalidParameterError
        By its verbs: an argument out of range.

    Guarantee
    ---------
    ``empirical``: the paper's bound on the information that is left rests on a quadratic loss and on a trade-off that
    is not measured here.

    Notes
    -----
    Reads the retain set once, gradient by gradient, in eval mode. The noise has to be tuned; ours is for a small
    network. F is that of the records' own labels. The authors' code takes it over labels as the model answers, adds
    1e-8, holds 1/F below 1000, averages it over the weights that go into a unit, and draws with the standard deviation
    (noise / F)^½ for a noise of 1e-8 to 1e-5: another rule than the paper's, which is the one here.

    References
    ----------
    A. Golatkar, A. Achille, S. Soatto, "Eternal sunshine of the spotless net: selective forgetting in deep networks",
    CVPR 2020, arXiv 1911.04933, paragraph "Fisher forgetting", the equation S(w) = w + (λσ²)^¼ F^-¼ ε.

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Classification, FisherForgetting
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> new_model, removal = FisherForgetting(noise=1e-6).forget(torch.nn.Linear(4, 2), task, [3])
    >>> removal.n_forgotten, removal.work
    (1, 3)
    """

    _statement = "noise was added where the retained records care least; no distance is proved"
    _execution_params = ("chunk",)

    def __init__(self, *, noise: float = 1e-9, floor: float = 1e-6, chunk: int = 64) -> None:
        self.noise = noise
        self.floor = floor
        self.chunk = chunk

    def _check(self) -> None:
        check_number("noise", self.noise)
        check_number("floor", self.floor, open_low=True)
        check_count("chunk", self.chunk)

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return n_retain

    def _run(self, job: Job) -> None:
        fisher = job.fisher_diagonal(job.retain, chunk=self.chunk)
        change = {}
        for name, value in fisher.items():
            deviation = (self.noise * job.strength / (value + self.floor)) ** 0.25
            drawn = torch.randn(value.shape, generator=job.generator, dtype=value.dtype)
            change[name] = deviation * drawn.to(value.device)
        job.jump(change)
