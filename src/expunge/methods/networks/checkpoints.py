"""A training at one step: the model and the optimizer, copied, and hashed for the digest."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from expunge.digest import leaf
from expunge.methods.networks.weights import arrays_of, part_of, tensors_of
from expunge.state import Part

__all__ = ["Checkpoint"]


class Checkpoint(NamedTuple):
    """Before a step: states of the model and of the optimizer.

    Parameters
    ----------
    step : int
    model, optimizer : dict
    """

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

    def part(self) -> Part:
        """Both states as arrays, for the file of a model; what the optimizer was made with is not among them."""
        held = {
            f"optimizer/{number}/{name}": tensor
            for number, moments in self.optimizer["state"].items()
            for name, tensor in moments.items()
            if tensor is not None
        }
        return {"step": self.step} | arrays_of({f"model/{name}": t for name, t in self.model.items()} | held)

    @classmethod
    def of_part(cls, part: Part, optimizer: torch.optim.Optimizer) -> Checkpoint:
        """The inverse of :meth:`part`, with a new optimizer of the same arguments."""
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in tensors_of(part_of(part, "optimizer/")).items():
            number, _, name = key.partition("/")
            moments.setdefault(int(number), {})[name] = tensor
        state = {"state": moments, "param_groups": optimizer.state_dict()["param_groups"]}
        return cls(int(part["step"]), tensors_of(part_of(part, "model/")), state)


def _plain(value: Any) -> Any:
    """Tensors as arrays, for the digest."""
    if isinstance(value, torch.Tensor):
        return value.detach().numpy()
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
