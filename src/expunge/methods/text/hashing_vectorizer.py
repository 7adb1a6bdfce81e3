"""Counts of words in columns that a hash chooses: nothing is learned, and still records have names."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction import FeatureHasher
from sklearn.preprocessing import normalize

from expunge.arguments import check_choice, check_count, check_flag
from expunge.methods.text.analysis import WORD, Counts
from expunge.methods.text.vectorizer import TextTransform
from expunge.rows import Rows
from expunge.state import Change, Part

__all__ = ["HashingVectorizer"]


class HashingVectorizer(TextTransform):
    """Counts words in columns chosen by a hash of the word, for texts that may have to disappear; keeps no word.

    Parameters
    ----------
    strip_accents, lowercase, stop_words, token_pattern, ngram_range, analyzer, binary, seed
        As for :class:`~expunge.methods.text.count_vectorizer.CountVectorizer`.
    n_features : int, default=2**18
        Number of columns. scikit-learn's default is 2**20; naive Bayes keeps a sum for each column and class.
    norm : {"l1", "l2"}, optional, default="l2"
        Divide the counts of a text by their sum, or by the root of the sum of their squares.
    alternate_sign : bool, default=True
        Let the hash choose a sign, too, so that words that share a column tend to cancel out. Naive Bayes wants False.

    Guarantee
    ---------
    ``exact``: the state is the number of documents. What a text becomes depends on that text alone.

    Notes
    -----
    Behind it in a pipeline, a model goes on from its own sums whatever is forgotten: one document costs that document.

    References
    ----------
    K. Weinberger and others, "Feature hashing for large scale multitask learning", ICML 2009: the signs.

    Examples
    --------
    >>> model = HashingVectorizer(n_features=8, norm=None, alternate_sign=False).fit(["the cat", "the dog"])
    >>> float(model.transform(["the the cat"]).sum()), model.forget(1).work
    (3.0, 1)
    """

    _alternatives: ClassVar = {
        "strip_accents": ["ascii"], "stop_words": [["red", "rosa"]], "token_pattern": [r"[a-n]+"],
        "ngram_range": [(1, 2)], "analyzer": ["char"], "norm": ["l1", None], "lowercase": [],
    }  # fmt: skip

    def __init__(
        self, *, strip_accents: str | None = None, lowercase: bool = True, stop_words: Any = None,
        token_pattern: str = WORD, ngram_range: tuple[int, int] = (1, 1), analyzer: str = "word",
        n_features: int = 2**18, binary: bool = False, norm: str | None = "l2", alternate_sign: bool = True,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self.strip_accents = strip_accents
        self.lowercase = lowercase
        self.stop_words = stop_words
        self.token_pattern = token_pattern
        self.ngram_range = ngram_range
        self.analyzer = analyzer
        self.n_features = n_features
        self.binary = binary
        self.norm = norm
        self.alternate_sign = alternate_sign
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_count("n_features", self.n_features, most=2**31 - 1)
        check_choice("norm", self.norm, ("l1", "l2", None))
        check_flag("alternate_sign", self.alternate_sign)

    def _update(self, change: Change) -> dict[str, Part | None]:
        if change.parts:  # read, and counted: what a record costs does not depend on what stands behind
            _ = change.removed if len(change.removed_slots) else None
            _ = change.added if len(change.added_slots) else None
        return {"documents": {"n": len(change.rows)}}

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        return {"n_features": int(self.n_features)} if len(rows) else None

    def _vectors(self, counts: Counts, solution: Part) -> Any:
        words = [word.encode("utf-8", "surrogatepass") for word in counts.words]
        starts = counts.starts.tolist()
        often = np.ones_like(counts.counts) if self.binary else counts.counts
        pairs = list(zip((words[i] for i in counts.numbers.tolist()), often.tolist(), strict=True))
        hasher = FeatureHasher(
            n_features=int(self.n_features), input_type="pair", dtype=np.float64, alternate_sign=self.alternate_sign
        )
        matrix = hasher.transform(pairs[a:b] for a, b in itertools.pairwise(starts))
        if self.binary:
            matrix.data.fill(1)
        return matrix if self.norm is None else normalize(matrix, norm=self.norm, copy=False)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the columns, which tell no word: "hash0", "hash1" and so on."""
        return np.array([f"hash{i}" for i in range(int(self.n_features))], dtype=object)
