"""Constructor arguments as part of what a model is: hashed into its digest, written to its file, held to after a fit.

An argument that a method got after files of it were written stands in ``_added_params`` of the class, with the value
that says what the method did before: ``{"place_by": "record"}``. With that value it is in neither digest nor file, so
old files and old digests stay what they are. See ``docs/design/0007-files-that-load-forever.md``.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from expunge.errors import InvalidRequestError
from expunge.estimators import prepare

__all__ = ["added_params", "canonical_params", "digest_params", "record_params", "refuse_changed_params"]


def added_params(kind: type) -> dict[str, Any]:
    """Arguments that a method got later, with the value that a file without them means; of all its bases."""
    out: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        out.update(vars(base).get("_added_params", {}))
    return out


def canonical_params(model: Any) -> dict[str, Any]:
    """Arguments that decide what is learned, in the one form that digest and file share: NumPy numbers are numbers."""
    params, added = model.get_params(deep=False), added_params(type(model))
    return {
        name: _python(value, is_step=hasattr(model, "_named"))
        for name, value in params.items()
        if name not in model._execution_params and not (name in added and _same(_plain(value), _plain(added[name])))
    }


def _python(value: Any, *, is_step: bool = False) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if is_step and hasattr(value, "_execution_params"):  # a method of ours among the steps of another
        return {"method": type(value).__name__, "params": canonical_params(value)}
    if is_step and type(value).__name__ == "make_column_selector":
        return {"selector": {name: _plain_names(item) for name, item in sorted(vars(value).items())}}
    if hasattr(value, "get_params") and not isinstance(value, type):
        return prepare(value, seed_for=lambda _: 0)  # unfitted: one that was fitted elsewhere brings its rows along
    if type(value) in (list, tuple):
        return type(value)(_python(item, is_step=True) for item in value)
    if type(value) is dict:
        return {_python(name): _python(item) for name, item in value.items()}
    return value


def _plain_names(value: Any) -> Any:
    """What a selector of columns looks for, as texts: types by the names that pandas knows them by."""
    if isinstance(value, (list, tuple)):
        return [_plain_names(item) for item in value]
    return value if value is None or isinstance(value, str) else getattr(value, "__name__", str(value))


def digest_params(model: Any) -> dict[str, Any]:
    """Arguments that decide what is learned: estimators with their seeds blanked, callables by name."""
    out: dict[str, Any] = {}
    for name, value in canonical_params(model).items():
        if callable(value) and not hasattr(value, "get_params"):
            value = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__name__)}"
        out[name] = value
    return out


def record_params(model: Any) -> dict[str, Any]:
    """The arguments of a fit, copied, to compare with later."""
    params = model.get_params(deep=False).items()
    return {name: copy.deepcopy(_plain(v)) for name, v in params if name not in model._execution_params}


def refuse_changed_params(model: Any, recorded: Mapping[str, Any]) -> None:
    """A model answers for the arguments it was fitted with; with others it would be the result of no fit.

    Raises
    ------
    InvalidRequestError
        An argument was set since, or changed in place, also one of a nested estimator.
    """
    for name, then in recorded.items():
        now = getattr(model, name)
        if now is then:  # no copy of what can be written to is the same object
            continue
        now = _plain(now)
        is_given_back = then is None and callable(now) and name in model._late_params
        if not (is_given_back or _same(now, then)):
            raise InvalidRequestError(
                f"{type(model).__name__} was fitted with another {name} than it has now.",
                hint="Set it back, or fit again.",
            )


def _plain(value: Any) -> Any:
    """A value that another can be compared with: a nested estimator as its class and its own arguments."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return type(value), {name: _plain(v) for name, v in value.get_params(deep=False).items()}
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value


def _same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(value, b[name]) for name, value in a.items())
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, (np.random.RandomState, np.random.Generator)):
        return True  # seeds of nested estimators are set anew for each fit
    try:
        return bool(a == b) or (a != a and b != b) or _is_equal_inside(a, b)
    except (TypeError, ValueError):
        return False


def _is_equal_inside(a: Any, b: Any) -> bool:
    """Objects without an equality of their own, such as splitters and kernels: by class and attributes."""
    is_named = isinstance(a, (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType))
    return not is_named and hasattr(a, "__dict__") and _same(vars(a), vars(b))
