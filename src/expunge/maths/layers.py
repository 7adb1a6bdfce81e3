"""What goes into the layers of a network and what gradient comes back: the two factors of each record's gradient.

The gradient of record i in the weight of a layer is Gᵢ Aᵢᵀ: columns of A are the inputs that the weight met (one for a
linear layer, one for each position for a convolution; a one below them where there is a bias), columns of G the
gradients of the record's loss in what came out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, cast

import torch
from torch import nn

from expunge.errors import UnsupportedEstimatorError

__all__ = ["Factors", "LayerTape", "known_layers", "rows_of_layer", "split_rows", "taped"]


class Factors(NamedTuple):
    """Of one layer and a batch: inputs A, shape (b, d, t), and gradients G, shape (b, p, t)."""

    inputs: torch.Tensor
    gradients: torch.Tensor


def known_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The trainable linear layers and convolutions by name; a model with others that are trained is refused.

    Raises
    ------
    UnsupportedEstimatorError
        Another layer has trainable parameters, or parameters are shared between layers.
    """
    found: dict[str, nn.Module] = {}
    names = {name for name, p in model.named_parameters() if p.requires_grad}
    for name, layer in model.named_modules():
        own = {f"{name}.{p}" if name else p for p, _ in layer.named_parameters(recurse=False)} & names
        if not own:
            continue
        fits = isinstance(layer, nn.Linear) or (
            isinstance(layer, nn.Conv2d)
            and layer.groups == 1
            and not isinstance(layer.padding, str)
            and layer.padding_mode == "zeros"
        )
        if not fits or len(own) != sum(1 for _ in layer.parameters(recurse=False)):
            raise UnsupportedEstimatorError(
                f"Layer {name!r} ({type(layer).__name__}) is trained, and only nn.Linear and nn.Conv2d without groups, "
                "weight and bias together, have the form that is needed here.",
                hint="Freeze it with requires_grad_(False), or choose a method or solver without layer factors.",
            )
        found[name] = layer
    if sum(1 for layer in found.values() for _ in layer.parameters()) != len(names):
        raise UnsupportedEstimatorError("Layers of this model share parameters.", hint="Choose another solver.")
    return found


class LayerTape:
    """Records, while a batch goes through, what the layers see; a layer that is used twice is refused."""

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        self.layers = layers
        self._inputs: dict[str, torch.Tensor] = {}
        self._outputs: dict[str, torch.Tensor] = {}

    def see(self, name: str, given: torch.Tensor, out: torch.Tensor) -> None:
        if name in self._inputs:
            raise UnsupportedEstimatorError(f"Layer {name!r} is used twice in one pass.", hint="Choose another solver.")
        self._inputs[name], self._outputs[name] = given.detach(), out

    def clear(self) -> None:
        """Make ready for the next batch."""
        self._inputs.clear()
        self._outputs.clear()

    def factors(self, losses: torch.Tensor) -> Iterator[tuple[str, Factors]]:
        """Factors of each layer, given the loss of each record, shape (b,); one backward pass for all."""
        names = list(self._outputs)
        found = torch.autograd.grad(losses.sum(), [self._outputs[n] for n in names])
        for name, gradient in zip(names, found, strict=True):
            yield name, _factors(self.layers[name], self._inputs[name], gradient)
        self.clear()


@contextmanager
def taped(model: nn.Module) -> Iterator[LayerTape]:
    """A tape on a model, taken off at the end."""
    tape = LayerTape(known_layers(model))

    def hook_of(name: str) -> object:
        return lambda layer, given, out: tape.see(name, given[0], out)

    handles = [layer.register_forward_hook(hook_of(name)) for name, layer in tape.layers.items()]  # type: ignore[arg-type]
    try:
        yield tape
    finally:
        for handle in handles:
            handle.remove()


def _factors(layer: nn.Module, given: torch.Tensor, gradient: torch.Tensor) -> Factors:
    if isinstance(layer, nn.Conv2d):
        return Factors(_patches(layer, given, gradient.shape[2:]), gradient.flatten(2))
    # (b, ..., d): what lies between is positions
    a = given.reshape(len(given), -1, given.shape[-1]).transpose(1, 2)
    g = gradient.reshape(len(gradient), -1, gradient.shape[-1]).transpose(1, 2)
    if layer.bias is not None:
        a = torch.cat([a, a.new_ones(len(a), 1, a.shape[2])], dim=1)
    return Factors(a, g)


def _patches(layer: nn.Conv2d, given: torch.Tensor, out: torch.Size) -> torch.Tensor:
    """What each position of the output sees, shape (b, d, t), a row of ones below for the bias.

    A copy for each place of the kernel, in long runs: several times faster than unfolding on a CPU.
    """
    (high, wide), (down, right), (far, far_) = layer.kernel_size, layer.stride, layer.dilation
    pad_down, pad_right = cast(tuple[int, int], layer.padding)
    if pad_down or pad_right:
        given = nn.functional.pad(given, (pad_right, pad_right, pad_down, pad_down))
    (n, channels), (rows, columns) = given.shape[:2], out
    d = channels * high * wide
    found = given.new_ones(n, d + (layer.bias is not None), rows * columns)
    places = found[:, :d].view(n, channels, high * wide, rows, columns)
    for i in range(high):
        for j in range(wide):
            top, left = i * far, j * far_
            part = given[
                :, :, top : top + down * (rows - 1) + 1 : down, left : left + right * (columns - 1) + 1 : right
            ]
            places[:, :, i * wide + j] = part
    return found


def rows_of_layer(layer: nn.Module, name: str, vector: dict[str, torch.Tensor]) -> torch.Tensor:
    """The part of a vector that belongs to a layer, as a matrix (p, d), the bias as last column."""
    prefix = f"{name}." if name else ""
    weight = vector[f"{prefix}weight"].flatten(1)
    return torch.cat([weight, vector[f"{prefix}bias"][:, None]], dim=1) if layer.bias is not None else weight


def split_rows(layer: nn.Module, name: str, rows: torch.Tensor) -> dict[str, torch.Tensor]:
    """The inverse of :func:`rows_of_layer`."""
    prefix = f"{name}." if name else ""
    shape = cast(torch.Tensor, layer.weight).shape
    if layer.bias is None:
        return {f"{prefix}weight": rows.reshape(shape)}
    return {f"{prefix}weight": rows[:, :-1].reshape(shape), f"{prefix}bias": rows[:, -1]}
