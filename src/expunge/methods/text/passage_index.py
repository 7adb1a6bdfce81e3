"""Passages that are found by the words of a question, and forgotten with their share in the weight of every word."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_count, check_number
from expunge.contract import Unlearner
from expunge.errors import UnsupportedRequestError
from expunge.methods.text.analysis import ANALYSIS, WORD, Counts, analyzer_of, check_analysis, count_texts
from expunge.methods.text.postings import Postings
from expunge.methods.text.terms import NO_TERMS, Fewer, found_in, terms_with, terms_without
from expunge.methods.text.vectorizer import lack_of_words, tag_texts
from expunge.rows import Rows
from expunge.state import Change, Part
from expunge.table.memory import change_memory
from expunge.table.texts import texts_of

__all__ = ["Hit", "PassageIndex"]

Slots = npt.NDArray[np.intp]


class Hit(NamedTuple):
    """A passage that was found.

    Parameters
    ----------
    record_id : int or str
    score : float
        BM25, without unit; comparable within one question only.
    coverage : float
        Share of the question's weight that lies on words of the passage, from 0 to 1.
    text : str
        The passage.
    """

    record_id: Any
    score: float
    coverage: float
    text: str


class PassageIndex(Unlearner):
    """Finds the passages that a question may be answered from, for texts that may have to disappear.

    Passages are ranked by BM25. A passage that covers too little of the question is not given: nothing is found, rather
    than something that happens to share a word.

    Parameters
    ----------
    strip_accents, lowercase, stop_words, token_pattern, ngram_range, analyzer, seed
        As for :class:`~expunge.methods.text.count_vectorizer.CountVectorizer`.
    k1 : float, default=1.2
        How much a second occurrence of a word adds, at least 0; with 0 a word counts once.
    b : float, default=0.75
        How much the length of a passage counts, from 0 to 1.
    least_coverage : float, default=0.35
        Passages are given only if the words they share with the question carry at least this share of the question's
        weight, from 0 to 1. A word of the question that no passage has weighs as the rarest would.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the passages that are left: words, and
    in how many passages each is, and so are rank and score of every passage that is found.

    Notes
    -----
    The state is that of :class:`~expunge.methods.text.count_vectorizer.CountVectorizer`, integers. Lists of which
    passages have a word are made from the passages once and remembered in memory; they are in no file. A question costs
    the lists of its words, O(passages that have one of them). Forgetting a passage costs its words, a shift within the
    list of each, and a copy of two numbers for each word of the vocabulary. An index knows its passages, so it has no
    export.

    References
    ----------
    S. Robertson, H. Zaragoza, "The probabilistic relevance framework: BM25 and beyond", Foundations and Trends in
    Information Retrieval 3, 2009, equation 3.15; the weight of a word is log(1 + (n - m + 1/2) / (m + 1/2)), where m of
    n passages have it.

    Examples
    --------
    >>> passages = ["The ferry to Oslo leaves at nine.", "Cats sleep.", "The ferry to Kiel is late."]
    >>> index = PassageIndex().fit(passages, record_ids=["a", "b", "c"], subject_ids=["ann", "ben", "cho"])
    >>> index.search(["A ferry to Oslo?"])[0][0].record_id
    'a'
    >>> removal = index.forget(subjects="ann")
    >>> index.predict(["Where in Oslo?", "A late ferry to Kiel?"]).tolist()
    [None, 'c']
    """

    _requests = ("records", "subjects")
    _task = "retrieval"
    _instead_of_weights = "It counts documents: leave them out."
    _alternatives: ClassVar = {
        "strip_accents": ["ascii"], "stop_words": [["red", "rosa"]], "token_pattern": [r"[a-n]+"],
        "ngram_range": [(1, 2)], "analyzer": ["char"], "lowercase": [], "k1": [0.0], "b": [0.0],
        "least_coverage": [1.0, 0.95],
    }  # fmt: skip

    def __init__(
        self, *, strip_accents: str | None = None, lowercase: bool = True, stop_words: Any = None,
        token_pattern: str = WORD, ngram_range: tuple[int, int] = (1, 1), analyzer: str = "word", k1: float = 1.2,
        b: float = 0.75, least_coverage: float = 0.35, seed: int = 0,
    ) -> None:  # fmt: skip
        self.strip_accents = strip_accents
        self.lowercase = lowercase
        self.stop_words = stop_words
        self.token_pattern = token_pattern
        self.ngram_range = ngram_range
        self.analyzer = analyzer
        self.k1 = k1
        self.b = b
        self.least_coverage = least_coverage
        self.seed = seed

    def __sklearn_tags__(self) -> Any:
        return tag_texts(super().__sklearn_tags__())

    def _check_params(self) -> None:
        check_analysis(self)
        for name in ("k1", "b", "least_coverage"):
            check_number(name, getattr(self, name), high=np.inf if name == "k1" else 1.0)

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        return texts_of(X, least), None

    def _count(self, texts: Any) -> Counts:
        return count_texts(texts, analyzer_of(self))

    def _key(self) -> list[Any]:
        return [getattr(self, name) for name in ANALYSIS]

    # ------------------------------------------------------------------ learning

    def _update(self, change: Change) -> dict[str, Any]:
        old = change.parts.get("terms")
        if old is not None and change.tolerant and not len(change.added_slots):
            return {"terms": Fewer(old, self._count(change.removed.X))}
        new = NO_TERMS if old is None else old
        if len(change.removed_slots):
            new = terms_without(new, self._count(change.removed.X)).part
        if old is None or len(change.added_slots):
            counts = self._count(change.added.X)
            new = terms_with(new, counts).part
            self._remember(change, counts)
        was_lacking = old is not None and lack_of_words(old) is not None
        if not (change.tolerant or was_lacking) and (lack := lack_of_words(new)) is not None:
            raise lack
        return {"terms": new}

    def _remember(self, change: Change, counts: Counts) -> None:
        """Keep the lists up with passages that came."""
        columns: Any = change.rows.columns
        if not change.parts:
            columns.memory = Postings(counts, change.added_slots, len(columns), self._key())
        elif columns.memory is not None and columns.memory.key == self._key():
            change_memory(columns, lambda memory: memory.append(counts))

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        terms = parts["terms"]
        if lack_of_words(terms) is not None:
            return None
        return {"n": terms["n"], "mean_length": int(terms["occurrences"].sum()) / terms["n"]}

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        return len(slots), len(slots), tuple(self._state().parts)

    # ------------------------------------------------------------------ asking

    def search(self, questions: Any, *, k: int = 5) -> list[list[Hit]]:
        """The best passages for each question.

        Parameters
        ----------
        questions : list of str
        k : int, default=5
            Most passages to give.

        Returns
        -------
        list of list of Hit
            The best first; among equals in the order of ``record_ids_``. Empty where no passage covers enough of the
            question.

        Raises
        ------
        InvalidParameterError
            k is no integer from 1 on.
        DormantModelError
            No passage has a word.
        """
        check_count("k", k)
        texts, analyze = texts_of(questions, 0), analyzer_of(self)
        with self._state().lock:
            solution, rows = self._solution(), self._rows()
            lists = self._lists(rows)
            share = lists.lengths / solution["mean_length"]
            norm = float(self.k1) * (1.0 - float(self.b) + float(self.b) * share)
            return [self._found(sorted(set(analyze(text))), rows, lists, norm, int(k)) for text in texts]

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Id of the best passage for each question, shape (n,), as objects; None where there is none."""
        found = self.search(X, k=1)
        out = np.empty(len(found), dtype=object)
        out[:] = [hits[0].record_id if hits else None for hits in found]
        return out

    def _lists(self, rows: Rows) -> Postings:
        columns: Any = rows.columns
        if columns.memory is None or columns.memory.key != self._key():
            slots = np.flatnonzero(rows.alive)
            columns.memory = Postings(self._count(rows.peek(slots).X), slots, len(columns), self._key())
        lists: Postings = columns.memory
        return lists

    def _found(self, words: list[str], rows: Rows, lists: Postings, norm: Any, k: int) -> list[Hit]:
        terms = self._state().parts["terms"]
        at = found_in(terms["words"], words)
        having = [int(terms["documents"][i]) if i >= 0 else 0 for i in at.tolist()]
        weights = [math.log1p((terms["n"] - m + 0.5) / (m + 0.5)) for m in having]
        scores = np.zeros(lists.n_slots)
        for word, weight in zip(words, weights, strict=True):  # in the order of words, so that sums round alike
            slots, counts = lists.of(word)
            scores[slots] += weight * (float(self.k1) + 1.0) * (counts / (counts + norm[slots]))
        best = self._best(scores, rows, k)
        covered = np.zeros(len(best))
        for word, weight in zip(words, weights, strict=True):
            covered += weight * lists.has(word, best)
        share = covered / sum(weights) if words else covered
        kept = share >= float(self.least_coverage)
        table = rows.peek(best[kept])
        return [
            Hit(name, float(scores[slot]), float(part), text)
            for name, slot, part, text in zip(
                table.ids.tolist(), best[kept].tolist(), share[kept].tolist(), table.X.tolist(), strict=True
            )
        ]

    def _best(self, scores: npt.NDArray[np.float64], rows: Rows, k: int) -> Slots:
        """Slots of the k best scores above zero, and none behind a tie that it does not win."""
        candidates = np.flatnonzero(scores)
        if k < len(candidates):
            positive = scores[candidates]
            candidates = candidates[positive >= np.partition(positive, len(positive) - k)[-k]]
        candidates = rows.in_order(candidates)
        return candidates[np.argsort(-scores[candidates], kind="stable")[:k]]

    def export(self, path: str | Path) -> Path:
        """Refused: an index gives back the passages it was made of.

        Raises
        ------
        UnsupportedRequestError
            Always.
        """
        raise UnsupportedRequestError(
            "An export would hold training rows: a PassageIndex gives back its passages.", hint="Save it instead."
        )
