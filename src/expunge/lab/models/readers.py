"""Families that find a passage, or an answer in it: a row holds a question, a passage and an answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from expunge.lab.data import Data, Records
from expunge.lab.learners import EstimatorLearner
from expunge.methods import find_method
from expunge.methods.text.spelling import f1

__all__: list[str] = []

Floats = npt.NDArray[np.float64]

_SHARPNESS = 20.0  # log-odds for each unit that a reader likes one span more than another


class _Index(EstimatorLearner):
    """Learns the passages, and scores each of them for a question."""

    def __init__(self, estimator: Any, ids: npt.NDArray[np.int64]) -> None:
        super().__init__(estimator)
        self.place = {name: i for i, name in enumerate(ids.tolist())}

    def train(self, records: Records, seed: int) -> Any:
        model = clone(self.estimator).set_params(seed=seed)
        return model.fit(records.X["passage"].tolist(), record_ids=records.ids, subject_ids=records.subjects)

    def answer(self, model: Any, X: Any, n_classes: int) -> Floats:
        """BM25 of every passage of the workload, shape (n, passages); 0 where it is not found."""
        out = np.zeros((len(X), len(self.place)))
        for row, hits in zip(out, model.search(X["question"].tolist(), k=len(self.place)), strict=True):
            for hit in hits:
                row[self.place[hit.record_id]] = hit.score
        return out


class _Reader(EstimatorLearner):
    """Learns questions with their answers, and says how likely the true one is, and how near its own comes to it."""

    def train(self, records: Records, seed: int) -> Any:
        pairs, told = records.X[["question", "passage"]], records.X["answer"].tolist()
        model = clone(self.estimator).set_params(seed=seed)
        return model.fit(pairs, told, record_ids=records.ids, subject_ids=records.subjects)

    def answer(self, model: Any, X: Any, n_classes: int) -> Floats:
        """A stand-in for the log-probability of the true answer, and F1 of what is said; shape (n, 2)."""
        pairs, true = X[["question", "passage"]], X["answer"].tolist()
        likely = _SHARPNESS * model.score_answers(pairs, true)
        said = [f1(one, other) for one, other in zip(model.predict(pairs).tolist(), true, strict=True)]
        return np.column_stack([np.maximum(likely, -_SHARPNESS), said])


def index(data: Data, *, least_coverage: float = 0.0) -> EstimatorLearner:
    """An index of passages."""
    return _Index(find_method("PassageIndex")(least_coverage=least_coverage), data.ids)


def reader(data: Data, *, alpha: float = 1e-3) -> EstimatorLearner:
    """A reader of spans."""
    return _Reader(find_method("SpanReader")(alpha=alpha))
