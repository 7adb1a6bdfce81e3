"""What goes into the layers of a network and what gradient comes back: the two factors of each record's gradient.

The gradient of record i in the weight of a layer is Gᵢ Aᵢᵀ: columns of A are the inputs that the weight met (one for a
linear layer, one for each position for a convolution; a one below them where there is a bias), columns of G the
gradients of the record's loss in what came out.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import torch
from torch import nn

from expunge.errors import UnsupportedEstimatorError

__all__ = ["Factors", "LayerTape", "known_layers", "rows_of_layer", "split_rows", "taped"]


class Factors:
    """Of one layer and a batch: inputs A, shape (b, d, t), and gradients G, shape (b, p, t). It unpacks to the two.

    The inputs of a convolution are laid out when they are asked for, each value once for each place of the kernel;
    :meth:`products` does with one copy for each column of the kernel.

    Parameters
    ----------
    given : tensor
        What the layer saw; of a convolution as pictures.
    gradients : tensor of shape (b, p, t)
    convolution : Convolution, optional
        How pictures become inputs.
    """

    def __init__(self, given: torch.Tensor, gradients: torch.Tensor, convolution: Convolution | None = None) -> None:
        self.given, self.gradients, self.convolution = given, gradients, convolution

    def __iter__(self) -> Iterator[torch.Tensor]:
        yield self.inputs
        yield self.gradients

    @property
    def n_inputs(self) -> int:
        """d: numbers that each position of the output sees, one more for the bias."""
        c = self.convolution
        return self.given.shape[1] if c is None else len(self.given[0]) * c.high * c.wide + c.has_bias

    @functools.cached_property
    def inputs(self) -> torch.Tensor:
        """A."""
        return self.given if self.convolution is None else self.convolution.patches(self.given)

    def products(self) -> torch.Tensor:
        """The gradient of each record in the layer, shape (b, d, p); its rows in an order that depends on the layer."""
        turned = self.gradients.transpose(1, 2)
        if self.convolution is None or "inputs" in vars(self):
            return self.inputs @ turned
        parts = [strip @ turned for strip in self.convolution.strips(self.given)]
        if self.convolution.has_bias:
            parts.append(self.gradients.sum(dim=2)[:, None])
        return torch.cat(parts, dim=1)


class Convolution(NamedTuple):
    """Kernel, stride, dilation, padding, and rows and columns of the output."""

    high: int
    wide: int
    down: int
    right: int
    far_down: int
    far_right: int
    pad_down: int
    pad_right: int
    rows: int
    columns: int
    has_bias: bool

    @classmethod
    def of(cls, layer: nn.Conv2d, out: torch.Size) -> Convolution:
        """Of a layer and the last two dimensions of its output."""
        (high, wide), (down, right), (far_down, far_right) = layer.kernel_size, layer.stride, layer.dilation
        (pad_down, pad_right), (rows, columns) = cast(tuple[int, int], layer.padding), out
        return cls(
            high, wide, down, right, far_down, far_right, pad_down, pad_right, rows, columns, layer.bias is not None
        )

    def patches(self, given: torch.Tensor) -> torch.Tensor:
        """What each position of the output sees, shape (b, d, t), a row of ones below for the bias.

        A copy for each place of the kernel, in long runs: several times faster than unfolding on a CPU.
        """
        n, channels = given.shape[:2]
        d = channels * self.high * self.wide
        found = given.new_empty(n, d + self.has_bias, self.rows * self.columns)
        found[:, d:] = 1
        places = found[:, :d].view(n, channels, self.high, self.wide, self.rows, self.columns)
        strips = self._strips(given)
        for i in range(self.high):
            places[:, :, i] = strips[:, :, :, self._rows(i)]
        return found

    def strips(self, given: torch.Tensor) -> Iterator[torch.Tensor]:
        """The same for one row of the kernel after another, each of shape (b, channels · wide, t): where the kernel
        goes down by single rows these are views of one copy.
        """
        strips = self._strips(given).flatten(1, 2)
        for i in range(self.high):
            yield strips[:, :, self._rows(i)].flatten(2)

    def _strips(self, given: torch.Tensor) -> torch.Tensor:
        """What each column of the kernel sees in each row of the input, shape (b, channels, wide, height, columns)."""
        if self.pad_down or self.pad_right:
            given = nn.functional.pad(given, (self.pad_right, self.pad_right, self.pad_down, self.pad_down))
        n, channels, height = given.shape[:3]
        found = given.new_empty(n, channels, self.wide, height, self.columns)
        for j in range(self.wide):
            left = j * self.far_right
            found[:, :, j] = given[..., left : left + self.right * (self.columns - 1) + 1 : self.right]
        return found

    def _rows(self, i: int) -> slice:
        top = i * self.far_down
        return slice(top, top + self.down * (self.rows - 1) + 1, self.down)


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
    """Records, while a batch goes through, what the layers see; a layer that is used twice is refused.

    Parameters
    ----------
    layers : dict of str to Module
        Those that are listened to.
    """

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
    """A tape on a model, taken off at the end.

    Meanwhile images go in with the channels of a pixel side by side: on a CPU convolutions and pooling, forward and
    back, then take two thirds of the time.
    """
    tape = LayerTape(known_layers(model))

    def hook_of(name: str) -> object:
        return lambda layer, given, out: tape.see(name, given[0], out)

    handles = [layer.register_forward_hook(hook_of(name)) for name, layer in tape.layers.items()]  # type: ignore[arg-type]
    handles.append(model.register_forward_pre_hook(lambda _, given: tuple(map(_channels_together, given))))
    try:
        yield tape
    finally:
        for handle in handles:
            handle.remove()


def _channels_together(given: Any) -> Any:
    is_image = isinstance(given, torch.Tensor) and given.dim() == 4
    return given.to(memory_format=torch.channels_last) if is_image else given


def _factors(layer: nn.Module, given: torch.Tensor, gradient: torch.Tensor) -> Factors:
    if isinstance(layer, nn.Conv2d):
        together = gradient.is_contiguous()  # or the channels are, where the input of the model was laid out so
        g = gradient.flatten(2) if together else gradient.permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)
        return Factors(given, g, Convolution.of(layer, gradient.shape[2:]))
    # (b, ..., d): what lies between is positions
    a = given.reshape(len(given), -1, given.shape[-1]).transpose(1, 2)
    g = gradient.reshape(len(gradient), -1, gradient.shape[-1]).transpose(1, 2)
    if layer.bias is not None:
        a = torch.cat([a, a.new_ones(len(a), 1, a.shape[2])], dim=1)
    return Factors(a, g)


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
