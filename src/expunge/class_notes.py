"""What one should know about the classes that a change leaves or brings."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier

from expunge.near_names import some_names
from expunge.rows import Rows

__all__ = ["one_class_left", "warn_of_new_classes"]

#: A smaller part of the records is not looked at: reading all labels would cost more than forgetting one record.
_LEAST = 1e-3
#: So many new classes are named.
_MOST = 5


def one_class_left(model: Any, rows: Rows, slots: npt.NDArray[np.intp]) -> tuple[str, ...]:
    """A note if these slots are all records of all classes but one; without its name, for receipts hold no label."""
    if len(slots) < _LEAST * len(rows) or len(slots) >= len(rows) or not is_classifier(model):
        return ()
    stays = rows.alive.copy()
    stays[slots] = False
    left, gone = (rows.targets(which)[0] for which in (np.flatnonzero(stays), slots))
    if left is None or not len(left) or (left != left[0]).any() or (gone == left[0]).all():
        return ()
    return ("one class is left, and the model can answer nothing else",)


def warn_of_new_classes(model: Any, rows: Rows, labels: Any) -> None:
    """Warn of labels that no record has: of a slip of the keyboard a classifier makes a class."""
    if not is_classifier(model) or labels is None or not len(rows):
        return
    known = rows.targets(np.flatnonzero(rows.alive))[0]
    new = [label for label in dict.fromkeys(labels.tolist()) if not (known == label).any()]
    if new:
        told = some_names(new, _MOST)
        warnings.warn(f"New class{'es' if len(new) > 1 else ''} {told}: no record had such a label.", stacklevel=4)
