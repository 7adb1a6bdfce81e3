"""Counts of words that forget a document: a word that only it had leaves the vocabulary."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from expunge.methods.text.analysis import WORD, Counts
from expunge.methods.text.vectorizer import TextTransform, WordVectorizer, matrix_of
from expunge.state import Part

__all__ = ["CountVectorizer"]


class CountVectorizer(WordVectorizer, TextTransform):
    """Counts how often each word, or run of characters, occurs in a text; for texts that may have to disappear.

    Parameters
    ----------
    strip_accents : {"ascii", "unicode"}, optional
        Take accents away before anything else.
    lowercase : bool, default=True
    stop_words : "english" or list of str, optional
        Words that are not counted; with ``analyzer="word"``.
    token_pattern : str, default=r"(?u)\\b\\w\\w+\\b"
        Regular expression of a word, with at most one group; with ``analyzer="word"``.
    ngram_range : tuple (low, high), default=(1, 1)
        Lengths of the runs of words, or of characters, that are counted.
    analyzer : {"word", "char", "char_wb"}, default="word"
        Words; runs of characters; or runs of characters within words, padded with a blank at either end. Characters
        serve languages that are written without blanks.
    max_df, min_df : float or int, default=1.0 and 1
        Words that are in more, or in fewer, documents are no features: a share of the documents, or their number.
    max_features : int, optional
        Keep only the words that occur most; among equals those that come first in the order of words.
    binary : bool, default=False
        Count a word once in each text that has it.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Words of the features, and their columns. Words are sorted.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the documents that are left. A word that
    no document has any more is in neither vocabulary nor state; limits of frequency hold for what is left.

    Notes
    -----
    The state is, for each word, in how many documents it is and how often it occurs, in integers. A fit takes each
    document apart once; forgetting k documents takes those apart, and copies three arrays as long as the vocabulary.
    Documents are held as texts: their counts are made anew when asked for. Bytes, functions as analyzers, and a fixed
    vocabulary are not taken; scikit-learn's arguments ``input``, ``encoding``, ``decode_error``, ``preprocessor``,
    ``tokenizer``, ``vocabulary`` and ``dtype`` are not there.

    Examples
    --------
    >>> model = CountVectorizer().fit(["the cat sat", "the dog", "a parrot"], record_ids=["a", "b", "c"])
    >>> model.transform(["the the dog"]).toarray().tolist()
    [[0, 1, 0, 0, 2]]
    >>> removal = model.forget("c")
    >>> list(model.vocabulary_), removal.work
    (['cat', 'dog', 'sat', 'the'], 1)
    """

    _alternatives: ClassVar = {
        "strip_accents": ["ascii"], "stop_words": [["red", "rosa"]], "token_pattern": [r"[a-n]+"],
        "ngram_range": [(1, 2)], "analyzer": ["char"], "max_df": [0.3], "min_df": [20], "max_features": [3],
        "lowercase": [],
    }  # fmt: skip

    def __init__(
        self, *, strip_accents: str | None = None, lowercase: bool = True, stop_words: Any = None,
        token_pattern: str = WORD, ngram_range: tuple[int, int] = (1, 1), analyzer: str = "word",
        max_df: float = 1.0, min_df: float = 1, max_features: int | None = None, binary: bool = False, seed: int = 0,
    ) -> None:  # fmt: skip
        self.strip_accents = strip_accents
        self.lowercase = lowercase
        self.stop_words = stop_words
        self.token_pattern = token_pattern
        self.ngram_range = ngram_range
        self.analyzer = analyzer
        self.max_df = max_df
        self.min_df = min_df
        self.max_features = max_features
        self.binary = binary
        self.seed = seed

    def _vectors(self, counts: Counts, solution: Part) -> Any:
        return matrix_of(counts, solution["words"], np.int64)
