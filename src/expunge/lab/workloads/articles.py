"""Articles of XQuAD: passages that a question has to find, and questions with answers. An article is a person."""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.lab.data import Data
from expunge.lab.tasks import ANSWERS, RANKING, Task
from expunge.lab.workloads.files import draw, lines

__all__ = ["passages", "questions"]


def passages(n: int | None) -> Data:
    """240 passages with the first question about each: is the passage among the ten that are found?"""
    first = {line["context"]: line for line in reversed(list(lines("xquad_en.jsonl.gz")))}
    found = [first[text] for text in dict.fromkeys(line["context"] for line in lines("xquad_en.jsonl.gz"))]
    return _of("passages", found, RANKING, n)


def questions(n: int | None) -> Data:
    """1,190 questions with their passages: which words are the answer?"""
    return _of("questions", list(lines("xquad_en.jsonl.gz")), ANSWERS, n)


def _of(name: str, found: list[dict[str, Any]], task: Task, n: int | None) -> Data:
    import pandas as pd

    ids = np.arange(len(found), dtype=np.int64)
    places = draw(ids, n)
    chosen = [found[i] for i in places.tolist()]
    columns = {"question": "question", "passage": "context"}
    frame = pd.DataFrame({new: [line[old] for line in chosen] for new, old in columns.items()}, dtype=object)
    frame["answer"] = pd.Series([line["answers"][0] for line in chosen], dtype=object)
    whose = np.array([line["title"] for line in chosen], dtype=object)
    labels = np.arange(len(places), dtype=np.int64)  # a passage is its own answer; other answers stand in the rows
    return Data(name=name, kind="text", X=frame, y=labels, ids=ids[places], subjects=whose, classes=(), task=task)
