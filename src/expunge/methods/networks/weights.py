"""Weights as arrays, and back into a network; files of weights are safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from expunge.errors import TamperedError, UnsupportedEstimatorError
from expunge.files.whole import read_whole

__all__ = ["Arrays", "arrays_of", "filled", "part_of", "read_weights", "tensors_of"]

Arrays = dict[str, npt.NDArray[Any]]


def arrays_of(state: Mapping[str, torch.Tensor]) -> Arrays:
    """Copies of tensors as arrays, by name."""
    return {name: tensor.detach().cpu().contiguous().numpy().copy() for name, tensor in state.items()}


def tensors_of(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, torch.Tensor]:
    """The inverse of :func:`arrays_of`; copies."""
    return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}


def part_of(arrays: Mapping[str, Any], prefix: str) -> Arrays:
    """Those arrays whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def filled(network: nn.Module, arrays: Mapping[str, npt.NDArray[Any]], *, who: str = "the network") -> nn.Module:
    """A network with these weights and buffers, in eval mode.

    Raises
    ------
    UnsupportedEstimatorError
        They are not those of such a network: one is missing, is too many, or has another shape or type.
    """
    wanted = network.state_dict()
    lost = [*(wanted.keys() - arrays.keys()), *(arrays.keys() - wanted.keys())]
    if lost:
        raise UnsupportedEstimatorError(
            f"Weights and {who} do not fit: only one of them has {sorted(lost)[0]!r}.",
            hint="Save the state_dict() of the network that the blueprint builds.",
        )
    for name, tensor in tensors_of(arrays).items():
        if tensor.shape != wanted[name].shape or tensor.dtype != wanted[name].dtype:
            raise UnsupportedEstimatorError(
                f"Weights and {who} do not fit: {name!r} is {tensor.dtype} of shape {tuple(tensor.shape)}, and should "
                f"be {wanted[name].dtype} of shape {tuple(wanted[name].shape)}.",
                hint="Did it learn other classes or columns? See the blueprint.",
            )
    network.load_state_dict(tensors_of(arrays))
    return network.eval()


def read_weights(path: str | Path) -> Arrays:
    """The arrays of a file of safetensors.

    Raises
    ------
    FileNotUsableError
        It cannot be read.
    TamperedError
        It is no such file, or holds numbers of half a precision.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    raw = read_whole(path)
    try:
        return dict(load(raw))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise TamperedError(
            f"{str(path)!r} holds no weights that can be read.", hint="Save them: safetensors.torch.save_file(...)."
        ) from error
