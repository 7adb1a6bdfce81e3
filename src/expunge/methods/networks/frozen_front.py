"""Frozen layers before those that are trained: what comes out of them is the same in each pass, so they run once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from expunge.methods.networks.job import Job
from expunge.methods.networks.modes import set_mode
from expunge.methods.networks.task import Batch, Task

__all__ = ["losses_behind_frozen"]

#: Modules of torch whose layers answer a record alike in every pass: they draw nothing and keep no running statistics.
_PLAIN = ("activation", "container", "conv", "flatten", "instancenorm", "linear", "normalization", "padding", "pooling")
_OTHERS = (nn.RReLU, nn.MultiheadAttention)
#: More than this is not kept; the layers then run in each pass.
MOST_BYTES = 2**28


@torch.no_grad()
def losses_behind_frozen(job: Job, trained: set[int]) -> Callable[[Batch], torch.Tensor] | None:
    """The losses of a batch of the retain set, with the layers before the trained ones run now, once for each record.

    Parameters
    ----------
    job : Job
    trained : set of int
        ``id`` of each parameter that is trained.

    Returns
    -------
    losses : callable or None
        None where the model is no plain sequence, or its first layers do not answer alike in each pass.
    """
    parts = _parted(job.model, trained) if type(job.task).forward is Task.forward else None
    if parts is None:
        return None
    front, head = parts
    kept, size = [], job.task.batch_size
    for start in range(0, len(job.retain), size):
        kept.append(front(job.task.batch(job.retain[start : start + size], job.device).inputs))
        if kept[0][0].numel() * kept[0].element_size() * len(job.retain) > MOST_BYTES:
            return None
    values, places = torch.cat(kept), np.empty(len(job.task), dtype=np.intp)
    places[job.retain] = np.arange(len(job.retain))

    def losses(batch: Batch) -> torch.Tensor:
        set_mode(job.model, "retain", len(batch))
        return job.task.losses_of(head(values[torch.as_tensor(places[batch.positions])]), batch.targets)

    return losses


def _parted(model: nn.Module, trained: set[int]) -> tuple[nn.Sequential, nn.Sequential] | None:
    """The layers before the first trained one, and the others."""
    if type(model) is not nn.Sequential:
        return None
    layers = list(model)
    n = next(i for i, layer in enumerate(layers) if any(id(p) in trained for p in layer.parameters()))
    front = nn.Sequential(*layers[:n])
    inside = [layer for part in layers[:n] for layer in part.modules()]
    if not any(True for _ in front.parameters()) or not all(map(_is_plain, inside)):
        return None
    hooked = any(layer._forward_hooks or layer._forward_pre_hooks for layer in (model, *inside))
    return None if hooked else (front, nn.Sequential(*layers[n:]))


def _is_plain(layer: nn.Module) -> bool:
    package, _, name = type(layer).__module__.rpartition(".")
    known = package == "torch.nn.modules" and name in _PLAIN and not isinstance(layer, _OTHERS)
    return known and getattr(layer, "running_mean", None) is None
