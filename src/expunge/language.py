"""Text for networks that forget: short names for :mod:`expunge.methods.language`. Needs the extra ``torch``."""

from __future__ import annotations

from expunge.extras import needs_torch

with needs_torch():
    import torch  # noqa: F401

from expunge.methods.language.adapter_shards import AdaptedModel, AdapterShards
from expunge.methods.language.answering import AnswerBlueprint
from expunge.methods.language.causal_model import AnswerTask, CausalModel, answer, answer_rows
from expunge.methods.language.hashed_words import hashed_words
from expunge.methods.language.neighbour_store import NeighbourStore
from expunge.methods.language.text_networks import MeanOfWords, SmallTransformer

__all__ = [
    "AdaptedModel",
    "AdapterShards",
    "AnswerBlueprint",
    "AnswerTask",
    "CausalModel",
    "MeanOfWords",
    "NeighbourStore",
    "SmallTransformer",
    "answer",
    "answer_rows",
    "hashed_words",
]
