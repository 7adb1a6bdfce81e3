"""The adapter for methods that change a trained PyTorch network: a task and a module in, a module out.

Every method in the table of :mod:`expunge.methods.networks` is in the lab under its name in small letters, with its
``strength`` as the dial and arguments of its constructor behind it: ``scrub``, ``scrub@2``, ``scrub@epochs=5,lr=0.01``.
``scrub-r`` is SCRUB that rewinds: unseen data with the classes of what is forgotten are validation records, which no
measure of the lab looks at.
What a class says of itself is read from its source, so that listing the names imports no torch.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.resources
import inspect
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import UnsupportedRequestError
from expunge.lab.data import Records
from expunge.lab.learners import Learner, Outcome
from expunge.lab.spec import By
from expunge.methods import kebab
from expunge.methods.networks import NETWORK_METHODS
from expunge.seeds import derive_seed

__all__ = ["LAB_NETWORK_METHODS", "NOT_IN_THE_LAB", "NetworkEntry", "forget_by_network_method", "task_maker"]

#: Methods for networks that no scenario can hold, with the reason.
NOT_IN_THE_LAB: dict[str, str] = {
    "NoisyFineTuning": "its noise is what the certificate needs, so that it has no dose; its norms belong to a network",
}

#: What tuning turns, where the constructor takes it.
_SPACE: Mapping[str, tuple[Any, ...]] = {
    "anneal": (0, 1), "damping": (1e-3, 1.0, "log"), "dampening": (0.1, 10.0, "log"), "k": (1, 4), "epochs": (1, 5),
    "lr": (1e-4, 3e-1, "log"), "noise": (1e-12, 1e-6, "log"), "rate": (1e-5, 1e-1, "log"), "sparsity": (0.3, 0.98),
    "weight_decay": (1e-4, 1e-1, "log"),
}  # fmt: skip
_STRENGTH: Mapping[str, tuple[Any, ...]] = {"strength": (0.1, 10.0, "log")}
#: The same limit for all: no setting takes more than 15 % of a retrain of forty epochs, as measured. A pass costs a
#: fortieth; a step on both sets two, one with a penalty or a mask more than one; behind layers that stay and run once
#: it costs the less, the fewer are trained.
_PASSES: Mapping[str, tuple[int, int] | By] = {
    **dict.fromkeys(("NegGradPlus", "PrimalDual", "RandomLabels", "SCRUB", "SalUn", "StandIns"), (1, 2)),
    **dict.fromkeys(("BadTeacher", "FineTuning", "L1Sparse", "PruneFirst"), (1, 4)),
    **dict.fromkeys(("CFK", "EUK"), By("k", {1: (5, 20), 2: (5, 16), 3: (2, 8), 4: (1, 4)})),
}  # fmt: skip
#: Methods whose strength scales the step size: one of the two is turned.
_STRENGTH_IS_RATE = ("CFK", "EUK", "FineTuning", "GradientAscent", "PruneFirst")
#: Arguments of constructors that no name can hold: a model's weights, a task, a log; noise follows from the lab's seed.
_OBJECTS = ("held_out", "log", "noise_seed", "start")


@dataclasses.dataclass(frozen=True)
class NetworkEntry:
    """A method for networks.

    Parameters
    ----------
    target : str
        "module:Class".
    what : str
    space : mapping
    dials : tuple of str
    dial : str
        These as of :class:`~expunge.lab.methods.Method`.
    rewinds : bool
        Whether it is given unseen data.
    """

    target: str
    what: str
    space: Mapping[str, tuple[Any, ...] | By]
    dials: tuple[str, ...] = ()
    dial: str = "strength"
    rewinds: bool = False


def _entry(target: str) -> NetworkEntry:
    what, arguments = read_class(target)
    name = target.rpartition(":")[2]
    fixed = ("lr",) if name in _STRENGTH_IS_RATE else ()
    space: dict[str, Any] = {d: values for d, values in _SPACE.items() if d in arguments and d not in fixed}
    if name in _PASSES:
        space["epochs"] = _PASSES[name]
    dials = tuple(name for name in arguments if name not in _OBJECTS)
    return NetworkEntry(target, what, {**_STRENGTH, **space}, dials)


def read_class(target: str) -> tuple[str, tuple[str, ...]]:
    """What a class says of itself in one line, and the arguments of its constructor: from its source, without torch.

    Examples
    --------
    >>> read_class("expunge.methods.networks.ssd:SSD")[1]
    ('alpha', 'dampening', 'chunk')
    """
    module, _, name = target.partition(":")
    package, _, file = module.rpartition(".")
    source = importlib.resources.files(package).joinpath(f"{file}.py").read_text(encoding="utf-8")
    own = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == name)
    made = (node for node in own.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    first, _, _ = (ast.get_docstring(own) or "").partition("\n")
    return first, tuple(argument.arg for node in made for argument in node.args.kwonlyargs)


def task_maker(learner: Learner) -> Any:
    """What makes a task of records for methods that change networks.

    Raises
    ------
    UnsupportedRequestError
        The model is none.
    """
    if (make_task := getattr(learner, "task", None)) is None:
        raise UnsupportedRequestError(
            "This method changes PyTorch networks.", hint="Take cnn, resnet18, net-mlp or net-softmax as the model."
        )
    return make_task


def forget_by_network_method(entry: NetworkEntry) -> Callable[..., Outcome]:
    """The ``forget`` of a method for networks, as the lab calls it."""

    def forget(
        learner: Learner, model: Any, records: Records, ids: npt.NDArray[Any], seed: int, *, strength: float = 1.0,
        **arguments: Any,
    ) -> Outcome:  # fmt: skip
        make_task: Any = task_maker(learner)
        module, _, name = entry.target.partition(":")
        kind = getattr(importlib.import_module(module), name)
        known = inspect.signature(kind).parameters
        if strange := sorted(set(arguments) - set(known)):
            raise UnsupportedRequestError(f"{name} has no argument {strange[0]!r}.", hint=f"It has {', '.join(known)}.")
        for dial, value in arguments.items():  # a name writes yes and no as 1 and 0
            if isinstance(known[dial].default, bool) and value in (0, 1):
                arguments[dial] = bool(value)
        if "start" in known:
            arguments["start"] = learner.starts[model]  # type: ignore[attr-defined]
        if entry.rewinds:
            arguments["held_out"] = make_task(_unseen_like(learner, records.only(ids)))
        if "log" in known:
            arguments["log"] = learner.updates(model, records, ids)  # type: ignore[attr-defined]
        if "noise_seed" in known:
            arguments["noise_seed"] = derive_seed(seed, "lab noise")
        method, task, start = kind(**arguments), make_task(records), time.process_time()
        changed, removal = method.forget(model, task, ids.tolist(), seed, strength=strength)
        spent = time.process_time() - start
        return Outcome(changed, removal.work, removal.guarantee.kind, removal.elapsed_s, spent)

    return forget


def _unseen_like(learner: Any, forgotten: Records) -> Records:
    """Records that no model of the lab was trained on, of the classes that are forgotten."""
    unseen: Records = learner.unseen
    found = unseen.only(unseen.ids[np.isin(unseen.y, forgotten.y)])
    if not len(found):
        raise UnsupportedRequestError("No unseen record has a class of the forgotten ones.", hint="Take scrub.")
    return found


LAB_NETWORK_METHODS = {
    kebab(name): _entry(target) for name, target in NETWORK_METHODS.items() if name not in NOT_IN_THE_LAB
}
#: Rewinding needs a checkpoint to go back to.
LAB_NETWORK_METHODS["scrub-r"] = dataclasses.replace(
    LAB_NETWORK_METHODS["scrub"], rewinds=True, space={**LAB_NETWORK_METHODS["scrub"].space, "epochs": (2, 3)}
)
