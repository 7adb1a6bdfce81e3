"""What the forget set should come near to, where the dose is searched."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import nn

from expunge.errors import InvalidParameterError, InvalidRequestError
from expunge.methods.networks.task import Positions, Task
from expunge.methods.networks.utility import Viewed, view

__all__ = ["Reference", "is_searched", "mean_measured", "target_of"]

Reference = float | Task | nn.Module


def is_searched(strength: Any, reference: Reference | None) -> bool:
    """Whether the dose is searched; what is neither that nor a number is refused."""
    if isinstance(strength, (int, float)) and not isinstance(strength, bool):
        if not 0 <= strength < math.inf:
            raise InvalidParameterError(f"strength must be at least 0, got {strength!r}.")
        return False
    if strength != "auto":
        raise InvalidParameterError(f"strength must be a number or 'auto', got {strength!r}.")
    if not isinstance(reference, (nn.Module, Task, int, float)):
        raise InvalidRequestError(
            "strength='auto' has nothing to come near to.",
            hint="Give reference: a task of unseen data, a model trained without the records, or a number.",
        )
    return True


def target_of(model: nn.Module, task: Task, forget: Positions, reference: Reference) -> float:
    """What should be measured on the forget set."""
    if isinstance(reference, nn.Module):
        return mean_measured(view(reference, task, forget))
    if isinstance(reference, Task):
        return mean_measured(view(model, reference, np.arange(len(reference))))
    return float(reference)


def mean_measured(seen: list[Viewed]) -> float:
    """Mean of what is measured."""
    return float(np.concatenate([v.measured for v in seen]).mean())
