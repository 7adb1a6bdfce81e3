"""Every constructor argument matters or is refused; the constructor only stores."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from expunge.checks.case import Case, leaves
from expunge.checks.order import EXECUTION_NAMES
from expunge.checks.plans import timeless
from expunge.checks.tasks import Task
from expunge.checks.verdict import expect
from expunge.digest import leaf
from expunge.errors import ExpungeError

__all__ = [
    "check_every_parameter_matters_or_is_refused",
    "check_sample_weights_matter_or_are_refused",
    "check_the_constructor_only_stores",
]


def check_the_constructor_only_stores(case: Case) -> None:
    """Arguments beside the estimator are keyword-only and come back as they were; nothing is learned yet."""
    model = case.new()
    for name, value in model.get_params(deep=False).items():
        expect(getattr(model, name) is value, f"{case.name}: get_params gives another {name} than was stored.")
    fitted = [name for name in vars(model) if name.endswith("_") and not name.startswith("_")]
    expect(not fitted, f"{case.name}: an unfitted model has {fitted}.", "Set what is learned in fit.")
    for name, parameter in inspect.signature(type(model).__init__).parameters.items():
        positional = parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        expect(
            not positional or name in ("self", "estimator", "steps", "transformers"),
            f"{case.name}: the argument {name!r} can be given by position.",
            "Make it keyword-only.",
        )


def check_every_parameter_matters_or_is_refused(case: Case) -> None:
    """Other values of each argument give other outputs, parts, plans or rows; a value without any effect is refused."""
    params = case.estimator.get_params(deep=False)
    known: dict[Any, Any] = {}
    for name, value in params.items():
        if name in case.execution_params or name in EXECUTION_NAMES:
            continue
        beside = dict(case.tried_with.get(name, {}))
        accepted = []
        for other in case.alternatives.get(name, _guesses(case, value)):
            if _matters(case, {**beside, name: other}, beside, known):
                break
            if _accepted(case, {**beside, name: other}):
                accepted.append(other)
        else:
            expect(
                not accepted,
                f"{case.name}: {name}={accepted[:3]!r} gives the same outputs and the same parts as {name}={value!r}.",
                "Use it, refuse it, list it in _execution_params, or name values that matter in _alternatives and what "
                "they need beside them in _tried_with.",
            )


def check_sample_weights_matter_or_are_refused(case: Case) -> None:
    """Unequal weights give other outputs or parts than none, unless the method says what to do instead."""
    task = case.task
    weight = np.where(np.arange(len(task)) % 3 == 0, 8.0, 0.25)
    try:
        model = case.fit(task, weight=weight)
    except (ValueError, TypeError) as error:
        expect(
            isinstance(error, ExpungeError),
            f"{case.name}: sample_weight is refused by a bare {type(error).__name__}: {error}",
            "Say in _instead_of_weights what to do, and hand what fit is given on to Unlearner.fit.",
        )
        return
    ours, theirs = _trace(case, model, task), _trace(case, case.model(task), task)
    parts = [{k: v for k, v in trace[2].items() if k != "rows"} if len(trace) > 4 else None for trace in (ours, theirs)]
    expect(
        ours[0] != theirs[0] or parts[0] != parts[1],
        f"{case.name}: sample_weight is taken and makes no difference to any part or output.",
        "Use it, or say in _instead_of_weights what to do.",
    )


def _accepted(case: Case, params: dict[str, Any]) -> bool:
    try:
        case.fit(case.task, **params)
    except (ValueError, TypeError):
        return False
    return True


def _matters(case: Case, params: dict[str, Any], beside: dict[str, Any], known: dict[Any, Any]) -> bool:
    """Whether the parameters lead to another trace on some task than those that stand beside alone."""
    for task in case.tasks:
        key = task.name, repr(beside)
        if key not in known:
            known[key] = _trace(case, case.fit(task, **beside) if beside else case.model(task), task)
        try:
            trace = _trace(case, case.fit(task, **params), task)
        except (ValueError, TypeError):
            continue
        if trace != known[key]:
            return True
    return False


def _trace(case: Case, model: Any, task: Task) -> list[Any]:
    """What can be seen of a model except for the parameters themselves."""
    parts = leaves(model)
    trace = [case.outputs(model, task), timeless(model.plan(task.ids[:3]))]
    if parts is not None:
        trace.append({name: leaf(part).hex() for name, part in parts.items()})
    trace.append(model.forget(task.ids[:3]).work)
    return [*trace, case.outputs(model, task)]


def _guesses(case: Case, value: Any) -> Sequence[Any]:
    """Other values of the same kind."""
    if hasattr(value, "fit"):
        if is_classifier(case.estimator):
            return [DecisionTreeClassifier(max_depth=1), DummyClassifier(strategy="prior")]
        return [DecisionTreeRegressor(max_depth=1), DummyRegressor()]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, 2 * value + 1, value + 7]
    if isinstance(value, float):
        return [value * 2, value / 4, value + 1.0]
    if value is None:
        return [1, 0.5, True, [0.2, 0.8], [0.2, 0.3, 0.5], "auto"]
    if isinstance(value, (list, tuple)):
        return [type(value)(reversed(value)), value[:-1]]
    return ["no such value"]
