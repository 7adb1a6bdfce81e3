"""From texts to counts: which words or characters a text has, and how often. Nothing here is learned."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import CountVectorizer as Told

from expunge.arguments import check_choice, check_flag
from expunge.errors import InvalidParameterError

__all__ = ["ANALYSIS", "WORD", "Counts", "analyzer_of", "check_analysis", "count_texts", "in_order"]

Analyzer = Callable[[str], Iterable[str]]

#: A word: two letters or digits or more, as in scikit-learn.
WORD = r"(?u)\b\w\w+\b"
#: Arguments that decide what a text is taken apart into.
ANALYSIS = ("strip_accents", "lowercase", "stop_words", "token_pattern", "ngram_range", "analyzer")


class Counts(NamedTuple):
    """What texts consist of, text by text.

    Parameters
    ----------
    words : list of str, V of them
        Each word that occurs, once, in the order of first appearance.
    starts : ndarray of int64, shape (n + 1,)
        The entries of text i are those from ``starts[i]`` to ``starts[i + 1]``.
    numbers : ndarray of int32, shape (entries,)
        Which word, in the order of first appearance in the text.
    counts : ndarray of int32, shape (entries,)
        How often, at least once.
    """

    words: list[str]
    starts: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def text_of(self) -> npt.NDArray[np.int64]:
        """Which text each entry is of, shape (entries,)."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.starts))


def count_texts(texts: Iterable[str], analyze: Analyzer, *, binary: bool = False) -> Counts:
    """Count the words of each text.

    Parameters
    ----------
    texts : iterable of str
    analyze : callable
        From a text to its words, as :func:`analyzer_of` gives it.
    binary : bool
        Count a word once in each text that has it.

    Examples
    --------
    >>> found = count_texts(["a b a", "c"], str.split)
    >>> found.words, found.numbers.tolist(), found.counts.tolist()
    (['a', 'b', 'c'], [0, 1, 2], [2, 1, 1])
    """
    number: dict[str, int] = {}
    starts, numbers, counts = [0], [], []
    for text in texts:
        found = Counter(analyze(text))
        for word in found:
            if word not in number:
                number[word] = len(number)
        numbers.append(np.fromiter(map(number.__getitem__, found), dtype=np.int32, count=len(found)))
        counts.append(np.fromiter(found.values(), dtype=np.int32, count=len(found)))
        starts.append(starts[-1] + len(found))
    every = np.concatenate(counts) if counts else np.empty(0, dtype=np.int32)
    return Counts(
        list(number), np.array(starts, dtype=np.int64),
        np.concatenate(numbers) if numbers else np.empty(0, dtype=np.int32),
        np.ones_like(every) if binary else every,
    )  # fmt: skip


def in_order(counts: Counts, order: npt.NDArray[Any]) -> Counts:
    """The counts of the texts at these places, in this order; the list of words stays."""
    sizes = np.diff(counts.starts)[order]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    at = np.arange(starts[-1]) + np.repeat(counts.starts[:-1][order] - starts[:-1], sizes)
    return Counts(counts.words, starts, counts.numbers[at], counts.counts[at])


def analyzer_of(model: Any) -> Analyzer:
    """What takes a text apart: scikit-learn's own analyzer with the model's arguments."""
    told = Told(**{name: getattr(model, name) for name in ANALYSIS})
    analyze: Analyzer = told.build_analyzer()
    return analyze


def check_analysis(model: Any) -> None:
    """Refuse arguments of the analysis that are not of the documented form, or that would have no effect.

    Raises
    ------
    InvalidParameterError
        An argument is not of its documented form.
    """
    if not isinstance(model.analyzer, str) or model.analyzer not in ("word", "char", "char_wb"):
        raise InvalidParameterError(
            f"analyzer must be 'word', 'char' or 'char_wb', got {model.analyzer!r}.",
            hint="A function cannot be kept in a file; change the texts before fit.",
        )
    check_choice("strip_accents", model.strip_accents, (None, "ascii", "unicode"))
    check_flag("lowercase", model.lowercase)
    span = model.ngram_range
    is_pair = isinstance(span, (tuple, list)) and len(span) == 2 and all(_is_count(n) for n in span)
    if not is_pair or span[0] > span[1]:
        raise InvalidParameterError(f"ngram_range must be two integers, 1 <= low <= high, got {span!r}.")
    _check_words(model)


def _check_words(model: Any) -> None:
    """Refuse what only words have, where the analyzer gives characters."""
    stop, pattern = model.stop_words, model.token_pattern
    is_list = isinstance(stop, (list, tuple)) and all(isinstance(word, str) for word in stop)
    if not (stop is None or (isinstance(stop, str) and stop == "english") or is_list):
        raise InvalidParameterError("stop_words must be 'english', a list of texts, or None.")
    if not isinstance(pattern, str):
        raise InvalidParameterError(f"token_pattern must be a regular expression as a text, got {pattern!r}.")
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise InvalidParameterError(f"token_pattern {pattern!r} is no regular expression: {error}.") from None
    if groups > 1:
        raise InvalidParameterError(f"token_pattern {pattern!r} has {groups} groups.", hint="Use one, or '(?:...)'.")
    if model.analyzer != "word" and (stop is not None or pattern != WORD):
        raise InvalidParameterError(
            f"stop_words and token_pattern go with analyzer='word', not {model.analyzer!r}.", hint="Leave them out."
        )


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1
