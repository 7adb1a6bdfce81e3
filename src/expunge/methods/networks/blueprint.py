"""What a workspace has to be told of a network: how it is built, what its task is, how it is trained.

A blueprint is found by its name alone. A package enters it in the group ``expunge.tasks``; a script calls
:func:`register`. No file and no request ever says where a class is.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from expunge.errors import InvalidParameterError, UnknownNameError, UnsupportedRequestError
from expunge.methods.networks.task import Classification, Regression, Task
from expunge.near_names import did_you_mean

__all__ = ["Blueprint", "blueprint_names", "find_blueprint", "register"]

_GROUP = "expunge.tasks"
_REGISTERED: dict[str, Callable[[], Any]] = {}
_LOADED: dict[str, Callable[[], Any]] = {}  # of packages: to look through all of them takes long


class Blueprint:
    """How a network is built, what its task is and how it is trained. Write :meth:`network`; the rest has defaults.

    Attributes
    ----------
    kind : {"classification", "regression", "question answering"}, default="classification"
    target : str, optional
        Column of the target, where nobody names one.
    labels : sequence, optional
        Class of each output of the network, in order; default: the classes of the data, sorted.
    texts : bool, default=False
        Whether the columns are texts; else they are numbers.

    Examples
    --------
    >>> class Wide(Blueprint):
    ...     def network(self, n_features, n_outputs):
    ...         return nn.Sequential(nn.Linear(n_features, 8), nn.ReLU(), nn.Linear(8, n_outputs))
    >>> register("wide", Wide)
    >>> type(find_blueprint("wide")).__name__
    'Wide'
    """

    kind: ClassVar[Literal["classification", "regression", "question answering"]] = "classification"
    target: ClassVar[str | None] = None
    labels: ClassVar[Sequence[Any] | None] = None
    texts: ClassVar[bool] = False

    def network(self, n_features: int, n_outputs: int) -> nn.Module:
        """The network with its first weights, on the CPU; the generator of torch is seeded when it is called."""
        raise NotImplementedError

    def inputs(self, X: npt.NDArray[Any]) -> Any:
        """What the network reads, from columns of shape (n, d), float64 or texts as objects: the place to make an image
        of them, or numbers of words."""
        return torch.tensor(X, dtype=torch.float32)

    def task(self, inputs: Any, targets: Any, record_ids: npt.NDArray[Any]) -> Task:
        """The data with the loss that is trained. Targets are a tensor of numbers of outputs or values, or an array of
        answers."""
        kind = Classification if self.kind == "classification" else Regression
        return kind((inputs, targets), record_ids=list(record_ids))

    def train(self, network: nn.Module, task: Task, seed: int) -> nn.Module:
        """Train a network from its first weights, as the one that is in use was trained: for references of an audit.

        One that draws nothing but from torch's generator, which is seeded, and that reads records in an order of its
        own gives the same bits again.

        Raises
        ------
        UnsupportedRequestError
            The blueprint brings no training.
        """
        raise UnsupportedRequestError(
            f"{type(self).__name__} brings no training.", hint="Write train(network, task, seed), or do without."
        )

    def answers(self, network: Callable[..., Any], inputs: Any) -> list[str]:
        """What a network of kind "question answering" says to inputs.

        Raises
        ------
        UnsupportedRequestError
            The blueprint gives no answers.
        """
        raise UnsupportedRequestError(
            f"{type(self).__name__} gives no answers.", hint="Write answers(network, inputs), or choose another kind."
        )

    def backbone(self, n_features: int) -> nn.Module:
        """A network with public weights that are never trained here; its outputs are features.

        Raises
        ------
        UnsupportedRequestError
            The blueprint brings no backbone.
        """
        raise UnsupportedRequestError(
            f"{type(self).__name__} brings no backbone.", hint="Write backbone(n_features), or choose another one."
        )

    def entry(self, X: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        """First epoch, from 0, in which a replayed training reads each record: late for those who may leave."""
        return np.zeros(len(X), dtype=np.intp)


def register(name: str, blueprint: Callable[[], Blueprint]) -> None:
    """Enter a blueprint for this process: for scripts that are no package.

    Parameters
    ----------
    name : str
    blueprint : class, or function without arguments that gives a :class:`Blueprint`
    """
    _REGISTERED[name] = blueprint


def blueprint_names() -> list[str]:
    """Names of all blueprints, those of packages and those of this process."""
    return sorted({*_REGISTERED, *(point.name for point in importlib.metadata.entry_points(group=_GROUP))})


def find_blueprint(name: Any) -> Blueprint:
    """The blueprint of a name.

    Raises
    ------
    UnknownNameError
        There is none; the nearest ones are proposed.
    InvalidParameterError
        What stands under the name is no blueprint.
    """
    make = (_REGISTERED.get(name) or _LOADED.get(name)) if isinstance(name, str) else None
    for point in importlib.metadata.entry_points(group=_GROUP) if make is None else ():
        if point.name == name:
            make = _LOADED[name] = point.load()
    if make is None:
        otherwise = "Install its package, or register it in Python."
        hint = did_you_mean(str(name), blueprint_names(), otherwise=otherwise)
        raise UnknownNameError(f"There is no task {name!r}.", hint=hint)
    made = make()
    if not isinstance(made, Blueprint):
        raise InvalidParameterError(
            f"The task {name!r} is a {type(made).__name__}, and no Blueprint.",
            hint="Inherit from expunge.networks.Blueprint.",
        )
    return made
