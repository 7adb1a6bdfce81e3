"""Answers out of passages: an index finds the passage, a reader finds the words in it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from expunge.methods.text.passage_index import PassageIndex
from expunge.methods.text.span_reader import SpanReader

__all__ = ["Answer", "answer_questions"]


class Answer(NamedTuple):
    """An answer, and where it is from.

    Parameters
    ----------
    text : str
        Words of the passage.
    record_id : int or str
        The passage.
    coverage : float
        Share of the question's weight that lies on words of the passage, from 0 to 1.
    """

    text: str
    record_id: Any
    coverage: float


def answer_questions(index: PassageIndex, reader: SpanReader, questions: list[str]) -> list[Answer | None]:
    """Answer each question from the best passage for it.

    Parameters
    ----------
    index : PassageIndex
    reader : SpanReader
    questions : list of n str

    Returns
    -------
    list of Answer or None
        None where no passage covers enough of the question, or the one that does has no words to answer with: nothing
        is better than something that is not there.

    Examples
    --------
    >>> index = PassageIndex().fit(["Mo Lund wrote the song in 1911.", "Ada Kerr built the mill."])
    >>> asked = [["Who built the mill?", "Ada Kerr built the mill."], ["Who wrote it?", "It is by Mo Lund."]]
    >>> reader = SpanReader().fit(asked, ["Ada Kerr", "Mo Lund"])
    >>> [answer and answer.text for answer in answer_questions(index, reader, ["Who wrote the song?", "Any news?"])]
    ['Mo Lund', None]
    """
    found = index.search(questions, k=1)
    known = [i for i, hits in enumerate(found) if hits]
    pairs = np.empty((len(known), 2), dtype=object)
    for row, i in enumerate(known):
        pairs[row] = [questions[i], found[i][0].text]
    out: list[Answer | None] = [None] * len(questions)
    for i, text in zip(known, reader.predict(pairs).tolist(), strict=True):
        if text:
            out[i] = Answer(text, found[i][0].record_id, found[i][0].coverage)
    return out
