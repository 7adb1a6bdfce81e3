"""What detectors of anomalies do alike: a score for each row, a threshold, and how many records a change reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import OutlierMixin

from expunge.contract import Unlearner
from expunge.errors import InvalidParameterError
from expunge.maths.quantiles import quantile
from expunge.rows import Rows, Table
from expunge.state import Change, Part
from expunge.validation import numeric_input

__all__ = ["RARE", "Detector"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]

#: Share of ordinary records that a threshold of "auto" is meant to call outliers, where a model of them says so.
RARE = 0.1
_AT_A_TIME = 2**16  # records in memory, of those that are scored again


class Detector(OutlierMixin, Unlearner):
    """Parent of the detectors of this folder.

    A method writes ``_learn(change)``, its parts after a change; ``_learned(rows, parts)``, what scores are read from,
    or None; ``_scores(X, solution)``, the lower the stranger; and ``_usual(solution)``, the threshold of "auto". One
    that knows the scores of its records without reading them says so by ``_scores_known``.
    """

    contamination: Any

    _requests = ("records", "subjects", "features")
    #: Whether a threshold by contamination has to read all records again.
    _reads_to_score: ClassVar[bool] = True

    def _learn(self, change: Change) -> dict[str, Part | None]:
        raise NotImplementedError

    def _learned(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        raise NotImplementedError

    def _scores(self, X: Floats, solution: Part) -> Floats:
        raise NotImplementedError

    def _usual(self, solution: Part) -> float:
        raise NotImplementedError

    def _scores_known(self, solution: Part) -> Floats:
        """Scores of the records of positive weight in canonical order, where they follow from the solution."""
        raise NotImplementedError

    def _cost(self, rows: Rows, slots: Slots, table: Table | None) -> tuple[int, int]:
        """Least and most records read when these slots go and a table comes, but for those that are scored again."""
        n = len(slots) + (0 if table is None else len(table))
        return n, n

    def _fit_cost(self, rows: Rows) -> tuple[int, int]:
        """Least and most records read by a fit on these rows, but for those that are scored again."""
        return len(rows), len(rows)

    # ------------------------------------------------------------------ the contract

    def _check_params(self) -> None:
        share = self.contamination
        is_share = isinstance(share, (float, np.floating)) and 0.0 < share <= 0.5
        if not is_share and not (isinstance(share, str) and share == "auto"):
            raise InvalidParameterError(f"contamination must be 'auto' or a share up to 0.5, got {share!r}.")

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        return numeric_input(self, X, None, reset=reset, least=least)

    def _is_scored(self) -> bool:
        return self._reads_to_score and not isinstance(self.contamination, str)

    def _update(self, change: Change) -> dict[str, Part | None]:
        out = self._learn(change)
        if not self._is_scored():
            return out
        parts = {name: part for name, part in {**change.parts, **out}.items() if part is not None}
        solution = self._learned(change.rows, parts)
        if solution is None:
            return {**out, "offset": None} if "offset" in change.parts else out
        rows, found, weights = change.rows, list[Floats](), list[Any]()
        slots = rows.slots()
        for start in range(0, len(slots), _AT_A_TIME):
            table = rows.read(slots[start : start + _AT_A_TIME])
            found.append(self._scores(table.X, solution))
            weights.append(table.weight)
        weight = None if weights[0] is None else np.concatenate(weights)
        return {**out, "offset": {"offset": quantile(np.concatenate(found), float(self.contamination), weight)}}

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        solution = self._learned(rows, parts)
        if solution is None:
            return None
        if isinstance(self.contamination, str):
            offset = self._usual(solution)
        elif self._reads_to_score:
            offset = parts["offset"]["offset"]
        else:
            offset = quantile(self._scores_known(solution), float(self.contamination), solution.get("weight"))
        return {**solution, "offset": float(offset)}

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        return self._whole_cost(rows, slots, None)

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, tuple[str, ...]]:
        return self._whole_cost(rows, slots, table)

    def _whole_cost(self, rows: Rows, slots: Slots, table: Table | None) -> tuple[int, int, tuple[str, ...]]:
        is_fit = not len(slots) and table is None  # asked for no record: what a fit would cost
        low, high = self._fit_cost(rows) if is_fit else self._cost(rows, slots, table)
        parts, left = self._state().parts, len(rows) - len(slots) + (0 if table is None else len(table))
        if self._is_scored():
            is_awake = "offset" in parts and left > 1 and not rows.has_weights  # and stays so
            low, high = low + (left if is_awake else 0), high + left
        return low, high, tuple(parts)

    # ------------------------------------------------------------------ asking

    def score_samples(self, X: Any) -> Floats:
        """How ordinary rows look that are not known yet, shape (n,): the lower, the stranger."""
        solution = self._solution()
        return self._scores(numeric_input(self, X, None, reset=False)[0], solution)

    def decision_function(self, X: Any) -> Floats:
        """``score_samples`` less ``offset_``, shape (n,): negative for outliers."""
        solution = self._solution()  # scores and threshold of one and the same model
        return np.asarray(self._scores(numeric_input(self, X, None, reset=False)[0], solution) - solution["offset"])

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """-1 for outliers, 1 for others; shape (n,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def score_records(self, record_ids: Any = None) -> Floats:
        """How ordinary records look that are known, shape (n,).

        Parameters
        ----------
        record_ids : id or array of ids, optional
            Default: all, in the order of ``record_ids_``.

        Raises
        ------
        UnknownRecordError
            An id that is not known, or no longer.
        """
        with self._state().lock:
            solution, rows = self._solution(), self._rows()
            return self._scores_of(rows, rows.slots() if record_ids is None else rows.find(record_ids), solution)

    def predict_records(self, record_ids: Any = None) -> npt.NDArray[np.int64]:
        """-1 for records that are outliers among the others, 1 for others; as :meth:`score_records`, shape (n,)."""
        with self._state().lock:  # scores and threshold of one and the same model
            return np.where(self.score_records(record_ids) < self.offset_, -1, 1)

    def _scores_of(self, rows: Rows, slots: Slots, solution: Part) -> Floats:
        return self._scores(rows.peek(slots).X, solution)

    @property
    def offset_(self) -> float:
        """Scores below it are outliers."""
        return float(self._solution()["offset"])
