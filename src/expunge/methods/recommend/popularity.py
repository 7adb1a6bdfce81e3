"""What most users had to do with: the baseline, and what is told to a user of whom nothing is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.methods.recommend.histories import changed_histories, first_histories
from expunge.methods.recommend.recommender import Recommender
from expunge.rows import Rows
from expunge.state import Change, Part

__all__ = ["Popularity"]


class Popularity(Recommender):
    """Recommends what most users had to do with: the baseline that other recommenders have to beat.

    Parameters
    ----------
    least_value : float, default=0.0
        Interactions with a lower value are kept and do not count; those of a frame without values all count.
    seed : int, default=0
        Keys the order of the records in the file; no recommendation depends on it.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the interactions that are left.

    Notes
    -----
    The state is the number of users of each item, an integer. An interaction that is there twice counts once. A fit is
    O(n log n); forgetting reads the records of the users concerned and copies the counts, O(n_items).

    References
    ----------
    P. Cremonesi, Y. Koren, R. Turrin, "Performance of recommender algorithms on top-N recommendation tasks", RecSys
    2010, section 3.1.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"user": ["ann", "ann", "ben", "cho"], "item": ["tea", "pie", "tea", "jam"]})
    >>> model = Popularity().fit(seen)
    >>> model.recommend(["cho"], k=2)["item"].tolist()
    ['tea', 'pie']
    >>> removal = model.forget(subjects="ann")
    >>> model.recommend(["cho"])["item"].tolist()
    ['tea']
    """

    def __init__(self, *, least_value: float = 0.0, seed: int = 0) -> None:
        self.least_value = least_value
        self.seed = seed

    def _update(self, change: Change) -> dict[str, Any]:
        least = float(self.least_value)
        if not change.parts:
            found = first_histories(change.rows, change.added_slots, least)
            return {"counts": {"items": found.items, "users": np.bincount(found.codes, minlength=len(found.items))}}
        old = change.parts["counts"]
        counts = Counter(dict(zip(old["items"].tolist(), old["users"].tolist(), strict=True)))
        for before, after in changed_histories(change, least):
            counts.subtract(before - after)
            counts.update(after - before)
        items = sorted(item for item, count in counts.items() if count)
        users = np.array([counts[item] for item in items], dtype=np.int64)
        return {"counts": {"items": np.array(items) if items else np.empty(0), "users": users}}

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        return parts["counts"] if len(parts["counts"]["items"]) else None

    def _catalogue(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        counts = self._solution()
        return counts["items"], counts["users"]

    def _scores(self, users: Any, starts: Any, codes: Any) -> npt.NDArray[np.float64]:
        counts = self._catalogue()[1]
        return np.broadcast_to(counts.astype(np.float64), (len(users), len(counts)))
