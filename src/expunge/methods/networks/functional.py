"""A module as a function of its parameters, for derivatives by torch.func."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from expunge.maths.sample_gradients import Losses
from expunge.maths.vectors import Vector
from expunge.methods.networks.task import Task

__all__ = ["functional_losses", "functional_outputs"]


def functional_outputs(task: Task, model: nn.Module, params: Mapping[str, torch.Tensor]) -> Callable[[Any, Any], Any]:
    """Outputs of a batch as a function (params, inputs) of some parameters; the others stay as they are."""
    fixed = {name: p.detach() for name, p in model.named_parameters() if name not in params}
    fixed.update({name: b.detach() for name, b in model.named_buffers()})

    def outputs(values: Mapping[str, torch.Tensor], inputs: Any) -> Any:
        return task.forward(lambda *args, **kw: functional_call(model, {**fixed, **values}, args, kw), inputs)

    return outputs


def functional_losses(task: Task, model: nn.Module, params: Vector) -> tuple[Losses, Vector]:
    """The loss of each record of a batch as a function (params, inputs, targets), and the parameters.

    The model should be in eval mode: batch statistics and dropout would make one record's loss depend on others.
    """
    outputs = functional_outputs(task, model, params)

    def losses(values: Mapping[str, torch.Tensor], inputs: Any, targets: Any) -> torch.Tensor:
        return task.losses(outputs(values, inputs), targets)

    return losses, {name: value.detach() for name, value in params.items()}
