"""Words of a text where they stand, their stems, and how much two short texts have in common."""

from __future__ import annotations

import re
import string
from collections import Counter

__all__ = ["exact_match", "f1", "stem", "words_of"]

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\d+(?:[.,:]\d+)*%?|\w+(?:['’\-]\w+)*|[^\w\s]")
_ENDINGS = ("ing", "ed", "es", "s", "ly")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_SIGNS = str.maketrans("", "", string.punctuation)


def words_of(text: str) -> list[tuple[str, int, int]]:
    """Words, numbers and signs of a text, each with its first character and the one behind its last.

    A character of a script without blanks is a word.

    Examples
    --------
    >>> words_of("It's 1,000 km.")
    [("It's", 0, 4), ('1,000', 5, 10), ('km', 11, 13), ('.', 13, 14)]
    """
    return [(found.group(), found.start(), found.end()) for found in _TOKEN.finditer(text)]


def stem(word: str) -> str:
    """A word in small letters without its ending, if three letters are left.

    Examples
    --------
    >>> stem("Ferry's"), stem("leaves"), stem("leaving"), stem("is")
    ('ferry', 'leav', 'leav', 'is')
    """
    word = word.lower()
    word = word[:-2] if word.endswith(("'s", "’s")) else word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def exact_match(given: str, wanted: str) -> bool:
    """Whether two answers are equal but for case, punctuation and articles.

    References
    ----------
    P. Rajpurkar and others, "SQuAD: 100,000+ questions for machine comprehension of text", EMNLP 2016, section 6.1.

    Examples
    --------
    >>> exact_match("The Rhine.", "rhine")
    True
    """
    return _plain(given) == _plain(wanted)


def f1(given: str, wanted: str) -> float:
    """Harmonic mean of precision and recall of the words of an answer, from 0 to 1.

    References
    ----------
    As of :func:`exact_match`.

    Examples
    --------
    >>> f1("the river Rhine", "Rhine")
    0.6666666666666666
    """
    ours, theirs = _plain(given), _plain(wanted)
    if not ours or not theirs:
        return float(ours == theirs)
    common = sum((Counter(ours) & Counter(theirs)).values())
    return 2.0 * common / (len(ours) + len(theirs))


def _plain(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_SIGNS)).split()
