"""Items that are like those a user knows, by the users they have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_count, check_number
from expunge.methods.recommend.counting import scores_by_neighbours
from expunge.methods.recommend.pair_counts import pairs_after
from expunge.methods.recommend.pairs import Pairs
from expunge.methods.recommend.recommender import Recommender
from expunge.state import Change, Part

__all__ = ["ItemKNN"]


class ItemKNN(Recommender):
    """Recommends items that are like those a user knows; a user leaves the lists of all items at once.

    Parameters
    ----------
    n_neighbors : int, default=50
        Items in the list of each item, at least 1.
    shrinkage : float, default=0.0
        Added to the denominator of a similarity, at least 0, in users: with more, items with few users count less.
    least_value : float, default=0.0
        Interactions with a lower value are kept and do not count; those of a frame without values all count.
    seed : int, default=0
        Keys the order of the records in the file; no recommendation depends on it.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the interactions that are left: counts
    of pairs are integers, and lists of neighbours follow from them.

    Notes
    -----
    The state is how many users each two items have in common, eight bytes for a pair, each way. A fit is
    O(Σ |history|²). To forget records of a user costs |history|² and the lists of these items, O(|history| n_items);
    the lists of all others are brought up to date, not made anew. Where an item leaves with its last user, and to
    learn, all pairs are copied. A recommendation is O(n_items n_neighbors).

    References
    ----------
    B. Sarwar, G. Karypis, J. Konstan, J. Riedl, "Item-based collaborative filtering recommendation algorithms", WWW
    2001, section 3.1, with the cosine of columns of zeros and ones: |A ∩ B| / √(|A| |B|), where A and B are the users
    of two items. M. Deshpande, G. Karypis, "Item-based top-N recommendation algorithms", ACM Transactions on
    Information Systems 22, 2004, section 4.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"user": [1, 1, 2, 2, 3], "item": ["tea", "pie", "tea", "jam", "tea"]})
    >>> model = ItemKNN(n_neighbors=2).fit(seen)
    >>> model.recommend([3])["item"].tolist()
    ['jam', 'pie']
    >>> removal = model.forget(subjects=2)
    >>> model.recommend([3])["item"].tolist()
    ['pie']
    """

    _alternatives: ClassVar[dict[str, list[Any]]] = {
        "n_neighbors": [1, 2], "shrinkage": [10.0, 1.0], "least_value": [4.0],
    }  # fmt: skip

    def __init__(
        self, *, n_neighbors: int = 50, shrinkage: float = 0.0, least_value: float = 0.0, seed: int = 0
    ) -> None:
        self.n_neighbors = n_neighbors
        self.shrinkage = shrinkage
        self.least_value = least_value
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_count("n_neighbors", self.n_neighbors)
        check_number("shrinkage", self.shrinkage)

    def neighbours(self) -> dict[Any, list[Any]]:
        """The list of each item: label -> labels of its most similar items, the most similar first."""
        with self._state().lock:
            self._solution()
            pairs = self._pairs()
            found, _ = self._lists()
            lists = [pairs.items[codes[codes >= 0]].tolist() for codes in found]
        return dict(zip(pairs.items.tolist(), lists, strict=True))

    def _update(self, change: Change) -> dict[str, Any]:
        return {"pairs": pairs_after(change, float(self.least_value))}

    def _revive(self, name: str, part: Part) -> Any:
        return Pairs.restored(part)

    def _pairs(self) -> Pairs:
        pairs: Any = self._state().parts["pairs"]
        assert isinstance(pairs, Pairs)  # noqa: S101 - of this class
        return pairs

    def _catalogue(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        pairs = self._pairs()
        return pairs.items, pairs.users

    def _lists(self) -> Any:
        return self._pairs().neighbours(int(self.n_neighbors), float(self.shrinkage))

    def _scores(self, users: Any, starts: Any, codes: Any) -> npt.NDArray[np.float64]:
        return np.asarray(scores_by_neighbours(*self._lists(), starts, codes))

    def _solve(self, rows: Any, parts: Mapping[str, Any]) -> Part | None:
        return {} if len(parts["pairs"].items) else None
