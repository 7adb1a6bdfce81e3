"""Train on with noise that hides where the training began: a certificate for a network, whatever its loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from expunge.arguments import check_choice, check_count, check_number
from expunge.errors import InvalidParameterError, UnsupportedEstimatorError, UnsupportedRequestError
from expunge.methods.networks.descent import descend
from expunge.methods.networks.job import Job, endless_work
from expunge.methods.networks.limits import Limits
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.network_removal import NetworkRemoval
from expunge.methods.networks.reference import Reference
from expunge.methods.networks.task import Positions, Task
from expunge.privacy.arguments import check_delta, check_epsilon
from expunge.privacy.claims import about_noise
from expunge.privacy.clipping import clip_rows
from expunge.privacy.events import Gaussian
from expunge.privacy.forgetting_noise import sigma_for_clipped_gradients, sigma_for_clipped_models
from expunge.privacy.gaussian import gaussian_sigma
from expunge.privacy.noise import Noise
from expunge.records import Guarantee, Kind, Plan, independent_of
from expunge.seeds import check_seed

__all__ = ["ALONE", "NoisyFineTuning"]

Floats = npt.NDArray[np.float64]

#: An assumption of one removal, which whoever keeps an account of several can do without.
ALONE = "each model is published by itself"


class NoisyFineTuning(NetworkMethod):
    """Train on without the records, first with clipping and noise: for networks that need an epsilon and a delta.

    Nothing is assumed of the loss. The price is that the noise hides the whole model and not the records alone: at a
    small epsilon little of the old model is left, and the training after it has to find the way again.

    Parameters
    ----------
    epsilon, delta : float, default=1.0 and 1e-5
        What is promised; delta at most 1/n unless allowed.
    clip : {"gradient", "model"}, default="gradient"
        What is clipped in each noisy step: its gradient, after the model was clipped once; or the model itself.
    n_steps : int, default=100
        Noisy steps.
    lr : float, default=0.1
        Of the noisy steps.
    weight_decay : float, default=1.0
        Of the noisy steps, below 1 / lr. With clipped gradients it makes the start fade: exp(-lr · weight_decay ·
        steps).
    model_norm : float, default=1.0
        Norm of all trainable weights together, to which the model is clipped: once, or in every step.
    max_grad_norm : float, default=0.01
        Norm of the gradient of a batch; of clipped gradients alone.
    epochs : int, default=3
        Passes without noise and clipping afterwards, which cost nothing of epsilon. 0 for none.
    tuning_lr, momentum : float, default=0.1 and 0.9
        Of these.
    batch_size : int, default=64
    allow_large_delta : bool, default=False
    noise_seed : int, optional
        Default: the operating system's generator. A seed is for tests: who knows it sees through the noise.

    Attributes
    ----------
    sigma : float
        Standard deviation of the noise on each weight in each noisy step.
    event : Gaussian
        What one call costs an :class:`~expunge.private.Odometer`; of clipped gradients alone.

    Guarantee
    ---------
    ``certified``: (epsilon, delta)-indistinguishable from the same steps from any other model of that norm, one that
    was trained without the records among them; under the assumptions that the guarantee lists by name.

    Notes
    -----
    The gradient of a batch of the retain set is clipped, not that of a record: it is the start that must be hidden and
    not the data of the steps. Requests may follow one another. What one has hidden stays hidden, for the next changes
    the model without the records, and each hides its own. Weights are held in double precision while there is noise.
    There is no dose: another ``strength`` than 1, and limits that look at the outcome, are refused. Reads steps ·
    batch_size and epochs · n_retain records; each noisy step draws a number for each weight, about 0.2 microseconds.

    References
    ----------
    A. Koloskova, Y. Allouah, A. Jha, R. Guerraoui, S. Koyejo, "Certified unlearning for neural networks", ICML 2025,
    arXiv 2506.06985, the definitions of the steps with gradient clipping and with model clipping. For the noise see
    :mod:`expunge.privacy.forgetting_noise`. All constants are ours.
    """

    _strongest: Kind = "certified"  # type: ignore[misc]
    _execution_params = ("allow_large_delta",)

    def __init__(
        self, *, epsilon: float = 1.0, delta: float = 1e-5, clip: Literal["gradient", "model"] = "gradient",
        n_steps: int = 100, lr: float = 0.1, weight_decay: float = 1.0, model_norm: float = 1.0,
        max_grad_norm: float = 0.01, epochs: int = 3, tuning_lr: float = 0.1, momentum: float = 0.9,
        batch_size: int = 64, allow_large_delta: bool = False, noise_seed: int | None = None,
    ) -> None:  # fmt: skip
        self.epsilon = epsilon
        self.delta = delta
        self.clip = clip
        self.n_steps = n_steps
        self.lr = lr
        self.weight_decay = weight_decay
        self.model_norm = model_norm
        self.max_grad_norm = max_grad_norm
        self.epochs = epochs
        self.tuning_lr = tuning_lr
        self.momentum = momentum
        self.batch_size = batch_size
        self.allow_large_delta = allow_large_delta
        self.noise_seed = noise_seed

    def _check(self) -> None:
        check_epsilon(self.epsilon)
        check_delta(self.delta)
        check_choice("clip", self.clip, ("gradient", "model"))
        for name in ("n_steps", "batch_size"):
            check_count(name, getattr(self, name))
        check_count("epochs", self.epochs, least=0)
        for name in ("lr", "model_norm", "max_grad_norm", "tuning_lr"):
            check_number(name, getattr(self, name), open_low=True)
        for name in ("weight_decay", "momentum"):
            check_number(name, getattr(self, name))
        if self.lr * self.weight_decay >= 1:
            raise InvalidParameterError(
                f"weight_decay must be below 1 / lr = {1 / self.lr:g}, got {self.weight_decay!r}."
            )
        if self.noise_seed is not None:
            check_seed(self.noise_seed)

    def _look(self, model: nn.Module, task: Task, forget: Positions) -> None:
        check_delta(self.delta, n=len(task), allow_large_delta=self.allow_large_delta)
        for name, layer in model.named_modules():
            if getattr(layer, "running_mean", None) is not None:
                raise UnsupportedEstimatorError(
                    f"The layer {name!r} keeps running statistics of the records, which no noise hides.",
                    hint="Use GroupNorm or LayerNorm, or track_running_stats=False.",
                )

    # ------------------------------------------------------------------ what is promised

    @property
    def sigma(self) -> float:
        """Standard deviation of the noise on each weight in each noisy step."""
        self._check()
        if self.clip == "model":
            return sigma_for_clipped_models(self.epsilon, self.delta, self.n_steps, model_norm=self.model_norm)
        return sigma_for_clipped_gradients(
            self.epsilon, self.delta, self.n_steps, lr=self.lr, model_norm=self.model_norm,
            max_grad_norm=self.max_grad_norm, weight_decay=self.weight_decay,
        )  # fmt: skip

    @property
    def event(self) -> Gaussian:
        """What one call costs a budget, where models of several calls are published.

        Raises
        ------
        UnsupportedRequestError
            With ``clip="model"``.
        """
        self._check()
        if self.clip == "model":
            raise UnsupportedRequestError(
                "Clipped models are certified at this epsilon alone, not by one Gaussian.", hint="Use clip='gradient'."
            )
        return Gaussian(gaussian_sigma(self.epsilon, self.delta))

    def guarantee(self) -> Guarantee:
        """The guarantee of its removals, with epsilon, delta, the norms and the noise."""
        large = ", whatever the number of records" if self.allow_large_delta else ""
        clipped = f"gradients to {self.max_grad_norm:g}, the first model" if self.clip == "gradient" else "each model"
        return Guarantee(
            kind="certified", epsilon=float(self.epsilon), delta=float(self.delta),
            statement=(
                f"({self.epsilon:g}, {self.delta:g})-indistinguishable{large} from the same {self.n_steps} steps that "
                f"begin with a model trained without the records; {clipped} clipped to a norm of {self.model_norm:g}, "
                f"noise of sigma = {self.sigma:.4g} in each"
            ),
            assumptions=(
                f"the noise is {about_noise(self.noise_seed)}",
                "weights that are not trainable, and buffers, never saw the records",
                "the task gives the retained records alone to a step, and their number does not tell who was forgotten",
                "only the new model is published, neither the models of the steps nor the report of the removal",
                ALONE,
                independent_of("model"),
            ),
        )  # fmt: skip

    # ------------------------------------------------------------------ the verbs

    def forget(
        self, model: nn.Module, task: Task, ids: Any, seed: int = 0, *, retain: Any = None,
        limits: Limits | None = None, strength: float | Literal["auto"] = 1.0, reference: Reference | None = None,
    ) -> tuple[nn.Module, NetworkRemoval]:  # fmt: skip
        """As :meth:`NetworkMethod.forget`; no other strength than 1, and no limits that look at the outcome."""
        _refuse_dose(limits, strength)
        return super().forget(model, task, ids, seed, retain=retain, limits=limits, strength=1.0)

    def plan(
        self, model: nn.Module, task: Task, ids: Any, seed: int = 0, *, retain: Any = None,
        limits: Limits | None = None, strength: float | Literal["auto"] = 1.0, reference: Reference | None = None,
    ) -> Plan:  # fmt: skip
        """As :meth:`NetworkMethod.plan`."""
        _refuse_dose(limits, strength)
        return super().plan(model, task, ids, seed, retain=retain, limits=limits, strength=1.0)

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return endless_work(n_retain, self.batch_size, self.n_steps) + self.epochs * n_retain

    def _run(self, job: Job) -> None:
        weights, sigma, noise = job.trainable(), self.sigma, Noise(self.noise_seed)
        x = _flat(weights)
        if self.clip == "gradient":
            x = clip_rows(x[np.newaxis], self.model_norm)[0]
        for _, batch in zip(range(self.n_steps), job.endless(job.retain, self.batch_size), strict=False):
            _put(weights, x)
            gradient = self._gradient(job, batch, weights)
            if self.clip == "gradient":
                gradient = clip_rows(gradient[np.newaxis], self.max_grad_norm)[0]
            x = x - self.lr * (gradient + self.weight_decay * x)
            if self.clip == "model":
                x = clip_rows(x[np.newaxis], self.model_norm)[0]
            x = noise.gaussian(x, sigma)
        _put(weights, x)
        if self.epochs:
            descend(job, epochs=self.epochs, lr=self.tuning_lr, batch_size=self.batch_size, momentum=self.momentum)

    @staticmethod
    def _gradient(job: Job, batch: Any, weights: Mapping[str, nn.Parameter]) -> Floats:
        """Of the mean loss of a batch; zero where it is not finite."""
        losses = job.losses(batch, "retain").mean()
        found = torch.autograd.grad(losses, list(weights.values()), allow_unused=True)
        parts = [torch.zeros_like(p) if g is None else g for p, g in zip(weights.values(), found, strict=True)]
        flat = _flat(dict(zip(weights, parts, strict=True)))
        return flat if bool(np.isfinite(flat).all()) else np.zeros_like(flat)


def _refuse_dose(limits: Limits | None, strength: float | str) -> None:
    if strength != 1.0:
        raise UnsupportedRequestError(
            f"strength is {strength!r}: the noise of a certificate has no dose.", hint="Choose epsilon and delta."
        )
    if limits is not None and limits != Limits(max_forget_share=limits.max_forget_share):
        raise UnsupportedRequestError(
            "A certificate holds for whatever comes out: limits that look at the outcome, or pull to the old model, "
            "would break it.",
            hint="max_forget_share is the one to keep; or train again without the records.",
        )


def _flat(tensors: Mapping[str, torch.Tensor]) -> Floats:
    return np.concatenate([value.detach().cpu().double().numpy().ravel() for value in tensors.values()])


@torch.no_grad()
def _put(weights: Mapping[str, nn.Parameter], x: Floats) -> None:
    at = 0
    for parameter in weights.values():
        part = torch.from_numpy(x[at : at + parameter.numel()]).reshape(parameter.shape)
        parameter.copy_(part.to(parameter))
        at += parameter.numel()
