"""Constructor arguments as part of what a model is: hashed into its digest, and held to after a fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from expunge.errors import InvalidRequestError
from expunge.estimators import prepare

__all__ = ["digest_params", "record_params", "refuse_changed_params"]


def digest_params(model: Any) -> dict[str, Any]:
    """Arguments that decide what is learned: estimators with their seeds blanked, callables by name."""
    out: dict[str, Any] = {}
    for name, value in model.get_params(deep=False).items():
        if name in model._execution_params:
            continue
        if hasattr(value, "get_params"):
            value = prepare(value, seed_for=lambda _: 0)
        elif callable(value):
            value = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__name__)}"
        out[name] = value
    return out


def record_params(model: Any) -> dict[str, Any]:
    """The arguments of a fit, to compare with later; those that may change are left out."""
    left_out = (*model._execution_params, *model._late_params)
    return {name: _plain(v) for name, v in model.get_params(deep=False).items() if name not in left_out}


def refuse_changed_params(model: Any, recorded: Mapping[str, Any]) -> None:
    """A model answers for the arguments it was fitted with; with others it would be the result of no fit.

    Raises
    ------
    InvalidRequestError
        An argument was set since, also one of a nested estimator.
    """
    for name, then in recorded.items():
        now = getattr(model, name)
        if not (now is then or _same(_plain(now), then)):
            raise InvalidRequestError(
                f"{type(model).__name__} was fitted with another {name} than it has now.",
                hint="Set it back, or fit again.",
            )


def _plain(value: Any) -> Any:
    """A value that another can be compared with: a nested estimator as its class and its own arguments."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return type(value), {name: _plain(v) for name, v in value.get_params(deep=False).items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(v) for v in value) if type(value) in (list, tuple) else value
    return value


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(value, b[name]) for name, value in a.items())
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    try:
        return bool(a == b) or (a != a and b != b)
    except (TypeError, ValueError):
        return False
