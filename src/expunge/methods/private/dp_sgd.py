"""Train a network under differential privacy, so that forgetting up to so many records has to do nothing."""

from __future__ import annotations

from typing import Literal

import numpy as np
from torch import nn

from expunge.arguments import check_choice, check_count, check_flag, check_number
from expunge.methods.networks.network_method import refuse_model
from expunge.methods.networks.task import Positions, Task
from expunge.methods.private.opacus_modules import Clipping, valid_copy
from expunge.methods.private.private_network import PrivateNetwork
from expunge.methods.private.private_steps import Steps, run_steps
from expunge.privacy.arguments import POLICIES, check_delta, check_epsilon
from expunge.privacy.calibration import least_noise, sampled_run
from expunge.privacy.group_odometer import GroupOdometer
from expunge.seeds import check_seed

__all__ = ["DPSGD"]


class DPSGD:
    """Train your network by noisy gradients of single records, through Opacus.

    Parameters
    ----------
    epsilon, delta : float, default=3.0 and 1e-5
        What is promised to any ``group_size`` records together; delta at most 1/n unless allowed.
    group_size : int, default=1
        So many records may be forgotten before the network has to be trained again, and so many may be one person's.
    epochs : int, default=10
    batch_size : int, default=256
        Records of a step, on average: each takes part with probability batch_size / n, by a coin of its own.
    max_grad_norm : float, default=1.0
        No record's gradient is longer; longer ones are shortened.
    clip_quantile : float, optional
        Between 0 and 1: ``max_grad_norm`` is the first bound, which then follows this quantile of the lengths. How many
        are shorter is counted with noise, within the same epsilon.
    optimizer : {"sgd", "adam"}, default="sgd"
    lr : float, default=0.5
    momentum : float, default=0.9
        Of SGD.
    clipping : {"ghost", "flat"}, default="ghost"
        Ghost clipping keeps no gradient of a single record, only their norms: less memory, for a second pass backwards.
    chunk : int, default=512
        So many records go through the network at a time: memory.
    fix : bool, default=True
        Replace layers that mix records, as batch normalisation does, in the copy that is trained.
    on_exhausted : {"retrain", "refuse"}, default="retrain"
    allow_large_delta : bool, default=False
    noise_seed : int, optional
        Default: coins and noise from a seed of the operating system. A seed is for tests.

    Notes
    -----
    The noise is found by bisection on the account of the whole run; the account of a group is that of a mixture of
    Gaussians, for its members take part by coins (:mod:`expunge.privacy.groups`). Frozen parameters stay as they are
    and get no noise: train the last layers alone, or what is left after pruning on public data, and there is less of
    it.

    References
    ----------
    M. Abadi et al., "Deep learning with differential privacy", CCS 2016, algorithm 1. A. Yousefpour et al., "Opacus:
    user-friendly differential privacy library in PyTorch", 2021. Z. Bu et al., "Scalable and efficient training of
    large convolutional neural networks with differential privacy", NeurIPS 2022: ghost clipping. G. Andrew et al.,
    "Differentially private learning with adaptive clipping", NeurIPS 2021, theorem 1: the count within the budget.

    Examples
    --------
    >>> from expunge.networks import Classification
    >>> X = np.random.default_rng(0).normal(size=(200, 5)).astype("float32")
    >>> task = Classification((X, (X[:, 0] > 0).astype("int64")))
    >>> method = DPSGD(epsilon=8.0, delta=1e-3, epochs=2, batch_size=50)
    >>> private = method.fit(nn.Linear(5, 2), task)
    >>> private.forget([3]).work, private.odometer.left
    (0, 0)
    """

    def __init__(
        self, *, epsilon: float = 3.0, delta: float = 1e-5, group_size: int = 1, epochs: int = 10,
        batch_size: int = 256, max_grad_norm: float = 1.0, clip_quantile: float | None = None,
        optimizer: Literal["sgd", "adam"] = "sgd", lr: float = 0.5, momentum: float = 0.9,
        clipping: Clipping = "ghost", chunk: int = 512, fix: bool = True,
        on_exhausted: Literal["retrain", "refuse"] = "retrain", allow_large_delta: bool = False,
        noise_seed: int | None = None,
    ) -> None:  # fmt: skip
        self.epsilon = epsilon
        self.delta = delta
        self.group_size = group_size
        self.epochs = epochs
        self.batch_size = batch_size
        self.max_grad_norm = max_grad_norm
        self.clip_quantile = clip_quantile
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.clipping = clipping
        self.chunk = chunk
        self.fix = fix
        self.on_exhausted = on_exhausted
        self.allow_large_delta = allow_large_delta
        self.noise_seed = noise_seed

    def fit(self, model: nn.Module, task: Task) -> PrivateNetwork:
        """Train a copy of a network.

        Parameters
        ----------
        model : Module
            With its first weights, which must not come from these records: drawn, or learned from public data.
        task : Task
            Its loss must be one of single records, as :meth:`Task.losses` says.

        Returns
        -------
        PrivateNetwork
            The network, what it has been charged, and ``forget``.

        Raises
        ------
        InvalidParameterError
            An epsilon of zero or less, a delta above 1/n, or another argument of the wrong form.
        UnsupportedEstimatorError
            A layer whose records cannot be told apart, half precision, or nothing to train.
        MissingExtraError
            Opacus is not installed.
        """
        self._check()
        refuse_model(model)
        check_delta(self.delta, n=len(task), allow_large_delta=self.allow_large_delta)
        network, odometer, notes, work = self.trained(model, task, np.arange(len(task), dtype=np.intp))
        return PrivateNetwork(self, network, task, odometer, first=model, notes=notes, work=work)

    def trained(
        self, model: nn.Module, task: Task, kept: Positions, *, fits: int = 1
    ) -> tuple[nn.Module, GroupOdometer, list[str], int]:
        """A network trained on some records, its odometer, what was replaced in it, and how many records were read."""
        own, notes = valid_copy(model, fix=self.fix)
        probability = min(1.0, self.batch_size / len(kept))
        count = max(1, round(self.epochs / probability))
        multiplier = least_noise(
            self.epsilon, self.delta, probability=probability, steps=count, group_size=self.group_size
        )
        steps = Steps(
            probability=probability, count=count, multiplier=multiplier, max_grad_norm=self.max_grad_norm,
            optimizer=self.optimizer, lr=self.lr, momentum=self.momentum, clipping=self.clipping, chunk=self.chunk,
            clip_quantile=self.clip_quantile,
        )  # fmt: skip
        work = run_steps(own, task, kept, steps, None if self.noise_seed is None else self.noise_seed + fits)
        run = sampled_run(multiplier, probability=probability, steps=count)
        return own.eval(), GroupOdometer(self.epsilon, self.delta, run), notes, work

    def _most(self, n: int) -> int:
        """Records that a training on n reads, at most, but for one in many millions: who takes part is drawn."""
        return 2 * self.epochs * n + 10 * self.batch_size

    def _check(self) -> None:
        check_epsilon(self.epsilon)
        check_delta(self.delta)
        for name in ("group_size", "epochs", "batch_size", "chunk"):
            check_count(name, getattr(self, name))
        for name in ("max_grad_norm", "lr"):
            check_number(name, getattr(self, name), open_low=True)
        check_number("momentum", self.momentum, high=1.0)
        if self.clip_quantile is not None:
            check_number("clip_quantile", self.clip_quantile, high=1 - 2.0**-20, open_low=True)
        check_choice("optimizer", self.optimizer, ("sgd", "adam"))
        check_choice("clipping", self.clipping, ("ghost", "flat"))
        check_choice("on_exhausted", self.on_exhausted, POLICIES)
        for name in ("fix", "allow_large_delta"):
            check_flag(name, getattr(self, name))
        if self.noise_seed is not None:
            check_seed(self.noise_seed)
