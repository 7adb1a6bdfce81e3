"""How objects that are not plain data are taken apart for :func:`expunge.canonical.encoding.walk`.

:func:`taker` chooses by type. Most objects, scikit-learn's estimators and their compiled parts (trees, losses, binners)
among them, go the way of pickle: ``copyreg`` or ``__reduce_ex__(2)`` tells what rebuilds them and from which state;
nothing is rebuilt here. Kinds whose pickled form holds more or less than their value have their parts named below.
"""

from __future__ import annotations

import copyreg
import enum
import functools
import sys
import types
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from expunge.canonical.encoding import Child, NoEncodingError, Parts, dict_parts, text

__all__ = ["NEIGHBOUR_TREES", "NOT_STATE", "QUERY_COUNTERS", "not_state", "taker"]

NOT_STATE: Mapping[str, frozenset[str]] = {
    "sklearn.feature_extraction.text": frozenset({"_stop_words_id"}),  # an address in memory, to warn only once
    "sklearn.model_selection._search": frozenset({"refit_time_"}),  # a wall-clock time that nothing reads
    "sklearn.utils._bunch": frozenset({"_deprecated_key_to_warnings"}),  # lost by pickle
}
"""Attributes, by module of the class that defines them, that no prediction reads and that differ between equal fits.

Left out too: the version stamp of scikit-learn and the entries of ``cv_results_`` that end in ``_time``.
"""

NEIGHBOUR_TREES = frozenset({"sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree"})
QUERY_COUNTERS = slice(7, 11)
"""Where the state of a tree of nearest neighbours, a tuple, counts past queries; encoded and stored as zero."""

_STATE, _ARGUMENTS, _ITEMS, _PAIRS = 1, 2, 4, 8
_SPARSE_PARTS = {
    **dict.fromkeys(("csr", "csc", "bsr"), ("data", "indices", "indptr")),
    "coo": ("data", "coords"),
    "dia": ("data", "offsets"),
    "lil": ("data", "rows"),
}


def taker(kind: type) -> Callable[[Any], Parts]:
    """Return the function that takes values of this type apart.

    Parameters
    ----------
    kind : type
        The exact type of a value that is neither plain data nor a plain array.

    Returns
    -------
    callable
        From a value to its header, cells and children.

    Raises
    ------
    NoEncodingError
        For types that have no encoding by nature.
    """
    if kind is np.ma.MaskedArray:
        return _masked
    if hasattr(kind, "canonical_state"):
        return _told
    for base, take in _TAKERS.items():
        if issubclass(kind, base):
            return take
    for library, base_names, take in _LAZY_TAKERS:
        module = sys.modules.get(library)
        if module is not None and issubclass(kind, tuple(getattr(module, base) for base in base_names)):
            return take
    return _reduced


def not_state(kind: type) -> frozenset[str]:
    """Return the attributes of objects of this type that are :data:`NOT_STATE`; shared with the writer of files."""
    return frozenset(name for base in kind.__mro__ for name in NOT_STATE.get(base.__module__, ()))


def _durable(kind: type, state: Any) -> Any:
    """Return a state without what is not state; the given one is never changed in place."""
    if type(state) is tuple and kind.__module__ in NEIGHBOUR_TREES:
        return (*state[: QUERY_COUNTERS.start], 0, 0, 0, 0, *state[QUERY_COUNTERS.stop :])
    if type(state) is not dict:
        return state
    dropped = _dropped(kind)
    if not dropped:
        return state
    kept = {key: item for key, item in state.items() if key not in dropped}
    if "refit_time_" in dropped and isinstance(results := kept.get("cv_results_"), dict):
        kept["cv_results_"] = {key: item for key, item in results.items() if not str(key).endswith("_time")}
    return kept


def _not_encoded(kind: type) -> frozenset[str]:
    stamp = ["_sklearn_version"] if kind.__module__.startswith("sklearn.") else []
    return not_state(kind).union(stamp)


_dropped: Callable[[type], frozenset[str]] = functools.lru_cache(maxsize=4096)(_not_encoded)


def _reduced(value: Any) -> Parts:
    kind = type(value)
    reducer = copyreg.dispatch_table.get(kind)
    try:
        taken = reducer(value) if reducer else value.__reduce_ex__(2)
    except Exception as error:
        raise NoEncodingError(f"it cannot be taken apart ({error})") from error
    if isinstance(taken, str):
        return b"X" + text(_named(value, taken)), None, ()
    rebuild, arguments, state, items, pairs, setter = [*taken, None, None, None, None][:6]
    if setter is not None:
        raise NoEncodingError("it sets its state with a function of its own")
    tag, target = b"R", rebuild
    if rebuild is copyreg.__newobj__:  # type: ignore[attr-defined]
        tag, (target, *arguments) = b"O", arguments
    flags, body, children = 0, b"", list[Child]()
    state = _durable(kind, state)
    if state is not None and not (type(state) is dict and not state):
        flags |= _STATE
        if type(state) is dict:
            body, _, attributes = dict_parts(state, attributes=True)
            children.extend(attributes)
        else:
            children.append((".__getstate__()", state, b""))
    if arguments:
        flags |= _ARGUMENTS
        children.append((".__reduce__()[1]", tuple(arguments), b""))
    if items is not None and (items := list(items)):
        flags |= _ITEMS
        children.append(("", items, b""))
    if pairs is not None and (pairs := list(pairs)):
        flags |= _PAIRS
        children.append(("", pairs if issubclass(kind, OrderedDict) else dict(pairs), b""))
    return tag + text(_class_name(target)) + bytes([flags]) + body, None, children


