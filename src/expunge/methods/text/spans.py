"""Spans of a passage that may answer a question, and what can be seen of them; nothing here is learned.

Passages are worked through many at a time, for speed, and yet what is seen of a span follows from its own question and
passage alone, bit for bit: weights and sums are whole numbers, and ratios are rounded to multiples of 2**-10.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from expunge.methods.text.spelling import stem, words_of

__all__ = ["KINDS", "N_SEEN", "Spans", "kind_of", "spans_of"]

Integers = npt.NDArray[np.int64]

#: Kinds of questions, told by the words they ask with.
KINDS = ("who", "when", "where", "how many", "how", "why", "what year", "which", "what", "other")
_AMOUNT = re.compile(r"how (many|much|long|far|old|big|large|tall|often|high)|what (percent|number|amount|percentage)")
_TIME = re.compile(r"(what|which) (year|century|decade|date|month|day|era)")
_BEFORE = (
    "in", "on", "at", "by", "of", "to", "from", "the", "a", "an", "for", "with", "as", "and", "(", ",", "is", "was",
    "were", "are", "called", "than", "or", "between", '"',
)  # fmt: skip
_AFTER = (
    ",", ".", ")", "of", "and", "is", "was", "were", "are", "in", "to", "that", "which", "who", '"', "or", "for",
    "from", "(", "by",
)  # fmt: skip
_UNITS = frozenset(
    (
        "percent", "%", "hundred", "thousand", "million", "billion", "people", "days", "years", "century", "miles",
        "km", "meters", "metres",
    )
)  # fmt: skip
_LONGEST = 10  # words of a span
_NEAR = (3, 8, 20)  # words to either side in which words of the question are looked for
_WEIGHT = 2**20  # what the weights of a question's words sum up to, or nearly
_GRID = 2.0**10
_TOKENS = 2**13  # of passages that are looked at together
#: Numbers that are seen of a span.
N_SEEN = 36 + len(_BEFORE) + len(_AFTER) + 2 * len(_NEAR)


class Spans(NamedTuple):
    """The spans of one passage.

    Parameters
    ----------
    kind : int
        Place of the question's kind in :data:`KINDS`.
    starts, ends : ndarray of int64, shape (c,)
        Characters of the passage, the last one not included; in the order of the passage.
    seen : ndarray of float64, shape (c, N_SEEN)
        Multiples of 2**-10 from 0 to 1.
    overlap : ndarray of float64, shape (c,)
        How much a span and the answer have in common: F1 of their words; 0 where no answer was given.
    """

    kind: int
    starts: Integers
    ends: Integers
    seen: npt.NDArray[np.float64]
    overlap: npt.NDArray[np.float64]


class _Tokens(NamedTuple):
    """Words and signs of several passages, one after the other."""

    words: list[str]  # each that occurs, once
    word: Integers  # which of them
    starts: Integers
    ends: Integers
    passage: Integers
    asked: Integers  # which word of the question it is, counted through all of them, or -1
    wanted: npt.NDArray[np.bool_]  # whether it is a word of the answer
    questions: Integers  # which passage each word of a question belongs to
    kinds: list[int]
    answers: Integers  # words of each answer


def spans_of(
    questions: Sequence[str], passages: Sequence[str], answers: Sequence[str] | None = None
) -> Iterator[Spans]:
    """The spans of each passage in turn.

    Parameters
    ----------
    questions, passages : sequences of n str
    answers : sequence of n str, optional

    Yields
    ------
    Spans
        Runs of at most ten words within a sentence that begin and end with a word that says something.
    """
    given = answers if answers is not None else [""] * len(questions)
    first, size = 0, 0
    found = [words_of(passage) for passage in passages]
    for i, tokens in enumerate(found):
        size += len(tokens)
        if size >= _TOKENS or i + 1 == len(found):
            part = slice(first, i + 1)
            yield from _seen(_read(questions[part], found[part], given[part]))
            first, size = i + 1, 0


def kind_of(question: str) -> int:
    """Place of the question's kind in :data:`KINDS`.

    Examples
    --------
    >>> [KINDS[kind_of(q)] for q in ("Who wrote it?", "In what year?", "How many were there?")]
    ['who', 'what year', 'how many']
    """
    text = question.lower()
    if _AMOUNT.search(text):
        return KINDS.index("how many")
    if _TIME.search(text):
        return KINDS.index("what year")
    words = set(re.findall(r"\w+", text))
    words |= {"who"} if words & {"whose", "whom"} else set()
    return next((KINDS.index(k) for k in ("who", "when", "where", "why", "how", "which", "what") if k in words), 9)


def _read(questions: Sequence[str], found: Sequence[list[Any]], answers: Sequence[str]) -> _Tokens:
    number: dict[str, int] = {}
    stems: list[str] = []
    word, starts, ends, passage, asked, wanted = [], [], [], [], [], []
    owners, kinds, sizes, n_asked = [], [], [], 0
    for i, (question, tokens, answer) in enumerate(zip(questions, found, answers, strict=True)):
        places: dict[str, int] = {}
        for text, _, _ in words_of(question):
            if text[0].isalnum() and text.lower() not in ENGLISH_STOP_WORDS:
                places.setdefault(stem(text), n_asked + len(places))
        n_asked += len(places)
        owners += [i] * len(places)
        kinds.append(kind_of(question))
        right = {text.lower() for text, _, _ in words_of(answer) if text[0].isalnum()}
        sizes.append(sum(text[0].isalnum() for text, _, _ in words_of(answer)))
        for text, start, end in tokens:
            at = number.get(text)
            if at is None:
                at = number[text] = len(number)
                stems.append(stem(text))
            word.append(at)
            starts.append(start)
            ends.append(end)
            passage.append(i)
            asked.append(places.get(stems[at], -1))
            wanted.append(text.lower() in right)
    return _Tokens(
        list(number), _integers(word), _integers(starts), _integers(ends), _integers(passage), _integers(asked),
        np.array(wanted, dtype=bool), _integers(owners), kinds, _integers(sizes),
    )  # fmt: skip


def _seen(t: _Tokens) -> Iterator[Spans]:
    """The spans of these passages, passage by passage."""
    n = len(t.word)
    bounds = np.searchsorted(t.passage, np.arange(len(t.kinds) + 1))
    flag = {name: np.array([test(word) for word in t.words], dtype=bool)[t.word] for name, test in _TESTS.items()}
    before, after = (
        np.array([side.index(w.lower()) if w.lower() in side else len(side) for w in t.words], dtype=np.int64)
        for side in (_BEFORE, _AFTER)
    )
    follows = np.concatenate([[False], t.passage[1:] == t.passage[:-1]]) if n else np.empty(0, dtype=bool)
    breaks = follows & np.concatenate([[False], flag["ends"][:-1]]) & flag["begins"] if n else follows
    sentence = np.cumsum(breaks | ~follows) - 1
    weight, shares = _weights(t, sentence)
    i, j = _candidates(sentence, flag, t.asked)
    left, right = np.maximum(i - 1, 0), np.minimum(j + 1, n - 1)
    has_left, has_right = i > bounds[t.passage[i]], j + 1 < bounds[t.passage[i] + 1]
    inside = {name: _between(values, i, j) for name, values in flag.items()}
    length = j - i + 1
    own = sentence[i]
    first_of = np.searchsorted(sentence, np.arange(len(shares)))
    owner = t.passage[first_of] if len(shares) else first_of
    most = np.zeros(len(t.kinds), dtype=np.int64)
    np.maximum.at(most, owner, shares)
    n_sentences = np.bincount(owner, minlength=len(t.kinds))
    place = own - np.searchsorted(owner, t.passage[i])
    share = shares[own] / _WEIGHT
    beside = {
        (name, side): known & flag[name][at]
        for name in ("capital", "digit", "plain", "unit")
        for side, known, at in (("left", has_left & (sentence[left] == own), left), ("right", has_right, right))
    }
    asked = _between(t.asked >= 0, i, j)
    columns: list[Any] = [
        length == 1, length == 2, length == 3, (length == 4) | (length == 5), length >= 6,
        inside["digit"] > 0, inside["digit"] == length, inside["year"] > 0, (length == 1) & flag["year"][i],
        inside["unit"] > 0, flag["capital"][i], _between(flag["capital"] | flag["stop"], i, j) == length,
        inside["capital"] == 0, flag["capital"][i] & flag["capital"][j],
        beside["capital", "left"] & flag["capital"][i], beside["capital", "right"] & flag["capital"][j],
        beside["capital", "left"], beside["capital", "right"], beside["digit", "left"], beside["digit", "right"],
        beside["unit", "right"], beside["plain", "left"], beside["plain", "right"],
        inside["plain"] / length, inside["sign"] > 0, inside["stop"] / length,
        share, shares[own] >= most[t.passage[i]], share * share, asked / length, _between(weight, i, j) / _WEIGHT,
        place / n_sentences[t.passage[i]], flag["ing"][i], flag["ed"][j], flag["s"][j], flag["ly"][j],
    ]  # fmt: skip
    columns += [has_left & (before[t.word[left]] == k) for k in range(len(_BEFORE))]
    columns += [has_right & (after[t.word[right]] == k) for k in range(len(_AFTER))]
    for reach in _NEAR:
        columns.append(_between(weight, np.maximum(i - reach, bounds[t.passage[i]]), i - 1) / _WEIGHT)
        columns.append(_between(weight, j + 1, np.minimum(j + reach, bounds[t.passage[i] + 1] - 1)) / _WEIGHT)
    seen = np.empty((len(i), N_SEEN))
    for k, column in enumerate(columns):
        seen[:, k] = column
    seen = np.rint(np.minimum(seen, 1.0) * _GRID) / _GRID
    right_words = np.minimum(_between(t.wanted, i, j), t.answers[t.passage[i]])
    total = length - inside["sign"] + t.answers[t.passage[i]]
    cuts = np.searchsorted(i, bounds)
    for p, kind in enumerate(t.kinds):
        part = slice(int(cuts[p]), int(cuts[p + 1]))
        yield Spans(kind, t.starts[i[part]], t.ends[j[part]], seen[part], 2.0 * right_words[part] / total[part])


def _weights(t: _Tokens, sentence: Integers) -> tuple[Integers, Integers]:
    """Weight of each token as a word of its question, and the sum over the distinct ones in each sentence."""
    n_sentences = int(sentence[-1]) + 1 if len(sentence) else 0
    weight, shares = np.zeros(len(sentence), dtype=np.int64), np.zeros(n_sentences, dtype=np.int64)
    at = np.flatnonzero(t.asked >= 0)
    pairs = np.unique(sentence[at] * max(1, len(t.questions)) + t.asked[at])
    where, which = pairs // max(1, len(t.questions)), pairs % max(1, len(t.questions))
    having = np.bincount(which, minlength=len(t.questions)).tolist()
    of = np.searchsorted(t.passage, np.arange(len(t.kinds) + 1))
    sizes = [int(sentence[b - 1]) - int(sentence[a]) + 1 if b > a else 1 for a, b in itertools.pairwise(of)]
    rare = [math.log1p(sizes[p] / (0.5 + m)) for p, m in zip(t.questions.tolist(), having, strict=True)]
    total = [0.0] * len(t.kinds)
    for p, value in zip(t.questions.tolist(), rare, strict=True):
        total[p] += value
    each = np.array(
        [round(value / total[p] * _WEIGHT) for p, value in zip(t.questions.tolist(), rare, strict=True)], dtype=np.int64
    )
    weight[at] = each[t.asked[at]]
    np.add.at(shares, where, each[which])
    return weight, shares


def _candidates(sentence: Integers, flag: dict[str, Any], asked: Integers) -> tuple[Integers, Integers]:
    """First and last token of each span."""
    n = len(sentence)
    i = np.repeat(np.arange(n), _LONGEST)
    j = i + np.tile(np.arange(_LONGEST), n)
    i, j = i[j < n], j[j < n]
    starts = ~(flag["sign"] | flag["stop"])
    ok = (sentence[i] == sentence[j]) & starts[i] & starts[j] & (_between(flag["stops"], i, j) == 0)
    ok &= (i < j) | (asked[i] < 0)
    return i[ok], j[ok]


def _between(values: npt.NDArray[Any], first: Integers, last: Integers) -> Integers:
    """Σ of whole numbers from ``first`` to ``last``, both included."""
    sums = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    return np.asarray(sums[np.maximum(last + 1, first)] - sums[first])


def _integers(values: list[int]) -> Integers:
    return np.array(values, dtype=np.int64)


def _is_word(text: str) -> bool:
    return text[0].isalnum() or text[0] == "_"


_YEAR = re.compile(r"1\d\d\d|20\d\d")
#: What can be seen of a single token.
_TESTS: dict[str, Any] = {
    "sign": lambda text: not _is_word(text),
    "stop": lambda text: text.lower() in ENGLISH_STOP_WORDS,
    "stops": lambda text: text in ".!?;:",
    "ends": lambda text: text in ".!?",
    "begins": lambda text: text[0].isupper() or text[0].isdigit() or text in '"“',
    "capital": lambda text: text[0].isupper(),
    "digit": lambda text: text[0].isdigit(),
    "year": lambda text: _YEAR.fullmatch(text) is not None,
    "unit": lambda text: text.lower() in _UNITS,
    "plain": lambda text: (
        _is_word(text) and text.lower() not in ENGLISH_STOP_WORDS and not (text[0].isupper() or text[0].isdigit())
    ),
    "ing": lambda text: text.lower().endswith("ing"),
    "ed": lambda text: text.lower().endswith("ed"),
    "s": lambda text: text.lower().endswith("s"),
    "ly": lambda text: text.lower().endswith("ly"),
}
