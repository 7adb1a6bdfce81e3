"""What the two detectors by neighbours do alike: lists of neighbours as their state, rows as what they answer from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError
from expunge.maths.boxes import nearest_of_many
from expunge.maths.nearest import METRICS, check_neighbours, row_sums
from expunge.maths.running_sum import refuse_new_lack
from expunge.methods.anomaly.near_lists import known_slots, lists_after, reached
from expunge.rows import Rows, Table
from expunge.state import Change, Part

__all__ = ["ByNeighbours", "row_means"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]


class ByNeighbours:
    """Beside :class:`~expunge.methods.anomaly.detector.Detector`: lists, and what is read from them and from rows.

    A method writes ``_from_lists(lists)``, what it reads from them beside the rows, with the scores of the records
    under "known"; and ``_from_nearest(found, away, solution)``, the scores of rows whose neighbours are found.
    """

    n_neighbors: int
    metric: str

    #: As with scikit-learn's detector by neighbours: rows that are asked about are compared as ones not known.
    novelty: ClassVar[bool] = True
    _reads_to_score: ClassVar[bool] = False
    _waivers: ClassVar[Mapping[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": "a record of weight two is one neighbour, and a record "
        "repeated twice is two",
    }

    def _from_lists(self, near: npt.NDArray[np.int32], away: Floats) -> Part:
        raise NotImplementedError

    def _from_nearest(self, found: Slots, away: Floats, solution: Part) -> Floats:
        raise NotImplementedError

    def _check_params(self) -> None:
        super()._check_params()  # type: ignore[misc]
        check_neighbours(self.n_neighbors, self.metric)

    def _learn(self, change: Change) -> dict[str, Part | None]:
        old = change.parts.get("lists")
        new = lists_after(old, change, int(self.n_neighbors), self.metric)
        refuse_new_lack(old, new, change, self._lack)
        return {"lists": new}

    def _lack(self, lists: Part) -> InvalidDataError | None:
        if lists["n"] > self.n_neighbors:
            return None
        return InvalidDataError(
            f"There are no more records of positive weight than n_neighbors = {self.n_neighbors}: "
            f"n_samples = {lists['n']}, and a record is no neighbour of itself.",
            hint="Learn more records, or ask for fewer neighbours.",
        )

    def _learned(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        lists = parts["lists"]
        if self._lack(lists) is not None:
            return None
        slots = known_slots(rows)
        table = rows.peek(slots)
        out = {"known_rows": np.ascontiguousarray(table.X, dtype=np.float64)}
        if table.weight is not None:
            out["weight"] = table.weight
        return {**out, **self._from_lists(lists["near"], self._distances(lists["away"]))}

    @property
    def fit_predict(self) -> Any:
        """Not there: a row that is asked about is none of the records. Use ``fit``, then ``predict_records``."""
        raise AttributeError("fit_predict is not available: fit, then ask predict_records() about the records.")

    def _distances(self, away: Floats) -> Floats:
        return np.sqrt(away) if self.metric == "euclidean" else away

    def _scores(self, X: Floats, solution: Part) -> Floats:
        found, away = nearest_of_many(solution["known_rows"], X, int(self.n_neighbors), METRICS.index(self.metric))
        return self._from_nearest(found, self._distances(away), solution)

    def _scores_known(self, solution: Part) -> Floats:
        return np.asarray(solution["known"])

    def _scores_of(self, rows: Rows, slots: Slots, solution: Part) -> Floats:
        """As known records, each without itself; of weight zero, as rows that are not known."""
        known = known_slots(rows)
        place = np.full(len(rows.alive), -1, dtype=np.int64)
        place[known] = np.arange(len(known))
        at = place[slots]
        out = np.where(at >= 0, solution["known"][at], 0.0)
        if (at < 0).any():
            out[at < 0] = self._scores(rows.peek(slots[at < 0]).X, solution)
        return out

    def _cost(self, rows: Rows, slots: Slots, table: Table | None) -> tuple[int, int]:
        model: Any = self
        lists, k = model._state().parts["lists"], int(self.n_neighbors)
        come = 0 if table is None else len(table) if table.weight is None else int((table.weight > 0).sum())
        left = lists["n"] - len(known_slots(rows, slots)) + come
        if left <= k:
            return 0, 0
        is_reached = "near" not in lists or come > 0 or reached(lists, rows, slots) > 0
        return (left, left) if is_reached else (0, 0)

    def _fit_cost(self, rows: Rows) -> tuple[int, int]:
        n = len(rows)
        return (n if n > self.n_neighbors and not rows.has_weights else 0), n


def row_means(values: Floats) -> Floats:
    """The mean of each line, added from the left."""
    return np.asarray(row_sums(values) / values.shape[1])