def _told(value: Any) -> Parts:
    """What an object says that it is, where its attributes hold more: caches, timings, an order of arrival."""
    body, _, children = dict_parts(value.canonical_state(), attributes=True)
    return b"O" + text(_class_name(type(value))) + bytes([_STATE]) + body, None, children


def _named(value: Any, name: str = "") -> str:
    """Return ``module.qualname`` of a class or function, having followed that name back to it."""
    qualname = str(name or getattr(value, "__qualname__", None) or getattr(value, "__name__", ""))
    owner = getattr(value, "__self__", None)  # of a class method: the class
    module = owner.__module__ if isinstance(owner, type) else getattr(value, "__module__", None)
    for candidate in (module, "numpy", "scipy.special", "types"):
        found: Any = sys.modules.get(candidate or "")
        for part in qualname.split("."):
            found = getattr(found, part, None)
        if found is value or (found is not None and isinstance(owner, type) and found == value):
            return f"{candidate}.{qualname}"
    raise NoEncodingError(
        f"{module}.{qualname} cannot be found again by its name; define it at the top level of a module"
    )


_class_name: Callable[[Any], str] = functools.lru_cache(maxsize=4096)(_named)


def _function(value: Any) -> Parts:
    owner = getattr(value, "__self__", None)
    if owner is not None and not isinstance(owner, (type, types.ModuleType)):
        return _reduced(value)  # a method: its object and its name
    return b"X" + text(_named(value)), None, ()


def _class(value: type) -> Parts:
    return b"K" + text(_class_name(value)), None, ()


def _parts(value: Any, /, **parts: Any) -> Parts:
    header, _, children = dict_parts(parts, attributes=True)
    return b"O" + text(_class_name(type(value))) + bytes([_STATE]) + header, None, children


def _refuse(value: Any) -> Parts:
    raise NoEncodingError("this kind of object holds no learned state that could be written down")


def _refuse_array(value: Any) -> Parts:
    raise NoEncodingError("of the kinds of arrays only numpy.ndarray, memory maps and masked arrays are encoded")


def _masked(value: Any) -> Parts:
    mask = np.ma.getmaskarray(value)
    data = np.array(np.ma.getdata(value))
    data[mask] = None if data.dtype == object else np.zeros((), data.dtype)  # what lies below the mask is not a value
    return _parts(value, data=data, mask=mask)


def _bit_generator(value: Any) -> Parts:
    return _parts(value, state=value.state, seed_seq=value.seed_seq)


def _sparse(value: Any) -> Parts:
    if value.format == "dok":
        return _parts(value, shape=value.shape, dtype=value.dtype, items=dict(value.items()))
    return _parts(value, shape=value.shape, **{part: getattr(value, part) for part in _SPARSE_PARTS[value.format]})


def _index(value: Any) -> Parts:
    if hasattr(value, "levels"):
        return _parts(value, names=list(value.names), items=list(value))
    return _parts(value, name=value.name, array=_values(value))


def _values(value: Any) -> Any:
    """Return the cells of a pandas object: its NumPy array, or its extension array."""
    return value.to_numpy() if isinstance(value.dtype, np.dtype) else value.array


def _extension_array(value: Any) -> Parts:
    if hasattr(value, "codes"):
        return _parts(value, dtype=value.dtype, codes=value.codes)
    cells = value.asi8 if hasattr(value, "asi8") else np.asarray(value, dtype=object)
    return _parts(value, dtype=value.dtype, cells=cells)


def _extension_dtype(value: Any) -> Parts:
    if hasattr(value, "categories"):
        return _parts(value, categories=value.categories, ordered=value.ordered)
    return _parts(value, name=str(value))


def _frame(value: Any) -> Parts:
    columns = [_values(value.iloc[:, j]) for j in range(value.shape[1])]
    return _parts(value, columns=value.columns, index=value.index, values=columns, attrs=value.attrs)


def _xgboost(value: Any) -> Parts:
    model = bytes(value.save_raw("json"))
    return _parts(value, model=model, feature_names=value.feature_names, feature_types=value.feature_types)


_TAKERS: Mapping[Any, Callable[[Any], Parts]] = {
    np.ndarray: _refuse_array,
    type: _class,
    enum.Enum: lambda value: _parts(value, name=value.name, value=value.value),
    (types.FunctionType, types.BuiltinFunctionType, np.ufunc): _function,
    (types.ModuleType, types.FrameType, types.CodeType, types.GeneratorType): _refuse,
    functools.partial: lambda value: _parts(
        value, func=value.func, args=value.args, keywords=value.keywords, attributes=value.__dict__
    ),
    (set, frozenset): _refuse,
    np.dtype: lambda value: _parts(value, dtype=np.lib.format.dtype_to_descr(value)),
    np.random.RandomState: lambda value: _parts(value, state=value.get_state(legacy=False)),
    np.random.Generator: lambda value: _parts(value, bit_generator=value.bit_generator),
    np.random.BitGenerator: _bit_generator,
    np.random.SeedSequence: lambda value: _parts(value, **value.state),
}
_LAZY_TAKERS: tuple[tuple[str, tuple[str, ...], Callable[[Any], Parts]], ...] = (
    ("scipy.sparse", ("spmatrix", "sparray"), _sparse),
    (
        "pandas",
        ("RangeIndex",),
        lambda value: _parts(value, name=value.name, range=range(value.start, value.stop, value.step)),
    ),
    ("pandas", ("Index",), _index),
    ("pandas", ("Series",), lambda v: _parts(v, name=v.name, index=v.index, values=_values(v), attrs=v.attrs)),
    ("pandas", ("DataFrame",), _frame),
    ("pandas.api.extensions", ("ExtensionArray",), _extension_array),
    ("pandas.api.extensions", ("ExtensionDtype",), _extension_dtype),
    ("xgboost.core", ("Booster",), _xgboost),
)
