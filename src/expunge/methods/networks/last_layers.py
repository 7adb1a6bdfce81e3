"""The last layers of a network: those whose parameters come last in the order of its modules."""

from __future__ import annotations

from torch import nn

from expunge.errors import InvalidParameterError, UnsupportedEstimatorError
from expunge.methods.networks.descent import descend
from expunge.methods.networks.frozen_front import losses_behind_frozen
from expunge.methods.networks.job import Job, copied_model

__all__ = ["last_layers", "reset", "train_last_layers"]


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


def train_last_layers(
    job: Job, k: int, *, anew: bool, epochs: int, lr: float, batch_size: int, momentum: float, weight_decay: float,
    anneal: bool = False,
) -> None:  # fmt: skip
    """Train the last k layers on the retain set, as they are or drawn anew; all others are frozen meanwhile.

    Where these answer alike in each pass they run once.
    """
    if anew:
        fresh = copied_model(job.model)
        reset(last_layers(fresh, k))
        job.replace({**dict(fresh.named_parameters()), **dict(fresh.named_buffers())})
    own = {id(p) for layer in last_layers(job.model, k).values() for p in layer.parameters(recurse=False)}
    frozen = [p for p in job.model.parameters() if p.requires_grad and id(p) not in own]
    try:
        for parameter in frozen:
            parameter.requires_grad_(False)
        descend(
            job, epochs=epochs, lr=lr, batch_size=batch_size, momentum=momentum, weight_decay=weight_decay,
            anneal=anneal, losses=losses_behind_frozen(job, own) if epochs > 1 else None,
        )  # fmt: skip
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)


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
