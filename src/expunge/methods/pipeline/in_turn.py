"""A pipeline whose steps each keep a state of their own: a step refits when what stands before it has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.utils import get_tags

from expunge.contract import Unlearner
from expunge.errors import InvalidDataError
from expunge.methods.pipeline.stages import (
    FRONT,
    View,
    as_taken,
    below,
    is_same,
    named,
    outputs_of,
    outputs_of_front,
    stage,
    stage_change,
    width_of,
)
from expunge.methods.preprocessing.front import Front, form_of
from expunge.rows import Rows, Table
from expunge.state import Change, Part

__all__ = ["InTurn"]

Slots = npt.NDArray[np.intp]


class _Flow(NamedTuple):
    """What reaches a step: rows through the steps before it, and how many columns that is."""

    through: Callable[[Any], Any]
    width: int


class InTurn:
    """The steps of a pipeline, one after the other.

    Parameters
    ----------
    front : Front or None
        The transformers of single columns, which come first.
    rest : list of (str, Unlearner)
        All steps after them; all but the last one transform.
    """

    def __init__(self, front: Front | None, rest: list[tuple[str, Any]]) -> None:
        self.front, self.rest = front, rest

    def update(self, change: Change, *, tolerant: bool) -> dict[str, Part | None]:
        """The parts of all steps after a change."""
        changes: dict[str, Part | None] = {}
        solution: Part | None = {}
        is_known = bool(change.parts)
        if self.front is not None:
            parts = below(FRONT, change.parts)
            own = Change(change.rows, parts, change.removed_slots, change.added_slots, tolerant) if parts else change
            new = self.front.update(own)
            changes.update(named(FRONT, new))
            old = self._front_solution(change.rows, parts, change.n_before, tolerant=True) if is_known else None
            solution = self._front_solution(change.rows, {**parts, **new}, len(change.rows), tolerant=tolerant)
            is_known = is_known and is_same(old, solution)
        flow = None if solution is None else self._first_flow(change.rows, solution)
        for name, step in self.rest:
            parts = below(name, change.parts)
            if flow is None:  # nothing reaches this step any more
                changes.update(dict.fromkeys(named(name, parts)))
                continue
            view: Any = _seen_by(step, change.rows, flow)
            goes_on = is_known and bool(parts)
            model = stage(step, flow.width, rows=view, parts=parts)
            try:
                new = model._update(stage_change(change, view, parts if goes_on else None, tolerant=tolerant))
            except InvalidDataError:
                if not tolerant:
                    raise
                changes.update(dict.fromkeys(named(name, parts)))
                flow = None  # what is left cannot go through the steps before: this one sleeps until it can
                continue
            gone = {} if goes_on else dict.fromkeys(parts.keys() - new.keys())
            changes.update(named(name, {**gone, **new}))
            if step is not self.rest[-1][1]:
                kept = {key: part for key, part in {**(parts if goes_on else {}), **new}.items() if part is not None}
                solution = model._solve(view, kept)
                is_known = goes_on and is_same(model._solve(view, parts), solution)
                flow = None if solution is None else _next_flow(flow, step, solution)
        return changes

    def solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        """The solutions of all steps; None if one of them has none.

        Raises
        ------
        InvalidDataError
            A column that a transformer cannot learn from.
        """
        solution = {} if self.front is None else self.front.solve(form_of(rows), below(FRONT, parts))
        out, flow = named(FRONT, solution), self._first_flow(rows, solution)
        for name, step in self.rest:
            view: Any = _seen_by(step, rows, flow)
            held = below(name, parts)
            own = stage(step, flow.width, rows=view, parts=held)._solve(view, held) if held else None
            if own is None:
                return None
            out.update(named(name, own))
            flow = _next_flow(flow, step, own) if step is not self.rest[-1][1] else flow
        return out

    def estimate(
        self, rows: Rows, parts: Mapping[str, Part], slots: Slots, table: Table | None = None
    ) -> tuple[int, int, tuple[str, ...]]:
        """Least and most work of forgetting these slots, or of other rows in their place; the parts that would change.

        The transformers of single columns are solved beforehand, so that it is known whether the step behind them goes
        on; of steps behind that one it is not.
        """
        n_new = 0 if table is None else len(table)
        left = len(rows) - len(slots) + n_new
        low = high = 0
        touched: list[str] = []
        is_known: bool | None = True  # None: that is not known
        solution: Part | None = {}
        if self.front is not None:
            own = below(FRONT, parts)
            low = high = len(slots) + n_new if own else 0
            touched += named(FRONT, own)
            solution = self._front_solution(rows, own, len(rows), tolerant=True)
            after = self._front_solution(rows, self._front_after(rows, own, slots, table), left, tolerant=True)
            is_known = is_same(solution, after)
            if after is None:
                return low, high, tuple(parts)
        is_reached = True  # of a step behind another one, which may have too little left, that is not known
        for name, step, own, flow in self._flows(rows, parts):
            least, most = _refit(step, rows, own, left, flow)
            refit, names = most, dict.fromkeys(own)
            if flow is not None and own and is_known is not False:
                view: Any = _seen_by(step, rows, flow)
                model = stage(step, flow.width, rows=view, parts=own)
                if table is None:
                    least, most, goes_on = model._estimate(view, slots)
                else:
                    least, most, goes_on = model._estimate_corrected(view, slots, view.of(table))
                names = dict.fromkeys(goes_on if is_known else own)
                least, most, is_known = (least, most, None) if is_known else (0, max(most, refit), None)
            low, high, is_reached = low + (least if is_reached else 0), high + most, False
            touched += named(name, names)
        return low, high, tuple(touched)

    def most_work(self, rows: Rows, parts: Mapping[str, Part]) -> int:
        """Work of a full refit."""
        work = len(rows) if self.front is not None and below(FRONT, parts) else 0
        return work + sum(
            _refit(step, rows, own, len(rows), flow)[1] for _, step, own, flow in self._flows(rows, parts)
        )

    def doubt(self, rows: Rows, parts: Mapping[str, Part]) -> str | None:
        """What the last step says about its own bits, if it has to be tried out."""
        if not self.rest or type(self.rest[-1][1])._doubt is Unlearner._doubt:
            return None
        found: str | None = ""
        for _, step, own, flow in self._flows(rows, parts):
            if flow is None or not own:
                return ""
            if step is self.rest[-1][1]:
                view: Any = _seen_by(step, rows, flow)
                found = stage(step, flow.width, rows=view, parts=own)._doubt(view)
        return found

    def _flows(self, rows: Rows, parts: Mapping[str, Part]) -> Iterator[tuple[str, Any, dict[str, Part], _Flow | None]]:
        """The steps with their names and parts, and what reaches each of them as the pipeline is."""
        solution: Part | None = {}
        if self.front is not None:
            solution = self._front_solution(rows, below(FRONT, parts), len(rows), tolerant=True)
        flow = None if solution is None else self._first_flow(rows, solution)
        for name, step in self.rest:
            own = below(name, parts)
            yield name, step, own, flow
            if flow is not None and step is not self.rest[-1][1]:
                view: Any = _seen_by(step, rows, flow)
                found = stage(step, flow.width, rows=view, parts=own)._solve(view, own) if own else None
                flow = None if found is None else _next_flow(flow, step, found)

    def _front_solution(self, rows: Rows, parts: Mapping[str, Any], n: int, *, tolerant: bool) -> Part | None:
        """Statistics of the transformers of single columns, from tallies of n rows."""
        assert self.front is not None  # noqa: S101 - nobody asks without one
        if not n:
            return None
        try:
            return self.front.solve(form_of(rows), parts)
        except InvalidDataError:
            if not tolerant:
                raise
            return None

    def _front_after(self, rows: Rows, parts: dict[str, Part], slots: Slots, table: Table | None) -> dict[str, Any]:
        """The tallies without these records, or with others for them; nothing changes, nothing counts as read."""
        assert self.front is not None  # noqa: S101 - nobody asks without one
        reads, new = rows.reads, slots[:0] if table is None else slots
        out = {**parts, **self.front.update(Change(rows, parts, slots, new, True, table))}
        rows.reads = reads
        return out

    def _first_flow(self, rows: Rows, solution: Part) -> _Flow:
        width, front = width_of(form_of(rows)), self.front
        if front is None:
            return _Flow(lambda X: X, width)
        takes_missing = not self.rest or get_tags(self.rest[0][1]).input_tags.allow_nan

        def through(X: Any) -> Any:
            Z = front.transform(solution, X)
            if not takes_missing:
                _refuse_missing(Z, X, front, solution)
            return Z

        return _Flow(through, outputs_of_front(front, width, solution))


def _refit(step: Any, rows: Rows, parts: Mapping[str, Part], n: int, flow: _Flow | None) -> tuple[int, int]:
    """Least and most work of a fit of a step on n rows, from what it says of a change in which nothing goes.

    What it says of its parts is said of the rows as they are, of which some may go. A step may keep fewer models then,
    so it is not sure to read a row twice; and it reads no more than of all.
    """
    if flow is None or not parts or not len(rows):
        return n, n
    view: Any = View(rows, flow.through, flow.width, n)
    model = stage(step, flow.width, rows=view, parts=parts)
    low, high, _ = model._estimate(view, np.empty(0, dtype=np.intp))
    if high in (0, n, len(rows)):  # it reads each row once
        return (n if low == high else 0), n
    return min(n, low * n // len(rows)), max(n, high)


def _seen_by(step: Any, rows: Rows, flow: _Flow) -> Any:
    """The rows as a step learns and answers from them, refused if they are nothing that it could learn from alone."""
    alone = stage(step, flow.width)
    return View(rows, lambda X: alone._validate(as_taken(step, flow.through(X)), None, reset=False)[0], flow.width)


def _refuse_missing(Z: Any, X: Any, front: Front, solution: Part) -> None:
    if hasattr(Z, "tocsr") or Z.dtype.kind != "f" or not np.isnan(Z).any():
        return
    names = [str(name) for name in X.columns] if hasattr(X, "columns") else [f"{j}" for j in range(X.shape[1])]
    column = front.names_out(solution, names)[int(np.isnan(Z).any(axis=0).argmax())]
    raise InvalidDataError(
        f"Input X contains NaN: {column!r} of the transformed rows.", hint="Put a SimpleImputer before."
    )


def _next_flow(flow: _Flow, step: Any, solution: Part) -> _Flow:
    model = stage(step, flow.width, solution=solution)
    return _Flow(lambda X: model.transform(as_taken(step, flow.through(X))), outputs_of(step, flow.width, solution))
