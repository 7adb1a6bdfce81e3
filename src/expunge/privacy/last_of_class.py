"""A class goes with its last record: its name may be what that record told, so the model is fitted again without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.rows import Rows, Table
from expunge.state import Change

__all__ = ["is_last_of_a_class", "without_names"]

Slots = npt.NDArray[np.intp]

_FIRST = 256  # slots that are looked at first; nearly always another record of the class is among them


def is_last_of_a_class(rows: Rows, slots: Slots, names: Any, coming: Table | None = None) -> bool:
    """Whether a class has no record but those of these slots, and gets none.

    Parameters
    ----------
    rows : Rows
        With these slots, or without them already.
    slots : ndarray of intp
    names : Part or None
        Of the model: ``classes``, where it has any.
    coming : Table, optional
        Records that take the place of these.

    Notes
    -----
    Slots are looked at until one of each class is found: n divided by the number of records of the rarest, on average.
    """
    if not len(slots) or names is None or not len(names.get("classes", ())):
        return False
    sought = set(rows.targets(slots)[0].tolist())
    if coming is not None:
        sought -= set(coming.y.tolist())
    alive, start, size = rows.alive, 0, _FIRST
    while sought and start < len(alive):
        others = np.setdiff1d(np.flatnonzero(alive[start : start + size]) + start, slots)
        sought -= set(rows.targets(others)[0].tolist())
        start, size = start + size, 2 * size
    return bool(sought)


def without_names(change: Change) -> Change:
    """The same change of a model that has no names of classes yet; its removal says why it is fitted again."""
    change.notes.append("a class has no record any more: trained again without its name, with fresh noise")
    change.parts = {name: part for name, part in change.parts.items() if name != "names"}
    return change
