"""A network of the user in the hands of Opacus: which layers it refuses and why, and what stands in for them."""

from __future__ import annotations

import copy
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from expunge.errors import MissingExtraError, UnsupportedEstimatorError
from expunge.methods.networks.task import Task

__all__ = ["Clipping", "Private", "made_private", "valid_copy"]

Clipping = Literal["flat", "ghost"]


class Private(NamedTuple):
    """What a step is made of: the wrapped network, the optimizer that clips and adds noise, and the loss.

    Parameters
    ----------
    module : Module
    optimizer : Optimizer
    criterion : callable
    """

    module: Any
    optimizer: Any
    criterion: Any

    def bound(self, norm: float) -> None:
        """No gradient of a record is longer from now on."""
        self.optimizer.max_grad_norm = norm
        if hasattr(self.module, "max_grad_norm"):  # where the module clips
            self.module.max_grad_norm = norm

    def lengths(self) -> torch.Tensor:
        """Lengths of the gradients of the records that went through last, before they are shortened."""
        if hasattr(self.module, "per_sample_gradient_norms"):
            norms: torch.Tensor = self.module.per_sample_gradient_norms
            return norms.detach()
        parts: list[torch.Tensor] = [p.grad_sample.detach().flatten(1).norm(dim=1) for p in self.optimizer.params]
        lengths: torch.Tensor = torch.stack(parts).norm(dim=0)
        return lengths


class _LossOfTask:
    """The loss of a task in the form that Opacus asks for: with a ``reduction`` that it may set."""

    def __init__(self, task: Task) -> None:
        self.task, self.reduction = task, "mean"

    def __call__(self, outputs: Any, targets: Any) -> torch.Tensor:
        losses = self.task.losses_of(outputs, targets)
        return losses if self.reduction == "none" else losses.mean()


def valid_copy(model: nn.Module, *, fix: bool) -> tuple[nn.Module, list[str]]:
    """A copy in training mode whose layers keep records apart, and what was put in the place of which layer.

    Parameters
    ----------
    model : Module
        Not changed.
    fix : bool
        Whether layers that mix records may be replaced: batch normalisation by group normalisation, an LSTM by one
        that Opacus can look into.

    Raises
    ------
    MissingExtraError
        Opacus is not there.
    UnsupportedEstimatorError
        A layer that mixes records, or that Opacus does not know.
    """
    try:
        from opacus.validators import ModuleValidator
    except ImportError as error:
        raise MissingExtraError("Private training needs Opacus.", hint="pip install 'expunge[dp]'.") from error
    own = copy.deepcopy(model).train()
    if not ModuleValidator.validate(own, strict=False):
        return own, []
    reasons = _reasons(ModuleValidator, own)
    if not fix:
        raise UnsupportedEstimatorError(
            f"Gradients of single records cannot be had of this network: {reasons[0]}",
            hint="Pass fix=True to have such layers replaced.",
        )
    fixed = ModuleValidator.fix(own).train()
    if ModuleValidator.validate(fixed, strict=False):
        raise UnsupportedEstimatorError(
            f"Nothing is known to stand in for a layer: {_reasons(ModuleValidator, fixed)[0]}",
            hint="Replace it, or freeze it with requires_grad_(False).",
        )
    kinds = {name: type(layer).__name__ for name, layer in own.named_modules()}
    changed = [
        f"{kinds[name]} {name!r} became {type(layer).__name__}"
        for name, layer in fixed.named_modules()
        if name in kinds and kinds[name] != type(layer).__name__
    ]
    return fixed, changed


def _reasons(validator: Any, model: nn.Module) -> list[str]:
    return [" ".join(str(error).split()) for error in validator.validate(model, strict=False)]


def made_private(
    model: nn.Module, optimizer: torch.optim.Optimizer, task: Task, *, clipping: Clipping, multiplier: float,
    max_grad_norm: float, batch_size: float, generator: torch.Generator, secure: bool,
) -> Private:  # fmt: skip
    """The three objects of a private step, over a model from :func:`valid_copy`.

    Raises
    ------
    UnsupportedEstimatorError
        A layer has no gradients of single records.
    """
    from opacus.grad_sample import GradSampleModule, GradSampleModuleFastGradientClipping
    from opacus.optimizers import DPOptimizer, DPOptimizerFastGradientClipping
    from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping

    criterion = _LossOfTask(task)
    given: dict[str, Any] = {
        "optimizer": optimizer, "noise_multiplier": multiplier, "max_grad_norm": max_grad_norm,
        "expected_batch_size": batch_size, "generator": generator, "secure_mode": secure,
    }  # fmt: skip
    try:
        if clipping == "flat":
            module: Any = GradSampleModule(model)
            return Private(module, DPOptimizer(**given), criterion)
        module = GradSampleModuleFastGradientClipping(model, max_grad_norm=max_grad_norm, use_ghost_clipping=True)
    except NotImplementedError as error:
        raise UnsupportedEstimatorError(
            f"Gradients of single records cannot be had of this network: {' '.join(str(error).split())}",
            hint="Replace that layer, or freeze it with requires_grad_(False).",
        ) from error
    private = DPOptimizerFastGradientClipping(**given)
    return Private(module, private, DPLossFastGradientClipping(module, private, criterion))
