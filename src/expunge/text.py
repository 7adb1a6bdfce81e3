"""Text that can be forgotten: short names for :mod:`expunge.methods.text`."""

from __future__ import annotations

from expunge.methods.text.count_vectorizer import CountVectorizer
from expunge.methods.text.hashing_vectorizer import HashingVectorizer
from expunge.methods.text.tfidf_vectorizer import TfidfVectorizer

__all__ = ["CountVectorizer", "HashingVectorizer", "TfidfVectorizer"]
