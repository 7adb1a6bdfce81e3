"""The adapter for methods that change a trained PyTorch network: a task and a module in, a module out.

Every method in the table of :mod:`expunge.methods.networks` is in the lab under its name in small letters, with its
``strength`` as the dial and arguments of its constructor behind it: ``scrub``, ``scrub@2``, ``scrub@epochs=5,lr=0.01``.
Where that part of the library is not there, the lab has no methods for networks.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy.typing as npt

from expunge.errors import UnsupportedRequestError
from expunge.lab.data import Records
from expunge.lab.learners import Learner, Outcome

__all__ = ["NETWORK_METHODS", "NOT_IN_THE_LAB", "NetworkEntry", "forget_by_network_method"]

#: Methods for networks that no scenario can hold, with the reason.
NOT_IN_THE_LAB: dict[str, str] = {
    "Amnesiac": "it needs a log of the updates, which a hook keeps while the network is trained",
}

#: Where a method has more to tune than its strength.
_SPACES: dict[str, Mapping[str, tuple[Any, ...]]] = {
    name: {"lr": (1e-4, 1e-1, "log")}
    for name in (
        "BadTeacher",
        "FineTuning",
        "GradientAscent",
        "L1Sparse",
        "NegGradPlus",
        "RandomLabels",
        "SCRUB",
        "SalUn",
    )
}
_STRENGTH: Mapping[str, tuple[Any, ...]] = {"strength": (0.1, 10.0, "log")}
#: Arguments of constructors that a name may set, for sweeps.
_ARGUMENTS: Mapping[str, tuple[Any, ...]] = {"epochs": (1, 10), "k": (1, 4)}


@dataclasses.dataclass(frozen=True)
class NetworkEntry:
    """A method for networks.

    Parameters
    ----------
    target : str
        "module:Class".
    what : str
    space : mapping
        As of :class:`~expunge.lab.methods.Method`.
    dial : str
    """

    target: str
    what: str
    space: Mapping[str, tuple[Any, ...]]
    dial: str = "strength"


def _entries() -> dict[str, NetworkEntry]:
    try:
        table: Mapping[str, str] = importlib.import_module("expunge.methods.networks").NETWORK_METHODS
    except ModuleNotFoundError:
        return {}
    return {
        lab_name(name): NetworkEntry(
            target, f"the method {name} for networks", {**_STRENGTH, **_SPACES.get(name, {}), **_ARGUMENTS}
        )
        for name, target in table.items()
        if name not in NOT_IN_THE_LAB
    }


def lab_name(name: str) -> str:
    """The name of a class as the lab writes it.

    Examples
    --------
    >>> [lab_name(name) for name in ("SCRUB", "SCRUBPlusR", "FineTuning", "CFk", "L1Sparse")]
    ['scrub', 'scrub-plus-r', 'fine-tuning', 'cfk', 'l1-sparse']
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z]{3})(?=[A-Z][a-z])", "-", name).lower()


def forget_by_network_method(entry: NetworkEntry) -> Callable[..., Outcome]:
    """The ``forget`` of a method for networks, as the lab calls it."""

    def forget(
        learner: Learner, model: Any, records: Records, ids: npt.NDArray[Any], seed: int, *, strength: float = 1.0,
        **arguments: Any,
    ) -> Outcome:  # fmt: skip
        make_task = getattr(learner, "task", None)
        if make_task is None:
            raise UnsupportedRequestError(
                "This method changes PyTorch networks.", hint="Take cnn, resnet18, net-mlp or net-softmax as the model."
            )
        module, _, name = entry.target.partition(":")
        kind = getattr(importlib.import_module(module), name)
        known = inspect.signature(kind).parameters
        if strange := sorted(set(arguments) - set(known)):
            raise UnsupportedRequestError(f"{name} has no argument {strange[0]!r}.", hint=f"It has {', '.join(known)}.")
        if "start" in known:
            arguments["start"] = learner.starts[model]  # type: ignore[attr-defined]
        changed, removal = kind(**arguments).forget(model, make_task(records), ids.tolist(), seed, strength=strength)
        return Outcome(changed, removal.work, removal.guarantee.kind, removal.elapsed_s)

    return forget


NETWORK_METHODS = _entries()
