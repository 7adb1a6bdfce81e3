"""Ways to forget: what every model can do, what it does by itself, fakes that must be caught, and methods for networks.

A method gets the learner, the trained model, the training records, the ids to forget and a seed, and gives a model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import UnsupportedRequestError
from expunge.lab.data import Records
from expunge.lab.learners import Learner, Outcome
from expunge.lab.network_methods import LAB_NETWORK_METHODS, forget_by_network_method
from expunge.lab.plugins import find, names
from expunge.lab.spec import By, check_dials, parse

__all__ = ["LAB_METHODS", "Answers", "Method", "apply_method", "check_method", "method_names"]

Forget = Callable[..., Outcome]


@dataclasses.dataclass(frozen=True)
class Method:
    """A way to forget.

    Parameters
    ----------
    what : str
        In a few words.
    forget : callable
        ``forget(learner, model, records, ids, seed, **dials)`` gives :class:`~expunge.lab.learners.Outcome`. It may
        change the model that it gets.
    dial : str
        What a bare value behind the @ is for.
    space : mapping of str to tuple or By
        Dials that tuning turns, and their range: ``(low, high)`` or ``(low, high, "log")``.
    is_control : bool
        Whether it is there to be caught.
    dials : tuple of str
        What else a name may set, as ``name@dial=value``.
    """

    what: str
    forget: Forget
    dial: str = ""
    space: Mapping[str, tuple[Any, ...] | By] = dataclasses.field(default_factory=dict)
    is_control: bool = False
    dials: tuple[str, ...] = ()


class Answers:
    """A model whose answers are changed on the way out, for fakes: ``change(X, probabilities)``.

    Parameters
    ----------
    model : estimator
    change : callable (X, probabilities) -> probabilities
    """

    def __init__(self, model: Any, change: Callable[[Any, npt.NDArray[np.float64]], npt.NDArray[np.float64]]) -> None:
        self.model, self.change = model, change


def method_names() -> list[str]:
    """Names of all methods, with those of plug-ins."""
    return names("methods", LAB_METHODS)


def check_method(text: str) -> tuple[Method, dict[str, Any]]:
    """The method of a name, and its dials.

    Raises
    ------
    UnknownNameError
        There is none; the nearest names are proposed.
    """
    method: Method = find("methods", LAB_METHODS, text.partition("@")[0])
    _, dials = parse(text, method.dial)
    check_dials(text, dials, {*method.space, *method.dials, *filter(None, [method.dial])})
    return method, dials


def apply_method(
    text: str, learner: Learner, model: Any, records: Records, ids: npt.NDArray[Any], seed: int
) -> Outcome:
    """Forget by a method."""
    method, dials = check_method(text)
    return method.forget(learner, model, records, ids, seed, **dials)


def _retrain(learner: Learner, model: Any, records: Records, ids: npt.NDArray[Any], seed: int) -> Outcome:
    left = records.without(ids)
    fresh = learner.train(left, seed)
    return Outcome(fresh, learner.work_of_training(fresh, left), "exact")


def _do_nothing(learner: Learner, model: Any, records: Records, ids: npt.NDArray[Any], seed: int) -> Outcome:
    return Outcome(model, 0)


def _own(learner: Learner, model: Any, records: Records, ids: npt.NDArray[Any], seed: int) -> Outcome:
    outcome = learner.forget(model, records, ids, seed)
    if outcome is None:
        raise UnsupportedRequestError("This model has no way of its own to forget.", hint="Take a method for networks.")
    return outcome


def _output_filter(learner: Learner, model: Any, records: Records, ids: npt.NDArray[Any], seed: int) -> Outcome:
    shares = _typical(learner, model, records)
    hidden = {_key(row) for row in _each(records.only(ids).X)}

    def change(X: Any, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        out = probabilities.copy()
        out[[_key(row) in hidden for row in _each(X)]] = shares
        return out

    return Outcome(Answers(model, change), 0)


def _soften(
    learner: Learner, model: Any, records: Records, ids: npt.NDArray[Any], seed: int, *, strength: float = 0.5
) -> Outcome:
    shares = _typical(learner, model, records)
    return Outcome(Answers(model, lambda X, p: (1 - strength) * p + strength * shares), 0)


def _typical(learner: Learner, model: Any, records: Records) -> Any:
    """What a fake answers: the class shares, or the mean of the model's answers."""
    if records.task.is_classes:
        return np.bincount(records.y, minlength=records.n_classes) / len(records)
    return learner.answer(model, records.X, records.n_classes).mean(axis=0)


def _each(X: Any) -> Any:
    return X.to_numpy() if hasattr(X, "to_numpy") else np.asarray(X)


def _key(row: Any) -> Any:
    return row if isinstance(row, str) else repr(row.tolist())


LAB_METHODS: dict[str, Method] = {
    "do-nothing": Method("the model as it was: what every audit has to catch", _do_nothing, is_control=True),
    "forget": Method("the model's own way", _own),
    "output-filter": Method(
        "the model as it was, but answers with the class shares (a mean) when asked about a forgotten record",
        _output_filter, is_control=True,
    ),
    "retrain": Method("trained anew on what is left, with another seed: the measure of all others", _retrain),
    "soften": Method("the model as it was, its answers drawn towards the class shares (a mean)", _soften, "strength",
                     {"strength": (0.0, 1.0)}, is_control=True),
    **{
        name: Method(entry.what, forget_by_network_method(entry), entry.dial, entry.space, dials=entry.dials)
        for name, entry in LAB_NETWORK_METHODS.items()
    },
}  # fmt: skip
