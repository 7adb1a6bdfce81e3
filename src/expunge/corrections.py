"""Rows with corrected values, from whatever part of them a caller gives: whole rows, some columns, or labels alone.

What is not given is taken from the rows that the model knows. All refusals that need no training happen here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier

from expunge.changes import apply_change, plan_of
from expunge.class_notes import warn_of_new_classes
from expunge.errors import InvalidDataError, InvalidRequestError
from expunge.near_names import near_name
from expunge.records import Plan, Rectification
from expunge.requests import named_rows, read_table, select_slots
from expunge.rows import Rows, Table
from expunge.table.cells_like import cells_like, numbers_like

__all__ = ["correct_records", "plan_correction"]

Slots = npt.NDArray[np.intp]

_log = logging.getLogger("expunge")


def correct_records(
    model: Any, record_ids: Any, X: Any, y: Any, subject_ids: Any, sample_weight: Any, *, digest: bool
) -> Rectification:
    """What :meth:`expunge.Unlearner.rectify` does: one change, in which the old rows go and the new ones come."""
    with model._state().lock:
        rows = model._rows()
        slots, table = _read_corrected(model, rows, record_ids, X, y, subject_ids, sample_weight)
        tolerant = _changes_labels(model, rows, slots, table)
        before = model.digest() if digest else None
        start, reads = time.perf_counter(), rows.reads
        touched, notes = apply_change(model, slots, table, tolerant=tolerant)
        elapsed, work = time.perf_counter() - start, rows.reads - reads
        if not model._state().is_examined:
            model._examine(model._state())
        done = Rectification(
            guarantee=model._guarantee(), n_rectified=len(slots), work=work, elapsed_s=elapsed, touched=touched,
            digest_before=before, digest_after=model.digest() if digest else None, notes=notes,
        )  # fmt: skip
    _log.info("%s rectified %d records, %d read", type(model).__name__, len(slots), work)
    return done


def plan_correction(model: Any, record_ids: Any, X: Any, y: Any, subject_ids: Any, sample_weight: Any) -> Plan:
    """What :func:`correct_records` would cost and promise."""
    with model._state().lock:
        rows = model._rows()
        slots, table = _read_corrected(model, rows, record_ids, X, y, subject_ids, sample_weight)
        return plan_of(model, slots, model._estimate_corrected(rows, slots, table), corrected=True)


def _changes_labels(model: Any, rows: Rows, slots: Slots, table: Table) -> bool:
    """Whether a class may be left too small: then part of the model goes dormant, as when a record is forgotten.

    Other values leave as many records as there were, so what cannot be learned from them is wrong with the values.
    """
    held = rows.peek_beside(slots).y
    return is_classifier(model) and held is not None and not np.array_equal(held, table.y)


# ------------------------------------------------------------------ the rows as they should be


def _read_corrected(
    model: Any, rows: Rows, record_ids: Any, X: Any, y: Any, subject_ids: Any, sample_weight: Any
) -> tuple[Slots, Table]:
    """Slots of the records, and their rows with what is given in place of what is known.

    Raises
    ------
    UnknownRecordError, DuplicateRecordError, InvalidRequestError, InvalidDataError
        As :meth:`expunge.Unlearner.rectify` says.
    """
    if record_ids is None or all(part is None for part in (X, y, subject_ids, sample_weight)):
        raise InvalidRequestError(
            "Name the records to rectify, and give what is right about them.", hint="rectify(ids, X, y), or a part."
        )
    slots = select_slots(model, rows, records=record_ids, subjects=None, classes=None, features=None)
    model._check_addable()
    held, n = rows.peek_beside(slots), len(slots)
    for name, given, known in (
        ("subject_ids", subject_ids, rows.has_subjects), ("sample_weight", sample_weight, rows.has_weights),
        ("y", y, held.y is not None),
    ):  # fmt: skip
        if given is not None and not known:
            raise InvalidDataError(f"This model was fitted without {name}.", hint="Leave them out, or fit it again.")
    if X is not None and hasattr(X, "to_pandas") and not hasattr(X, "iloc"):
        X = X.to_pandas()
    if X is None:
        X = named_rows(model, rows.peek(slots).X)
    elif _is_part(model, rows, X):
        X = _filled(model, rows, slots, X)
    elif hasattr(X, "iloc"):
        _refuse_another_order(X, held.ids)
    table = read_table(
        model, X, held.y if y is None else _each(y, n), held.ids,
        held.subjects if subject_ids is None else _each(subject_ids, n),
        held.weight if sample_weight is None else sample_weight, reset=False,
    )  # fmt: skip
    if y is not None:
        warn_of_new_classes(model, rows, table.y)
    return slots, table


def _each(values: Any, n: int) -> Any:
    """One value for each of n records, if there is one for all of them."""
    return values if np.ndim(values) or (hasattr(values, "__len__") and not isinstance(values, str)) else [values] * n


def _labels(model: Any, form: Any) -> list[Any]:
    """What callers call the columns of the rows that are kept; empty for texts."""
    if hasattr(form, "columns"):
        return list(form.columns)
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        return list(names)
    return list(range(form.shape[1])) if form.ndim == 2 else []


def _is_part(model: Any, rows: Rows, X: Any) -> bool:
    """Whether X holds columns by name, and not rows as ``learn`` takes them."""
    if isinstance(X, Mapping):
        return True
    if not hasattr(X, "iloc") or not hasattr(X, "columns"):
        return False
    form = rows.peek(np.empty(0, dtype=np.intp)).X
    if getattr(form, "ndim", 2) == 1:
        return False  # texts, which a table of one column holds as a list does
    labels, given = _labels(model, form), list(X.columns)
    is_nameless = not hasattr(form, "columns") and not hasattr(model, "feature_names_in_")
    return given != labels and not (is_nameless and len(given) == len(labels))


def _filled(model: Any, rows: Rows, slots: Slots, given: Any) -> Any:
    """The known rows with these columns in place of the known ones."""
    X = rows.peek(slots).X
    labels, n = _labels(model, X), len(slots)
    columns = {name: given[name] for name in given}
    if not columns:
        raise InvalidRequestError("No column is given.", hint='For example {"age": [33]}.')
    for name, values in columns.items():
        if isinstance(name, bool) or name not in labels:
            hint = near_name(name, labels) if labels else "The rows are texts: give them whole."
            raise InvalidRequestError(f"No feature {name!r}.", hint=hint)
        columns[name] = values = _each(values, n)
        if isinstance(values, Mapping) or not hasattr(values, "__len__") or np.ndim(values) != 1 or len(values) != n:
            raise InvalidDataError(
                f"Column {name!r} needs one value for each of {n} records.", hint="Give a list of that length."
            )
    if hasattr(given, "iloc"):
        _refuse_another_order(given, rows.peek_beside(slots).ids)
    if hasattr(X, "columns"):
        orders = _orders(rows) if any(getattr(X[name].dtype, "ordered", False) for name in columns) else {}
        X = X.copy()
        for name, values in columns.items():
            X[name] = cells_like(values, X[name].dtype, name, orders.get(name))
        return X
    is_sparse = hasattr(X, "tocsr")
    cells = X.toarray() if is_sparse else X
    for name, values in columns.items():
        if cells.dtype.kind in "iufb":
            new = numbers_like(values, cells.dtype, name)
        else:
            new = np.array([*values, None], dtype=object)[:-1]
        cells[:, labels.index(name)] = new
    return named_rows(model, type(X)(cells) if is_sparse else cells)


def _orders(rows: Rows) -> dict[Any, list[Any]]:
    """The order of the categories that records have, of the columns that have an order."""
    schema = rows.schema()["X"]
    return {
        name: spec["order"] for name, spec in zip(schema["names"], schema["columns"], strict=True) if "order" in spec
    }


def _refuse_another_order(X: Any, ids: npt.NDArray[Any]) -> None:
    """Refuse a frame whose index names the same records, in another order than the request."""
    index = X.index.tolist()
    if index != ids.tolist() and index != list(range(len(index))) and set(index) == set(ids.tolist()):
        raise InvalidDataError(
            "The index of X names the records in another order than record_ids.", hint="Pass record_ids=X.index."
        )
