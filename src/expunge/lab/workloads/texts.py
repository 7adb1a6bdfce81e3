"""Texts: films for or against, and what a post is about."""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.lab.data import Data, invent_subjects
from expunge.lab.workloads.files import draw, lines

__all__ = ["sentiment", "topics"]


def sentiment(n: int | None) -> Data:
    """Sentences about films (Pang and Lee 2005): for or against?"""
    found = list(lines("rt_polarity.jsonl.gz"))
    labels = np.array([int(line["label"]) for line in found], dtype=np.int64)
    return _of("sentiment", [line["text"] for line in found], labels, ("against", "for"), None, n)


def topics(n: int | None) -> Data:
    """20 Newsgroups: which group is a post from? Its authors are the persons, under a hash."""
    found = list(lines("newsgroups20.jsonl.gz"))
    labels = np.array([int(line["label"]) for line in found], dtype=np.int64)
    names: dict[int, str] = {int(line["label"]): str(line["group"]) for line in found}
    classes = tuple(names[i] for i in range(len(names)))
    texts = [f"{line['subject']}\n{line['text']}" for line in found]
    return _of("topics", texts, labels, classes, [str(line["author"]) for line in found], n)


def _of(name: str, texts: list[str], labels: Any, classes: tuple[str, ...], people: Any, n: int | None) -> Data:
    ids = np.arange(len(texts), dtype=np.int64)
    places = draw(ids, n)
    rows, who = np.empty(len(texts), dtype=object), np.empty(len(texts), dtype=object)
    rows[:] = texts
    who[:] = invent_subjects(ids) if people is None else people
    return Data(
        name=name, kind="text", X=rows[places], y=labels[places], ids=ids[places], subjects=who[places], classes=classes
    )
