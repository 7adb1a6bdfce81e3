"""Families that recommend: a row holds a user and an item, and the answer to it is a score of each item."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from expunge.lab.data import Data, Records
from expunge.lab.learners import EstimatorLearner
from expunge.methods import find_method

__all__: list[str] = []

Floats = npt.NDArray[np.float64]

_FAR = 20.0  # log-odds by which an item that is known stands above a list, and below zero one that cannot be in it
_STRANGER = "nobody"  # is told of every item that the model has heard of


class _Recommender(EstimatorLearner):
    """Learns histories; what it answers is what its lists tell.

    A list leaves out what the user knows. So an item that the model has heard of and does not tell this user is one
    that it knows of this user: where the question is about that very item, it is surest of all.
    """

    def __init__(self, estimator: Any, data: Data) -> None:
        super().__init__(estimator)
        self.items = np.unique(data.X["item"].to_numpy())

    def train(self, records: Records, seed: int) -> Any:
        model = clone(self.estimator).set_params(seed=seed)
        return model.fit(records.X, record_ids=records.ids, subject_ids=records.subjects)

    def answer(self, model: Any, X: Any, n_classes: int) -> Floats:
        """Scores of the items of the workload, shape (n, items), in the unit of the method."""
        names, line = np.unique(X["user"].to_numpy(dtype=str), return_inverse=True)
        told = model.recommend(np.append(names, _STRANGER), k=len(self.items))
        row = told["user"].map({name: i for i, name in enumerate([*names.tolist(), _STRANGER])}).to_numpy()
        scores = np.full((len(names) + 1, len(self.items)), np.nan)
        scores[row, np.searchsorted(self.items, told["item"].to_numpy())] = told["score"]
        heard_of = ~np.isnan(scores[-1])
        out: Floats = np.nan_to_num(scores[line], nan=-_FAR)
        places, asked = np.arange(len(X)), np.searchsorted(self.items, X["item"].to_numpy())
        known = heard_of[asked] & np.isnan(scores[line, asked])
        out[places[known], asked[known]] = out[known].max(axis=1) + _FAR
        return out


def item_factors(data: Data, *, n_factors: int = 32, algorithm: str = "replay") -> EstimatorLearner:
    """Factors of users and items by alternating least squares."""
    return _Recommender(find_method("ALS")(n_factors=n_factors, algorithm=algorithm), data)


def item_neighbours(data: Data, *, n_neighbors: int = 50) -> EstimatorLearner:
    """The items most like those a user knows."""
    return _Recommender(find_method("ItemKNN")(n_neighbors=n_neighbors), data)


def item_shards(data: Data, *, n_shards: int = 10) -> EstimatorLearner:
    """Embeddings in shards of users."""
    return _Recommender(find_method("ShardedBPR")(n_shards=n_shards), data)


def item_weights(data: Data, *, alpha: float = 250.0, algorithm: str = "exact") -> EstimatorLearner:
    """Weights of items for items, in closed form."""
    return _Recommender(find_method("EASE")(alpha=alpha, algorithm=algorithm), data)


def popular(data: Data) -> EstimatorLearner:
    """What most users have."""
    return _Recommender(find_method("Popularity")(), data)
