"""A training at one step: the model and the optimizer, copied, and hashed for the digest."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from expunge.digest import leaf

__all__ = ["Checkpoint"]


class Checkpoint(NamedTuple):
    """Before a step: states of the model and of the optimizer."""

    step: int
    model: dict[str, Any]
    optimizer: dict[str, Any]

    @classmethod
    def of(cls, step: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> Checkpoint:
        """A copy of both."""
        return cls(step, copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict()))

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Put both into this state."""
        model.load_state_dict(self.model)
        optimizer.load_state_dict(copy.deepcopy(self.optimizer))

    def leaf(self) -> bytes:
        """Its hash: every bit of both states."""
        return leaf({"step": self.step, "model": _plain(self.model), "optimizer": _plain(self.optimizer)})


def _plain(value: Any) -> Any:
    """Tensors as arrays, for the digest."""
    if isinstance(value, torch.Tensor):
        return value.detach().numpy()
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
