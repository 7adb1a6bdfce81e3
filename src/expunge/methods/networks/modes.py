"""Layers that behave otherwise in training: what they may learn from whom.

Dropout drops whenever a method trains. The running statistics of a batch normalisation are learned from data too: they
are renewed by batches of the retain set, while a batch of the forget set goes through with the statistics as they are
and leaves no trace in them. So does a batch of one record, which has no variance.
"""

from __future__ import annotations

from typing import Literal

from torch import nn

__all__ = ["Whose", "restore_modes", "set_mode"]

Whose = Literal["retain", "forget"]

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)


def set_mode(model: nn.Module, whose: Whose, n_records: int) -> None:
    """Make a model ready to train on a batch of the retain set or of the forget set."""
    model.train()
    if whose == "forget" or n_records < 2:
        for layer in model.modules():
            if isinstance(layer, _NORMS) and layer.track_running_stats:
                layer.eval()


def restore_modes(model: nn.Module, like: nn.Module) -> None:
    """Every layer in the mode in which the same layer of another model is."""
    for layer, other in zip(model.modules(), like.modules(), strict=True):
        layer.training = other.training
