"""Text that can be forgotten: short names for :mod:`expunge.methods.text`."""

from __future__ import annotations

from expunge.methods.text.answering import Answer, answer_questions
from expunge.methods.text.count_vectorizer import CountVectorizer
from expunge.methods.text.hashing_vectorizer import HashingVectorizer
from expunge.methods.text.passage_index import Hit, PassageIndex
from expunge.methods.text.span_reader import SpanReader
from expunge.methods.text.spelling import exact_match, f1
from expunge.methods.text.tfidf_vectorizer import TfidfVectorizer

__all__ = [
    "Answer",
    "CountVectorizer",
    "HashingVectorizer",
    "Hit",
    "PassageIndex",
    "SpanReader",
    "TfidfVectorizer",
    "answer_questions",
    "exact_match",
    "f1",
]
