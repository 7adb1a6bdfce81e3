"""Networks trained elsewhere: taken over with the data set they were trained on, to forget by a method of choice.

Weights come as safetensors. What builds the network and says its loss is a blueprint, found by its name: no file says
where code is. Nothing is proved about such a network, so what it answers on its data is measured and told.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.extras import needs_torch
from expunge.methods import kebab
from expunge.paths import lasting_path
from expunge.workspace import reports
from expunge.workspace.adopting import refuse_taken
from expunge.workspace.data import datasets
from expunge.workspace.models import fitting
from expunge.workspace.storage.core import Core
from expunge.workspace.tabular.preparing import told_as_invalid_data
from expunge.workspace.tabular.reading import read_rows

__all__ = ["adopt"]

#: So much better is an order of outputs that is worth a word; so many classes are named.
_MUCH, _SHOWN = 0.2, 12


def adopt(
    core: Core, name: str, *, task: str, data: str, state: str | Path | None = None, method: str = "scrub",
    target: str | None = None, options: Mapping[str, Any] | None = None, log: str | Path | None = None,
    start: str | Path | None = None, columns: Mapping[str, str] | None = None, ignore: tuple[str, ...] = (),
) -> dict[str, Any]:  # fmt: skip
    """Take over a trained network.

    Parameters
    ----------
    core : Core
        The lock is held.
    name : str
        Of the new model.
    task : str
        Of the blueprint: an entry point in the group ``expunge.tasks``, or one that was registered.
    data, target : str
        The data set it was trained on, and the column it predicts; default: the target of the blueprint.
    state : path
        Its weights, as safetensors; for dpsgd the file that ``PrivateNetwork.save`` wrote.
    method : str
        By which it forgets, as in ``expunge methods``; dpsgd for one that was trained under differential privacy.
    options : mapping, optional
        Constructor arguments of the method; also limits, as ``max_retain_drop``, and ``strength``. Of a certified one
        also ``budget_epsilon``, ``budget_delta`` and ``on_exhausted``.
    log : path, optional
        For amnesiac: the log of the training, written by ``UpdateLog.save``.
    start : path, optional
        For single-step: the weights before the training, as safetensors.
    columns, ignore
        As for a fit.

    Raises
    ------
    UnsupportedEstimatorError
        The weights are not those of the network that the blueprint builds.
    UnknownNameError, UnknownMethodError, InvalidParameterError
        No such blueprint or method, or an option that it does not have.
    FileNotUsableError, TamperedError
        A file that cannot be read.
    """
    refuse_taken(core, name)
    if state is None:
        raise InvalidParameterError("Name the file of the weights.", hint="With --state model.safetensors.")
    with needs_torch():
        kind, arguments, learn = _way(method)(method, state, dict(options or {}), log, start)

    with core.read() as connection:
        opened = datasets.open_data(core, connection, data)
    made = fitting.prepare_fit(
        core, opened, target=target, method=kind, estimator=None, task=None, options={"task": task, **arguments},
        columns=columns or {}, ignore=ignore, schema=None, bare=True, learn=learn,
    )  # fmt: skip
    made = dataclasses.replace(
        made, taken_from=tuple(lasting_path(path) for path in (state, log, start) if path is not None)
    )
    answers, truth = _answered(made)
    told = reports.model(core, fitting.enter(core, name, opened, made, gate={}, replace=False, override=""))
    told |= {"adopted": f"network {task}", "measured": _measured(made, answers, truth)}
    if made.card.schema.task == "classification":
        _warn_of_outputs(name, task, made.model, answers.astype(str), truth.astype(str))
    return told


Way = tuple[str, dict[str, Any], Callable[[Any, Any], None]]


def _way(method: str) -> Callable[..., Way]:
    """How a network that forgets by this method is held."""
    if method in _spellings("DPSGDNetwork"):
        return _private
    from expunge.methods.networks.adopted_weights import method_of

    return _certified if method_of(method, None)[0]._strongest == "certified" else _trained


def _spellings(model: str) -> set[str]:
    """How a network among the models is named that forgets by itself, in Python and on the command line."""
    names = (model, model.removesuffix("Network"))
    return {*names, *map(kebab, names)}


def _trained(method: str, state: Any, given: dict[str, Any], log: Any, start: Any) -> Way:
    """The class that holds the network, its arguments but the task, and what to do with its rows."""
    from expunge.methods.networks.adopted_weights import method_of
    from expunge.methods.networks.limits import Limits
    from expunge.methods.networks.update_log import UpdateLog
    from expunge.methods.networks.weights import read_weights

    names = [field.name for field in dataclasses.fields(Limits)]
    limits = {name: given.pop(name) for name in names if name in given}
    strength = given.pop("strength", 1.0)
    method_of(method, given, beside=[*names, "strength"])
    arguments = {"method": method, "strength": float(strength) if type(strength) is int else strength}
    held: dict[str, Any] = {} if log is None else {"log": UpdateLog.load(log)}
    held |= {} if start is None else {"start": read_weights(start)}
    weights = read_weights(state)

    def learn(model: Any, rows: Any) -> None:
        model.adopt(weights, rows.X, rows.y, record_ids=rows.ids, subject_ids=rows.subjects, **held)

    return "TrainedNetwork", arguments | {"options": given or None, "limits": limits or None}, learn


def _certified(method: str, state: Any, given: dict[str, Any], log: Any, start: Any) -> Way:
    from expunge.methods.networks.weights import read_weights

    _refuse_files(method, log, start)
    names = ("budget_epsilon", "budget_delta", "on_exhausted")
    arguments = {name: given.pop(name) for name in names if name in given}
    weights = read_weights(state)

    def learn(model: Any, rows: Any) -> None:
        model.adopt(weights, rows.X, rows.y, record_ids=rows.ids, subject_ids=rows.subjects)

    return "CertifiedNetwork", {"method": method, "options": given or None, **arguments}, learn


def _private(method: str, state: Any, given: dict[str, Any], log: Any, start: Any) -> Way:
    from expunge.methods.private.private_network import read_private_network

    _refuse_files(method, log, start)
    held = read_private_network(state)

    def learn(model: Any, rows: Any) -> None:
        if set(rows.ids) != set(held.left.tolist()):
            raise InvalidDataError(
                f"{str(state)!r} knows {len(held.left)} records, and they are not those of this data.",
                hint="Give the data without what it has forgotten, under the ids that it was trained with.",
            )
        model.adopt(held.weights, held.odometer, rows.X, rows.y, record_ids=rows.ids, subject_ids=rows.subjects)

    return "DPSGDNetwork", {"epsilon": held.odometer.epsilon, "delta": held.odometer.delta, **given}, learn


def _refuse_files(method: str, log: Any, start: Any) -> None:
    if log is not None or start is not None:
        raise InvalidParameterError(f"{method} reads neither a log nor first weights.", hint="Leave them out.")


def _answered(made: fitting.Fit) -> tuple[Any, Any]:
    """What the network answers to the records that it was trained on, and what is right."""
    rows = read_rows(made.table, made.card.schema)
    with told_as_invalid_data():
        return np.asarray(made.model.predict(rows.X)), np.asarray(rows.y)


def _measured(made: fitting.Fit, answers: Any, truth: Any) -> float:
    """Share of the records that are answered rightly, word for word; of values the mean absolute error."""
    if made.card.schema.task != "regression":
        return float(np.mean(answers.astype(str) == truth.astype(str)))
    return float(np.mean(np.abs(answers - truth.astype(float))))


def _warn_of_outputs(name: str, task: str, model: Any, answers: Any, truth: Any) -> None:
    """Warn where a network answers its own data as one that was never trained would, or as one whose outputs stand for
    other classes than was taken."""
    from sklearn.metrics import confusion_matrix

    classes = [str(label) for label in model.classes_.tolist()]
    counts = confusion_matrix(truth, answers, labels=classes)
    right, largest = np.trace(counts) / len(truth), counts.sum(axis=1).max() / len(truth)
    best, order = _best_order(counts)
    if right > largest and best < right + _MUCH:
        return
    given = model._blueprint().labels
    taken = ", ".join(repr(str(label)) for label in (classes if given is None else given)[:_SHOWN])
    other = ", ".join(repr(classes[place]) for place in order[:_SHOWN])
    more = " ..." if len(classes) > _SHOWN else ""
    whose = "sorted" if given is None else "labels of the blueprint"
    better = f" In the order {other} it would answer {best:.1%} rightly." if best >= right + _MUCH else ""
    warnings.warn(
        f"{name} answers {right:.1%} of the records that it was trained on rightly, and the largest class has "
        f"{largest:.1%} of them. Its outputs were taken for the classes {taken}{more} ({whose}).{better} If it was "
        f"trained in another order, set labels in the blueprint {task!r}, take the model out (expunge model remove "
        f"{name}) and adopt it again; else look at its inputs and its weights.",
        stacklevel=4,
    )


def _best_order(counts: Any) -> tuple[float, list[int]]:
    """The largest share of right answers that outputs can give in any order of the classes, and that order."""
    from scipy.optimize import linear_sum_assignment

    truth, output = linear_sum_assignment(counts, maximize=True)
    return counts[truth, output].sum() / counts.sum(), truth[np.argsort(output)].tolist()
