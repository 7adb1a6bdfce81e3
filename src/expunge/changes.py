"""A change of a model, whole or not at all: rows out of sight, new parts beside, then one switch."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.class_notes import one_class_left
from expunge.errors import InvalidDataError, InvalidRequestError, UnsupportedRequestError
from expunge.params import record_params
from expunge.records import Plan
from expunge.rows import Rows, Table
from expunge.state import Change, Fitted, Pending

__all__ = ["apply_change", "drop_columns", "first_fit", "plan_of", "shape_kept"]

Names = tuple[str, ...]


#: What validation of a fit writes on the model.
_SHAPE = ("n_features_in_", "feature_names_in_")


@contextmanager
def shape_kept(model: Any) -> Iterator[None]:
    """Begin a fit without the number and names of columns of the one before; give them back if nothing comes of it."""
    shape = {name: model.__dict__[name] for name in _SHAPE if name in model.__dict__}
    before = model.__dict__.get("_fitted")
    try:
        for name in shape:
            del model.__dict__[name]
        yield
    except BaseException:
        if model.__dict__.get("_fitted") is before:
            for name in _SHAPE:
                model.__dict__.pop(name, None)
            model.__dict__.update(shape)
        raise


def first_fit(model: Any, table: Table, *, tolerant: bool) -> Fitted:
    """What a model holds that learns these rows and knew none."""
    return _fitted(model, Rows(table, seed=model.seed), table, tolerant=tolerant)


def _fitted(model: Any, rows: Rows, table: Table, *, tolerant: bool) -> Fitted:
    start = time.perf_counter()
    slots = np.arange(len(table), dtype=np.intp)
    with _compiling() as compiled:
        changes = model._update(Change(rows, {}, slots[:0], slots, tolerant, table))
        fitted = Fitted(rows, record_params(model))
        fitted.commit(changes)
    fitted.rate = max(0.0, time.perf_counter() - start - sum(compiled)) / max(1, rows.reads)
    return fitted


@contextmanager
def _compiling() -> Iterator[list[float]]:
    """Seconds in which numba compiles loops, or loads compiled ones: done once, so no part of what a change will cost.

    They are in the list afterwards. Methods without such loops have not imported it, and nor does this.
    """
    spent: list[float] = []
    if "numba" not in sys.modules:
        yield spent
        return
    from numba.core import event

    with event.install_timer("numba:compiler_lock", spent.append):
        yield spent


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
    told = one_class_left(model, rows, removed) if added is None else ()
    try:
        rows.hide(removed)  # first, for a corrected row comes under the name of the one that goes
        new = removed[:0] if added is None else rows.append(added)
        change = Change(rows, state.parts, removed, new, tolerant)
        changes = model._update(change)
        state.pending = Pending(changes, removed, new)  # from here on the change is made, whatever interrupts it
    except BaseException:
        if state.pending is None:
            if len(rows.alive) > n_slots:
                rows.truncate(n_slots)
            rows.unhide(removed)
            rows.reads = reads
        raise
    state.settle()
    return tuple(changes), (*change.notes, *told)


def plan_of(
    model: Any, slots: npt.NDArray[np.intp] | None, estimate: tuple[int, int, Names], *, corrected: bool = False
) -> Plan:
    """A plan for these slots (None: for columns), from least and most work and the names of the parts."""
    rate, (low, high, touched) = model._state().rate, estimate
    told = () if slots is None or corrected else one_class_left(model, model._rows(), slots)
    return Plan(
        guarantee=model._guarantee_after(slots, corrected), n_records=0 if slots is None else len(slots), work_low=low,
        work_high=high, touched=touched, expected_s=None if rate is None else rate * high,
        notes=(*model._told_of_work(high), *model._reading(), *told),
    )  # fmt: skip


def drop_columns(model: Any, features: list[int]) -> tuple[Names, int]:
    """Forget the columns at these positions: a fit on what is left. Refused where that cannot be fitted.

    Returns
    -------
    touched : tuple of str
    work : int

    Raises
    ------
    UnsupportedRequestError
        A step names columns by position or in a list, and cannot do without these.
    InvalidRequestError
        The model cannot be fitted without these columns.
    """
    old = model._state()
    table = model._rows().without_features(features)
    rows = Rows(table, seed=model.seed)
    try:
        state = _fitted(model, rows, table, tolerant=True)
    except InvalidDataError as error:
        raise UnsupportedRequestError(
            f"A step cannot be fitted without these columns: {error.message}",
            hint="Name columns by a selector, or leave them to remainder; then fit again.",
        ) from error
    state.rate, state.doubt, state.is_examined = old.rate, old.doubt, old.is_examined
    if len(rows) and model._solve(rows, state.parts) is None and model._solve(model._rows(), old.parts) is not None:
        raise InvalidRequestError(
            f"{type(model).__name__} cannot be fitted without these columns.",
            hint="A step of its pipeline may name them: change the pipeline and fit again.",
        )
    names = getattr(model, "feature_names_in_", None)
    new: dict[str, Any] = {"_fitted": state, "n_features_in_": int(model.n_features_in_) - len(features)}
    if names is not None:
        new["feature_names_in_"] = np.delete(names, features)
    model.__dict__.update(new)  # all in one, so that an interruption leaves the old ones or the new ones
    return tuple(state.parts), rows.reads
