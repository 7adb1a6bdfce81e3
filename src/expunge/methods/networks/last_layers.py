"""The last layers of a network: those whose parameters come last in the order of its modules."""

from __future__ import annotations

from torch import nn

from expunge.errors import InvalidParameterError, UnsupportedEstimatorError

__all__ = ["freeze_all_but", "last_layers", "reset"]


def last_layers(model: nn.Module, k: int) -> dict[str, nn.Module]:
    """The last k modules that have parameters of their own, by name; a normalisation counts as a layer.

    Raises
    ------
    InvalidParameterError
        The model has fewer.
    """
    found = {n: m for n, m in model.named_modules() if next(m.parameters(recurse=False), None) is not None}
    if k > len(found):
        raise InvalidParameterError(f"k is {k}, and the model has {len(found)} layers with parameters.")
    return {name: found[name] for name in list(found)[-k:]}


def freeze_all_but(model: nn.Module, layers: dict[str, nn.Module]) -> list[nn.Parameter]:
    """Freeze all other trainable parameters; those that were frozen are returned, to be thawed afterwards."""
    own = {id(p) for layer in layers.values() for p in layer.parameters(recurse=False)}
    frozen = [p for p in model.parameters() if p.requires_grad and id(p) not in own]
    for parameter in frozen:
        parameter.requires_grad_(False)
    return frozen


def reset(layers: dict[str, nn.Module]) -> None:
    """Draw the weights of layers anew, as their classes do it; what is frozen stays as it is.

    Raises
    ------
    UnsupportedEstimatorError
        A layer has no ``reset_parameters``.
    """
    for name, layer in layers.items():
        if not callable(getattr(layer, "reset_parameters", None)):
            raise UnsupportedEstimatorError(
                f"Layer {name!r} ({type(layer).__name__}) has no reset_parameters().", hint="Give it one."
            )
    for layer in layers.values():
        frozen = [(p, p.detach().clone()) for p in layer.parameters(recurse=False) if not p.requires_grad]
        layer.reset_parameters()  # type: ignore[operator]
        for parameter, value in frozen:
            parameter.data.copy_(value)
