"""What the forget set should come near to, where the dose is searched."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from expunge.arguments import check_number
from expunge.errors import InvalidParameterError, InvalidRequestError
from expunge.methods.networks.task import Positions, Task
from expunge.methods.networks.utility import Viewed, view

__all__ = ["Reference", "mean_measured", "sought", "target_of"]

Reference = float | Task | nn.Module


def sought(strength: Any, reference: Reference | None) -> Reference | None:
    """The reference, if the dose is to be searched; None if the strength is a number. Anything else is refused.

    Raises
    ------
    InvalidParameterError
        The strength is neither a number from 0 on nor "auto".
    InvalidRequestError
        It is "auto", and there is no reference.
    """
    if isinstance(strength, (int, float)) and not isinstance(strength, bool):
        check_number("strength", strength)
        return None
    if strength != "auto":
        raise InvalidParameterError(f"strength must be a number or 'auto', got {strength!r}.")
    if isinstance(reference, (nn.Module, Task, int, float)):
        return reference
    raise InvalidRequestError(
        "strength='auto' has nothing to come near to.",
        hint="Give reference: a task of unseen data, a model trained without the records, or a number.",
    )


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
