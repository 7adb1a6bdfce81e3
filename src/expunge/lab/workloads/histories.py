"""Histories of MovieLens 100K: who rated which film. A record is one rating, and its answer is the film."""

from __future__ import annotations

import numpy as np

from expunge.lab.data import Data
from expunge.lab.tasks import RANKING
from expunge.lab.workloads.files import frame
from expunge.seeds import uniform64

__all__ = ["movies"]


def movies(n: int | None) -> Data:
    """100,000 ratings by 943 users: is the film among the ten first for that user?

    Notes
    -----
    A draw holds whole histories, of as many users as it takes. The parts are drawn by ratings: what is asked about a
    user follows from other ratings of the same user.
    """
    found = frame("ml100k_ratings.csv.gz")
    ids, who = np.arange(len(found), dtype=np.int64), found["user"].to_numpy(dtype=np.int64)
    places = np.sort(np.lexsort((ids, who, uniform64(0, "lab sample", who)))[:n])
    rows = found.iloc[places].reset_index(drop=True)
    rows["user"] = np.array([f"u-{user}" for user in rows["user"]], dtype=object)
    X = rows[["user", "item", "rating"]].rename(columns={"rating": "value"}).astype({"value": float})
    labels = np.unique(X["item"].to_numpy(), return_inverse=True)[1].astype(np.int64)
    return Data(
        name="movies", kind="table", X=X, y=labels, ids=ids[places], subjects=X["user"].to_numpy(dtype=object),
        classes=(), split_by="record", task=RANKING,
    )  # fmt: skip
