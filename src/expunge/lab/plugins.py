"""Tables of the lab, and how others add to them: an entry-point group for each, in the form ``name = "module:object"``.

==========================  ======================================  =========================================
group                       what the object is                      example
==========================  ======================================  =========================================
``expunge.lab.workloads``   :class:`expunge.lab.workloads.Workload`  ``examples/my_data.py``
``expunge.lab.methods``     :class:`expunge.lab.methods.Method`      ``examples/my_method.py``
``expunge.lab.measures``    :class:`expunge.lab.measures.Measure`    ``examples/my_measure.py``
==========================  ======================================  =========================================

A model of one's own is a method of the library in the group ``expunge.methods``; the lab runs it as
``estimator@method=NAME``.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from expunge.lab.spec import unknown
from expunge.methods import find_method

__all__ = ["find", "names", "own_model", "registered"]

_EXTRA: dict[str, dict[str, Any]] = {}


def names(group: str, own: Mapping[str, Any]) -> list[str]:
    """Names in a table: ours, those of plug-ins, and those registered for the time being."""
    points = importlib.metadata.entry_points(group=f"expunge.lab.{group}")
    return sorted({*own, *(point.name for point in points), *_EXTRA.get(group, {})})


def find(group: str, own: Mapping[str, Any], name: str) -> Any:
    """The object of a name.

    Raises
    ------
    UnknownNameError
        There is none; the nearest names are proposed.
    """
    if name in _EXTRA.get(group, {}):
        return _EXTRA[group][name]
    if name in own:
        return own[name]
    for point in importlib.metadata.entry_points(group=f"expunge.lab.{group}"):
        if point.name == name:
            return point.load()
    raise unknown(group.removesuffix("s"), name, names(group, own))


def own_model(name: str) -> Any:
    """The class of a model that is a method of the library, of a plug-in, or registered for the time being.

    Raises
    ------
    UnknownMethodError
        There is none; the nearest names are proposed.
    """
    return _EXTRA.get("models", {}).get(name) or find_method(name)


@contextmanager
def registered(**tables: Mapping[str, Any]) -> Iterator[None]:
    """Add names for the time of a ``with`` block, in this process: to try something that is in no package yet.

    Parameters
    ----------
    **tables : mapping of str to object
        By group: ``workloads``, ``methods``, ``measures``; and ``models``, classes that run as ``estimator@NAME``.

    Examples
    --------
    >>> with registered(measures={"mine": 1}):
    ...     find("measures", {}, "mine")
    1
    """
    before = {group: dict(table) for group, table in _EXTRA.items()}
    for group, table in tables.items():
        _EXTRA.setdefault(group, {}).update(table)
    try:
        yield
    finally:
        _EXTRA.clear()
        _EXTRA.update(before)
