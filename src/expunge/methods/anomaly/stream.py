"""A detector on a stream: score what comes, learn it, and forget it by name or when it has grown old."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from expunge.contract import DormantModelError, Unlearner
from expunge.errors import DuplicateRecordError, InvalidParameterError, InvalidRequestError
from expunge.records import Removal
from expunge.table.ids import check_ids

__all__ = ["Arrival", "Stream"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Arrival:
    """What a batch brought.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Of the rows, by what was known before they were learned; NaN while that was too little.
    is_outlier : ndarray of bool, shape (n,)
        Scores below the threshold of that time.
    expired : tuple
        Ids of the records that were forgotten because the window was full, the oldest first.
    """

    scores: Floats
    is_outlier: npt.NDArray[np.bool_]
    expired: tuple[Any, ...]


class Stream:
    """Keeps a detector up to date, for records that come one after another and may have to go at any time.

    Parameters
    ----------
    model : Unlearner with ``score_samples`` or ``decision_function``
        A detector of this library, fitted or not, or a pipeline that ends in one. It is changed, not copied.
    window : int, optional
        How many records it knows at most, the youngest; at least 1. Default: all.
    arrived : array of ids, optional
        The records of a fitted model, the oldest first.

    Raises
    ------
    InvalidParameterError
        A window of another form.
    InvalidRequestError
        A fitted model with a window and without ``arrived``, or ``arrived`` that are not its records.

    Guarantee
    ---------
    That of the model: at every moment an ``exact`` one equals, bit for bit, a fresh fit on the records that it knows.

    Notes
    -----
    A batch costs a ``learn``, and a ``forget`` of as many records as leave the window. Where there are so few records
    that the model is dormant, scores are NaN and nothing is an outlier. A call that is interrupted leaves a stream that
    knows what its model knows; records that should have left the window leave it with the next batch.

    Examples
    --------
    >>> from expunge import GaussianDetector
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> stream = Stream(GaussianDetector(), window=100)
    >>> for start in range(0, 300, 50):
    ...     arrival = stream.learn(X[start : start + 50], range(start, start + 50))
    >>> len(stream.ids), arrival.expired[:2]
    (100, (150, 151))
    >>> stream.forget(250).n_forgotten
    1
    >>> rest = np.array(stream.ids)
    >>> stream.model.digest() == GaussianDetector().fit(X[rest], record_ids=rest).digest()
    True
    """

    def __init__(self, model: Any, *, window: int | None = None, arrived: Any = None) -> None:
        if window is not None and (not isinstance(window, (int, np.integer)) or isinstance(window, bool) or window < 1):
            raise InvalidParameterError(f"window must be a positive integer or None, got {window!r}.")
        if not isinstance(model, Unlearner) or not hasattr(model, "decision_function"):
            raise InvalidParameterError(
                f"A stream keeps a detector that forgets, got {type(model).__name__}.",
                hint="Give one of expunge.anomaly, or a pipeline that ends in one.",
            )
        self.model, self.window = model, window
        known = model.record_ids_.tolist() if _is_fitted(model) else []
        order = known if arrived is None else check_ids(arrived).tolist() if len(arrived) else []
        if (arrived is None and window is not None and known) or sorted(map(repr, order)) != sorted(map(repr, known)):
            raise InvalidRequestError(
                f"The model knows {len(known)} records, and in which order they came is not known.",
                hint="Give all their ids as arrived, the oldest first.",
            )
        self._order = dict.fromkeys(order)

    @property
    def ids(self) -> list[Any]:
        """Ids of the records that are known, the oldest first."""
        return list(self._arrived())

    def score(self, X: Any) -> Floats:
        """How far rows are above the threshold, shape (n,): negative for outliers; NaN while too little is known."""
        if not _is_fitted(self.model):
            return np.full(len(X), np.nan)
        try:
            return np.asarray(self.model.decision_function(X), dtype=np.float64)
        except DormantModelError:
            return np.full(len(X), np.nan)

    def learn(self, X: Any, record_ids: Any, *, subject_ids: Any = None) -> Arrival:
        """Score rows, then learn them; the oldest records are forgotten where the window is full.

        Parameters
        ----------
        X : array or frame of shape (n, d)
        record_ids : array of ids, shape (n,)
            New ones, in the order of arrival.
        subject_ids : array of shape (n,), optional
            The person each record is about; always or never.

        Returns
        -------
        Arrival

        Raises
        ------
        DuplicateRecordError
            A record that is known already, or is named twice. Nothing has changed then.
        InvalidDataError
            Rows that the model cannot take.
        """
        ids = check_ids(record_ids)
        names, order = ids.tolist(), self._arrived()
        if len(set(names)) < len(names) or any(name in order for name in names):
            raise DuplicateRecordError(
                "A record of the batch is known already, or is named twice.",
                hint="Give each a name of its own.",
            )
        scores = self.score(X)
        begin = 0 if self.window is None else max(0, len(names) - int(self.window))  # older ones would go at once
        rows = X.iloc[begin:] if hasattr(X, "iloc") else X[begin:]
        subjects = None if subject_ids is None else np.asarray(subject_ids)[begin:]
        order.update(dict.fromkeys(names[begin:]))  # before the model learns them: their order is known then, whatever
        if _is_fitted(self.model):
            self.model.learn(rows, record_ids=ids[begin:], subject_ids=subjects)
        else:
            self.model.fit(rows, record_ids=ids[begin:], subject_ids=subjects, allow_dormant=True)
        over = 0 if self.window is None else max(0, len(order) - int(self.window))
        expired = tuple(list(order)[:over])
        if expired:
            self.forget(list(expired))
        return Arrival(scores, scores < 0, expired)

    def forget(self, record_ids: Any = None, *, subjects: Any = None) -> Removal:
        """Forget records by name or by person, as the model's ``forget``, with its errors."""
        removal: Removal = self.model.forget(record_ids, subjects=subjects)
        if subjects is None:
            for name in check_ids(record_ids).tolist():
                self._order.pop(name, None)
        return removal

    def _arrived(self) -> dict[Any, None]:
        """The records that the model knows, in their order, also where a call was interrupted halfway."""
        n_known = len(self.model._rows()) if _is_fitted(self.model) else 0
        if n_known != len(self._order):
            known = set(self.model.record_ids_.tolist()) if n_known else set()
            self._order = {name: None for name in self._order if name in known}
        return self._order


def _is_fitted(model: Any) -> bool:
    try:
        check_is_fitted(model)
    except ValueError:  # NotFittedError
        return False
    return True
