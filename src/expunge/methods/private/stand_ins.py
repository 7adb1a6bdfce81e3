"""Draw stand-ins for records that are to be forgotten, from a private release of the others, and train on with them."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from expunge.arguments import check_choice
from expunge.errors import InvalidParameterError, UnsupportedRequestError
from expunge.methods.networks.arguments import check_training
from expunge.methods.networks.job import Job, endless_work
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.network_removal import NetworkRemoval
from expunge.methods.networks.task import Batch, Task
from expunge.methods.private.noisy_counts import noisy_class_sums
from expunge.privacy.arguments import check_delta, check_epsilon
from expunge.privacy.claims import about_noise
from expunge.privacy.events import Event, Gaussian
from expunge.privacy.gaussian import gaussian_sigma
from expunge.privacy.noise import Noise
from expunge.records import Guarantee
from expunge.seeds import check_seed, derive_seed, uniform64

__all__ = ["StandIns"]

Floats = npt.NDArray[np.float64]
#: Classes, and means and deviations of their inputs.
Release = tuple[Any, Floats, Floats]

#: Shares of the account: numbers of records, sums, sums of squares.
_SHARES = (0.1, 0.5, 0.4)


class StandIns(NetworkMethod):
    """Train on, with a made-up record of the same class in the place of each forgotten one.

    What is made up is drawn from means and variances of the classes, which are released under differential privacy from
    the records that are left; or it is noise alone. So the model sees as many records as before, and none of the
    forgotten ones.

    Parameters
    ----------
    epsilon, delta : float, default=1.0 and 1e-5
        Of the release, towards each record that is left. :meth:`event` is what it costs, for an odometer that decides
        how many requests are answered like this before a retrain: see
        :class:`~expunge.methods.private.steered.Steered`.
    bounds : tuple of float, default=(0.0, 1.0)
        Smallest and largest value of an input: public numbers.
    strategy : {"samples", "noise"}, default="samples"
        "noise" draws evenly within the bounds, and releases nothing.
    epochs : int, default=2
        Passes over the retain set; stand-ins come again as often as a pass needs them.
    lr : float, default=0.01
    batch_size : int, default=64
    momentum : float, default=0.9
    noise_seed : int, optional
        Default: noise from the operating system, so that the weights of two calls differ. A seed is for tests; of it
        each request makes its own noise.

    Guarantee
    ---------
    ``empirical`` towards those who are forgotten. The release is (epsilon, delta)-differentially private towards those
    who stay: one for each call, with fresh noise, however many doses the call tries.

    Notes
    -----
    A step goes down (mean loss of a batch of the retain set) + strength · n_forget / n_retain · (mean loss of a batch
    of stand-ins). Reads the retain set once for the release, then twice epochs · n_retain records at most. Inputs are
    tensors of numbers, and records have classes.

    References
    ----------
    The release is that of :class:`~expunge.methods.private.gaussian_nb.PrivateGaussianNB`; training on with others in
    the place of the forgotten records is the mixed data of L. Graves, V. Nagisetty, V. Ganesh, "Amnesiac machine
    learning", AAAI 2021, arXiv 2010.10981, section "Unlearning", with inputs instead of labels exchanged. All constants
    are ours.
    """

    _release: list[Release] | None = None

    def __init__(
        self, *, epsilon: float = 1.0, delta: float = 1e-5, bounds: tuple[float, float] = (0.0, 1.0),
        strategy: Literal["samples", "noise"] = "samples", epochs: int = 2, lr: float = 0.01, batch_size: int = 64,
        momentum: float = 0.9, noise_seed: int | None = None,
    ) -> None:  # fmt: skip
        self.epsilon = epsilon
        self.delta = delta
        self.bounds = bounds
        self.strategy = strategy
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.momentum = momentum
        self.noise_seed = noise_seed

    def event(self) -> Event:
        """What one request costs those who stay."""
        return Gaussian(gaussian_sigma(self.epsilon, self.delta)) if self.strategy == "samples" else Event()

    def forget(
        self, model: nn.Module, task: Task, ids: Any, seed: int = 0, **given: Any
    ) -> tuple[nn.Module, NetworkRemoval]:  # fmt: skip
        """As :meth:`NetworkMethod.forget`; the release is made once, and every dose that is tried draws from it."""
        once = copy.copy(self)
        once._release = []
        return NetworkMethod.forget(once, model, task, ids, seed, **given)

    def guarantee(self) -> Guarantee:
        """The guarantee of its removals: empirical, with where the noise of the release comes from."""
        if self.strategy == "noise":
            return super().guarantee()
        said = (f"the noise of the release is {about_noise(self.noise_seed)}",)
        return dataclasses.replace(super().guarantee(), assumptions=said)

    def _check(self) -> None:
        check_training(self)
        check_epsilon(self.epsilon)
        check_delta(self.delta)
        check_choice("strategy", self.strategy, ("samples", "noise"))
        if self.noise_seed is not None:
            check_seed(self.noise_seed)
        low, high = self.bounds
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InvalidParameterError(f"bounds must be two finite numbers that ascend, got {self.bounds!r}.")

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        steps = self.epochs * -(-n_retain // self.batch_size)
        release = n_retain if self.strategy == "samples" else 0
        return release + self.epochs * n_retain + endless_work(n_forget, self.batch_size, steps)

    def _run(self, job: Job) -> None:
        release = self._released_once(job) if self.strategy == "samples" else None
        optimizer = job.optimizer("sgd", self.lr, momentum=self.momentum)
        passes = (job.batches(job.retain, self.batch_size, epoch=epoch) for epoch in range(self.epochs))
        forgotten, share = job.endless(job.forget, self.batch_size), len(job.forget) / len(job.retain)
        for batch in itertools.chain.from_iterable(passes):
            kept = job.losses(batch, "retain").mean()
            made_up = self._made_up(job, next(forgotten), release)
            job.step(optimizer, kept + job.strength * share * job.losses(made_up, "forget").mean())

    def _made_up(self, job: Job, batch: Batch, release: Release | None) -> Batch:
        """The same classes, and inputs drawn by the hash of the ids."""
        _refuse_other_inputs(job.task, batch)
        low, high = self.bounds
        shape = tuple(batch.inputs.shape[1:])
        draws = [np.random.Generator(np.random.Philox(int(key))) for key in job.draws(batch, "stand-in")]
        if release is None:
            rows = np.stack([draw.uniform(low, high, size=shape) for draw in draws])
        else:
            classes, mean, spread = release
            codes = np.searchsorted(classes, np.asarray(job.task.classes_of(batch.targets)))
            codes = np.minimum(codes, len(classes) - 1)
            u = [mean[c] + spread[c] * draw.normal(size=mean.shape[1]) for c, draw in zip(codes, draws, strict=True)]
            middle, half = (low + high) / 2, (high - low) / 2
            rows = (np.clip(u, -1.0, 1.0) * half + middle).reshape(len(draws), *shape)
        return Batch(torch.as_tensor(rows).to(batch.inputs), batch.targets, batch.positions)

    def _released_once(self, job: Job) -> Release:
        if self._release is None:
            return self._released(job)
        if not self._release:
            self._release.append(self._released(job))
        return self._release[0]

    def _noise(self, job: Job) -> Noise:
        """Of this request alone: its own from a seed, too, or the difference of two releases would be a bare record."""
        if self.noise_seed is None:
            return Noise()
        whose = [uniform64(self.noise_seed, "stand-ins", job.task.ids[part]) for part in (job.forget, job.retain)]
        return Noise(derive_seed(self.noise_seed, "stand-ins", *(int(np.bitwise_xor.reduce(keys)) for keys in whose)))

    def _released(self, job: Job) -> Release:
        """Classes, and means and deviations of their inputs brought to -1 to 1, shape (n_classes, d), with noise."""
        low, high = self.bounds
        parts: list[tuple[Floats, Any]] = []
        for batch in job.batches(job.retain):
            _refuse_other_inputs(job.task, batch)
            rows = batch.inputs.flatten(1).cpu().numpy().astype(np.float64)
            parts.append((rows, job.task.classes_of(batch.targets)))
        labels = np.concatenate([label for _, label in parts])
        classes, codes = np.unique(labels, return_inverse=True)
        u = np.clip((np.concatenate([rows for rows, _ in parts]) - (low + high) / 2) / ((high - low) / 2), -1.0, 1.0)
        multiplier, noise, ones = gaussian_sigma(self.epsilon, self.delta), self._noise(job), np.ones(len(u))
        count, first, second = (
            noisy_class_sums(values, codes, ones, len(classes), length, multiplier / math.sqrt(part), noise)
            for values, length, part in zip(
                (ones[:, np.newaxis], u, u**2), (1.0, *[math.sqrt(u.shape[1])] * 2), _SHARES, strict=True
            )
        )
        count = np.maximum(count, 1.0)
        mean = np.clip(first / count, -1.0, 1.0)
        return classes, mean, np.sqrt(np.clip(second / count - mean**2, 0.0, 1.0))


def _refuse_other_inputs(task: Task, batch: Batch) -> None:
    if not isinstance(batch.inputs, torch.Tensor) or not batch.inputs.is_floating_point():
        raise UnsupportedRequestError(
            "Stand-ins are drawn for inputs that are one tensor of numbers.", hint="Choose another method."
        )
    if task.classes_of(batch.targets) is None:
        raise UnsupportedRequestError("Stand-ins are drawn by class, and this task has none.")
