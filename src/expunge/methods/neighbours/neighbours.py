"""What the two methods of nearest neighbours do alike: count records, find the nearest, weigh them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.contract import Unlearner
from expunge.errors import InvalidDataError, InvalidParameterError, UnsupportedRequestError
from expunge.methods.neighbours.nearest import METRICS, nearest
from expunge.methods.sums.running_sum import refuse_new_lack
from expunge.rows import Rows, Table
from expunge.state import Change, Part
from expunge.validation import numeric_input

__all__ = ["Neighbours", "is_neighbour"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]


class Neighbours(Unlearner):
    """Parent of the methods of nearest neighbours.

    A method writes ``_tally_changed(old, change)``, how many of its records can be neighbours, in a part.
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

    def _check_params(self) -> None:
        k = self.n_neighbors
        if not isinstance(k, (int, np.integer)) or isinstance(k, bool) or k < 1:
            raise InvalidParameterError(f"n_neighbors must be a positive integer, got {k!r}.")
        for name, allowed in (("weights", ("uniform", "distance")), ("metric", METRICS)):
            value = getattr(self, name)
            if not (isinstance(value, str) and value in allowed):
                raise InvalidParameterError(f"{name} must be one of {', '.join(allowed)}, got {value!r}.")

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
        return None if self._refusal(parts["tally"]) is not None else dict(parts["tally"])

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        return len(slots), len(slots), ("tally",)

    def _nearest(self, X: Any) -> tuple[Slots, Floats, Rows]:
        """Slots of the nearest records of each row and their distances, both of shape (m, n_neighbors)."""
        X, _ = numeric_input(self, X, None, reset=False)
        rows, order = self._rows(), self._rows().slots()
        weight = rows.targets(order)[1]
        rank = np.full(len(rows.alive), -1, dtype=np.int64)
        rank[order] = np.arange(len(order))
        if weight is not None:
            rank[order[weight <= 0]] = -1
        table: Any = rows.matrix()
        found, away = nearest(table, rank, X, int(self.n_neighbors), METRICS.index(self.metric))
        return found, np.sqrt(away) if self.metric == "euclidean" else away, rows

    def _shares(self, found: Slots, away: Floats, rows: Rows) -> Floats:
        """How much each neighbour counts, shape (m, n_neighbors), each line with a sum of 1 but for rounding."""
        out = np.ones(away.shape)
        if self.weights == "distance":
            with np.errstate(divide="ignore", invalid="ignore"):
                out = np.where(np.isinf(away), 0.0, away[:, :1] / away)  # the nearest counts 1, so nothing overflows
            is_same = away == 0.0
            out = np.where(is_same.any(axis=1, keepdims=True), is_same.astype(float), out)
            out[np.isinf(away).all(axis=1)] = 1.0
        weight = rows.targets(found.ravel())[1]
        if weight is not None:
            of_each = weight.reshape(found.shape)
            out = out * (of_each / of_each.max(axis=1, keepdims=True))
        return np.asarray(out / _row_sums(out)[:, np.newaxis])

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
            self._solution()
            found, away, rows = self._nearest(X)
            return away, rows.peek_beside(found.ravel()).ids.reshape(found.shape)

    def export(self, path: Any) -> Any:
        """Refused: nearest neighbours are their records."""
        raise UnsupportedRequestError(
            f"An export would hold training rows: a {type(self).__name__} consists of them.", hint="Save it instead."
        )


def _row_sums(values: Floats) -> Floats:
    """Sum of each line, added from the left."""
    out = np.zeros(len(values))
    for column in values.T:
        out += column
    return out


def is_neighbour(table: Table) -> npt.NDArray[np.bool_]:
    """Which records can be neighbours: those of positive weight; shape (n,)."""
    return np.ones(len(table), dtype=bool) if table.weight is None else np.asarray(table.weight > 0)
