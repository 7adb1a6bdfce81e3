"""What recommenders do alike whose state is counts of pairs of items."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.methods.recommend.histories import changed_histories, first_histories
from expunge.methods.recommend.pairs import Pairs
from expunge.methods.recommend.recommender import Recommender
from expunge.state import Change, Part

__all__ = ["PairCounts"]


class PairCounts(Recommender):
    """Parent of the recommenders that count pairs of items: one part, ``pairs``, that lives."""

    def _pairs(self) -> Pairs:
        pairs: Any = self._state().parts["pairs"]
        assert isinstance(pairs, Pairs)  # noqa: S101 - of this class
        return pairs

    def _update(self, change: Change) -> dict[str, Any]:
        least, pairs = float(self.least_value), change.parts.get("pairs")
        if pairs is None:
            return {"pairs": Pairs.of(first_histories(change.rows, change.added_slots, least))}
        return {"pairs": pairs.changed(list(changed_histories(change, least)))}  # type: ignore[attr-defined]

    def _revive(self, name: str, part: Part) -> Any:
        return Pairs.restored(part)

    def _catalogue(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        pairs = self._pairs()
        return pairs.items, pairs.users
