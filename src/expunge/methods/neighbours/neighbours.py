"""What the two methods of nearest neighbours do alike: count records, find the nearest, weigh them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_choice
from expunge.contract import Unlearner
from expunge.errors import InvalidDataError
from expunge.maths.boxes import nearest_of_many
from expunge.maths.nearest import METRICS, check_neighbours, row_sums
from expunge.maths.running_sum import refuse_new_lack
from expunge.rows import Rows, Table
from expunge.state import Change, Part
from expunge.validation import numeric_input

__all__ = ["Neighbours", "is_neighbour"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]


class Neighbours(Unlearner):
    """Parent of the methods of nearest neighbours.

    A method writes ``_tally_changed(old, change)``, what it counts of its records; ``_count(part)``, how many of them
    can be neighbours; and ``_targets(y)``, targets as numbers.
    """

    n_neighbors: int
    weights: str
    metric: str

    _alternatives: ClassVar[dict[str, list[Any]]] = {
        "n_neighbors": [1, 3], "weights": ["distance"], "metric": ["manhattan", "cosine"],
    }  # fmt: skip
    _waivers: ClassVar[dict[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": "a record of weight two is one neighbour with two votes, "
        "and a record repeated twice is two neighbours",
    }

    def _tally_changed(self, old: Part | None, change: Change) -> Part:
        raise NotImplementedError

    def _count(self, part: Part) -> int:
        """Records that can be neighbours."""
        raise NotImplementedError

    def _targets(self, y: Any) -> npt.NDArray[Any]:
        """Targets as numbers."""
        raise NotImplementedError

    def _check_params(self) -> None:
        check_neighbours(self.n_neighbors, self.metric)
        check_choice("weights", self.weights, ("uniform", "distance"))

    def _update(self, change: Change) -> dict[str, Part | None]:
        old = change.parts.get("tally")
        new = self._tally_changed(old, change)
        refuse_new_lack(old, new, change, self._refusal)
        return {"tally": new}

    def _refusal(self, part: Part) -> Exception | None:
        if self._count(part) >= self.n_neighbors:
            return None
        return InvalidDataError(
            f"There are fewer records of positive weight than n_neighbors = {self.n_neighbors}: "
            f"n_samples = {self._count(part)}.",
            hint="Learn more records, or ask for fewer neighbours.",
        )

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        if self._refusal(parts["tally"]) is not None:
            return None
        table = rows.peek(rows.slots())
        known = is_neighbour(table)
        out = {**parts["tally"], "known_rows": np.ascontiguousarray(table.X[known], dtype=np.float64)}
        if table.weight is not None:
            out["weight"] = table.weight[known]
        return {**out, "targets": self._targets(table.y[known])}

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        return len(slots), len(slots), ("tally",)

    def _nearest(self, X: Any, solution: Part) -> tuple[Slots, Floats]:
        """Places of the nearest records of each row and their distances, both of shape (m, n_neighbors)."""
        X, _ = numeric_input(self, X, None, reset=False)
        found, away = nearest_of_many(solution["known_rows"], X, int(self.n_neighbors), METRICS.index(self.metric))
        return found, np.sqrt(away) if self.metric == "euclidean" else away

    def _shares(self, found: Slots, away: Floats, solution: Part) -> Floats:
        """How much each neighbour counts, shape (m, n_neighbors), each line with a sum of 1 but for rounding."""
        out = np.ones(away.shape)
        if self.weights == "distance":
            with np.errstate(divide="ignore", invalid="ignore"):
                out = np.where(np.isinf(away), 0.0, away[:, :1] / away)  # the nearest counts 1, so nothing overflows
            is_same = away == 0.0
            out = np.where(is_same.any(axis=1, keepdims=True), is_same.astype(float), out)
            out[np.isinf(away).all(axis=1)] = 1.0
        if "weight" in solution:
            of_each = solution["weight"][found]
            out = out * (of_each / of_each.max(axis=1, keepdims=True))
        return np.asarray(out / row_sums(out)[:, np.newaxis])

    def kneighbors(self, X: Any) -> tuple[Floats, npt.NDArray[Any]]:
        """The nearest records of each row.

        Parameters
        ----------
        X : array of shape (m, d)

        Returns
        -------
        distances : ndarray of float64, shape (m, n_neighbors)
            The nearest first.
        record_ids : ndarray, shape (m, n_neighbors)
            Names, never positions.
        """
        with self._state().lock:
            solution, rows = self._solution(), self._rows()
            found, away = self._nearest(X, solution)
            ids = rows.ids[is_neighbour(rows.peek_beside(rows.slots()))]
        return away, ids[found]


def is_neighbour(table: Table) -> npt.NDArray[np.bool_]:
    """Which records can be neighbours: those of positive weight; shape (n,)."""
    return np.ones(len(table.ids), dtype=bool) if table.weight is None else np.asarray(table.weight > 0)
