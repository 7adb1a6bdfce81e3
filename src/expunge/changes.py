"""A change of a model, whole or not at all: rows out of sight, new parts beside, then one switch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidRequestError
from expunge.params import record_params
from expunge.rows import Rows, Table
from expunge.state import Change, Fitted, Pending

__all__ = ["apply_change", "drop_columns"]

Names = tuple[str, ...]


def apply_change(
    model: Any, removed: npt.NDArray[np.intp], added: Table | None, *, tolerant: bool
) -> tuple[Names, Names]:
    """Change the rows and commit what ``_update`` makes of it; on any failure everything is as it was.

    Returns
    -------
    touched : tuple of str
        Names of the parts that changed.
    notes : tuple of str
        What the method has to say about it.
    """
    state, rows = model._state(), model._rows()
    n_slots, reads = len(rows.alive), rows.reads
    new = removed[:0] if added is None else rows.append(added)
    try:
        rows.hide(removed)
        change = Change(rows, state.parts, removed, new, tolerant)
        changes = model._update(change)
    except BaseException:
        rows.unhide(removed)
        if len(new):
            rows.truncate(n_slots)
        rows.reads = reads
        raise
    state.pending = Pending(changes, removed, new)  # from here on the change is made, whatever interrupts it
    state.settle()
    return tuple(changes), tuple(change.notes)


def drop_columns(model: Any, features: list[int]) -> tuple[Names, int]:
    """Forget the columns at these positions: a fit on what is left.

    Returns
    -------
    touched : tuple of str
    work : int
    """
    old = model._state()
    table = model._rows().without_features(features)
    rows = Rows(table, seed=model.seed)
    slots = np.arange(len(table), dtype=np.intp)
    state = Fitted(rows, record_params(model))
    state.commit(model._update(Change(rows, {}, slots[:0], slots, True, table)))
    state.rate, state.doubt, state.is_examined = old.rate, old.doubt, old.is_examined
    if len(rows) and model._solve(rows, state.parts) is None and model._solve(model._rows(), old.parts) is not None:
        raise InvalidRequestError(
            f"{type(model).__name__} cannot be fitted without these columns.",
            hint="A step of its pipeline may name them: change the pipeline and fit again.",
        )
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        model.feature_names_in_ = np.delete(names, features)
    model.n_features_in_ = int(model.n_features_in_) - len(features)
    model._fitted = state
    return tuple(state.parts), rows.reads
