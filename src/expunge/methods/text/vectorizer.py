"""What the vectorisers do alike: texts come in, a sparse matrix comes out, and weights are refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import TransformerMixin
from sklearn.utils import Tags

from expunge.arguments import check_count, check_flag
from expunge.contract import Unlearner
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.methods.text.analysis import Analyzer, Counts, analyzer_of, check_analysis, count_texts
from expunge.methods.text.terms import NO_TERMS, Places, found_in, kept_terms, terms_with, terms_without
from expunge.rows import Rows
from expunge.state import Change, Part
from expunge.table.texts import texts_of

__all__ = [
    "TextTransform",
    "WordVectorizer",
    "lack_of_words",
    "matrix_of",
    "tag_texts",
]

Slots = npt.NDArray[np.intp]


class TextTransform(TransformerMixin, Unlearner):
    """Parent of the vectorisers.

    A vectoriser writes ``_update(change)``, ``_solve(rows, parts)`` and ``_vectors(counts, solution)``.
    """

    _requests = ("records", "subjects")
    _instead_of_weights = "It counts documents: give weights to the model behind it, in a Pipeline."

    binary: bool

    def __sklearn_tags__(self) -> Tags:
        return tag_texts(super().__sklearn_tags__())

    def _check_params(self) -> None:
        check_analysis(self)
        check_flag("binary", self.binary)

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        return texts_of(X, least), None

    def _analyzer(self) -> Analyzer:
        return analyzer_of(self)

    def _count(self, texts: Iterable[str]) -> Counts:
        return count_texts(texts, self._analyzer(), binary=self.binary)

    def _vectors(self, counts: Counts, solution: Part) -> Any:
        raise NotImplementedError

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        return len(slots), len(slots), tuple(self._state().parts)

    def transform(self, X: Any) -> Any:
        """Vectors of texts: a CSR matrix of shape (n, number of features)."""
        solution = self._solution()
        return self._vectors(self._count(texts_of(X, 0)), solution)


class WordVectorizer(TransformerMixin):
    """Beside :class:`TextTransform`: what the vectorisers share that learn a vocabulary."""

    min_df: Any
    max_df: Any
    max_features: int | None

    def _check_params(self) -> None:
        super()._check_params()
        for name in ("min_df", "max_df"):
            value: Any = getattr(self, name)
            is_count = isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1
            is_share = isinstance(value, Real) and not isinstance(value, Integral) and 0 <= float(value) <= 1
            if not (is_count or is_share):
                raise InvalidParameterError(
                    f"{name} must be an integer from 1 on, or a share from 0.0 to 1.0, got {value!r}."
                )
        if self.max_features is not None:
            check_count("max_features", self.max_features)

    def _kept(self, part: Part) -> Places:
        """Places of the terms that become features."""
        return kept_terms(part, min_df=self.min_df, max_df=self.max_df, max_features=self.max_features)

    def _refusal(self, part: Part) -> Exception | None:
        """Why there is no feature; None if there is one."""
        if (lack := lack_of_words(part)) is not None:
            return lack
        if not len(self._kept(part)):
            return InvalidDataError("No word is left by min_df and max_df.", hint="Lower min_df or raise max_df.")
        return None

    def _update(self, change: Change) -> dict[str, Part | None]:
        old = change.parts.get("terms")
        new = NO_TERMS if old is None else old
        if len(change.removed_slots):
            new = terms_without(new, self._count(change.removed.X)).part
        if len(change.added_slots):
            new = terms_with(new, self._count(change.added.X)).part
        was_lacking = old is not None and self._refusal(old) is not None
        if not (change.tolerant or was_lacking) and (lack := self._refusal(new)) is not None:
            raise lack
        return {"terms": new}

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        return self._learned(parts["terms"])

    def _learned(self, part: Part) -> Part | None:
        """The solution; None if there is no feature."""
        if self._refusal(part) is not None:
            return None
        words = part["words"]
        return {"words": [words[i] for i in self._kept(part).tolist()]}

    @property
    def vocabulary_(self) -> dict[str, int]:
        """Each feature's word, and its column."""
        words = self._solution()["words"]
        return dict(zip(words, range(len(words)), strict=True))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Words of the features, in the order of the columns, shape (number of features,)."""
        return np.array(self._solution()["words"], dtype=object)

    def inverse_transform(self, X: Any) -> list[npt.NDArray[Any]]:
        """The words that occur in each row, as arrays of texts."""
        words = self.get_feature_names_out()
        return [words[X[[i]].nonzero()[1]] for i in range(X.shape[0])]


def tag_texts(tags: Tags) -> Tags:
    """The tags of a method that takes a list of texts."""
    tags.input_tags.string, tags.input_tags.two_d_array = True, False
    return tags


def lack_of_words(part: Part) -> Exception | None:
    """What to say if these terms are none; None if there is a word."""
    if part["words"]:
        return None
    return InvalidDataError(
        "The vocabulary is empty: no document has a word.", hint="Look at token_pattern and stop_words."
    )


def matrix_of(counts: Counts, words: list[str], dtype: Any) -> Any:
    """Counts of the features with these words, sorted, as a CSR matrix of sorted indices."""
    from scipy import sparse

    at = found_in(words, counts.words)[counts.numbers] if len(counts.numbers) else np.empty(0, dtype=np.int64)
    known = at >= 0
    starts = np.concatenate([[0], np.cumsum(known)])[counts.starts]
    size = np.int32 if len(at) < 2**31 else np.int64
    matrix = sparse.csr_matrix(
        (counts.counts[known].astype(dtype), at[known].astype(size), starts.astype(size)),
        shape=(len(counts), len(words)),
    )
    matrix.sort_indices()
    return matrix
