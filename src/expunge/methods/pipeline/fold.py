"""A pipeline solved from sums over the columns as they came: no step keeps a state of its own.

Every record is written as a vector b: a one, its numbers (zero where missing), for columns that are filled an indicator
of what is missing, and an indicator of each category. If all transformers are linear in b, the outputs are A b, and
their moments follow from Σ b bᵀ: means A b̄, scatter A S Aᵀ. The sums are integers, and do not change when a mean, a
scale or a list of categories does; only A does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError
from expunge.estimators import one_thread
from expunge.maths import exact
from expunge.maths.moments import ReadsMoments
from expunge.methods.pipeline.joint_sums import JointSums
from expunge.methods.pipeline.readout import is_linear, readout
from expunge.methods.pipeline.stages import FRONT, JOINT, below, named
from expunge.methods.pipeline.text_fold import TextFold
from expunge.methods.pipeline.text_ridge_fold import TextRidgeFold
from expunge.methods.preprocessing.front import Front, form_of
from expunge.rows import Rows, Table
from expunge.state import Change, Part

__all__ = ["Fold", "Together", "fold_of"]

Slots = npt.NDArray[np.intp]


class Fold(NamedTuple):
    """The steps of a pipeline that are solved together; made by :meth:`of`.

    Parameters
    ----------
    front : Front
        Transformers of single columns.
    rest : list of (str, Unlearner)
        Methods that read moments; all but the last one are linear maps.
    is_classifier : bool
    """

    front: Front
    rest: list[tuple[str, Any]]
    is_classifier: bool

    @classmethod
    def of(cls, front: Front, rest: list[tuple[str, Any]], is_classifier: bool) -> Fold | None:
        """The fold of these steps, or None if they have to take turns."""
        reads = all(isinstance(step, ReadsMoments) for _, step in rest)
        maps = all(hasattr(step, "_linear") for _, step in rest[:-1])
        if not rest or not (reads and maps and is_linear(front)):
            return None
        if any(not np.array_equal(step.resolution, exact.DEFAULT_RESOLUTION) for _, step in rest):
            return None  # it asks for another rounding of what the transformers give
        return cls(front, rest, is_classifier)

    def update(self, change: Change, *, tolerant: bool) -> dict[str, Part | None]:
        """Tallies of the columns, and the sums of everything, after a change."""
        parts = below(FRONT, change.parts)
        new = self.front.update(_Shared(change, parts) if parts else change)
        sums = self._sums(form_of(change.rows))
        joint = sums.update(change, parts, {**parts, **new}, change.parts.get(JOINT))
        changes: dict[str, Part | None] = {**named(FRONT, new), JOINT: joint}
        if not tolerant:
            self._solved(form_of(change.rows), {**parts, **new}, joint, strict=True)
        return changes

    def solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        """The solutions of all steps; None if one of them has none."""
        return self._solved(form_of(rows), below(FRONT, parts), parts[JOINT], strict=False)

    def estimate(
        self, rows: Rows, parts: Mapping[str, Part], slots: Slots, table: Table | None = None
    ) -> tuple[int, int, tuple[str, ...]]:
        """Work of forgetting these slots, and of the rows that come for them: read once, for all steps."""
        work = len(slots) + (0 if table is None else len(table))
        return work, work, tuple(parts)

    def most_work(self, rows: Rows, parts: Mapping[str, Part]) -> int:
        """Work of a full refit."""
        return len(rows)

    def _sums(self, form: Any) -> JointSums:
        target = getattr(self.rest[-1][1], "target_resolution", None)
        return JointSums.of(self.front, form, "classes" if self.is_classifier else target)

    def _no_table(self, A: Any, shift: Any, solution: Part, names: list[Any]) -> InvalidDataError:
        if not len(shift):
            return InvalidDataError("The transformers leave no column.", hint="Learn records that have values.")
        place = int((np.isnan(A.toarray()).any(axis=1) | np.isnan(shift)).argmax())
        column = self.front.names_out(solution, [str(name) for name in names])[place]
        return InvalidDataError(
            f"Input X contains NaN: {column!r} of the transformed rows.", hint="Put a SimpleImputer before."
        )

    def _solved(self, form: Any, parts: Mapping[str, Any], joint: Part, *, strict: bool) -> Part | None:
        solution = self.front.solve(form, parts)
        out = named(FRONT, solution)
        sums = self._sums(form)
        with one_thread():
            A, shift = readout(self.front, sums, solution, parts)
            if not len(shift) or np.isnan(A.data).any() or np.isnan(shift).any():
                if strict:
                    raise self._no_table(A, shift, solution, sums.names)
                return None
            moments = sums.moments(parts, joint).mapped(A, shift)
            for name, step in self.rest:
                lack = step._lack(moments)
                if lack is not None and strict:
                    raise lack
                if lack is not None:
                    return None
                if strict and step is self.rest[-1][1]:
                    break  # nobody asks for the solution yet
                own = step._from_moments(moments)
                out.update(named(name, own))
                if step is not self.rest[-1][1]:
                    moments = moments.mapped(*step._linear(own))
        return out


Together = Fold | TextFold | TextRidgeFold


def fold_of(front: Front | None, rest: list[tuple[str, Any]], is_classifier: bool) -> Together | None:
    """The fold of these steps, or None if they have to take turns."""
    if front is not None:
        return Fold.of(front, rest, is_classifier)
    return TextFold.of(rest) or TextRidgeFold.of(rest)


class _Shared(Change):
    """The same change with other parts; a row that it has read is not read again."""

    def __init__(self, whole: Change, parts: Mapping[str, Part]) -> None:
        super().__init__(whole.rows, parts, whole.removed_slots, whole.added_slots, whole.tolerant)
        self._whole = whole

    @property
    def removed(self) -> Table:
        return self._whole.removed

    @property
    def added(self) -> Table:
        return self._whole.added
