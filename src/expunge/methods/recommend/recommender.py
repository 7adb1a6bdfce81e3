"""What all recommenders do alike: take interactions in, tell the best items of a user, and say where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_count, check_number
from expunge.contract import Unlearner
from expunge.errors import UnsupportedRequestError
from expunge.methods.recommend.histories import history_of, numbered, top, users_of
from expunge.methods.recommend.interactions import read_interactions, read_users
from expunge.records import Addition
from expunge.rows import Rows, Table
from expunge.validation import any_input

__all__ = ["Recommender"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]

_BATCH = 256  # users whose scores are held at once


class Recommender(Unlearner):
    """Parent of the recommenders.

    A method writes, beside what every method does, ``_scores(users, starts, codes)``: a score for each item and each of
    some users, shape (m, n_items); and ``_catalogue()``: labels of the items, sorted, and how many users each has.
    """

    least_value: float = 0.0

    _alternatives: ClassVar[dict[str, list[Any]]] = {"least_value": [4.0]}
    _requests = ("records", "subjects", "classes")
    _task = "recommendation"
    _instead_of_weights = "It learns from single interactions: leave them out."

    def _scores(self, users: npt.NDArray[Any], starts: npt.NDArray[np.int64], codes: npt.NDArray[np.int64]) -> Floats:
        raise NotImplementedError

    def _catalogue(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.target_tags.required = True, True
        return tags

    def _check_params(self) -> None:
        check_number("least_value", self.least_value, low=-np.inf)

    # ------------------------------------------------------------------ interactions in

    def fit(
        self, X: Any, y: Any = None, *, record_ids: Any = None, subject_ids: Any = None, sample_weight: Any = None,
        allow_dormant: bool = False,
    ) -> Any:  # fmt: skip
        """Learn from interactions, each under its own name.

        Parameters
        ----------
        X : DataFrame or sparse matrix
            Columns ``user`` and ``item``, and if wanted ``value`` and ``time``; the time is not kept. Or users by
            items: each cell that is not zero is a record, line by line.
        y : array of shape (n,), optional
            The items, in place of the column ``item``: integers or texts.
        record_ids : array of shape (n,), optional
            As for every method.
        subject_ids : array of shape (n,), optional
            Default: the users. For a matrix one for each line: the names of its users.
        sample_weight : None
            Refused.
        allow_dormant : bool, default=False
            Accept no record at all.

        Returns
        -------
        self

        Raises
        ------
        InvalidDataError
            Other columns; an interaction without a user or an item; a value that is no finite number.
        InvalidIdError, DuplicateRecordError, InvalidParameterError
            As for every method.
        """
        frame, items, subjects = read_interactions(X, y, subject_ids)
        return super().fit(
            frame, items, record_ids=record_ids, subject_ids=subjects, sample_weight=sample_weight,
            allow_dormant=allow_dormant,
        )  # fmt: skip

    def learn(
        self, X: Any, y: Any = None, *, record_ids: Any = None, subject_ids: Any = None, sample_weight: Any = None
    ) -> Addition:
        """Learn more interactions, in the form of :meth:`fit`: the inverse of :meth:`forget`, bit for bit."""
        frame, items, subjects = read_interactions(X, y, subject_ids)
        return super().learn(frame, items, record_ids=record_ids, subject_ids=subjects, sample_weight=sample_weight)

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        frame, items, _ = read_interactions(X, y, None)
        return any_input(self, frame, items, reset=reset, least=least)

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        work = sum(len(of) for of in users_of(rows, slots).values())
        return work, work, tuple(self._state().parts)

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, tuple[str, ...]]:
        users = users_of(rows, slots, also=table.X["user"].tolist())
        work = sum(len(of) for of in users.values()) + len(table)
        return work, work, tuple(self._state().parts)

    # ------------------------------------------------------------------ recommendations out

    def recommend(self, users: Any = None, *, k: int = 10) -> Any:
        """The best items for users, without those that they know.

        Parameters
        ----------
        users : array of ids, optional
            Or a frame with a column ``user``. Default: every user the model knows.
        k : int, default=10
            Items for each; fewer where fewer are left.

        Returns
        -------
        DataFrame
            Columns ``user``, ``item``, ``score`` (its unit is the method's, comparable within one user) and ``by``:
            "history", or "popularity" for a user without one. The best first; of equals the smaller label.

        Raises
        ------
        DormantModelError
            No interaction is left.

        Notes
        -----
        Scores of a few users are held at a time. For more users than a frame should hold see
        :meth:`recommend_in_batches`.
        """
        import pandas as pd

        with self._state().lock:
            self._solution()
            rows = self._rows()
            names = self._users(rows) if users is None else read_users(users).tolist()
            pieces = [
                self._some(rows, names[start : start + _BATCH], check_count("k", k))
                for start in range(0, len(names), _BATCH)
            ]
        columns = ["user", "item", "score", "by"]
        return pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame({name: [] for name in columns})

    def recommend_in_batches(self, users: Any = None, *, k: int = 10, batch_size: int = 10_000) -> Iterator[Any]:
        """As :meth:`recommend`, a frame for each ``batch_size`` users: for a million of them.

        Yields
        ------
        DataFrame
            The next users. A change of the model in between counts from the next batch on.
        """
        size = check_count("batch_size", batch_size)
        names = self._users(self._rows()) if users is None else read_users(users).tolist()
        for start in range(0, len(names), size):
            yield self.recommend(names[start : start + size], k=k)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The best item that each user does not know, shape (n,), as objects; None where no item is left.

        Parameters
        ----------
        X : DataFrame with a column ``user``, or array of users
        """
        users = read_users(X)
        told = self.recommend(np.array(list(dict.fromkeys(users.tolist())), dtype=users.dtype), k=1)
        best = dict(zip(told["user"].tolist(), told["item"].tolist(), strict=True))
        out = np.empty(len(users), dtype=object)
        out[:] = [best.get(user) for user in users.tolist()]
        return out

    def export(self, path: str | Path) -> Path:
        """Refused: what a user knows already is read from the records.

        Raises
        ------
        UnsupportedRequestError
            The method knows what each user had to do with.
        """
        raise UnsupportedRequestError(
            f"An export would hold training rows: a {type(self).__name__} knows what each user had to do with.",
            hint="Save it instead.",
        )

    def _users(self, rows: Rows) -> list[Any]:
        return list(users_of(rows, rows.slots()))

    def _some(self, rows: Rows, users: list[Any], k: int) -> Any:
        import pandas as pd

        items, counts = self._catalogue()
        held = [numbered(items, history_of(rows, user, float(self.least_value))) for user in users]
        starts = np.cumsum([0, *(len(codes) for codes in held)]).astype(np.int64)
        codes = np.concatenate(held).astype(np.int64)
        scores = np.array(self._scores(np.array(users, dtype=object), starts, codes), dtype=np.float64)
        is_new = starts[1:] == starts[:-1]
        scores[is_new] = counts
        found, best = top(scores, starts, codes, min(k, len(items)))
        line, column = np.nonzero(found >= 0)
        by = np.where(is_new, "popularity", "history")
        return pd.DataFrame(
            {
                "user": np.array(users)[line], "item": items[found[line, column]], "score": best[line, column],
                "by": by[line],
            }
        )  # fmt: skip
