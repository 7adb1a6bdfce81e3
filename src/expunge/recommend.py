"""Recommenders that forget: short names for :mod:`expunge.methods.recommend`."""

from __future__ import annotations

from expunge.methods.recommend.als import ALS
from expunge.methods.recommend.ease import EASE
from expunge.methods.recommend.item_knn import ItemKNN
from expunge.methods.recommend.measures import by_group, ranking
from expunge.methods.recommend.popularity import Popularity
from expunge.methods.recommend.sharded_bpr import ShardedBPR

__all__ = [
    "ALS",
    "EASE",
    "ItemKNN",
    "Popularity",
    "ShardedBPR",
    "by_group",
    "ranking",
]
