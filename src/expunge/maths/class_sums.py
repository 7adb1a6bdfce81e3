"""Exact sums over the records of each class: tallied, added and taken out without a trace.

A *tally* is a dictionary: ``classes`` of shape (K,), the labels of the records, sorted; ``counts`` of shape (K,), the
number of records of each; and, under names of the method's choice, limbs of shape (L, K, ...), integers in the form of
:mod:`expunge.maths.exact`. It is a function of the records alone. A class without records is not in it, so that a label
that nobody has any more leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import OutOfRangeError
from expunge.maths import exact
from expunge.maths.fixed_point import WEIGHT_RESOLUTION
from expunge.maths.running_sum import sum_after
from expunge.rows import Table
from expunge.state import Change, Part

__all__ = [
    "added_tallies",
    "class_count",
    "class_weights",
    "named_sums",
    "number_classes",
    "subtracted_tallies",
    "tally",
    "tally_changed",
    "weight_sums",
]

Codes = npt.NDArray[np.int64]
Limbs = npt.NDArray[np.int64]


def number_classes(y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Codes]:
    """The distinct labels, sorted, and the number of each record's label.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Numbers, booleans or texts; texts may stand in an object array.

    Returns
    -------
    classes : ndarray of shape (K,)
        int64 for integers; texts no wider than needed; float64 if there is none, whatever kind of label came before.
    codes : ndarray of int64, shape (n,)

    Examples
    --------
    >>> number_classes(np.array(["b", "a", "b"], dtype="U9"))
    (array(['a', 'b'], dtype='<U1'), array([1, 0, 1]))
    """
    if not len(y):
        return np.empty(0), np.empty(0, dtype=np.int64)
    if y.dtype.kind in "OU":
        labels = y.tolist()
        classes = sorted(set(labels))
        number = {label: code for code, label in enumerate(classes)}
        return np.array(classes), np.fromiter((number[label] for label in labels), dtype=np.int64, count=len(labels))
    found = np.unique(y)
    return _canonical(found), np.searchsorted(found, y).astype(np.int64, copy=False)


def tally(y: npt.NDArray[Any], sums: Callable[[Codes, int], dict[str, Limbs]]) -> Part:
    """Tally records: ``sums`` is given the class of each as a number, and K, and returns limbs (L, K, ...) by name."""
    classes, codes = number_classes(y)
    counts = np.bincount(codes, minlength=len(classes)).astype(np.int64, copy=False)
    return {"classes": classes, "counts": counts, **sums(codes, len(classes))}


def tally_changed(old: Part | None, change: Change, of: Callable[[Table], Part]) -> Part:
    """The tally after a change: the old one, less that of the records that go, plus that of those that come.

    Parameters
    ----------
    old : tally or None
        None when a fit begins. Never written to.
    change : Change
    of : callable
        From a table to its tally.
    """
    return sum_after(old, change, of, add=added_tallies, subtract=subtracted_tallies)


def added_tallies(a: Part, b: Part) -> Part:
    """The tally of the records of either."""
    return _merged(a, b, 1)


def subtracted_tallies(a: Part, b: Part) -> Part:
    """The first tally without the second, which is of some of its records."""
    return _merged(a, b, -1)


def named_sums(
    add_up: Callable[..., Limbs], X: Any, codes: Codes, n_classes: int, resolution: Any, ids: npt.NDArray[Any]
) -> Limbs:
    """Call a function of :mod:`expunge.maths.exact`; if it refuses a record, have it say the record's id."""
    with suppress(OutOfRangeError):
        return add_up(X, codes, n_classes, resolution)
    return add_up(X, codes, n_classes, resolution, record_ids=ids.tolist())


def weight_sums(weight: npt.NDArray[np.float64], codes: Codes, n_classes: int) -> Limbs:
    """Sum of the rounded weights of each class, limbs of shape (3, K) in units of :data:`WEIGHT_RESOLUTION`."""
    return exact.group_sums(weight[:, np.newaxis], codes, n_classes, WEIGHT_RESOLUTION)[:, :, 0]


def class_weights(part: Part) -> tuple[npt.NDArray[np.object_], int]:
    """Weight of each class in Python integers, and how many of them make a weight of one."""
    if "weight" in part:
        return exact.to_integers(part["weight"]), int(1 / WEIGHT_RESOLUTION)
    return part["counts"].astype(object), 1


def class_count(part: Part) -> npt.NDArray[np.float64]:
    """Weight of each class, rounded once; shape (K,)."""
    weight, unit = class_weights(part)
    return np.asarray(weight / unit, dtype=np.float64)


def _merged(old: Part, more: Part, sign: int) -> Part:
    if not len(old["classes"]):
        return more
    classes, wanted = old["classes"], np.asarray(more["classes"])
    at = np.searchsorted(classes, wanted)
    if (at == len(classes)).any() or (classes[at] != wanted).any():
        classes = np.union1d(classes, wanted)
        old = _spread(old, classes)
        at = np.searchsorted(classes, wanted)
    combine = exact.add if sign > 0 else exact.subtract
    new = {"classes": classes, "counts": old["counts"].copy()}
    new["counts"][at] += sign * more["counts"]
    for name in _limbs(old):
        new[name] = old[name].copy()
        new[name][:, at] = combine(old[name][:, at], more[name])
    return new if new["counts"].all() else _kept(new, new["counts"] > 0)


def _spread(part: Part, classes: npt.NDArray[Any]) -> Part:
    """The same tally with room for further classes."""
    at = np.searchsorted(classes, np.asarray(part["classes"]))
    new = {"classes": classes, "counts": np.zeros(len(classes), dtype=np.int64)}
    new["counts"][at] = part["counts"]
    for name in _limbs(part):
        new[name] = np.zeros((len(part[name]), len(classes), *part[name].shape[2:]), dtype=np.int64)
        new[name][:, at] = part[name]
    return new


def _kept(part: Part, keep: npt.NDArray[np.bool_]) -> Part:
    """The same tally without the classes that have no records."""
    kept = {"classes": _canonical(part["classes"][keep]), "counts": part["counts"][keep]}
    return {**kept, **{name: np.ascontiguousarray(part[name][:, keep]) for name in _limbs(part)}}


def _limbs(part: Part) -> list[str]:
    return [name for name in part if name not in ("classes", "counts")]


def _canonical(classes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if not len(classes):
        return np.empty(0)
    if classes.dtype.kind == "U":
        return np.array(classes.tolist())
    is_small = classes.dtype.kind in "iu" and classes.dtype != np.uint64
    return classes.astype(np.int64, copy=False) if is_small else classes
