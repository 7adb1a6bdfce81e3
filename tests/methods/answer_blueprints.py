"""Blueprints of tiny language models for tests, and how to enter them as a package would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from expunge.language import AnswerBlueprint, CausalModel, MeanOfWords, hashed_words
from expunge.networks import Blueprint


class TinyAnswers(AnswerBlueprint):
    """One block on a few bytes; its first weights stand for public ones."""

    length = 80
    most = 2

    def network(self, n_features: int, n_outputs: int) -> Any:
        torch.manual_seed(0)
        return CausalModel(width=8, n_layers=1, n_heads=2, length=self.length)

    def backbone(self, n_features: int) -> Any:
        return self.network(n_features, 0)


class Words(Blueprint):
    """A column of texts as numbers of words, for an embedding."""

    texts = True
    target = "mood"

    def network(self, n_features: int, n_outputs: int) -> Any:
        return MeanOfWords(n_outputs, n_buckets=64, width=8)

    def inputs(self, X: Any) -> Any:
        return torch.tensor(hashed_words([" ".join(row) for row in X.tolist()], length=6, n_buckets=64))


def enter_as_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry points of this module, in a package that consists of them."""
    info = folder / "tiny_language-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-language\nVersion: 1\n", encoding="utf-8")
    names = {"tiny-answers": "TinyAnswers", "tiny-words": "Words"}
    lines = [f"{name} = methods.answer_blueprints:{kind}" for name, kind in names.items()]
    (info / "entry_points.txt").write_text("[expunge.tasks]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
