"""Weights of words by how rare they are, which forget a document together with its share in every word's rarity."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import normalize

from expunge.arguments import check_choice, check_flag
from expunge.methods.text.analysis import WORD, Counts
from expunge.methods.text.count_vectorizer import CountVectorizer
from expunge.methods.text.terms import inverse_frequencies
from expunge.methods.text.vectorizer import TextTransform, WordVectorizer, matrix_of
from expunge.state import Part

__all__ = ["TfidfVectorizer"]


class TfidfVectorizer(WordVectorizer, TextTransform):
    """Weighs each word of a text by its count, and by how few documents have it; for texts that may have to disappear.

    Parameters
    ----------
    strip_accents, lowercase, stop_words, token_pattern, ngram_range, analyzer, max_df, min_df, max_features, binary
        As for :class:`~expunge.methods.text.count_vectorizer.CountVectorizer`.
    norm : {"l1", "l2"}, optional, default="l2"
        Divide the weights of a text by their sum, or by the root of the sum of their squares. With None sums of weights
        over documents factorise, and a classifier behind can forget one document without reading the others.
    use_idf : bool, default=True
        Multiply by log((n + 1) / (documents + 1)) + 1, where n is the number of documents.
    smooth_idf : bool, default=True
        If not, leave out the two ones.
    sublinear_tf : bool, default=False
        Take 1 + log(count) for the count.
    seed : int, default=0
        As for CountVectorizer.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Words of the features, and their columns. Words are sorted.
    idf_ : ndarray of shape (number of features,)
        Ones without ``use_idf``.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the documents that are left: words, and
    in how many documents each is. The weights follow from these integers.

    Notes
    -----
    State and cost are those of :class:`~expunge.methods.text.count_vectorizer.CountVectorizer`: the weights of all
    words change with the number of documents, and are computed when asked for.

    References
    ----------
    K. Spärck Jones, "A statistical interpretation of term specificity and its application in retrieval", Journal of
    Documentation 28, 1972: weighing by how few documents have a word.

    Examples
    --------
    >>> model = TfidfVectorizer(norm=None).fit(["the cat", "the dog", "the parrot"])
    >>> model.idf_.round(3).tolist()
    [1.693, 1.693, 1.693, 1.0]
    >>> removal = model.forget(2)
    >>> model.idf_.round(3).tolist()
    [1.405, 1.405, 1.0]
    """

    _alternatives: ClassVar = {**CountVectorizer._alternatives, "norm": ["l1", None]}

    def __init__(
        self, *, strip_accents: str | None = None, lowercase: bool = True, stop_words: Any = None,
        token_pattern: str = WORD, ngram_range: tuple[int, int] = (1, 1), analyzer: str = "word",
        max_df: float = 1.0, min_df: float = 1, max_features: int | None = None, binary: bool = False,
        norm: str | None = "l2", use_idf: bool = True, smooth_idf: bool = True, sublinear_tf: bool = False,
        seed: int = 0,
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
        self.norm = norm
        self.use_idf = use_idf
        self.smooth_idf = smooth_idf
        self.sublinear_tf = sublinear_tf
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_choice("norm", self.norm, ("l1", "l2", None))
        for name in ("use_idf", "smooth_idf", "sublinear_tf"):
            check_flag(name, getattr(self, name))

    def _learned(self, part: Part) -> Part | None:
        found = super()._learned(part)
        if found is None or not self.use_idf:
            return found
        return {**found, "idf": inverse_frequencies(part, self._kept(part), smooth=self.smooth_idf)}

    def _vectors(self, counts: Counts, solution: Part) -> Any:
        matrix = matrix_of(counts, solution["words"], np.float64)
        if self.sublinear_tf:
            matrix.data = np.log(matrix.data) + 1.0
        if self.use_idf:
            matrix.data *= solution["idf"][matrix.indices]
        return matrix if self.norm is None else normalize(matrix, norm=self.norm, copy=False)

    @property
    def idf_(self) -> npt.NDArray[np.float64]:
        """Weight of each feature, shape (number of features,)."""
        solution = self._solution()
        return np.array(solution["idf"]) if self.use_idf else np.ones(len(solution["words"]))
