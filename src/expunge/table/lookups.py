"""Where the rows of a class are, and those of a subject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import DuplicateRecordError, UnknownRecordError

__all__ = ["Lookup", "enter", "leave", "of_classes"]

#: Slots of each subject, in the order in which they came.
Lookup = dict[Any, list[int]]


def of_classes(y: npt.NDArray[Any], classes: Sequence[Any]) -> npt.NDArray[np.bool_]:
    """Which targets are one of these classes.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, t)
    classes : sequence

    Returns
    -------
    ndarray of bool, shape (n,)

    Raises
    ------
    UnknownRecordError
        A class has no records: True is not 1 here.
    DuplicateRecordError
        One is named twice.
    """
    if len(set(classes)) < len(classes):
        raise DuplicateRecordError("A class is named twice in one request.", hint="Name each once.")
    found = np.zeros(len(y), dtype=bool)
    is_bool = len(y) > 0 and all(isinstance(v, (bool, np.bool_)) for v in y.ravel()[:1].tolist())
    for label in classes:
        hit = np.asarray(y == label, dtype=bool)
        if hit.shape != found.shape or not hit.any() or isinstance(label, (bool, np.bool_)) != is_bool:
            raise UnknownRecordError(f"No records of class {label!r}: never learned, or forgotten already.")
        found |= hit
    return found


def enter(lookup: Lookup, slots: Iterable[int], subjects: Iterable[Any]) -> None:
    """Put slots into a lookup of subjects."""
    for slot, subject in zip(slots, subjects, strict=True):
        lookup.setdefault(subject, []).append(slot)


def leave(lookup: Lookup, slots: Iterable[int], subjects: Iterable[Any]) -> None:
    """Take slots out of a lookup of subjects, which goes on without a search through all of them."""
    for slot, subject in zip(slots, subjects, strict=True):
        held = lookup.get(subject, [])
        if slot in held:
            held.remove(slot)
        if not held:
            lookup.pop(subject, None)
