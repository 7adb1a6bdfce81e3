"""Texts: films for or against, and what a post is about."""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.lab.data import Data, invent_subjects
from expunge.lab.workloads.files import draw, lines

__all__ = ["films", "messages", "news", "sentences", "sentiment", "topics"]


def sentiment(n: int | None) -> Data:
    """Sentences about films (Pang and Lee 2005): for or against?"""
    return _simple("sentiment", "rt_polarity.jsonl.gz", ("against", "for"), n)


def sentences(n: int | None) -> Data:
    """Sentences about films, of the treebank (Socher and others 2013): for or against?"""
    return _simple("sentences", "sst2.jsonl.gz", ("against", "for"), n)


def messages(n: int | None) -> Data:
    """Short messages: from somebody, or spam?"""
    return _simple("messages", "sms_spam.jsonl.gz", ("somebody", "spam"), n)


def news(n: int | None) -> Data:
    """News: world, sports, business or science?"""
    return _simple("news", "ag_news_test.jsonl.gz", ("world", "sports", "business", "science"), n)


def films(n: int | None) -> Data:
    """Reviews of films (Maas and others 2011): for or against? The film stands for the person."""
    return _simple("films", "imdb_10k.jsonl.gz", ("against", "for"), n, subject="movie")


def topics(n: int | None) -> Data:
    """20 Newsgroups: which group is a post from? Its authors are the persons, under a hash."""
    found = list(lines("newsgroups20.jsonl.gz"))
    labels = np.array([int(line["label"]) for line in found], dtype=np.int64)
    names: dict[int, str] = {int(line["label"]): str(line["group"]) for line in found}
    classes = tuple(names[i] for i in range(len(names)))
    texts = [f"{line['subject']}\n{line['text']}" for line in found]
    return _of("topics", texts, labels, classes, [str(line["author"]) for line in found], n)


def _simple(name: str, file: str, classes: tuple[str, ...], n: int | None, subject: str = "") -> Data:
    """A file of texts with labels from 0."""
    found = list(lines(file))
    labels = np.array([int(line["label"]) for line in found], dtype=np.int64)
    people = [str(line[subject]) for line in found] if subject else None
    return _of(name, [line["text"] for line in found], labels, classes, people, n)


def _of(name: str, texts: list[str], labels: Any, classes: tuple[str, ...], people: Any, n: int | None) -> Data:
    ids = np.arange(len(texts), dtype=np.int64)
    places = draw(ids, n)
    rows, who = np.empty(len(texts), dtype=object), np.empty(len(texts), dtype=object)
    rows[:] = texts
    who[:] = invent_subjects(ids) if people is None else people
    return Data(
        name=name, kind="text", X=rows[places], y=labels[places], ids=ids[places], subjects=who[places], classes=classes
    )
