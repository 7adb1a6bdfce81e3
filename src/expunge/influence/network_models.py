"""Models of the library that are networks, as what a network is asked by: module, task and target."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from torch import nn

from expunge.errors import InvalidDataError
from expunge.influence.targets import SELF, Target
from expunge.methods.networks.network_model import NetworkModel
from expunge.methods.networks.task import Task
from expunge.rows import Table

__all__ = ["as_network"]


def as_network(model: NetworkModel, target: Target) -> tuple[nn.Module, Task, Target]:
    """The network of a model, the task it was trained on, and the target with a task of its own.

    Raises
    ------
    InvalidDataError
        A label that the model does not know.
    """
    network, rows, outputs = model.network_, model._rows(), model._solution()
    table = rows.peek(rows.slots())
    labels = model._labels(table.y)
    task = model._task_of(table, outputs, labels)
    if target == SELF:
        return network, task, target
    asked: Any = copy.copy(target)
    X, _ = model._validate(target.data, None, reset=False)
    y = np.asarray(target.y)
    known = dict(zip(labels.tolist(), np.asarray(outputs["of"]).tolist(), strict=True))
    wanted = [*(y.tolist() if known else ()), *([] if target.chance is None else [target.chance])]
    if strange := [label for label in wanted if label not in known]:
        raise InvalidDataError(f"The model does not know the label {strange[0]!r}.", hint="Leave records with it out.")
    asked.data = model._task_of(Table(np.arange(len(X)), np.array(X), y), outputs, labels)
    if target.chance is not None:
        asked.positive = known[target.chance]
    return network, task, asked
