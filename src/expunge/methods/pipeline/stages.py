"""Rows as a later step of a pipeline sees them, and a step as a fitted model of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils import get_tags

from expunge.digest import leaf
from expunge.errors import InvalidDataError
from expunge.params import record_params
from expunge.rows import Rows, Table
from expunge.state import Change, Fitted, Part
from expunge.table.label_kinds import as_labels

__all__ = [
    "FRONT",
    "JOINT",
    "Before",
    "View",
    "as_taken",
    "below",
    "is_same",
    "named",
    "outputs_of",
    "outputs_of_front",
    "rows_at_a_time",
    "stacked",
    "stage",
    "stage_change",
    "width_of",
]

Slots = npt.NDArray[np.intp]
Through = Callable[[Any], Any]
#: What parts and solutions of the transformers of single columns, and of sums of everything, stand under.
FRONT, JOINT = "front", "joint"

_DENSE = 2**28  # cells of a dense matrix in memory, 2 GiB
_CELLS = 2**23  # outputs of the transformers in memory at a time


class View:
    """The rows of a store, each transformed when it is read. Everything else is the store's.

    Parameters
    ----------
    rows : Rows
    through : callable (Table) -> Table
    width : int
        Columns of what comes out.
    n : int, optional
        How many rows it says there are, for a step that is asked what a fit on so many would cost.
    """

    def __init__(self, rows: Rows, through: Through, width: int, n: int | None = None) -> None:
        self._rows, self._through, self._width, self._n = rows, through, width, n

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)

    def __len__(self) -> int:
        return len(self._rows) if self._n is None else self._n

    def form(self) -> Any:
        """As :meth:`Rows.form`: columns without names, for steps before this one have made them."""
        return np.empty((0, self._width))

    def matrix(self) -> None:
        """As :meth:`Rows.matrix`: no array of the store holds these rows."""

    def read(self, slots: Slots, *, times: int = 1) -> Table:
        """As :meth:`Rows.read`, transformed."""
        return self.of(self._rows.read(slots, times=times))

    def peek(self, slots: Slots) -> Table:
        """As :meth:`Rows.peek`, transformed."""
        return self.of(self._rows.peek(slots))

    def of(self, table: Table) -> Table:
        """A table of the store, transformed."""
        return dataclasses.replace(table, X=self._through(table.X) if len(table) else self.form())


class Before:
    """The rows of a store as they were before a change that is on its way. Everything else is the store's.

    Parameters
    ----------
    change : Change
    """

    def __init__(self, change: Change) -> None:
        self._rows = change.rows
        self.alive = change.rows.alive.copy()
        self.alive[change.removed_slots], self.alive[change.added_slots] = True, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)

    def __len__(self) -> int:
        return int(self.alive.sum())

    @property
    def ids(self) -> npt.NDArray[Any]:
        """As :attr:`Rows.ids`."""
        return self._rows.peek_beside(self.slots()).ids

    def slots(self) -> Slots:
        """As :meth:`Rows.slots`."""
        return self._rows.in_order(np.flatnonzero(self.alive))

    def labels(self) -> npt.NDArray[Any]:
        """As :meth:`Rows.labels`."""
        y = self._rows.targets(np.flatnonzero(self.alive))[0]
        return np.empty(0) if y is None else np.unique(as_labels(y))


def stage_change(change: Change, view: Any, parts: Mapping[str, Part] | None, *, tolerant: bool) -> Change:
    """A change of a pipeline's rows as a step sees it; without parts, a fit on all rows."""
    none = change.removed_slots[:0]
    if parts is not None:
        own = Change(view, parts, change.removed_slots, change.added_slots, tolerant)
    elif not change.parts and len(change.rows):
        own = Change(view, {}, none, change.added_slots, tolerant, view.of(change.added))
    else:
        own = Change(view, {}, none, change.rows.slots(), tolerant)
    own.notes = change.notes
    return own


def stage(
    step: Any, width: int, *, rows: Any = None, parts: Mapping[str, Part] | None = None, solution: Part | None = None
) -> Any:
    """A step as a fitted model of its own: on rows and parts, or as an export with a solution."""
    model = clone(step)
    model.n_features_in_ = width
    fitted = Fitted(rows, record_params(model))
    fitted.commit(parts or {})
    if solution is not None:
        fitted.solution, fitted.is_solved = solution, True
    model._fitted = fitted
    return model


def below(name: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    """What stands under a name, without it."""
    return {key[len(name) + 1 :]: value for key, value in parts.items() if key.startswith(f"{name}/")}


def named(name: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    """The same under a name: the inverse of :func:`below`."""
    return {f"{name}/{key}": value for key, value in parts.items()}


def is_same(a: Part | None, b: Part | None) -> bool:
    """Whether two solutions are equal, bit for bit."""
    return (a is None) == (b is None) and leaf(a) == leaf(b)


def outputs_of(step: Any, width: int, solution: Part) -> int:
    """Number of outputs of a step that transforms this many columns."""
    return len(stage(step, width, solution=solution).get_feature_names_out(None))


def outputs_of_front(front: Any, width: int, solution: Part) -> int:
    """Number of outputs of the transformers of single columns; that of the columns where there are none."""
    return width if front is None else len(front.names_out(solution, [f"{j}" for j in range(width)]))


def as_taken(step: Any, Z: Any) -> Any:
    """Rows of an earlier step as this one takes them: sparse ones become dense for a step that takes no sparse ones.

    Raises
    ------
    InvalidDataError
        A matrix that would be too large.
    """
    if not hasattr(Z, "tocsr") or get_tags(step).input_tags.sparse:
        return Z
    if Z.shape[0] * Z.shape[1] > _DENSE:
        raise InvalidDataError(
            f"{type(step).__name__} takes dense rows, and {Z.shape[0]} of {Z.shape[1]} columns are too many.",
            hint="Ask the step before for fewer columns: max_features, min_df or n_features.",
        )
    return Z.toarray()


def rows_at_a_time(solution: Part) -> int:
    """Rows that go through the transformers of single columns in one block."""
    return max(1, _CELLS // max(1, sum(_size(value) for value in solution.values())))


def _size(value: Any) -> int:
    """Numbers in a statistic; lists of columns may be of different lengths."""
    return sum(map(_size, value)) if isinstance(value, list) else int(np.size(value))


def width_of(X: Any) -> int:
    """Number of columns; 0 of texts, which have none."""
    return int(X.shape[1]) if X.ndim > 1 else 0


def stacked(blocks: list[Any]) -> Any:
    """Blocks of rows as one."""
    if hasattr(blocks[0], "tocsr"):
        from scipy import sparse

        return sparse.csr_matrix(sparse.vstack(blocks, format="csr"))
    return np.concatenate(blocks)
