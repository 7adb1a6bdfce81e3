"""Corrected features and labels of records that a network has learned."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn
from torch.utils.data import Dataset, TensorDataset

from expunge.errors import InvalidDataError
from expunge.methods.networks.job import Job
from expunge.methods.networks.limits import Limits
from expunge.methods.networks.network_method import NetworkMethod, touched_parts
from expunge.methods.networks.task import Positions, Task
from expunge.methods.networks.utility import retain_sample, view
from expunge.records import Rectification

__all__ = ["rectified"]


class _Overlaid(Dataset[Any]):
    """A data set with other records at some positions."""

    def __init__(self, old: Any, new: Any, positions: Positions) -> None:
        self.old, self.new = old, new
        self.place = {int(position): i for i, position in enumerate(positions)}

    def __len__(self) -> int:
        return len(self.old)

    def __getitem__(self, i: int) -> Any:
        return self.new[self.place[i]] if i in self.place else self.old[i]


def rectified(
    method: NetworkMethod, correct: Callable[[Job, Task], None], model: nn.Module, task: Task, ids: Any, corrected: Any,
    seed: int, *, limits: Limits | None, strength: float,
) -> tuple[nn.Module, Rectification]:  # fmt: skip
    """Make a copy of a model as if records had had other features or labels.

    Parameters
    ----------
    method : NetworkMethod
    correct : callable
        How the method corrects: ``correct(job, task)`` changes ``job.model``; the task holds the corrected records.
    model, task, ids, seed, limits, strength
        As of :meth:`NetworkMethod.forget`.
    corrected : Dataset, or pair of arrays
        The records as they should have been, in the order of ``ids``.

    Returns
    -------
    new_model : Module
    rectification : Rectification

    Raises
    ------
    InvalidDataError
        Not one corrected record for each id.
    LimitBrokenError
        The model would have moved further than the limits allow.
    """
    started = time.perf_counter()
    limits = limits or Limits()
    forget, kept = method.asked(model, task, ids, None, limits)
    if isinstance(corrected, tuple) and len(corrected) == 2:
        corrected = type(task)(corrected).dataset
    if len(corrected) != len(forget):
        raise InvalidDataError(f"{len(corrected)} corrected records for {len(forget)} ids.", hint="One for each id.")
    after = copy.copy(task)
    after.dataset = _overlaid(task.dataset, corrected, forget)
    before = {"forget": view(model, after, forget), "retain": view(model, after, retain_sample(task, kept, seed))}

    done = method.once(
        model, task, forget, kept, seed, strength, limits, before, run=lambda job: correct(job, after), viewed=after
    )
    limits.check(done.change, n_forget=len(forget), mends=False)
    return done.model, Rectification(
        guarantee=method.guarantee(), n_rectified=len(forget), work=done.work, elapsed_s=time.perf_counter() - started,
        touched=touched_parts(model, done.model), notes=tuple(done.notes),
    )  # fmt: skip


def _overlaid(old: Any, new: Any, positions: Positions) -> Any:
    if type(old) is TensorDataset and type(new) is TensorDataset:
        tensors = []
        for all_, some in zip(old.tensors, new.tensors, strict=True):
            out = all_.clone()
            out[np.asarray(positions)] = some.to(out)
            tensors.append(out)
        return TensorDataset(*tensors)
    return _Overlaid(old, new, positions)
