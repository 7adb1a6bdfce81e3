"""Counts of pairs of items as the part of a recommender: made by a fit, changed by what comes and goes."""

from __future__ import annotations

from expunge.methods.recommend.histories import changed_histories, first_histories
from expunge.methods.recommend.pairs import Pairs
from expunge.state import Change, Patch

__all__ = ["pairs_after"]


def pairs_after(change: Change, least_value: float) -> Pairs | Patch:
    """The part ``pairs`` after a change."""
    pairs = change.parts.get("pairs")
    if not isinstance(pairs, Pairs):
        return Pairs.of(first_histories(change.rows, change.added_slots, least_value))
    return pairs.changed(list(changed_histories(change, least_value)))
