"""Which words there are, and in how many documents: integers, exact, and no word that no document has.

The part ``terms`` holds ``n``, the number of documents; ``words``, every word that some document has, sorted by code
points; ``documents`` of shape (V,), how many documents have it; and ``occurrences`` of shape (V,), how often it occurs
in all of them. It is a function of the documents alone: a word goes with the last document that has it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.methods.text.analysis import Counts
from expunge.state import Part, Patch

__all__ = [
    "NO_TERMS",
    "Fewer",
    "Moved",
    "found_in",
    "inverse_frequencies",
    "kept_terms",
    "terms_with",
    "terms_without",
]

Places = npt.NDArray[np.int64]

#: The terms of no document.
NO_TERMS: Part = {
    "n": 0, "words": [], "documents": np.empty(0, dtype=np.int64), "occurrences": np.empty(0, dtype=np.int64)
}  # fmt: skip
_FEW = 16  # one word in so many is looked up by bisection rather than in a table of all
_FEW_GONE = 100  # a deletion moves half of the list, a twentieth of a copy of it


class Moved(NamedTuple):
    """Terms after a change.

    Parameters
    ----------
    part : Part
        The new terms.
    at : ndarray of int64
        Place of each word of the counts: among the new terms where documents came, among the old where they went.
    to : ndarray of int64, or None
        New place of each old term, -1 for one that went; None if all stay where they are.
    """

    part: Part
    at: Places
    to: Places | None


class Fewer(Patch):
    """The same as :func:`terms_without`, for terms that nobody else holds: their words are not copied but deleted.

    A copy of a list counts a reference to each word, and to let go of the old list counts it back: at 140,000 words,
    six milliseconds for the one word that goes.

    Parameters
    ----------
    old : part
        Of :func:`terms_of`.
    counts : Counts
        Of the documents that go.
    """

    def __init__(self, old: Part, counts: Counts) -> None:
        self._part, (documents, occurrences, at) = old, _lessened(old, counts)
        gone = np.sort(at[documents[at] == 0])
        self._new: Part = {
            "n": old["n"] - len(counts), "documents": np.delete(documents, gone),
            "occurrences": np.delete(occurrences, gone),
        }  # fmt: skip
        words, self._gone = old["words"], list[tuple[int, str]]()
        if len(gone) <= _FEW_GONE:
            self._gone = [(place, words[place]) for place in reversed(gone.tolist())]
        else:
            self._new["words"] = _without(words, gone.tolist())

    def apply(self) -> None:
        words = self._part["words"]
        for place, word in self._gone:
            if place < len(words) and words[place] == word:  # else it went when this was begun before
                del words[place]
        self._part.update(self._new)


def terms_with(old: Part, counts: Counts) -> Moved:
    """The terms of these documents, too.

    Examples
    --------
    >>> from expunge.methods.text.analysis import count_texts
    >>> some = terms_with(NO_TERMS, count_texts(["b b", "a b"], str.split)).part
    >>> some["words"], some["documents"].tolist(), some["occurrences"].tolist()
    (['a', 'b'], [1, 2], [1, 3])
    >>> terms_without(some, count_texts(["a b"], str.split)).part["words"]
    ['b']
    """
    documents, occurrences = _sums(counts)
    words = old["words"]
    at = found_in(words, counts.words)
    fresh = sorted(counts.words[i] for i in np.flatnonzero(at < 0).tolist())
    to = None
    if fresh:
        place = np.array([bisect_left(words, word) for word in fresh], dtype=np.int64)
        to = np.arange(len(words)) + np.searchsorted(place, np.arange(len(words)), side="right")
        words = sorted([*words, *fresh])  # two runs: merged, not sorted
        at = found_in(words, counts.words)
    out = [_spread(old[name], to, len(words)) for name in ("documents", "occurrences")]
    out[0][at] += documents
    out[1][at] += occurrences
    part = {"n": old["n"] + len(counts), "words": words, "documents": out[0], "occurrences": out[1]}
    return Moved(part, at, to if len(old["words"]) else None)


def terms_without(old: Part, counts: Counts) -> Moved:
    """The terms without these documents, which are some of those they were made of."""
    words, (documents, occurrences, at) = old["words"], _lessened(old, counts)
    gone = np.sort(at[documents[at] == 0])
    to = None
    if len(gone):
        keep = np.ones(len(words), dtype=bool)
        keep[gone] = False
        to = np.where(keep, np.cumsum(keep) - 1, -1)
        words = _without(words, gone.tolist())
        documents, occurrences = documents[keep], occurrences[keep]
    part = {"n": old["n"] - len(counts), "words": words, "documents": documents, "occurrences": occurrences}
    return Moved(part, at, to)


def found_in(words: Sequence[str], wanted: Sequence[str]) -> Places:
    """Place of each wanted word in a sorted list, shape (len(wanted),); -1 if it is not there."""
    if len(wanted) * _FEW > len(words):
        table = dict(zip(words, range(len(words)), strict=True))
        return np.fromiter((table.get(word, -1) for word in wanted), dtype=np.int64, count=len(wanted))
    out = np.empty(len(wanted), dtype=np.int64)
    for i, word in enumerate(wanted):
        at = bisect_left(words, word)
        out[i] = at if at < len(words) and words[at] == word else -1
    return out


def kept_terms(part: Part, *, min_df: Any, max_df: Any, max_features: int | None) -> Places:
    """Places of the terms that become features, ascending.

    Notes
    -----
    Limits of the document frequency are numbers of documents, or shares of them if floats, both inclusive. Of more than
    ``max_features`` terms those that occur most are kept; among equals those that come first in the order of words,
    whereas scikit-learn leaves that to the sorting algorithm of the processor.
    """
    documents, n = part["documents"], part["n"]
    low, high = (limit * n if isinstance(limit, float) else limit for limit in (min_df, max_df))
    kept = np.flatnonzero((documents >= low) & (documents <= high))
    if max_features is not None and len(kept) > max_features:
        order = np.argsort(-part["occurrences"][kept], kind="stable")
        kept = np.sort(kept[order[:max_features]])
    return kept.astype(np.int64, copy=False)


def inverse_frequencies(part: Part, kept: Places, *, smooth: bool) -> npt.NDArray[np.float64]:
    """log((n + s) / (documents + s)) + 1 of each kept term, with s = 1 if smooth, else 0; scikit-learn's bits."""
    below = part["documents"][kept].astype(np.float64) + float(smooth)
    return np.asarray(np.log(np.full_like(below, part["n"] + int(smooth)) / below) + 1.0)


def _sums(counts: Counts) -> tuple[Places, Places]:
    """Documents and occurrences of each word."""
    n = len(counts.words)
    often = np.bincount(counts.numbers, weights=counts.counts, minlength=n)  # exact: below 2**53
    return np.bincount(counts.numbers, minlength=n).astype(np.int64), often.astype(np.int64)


def _lessened(old: Part, counts: Counts) -> tuple[Places, Places, Places]:
    """Documents and occurrences of each old word without these, and the places of theirs."""
    sums, at = _sums(counts), found_in(old["words"], counts.words)
    documents, occurrences = old["documents"].copy(), old["occurrences"].copy()
    documents[at] -= sums[0]
    occurrences[at] -= sums[1]
    return documents, occurrences, at


def _spread(values: Places, to: Places | None, n: int) -> Places:
    if to is None:
        return values.copy()
    out = np.zeros(n, dtype=np.int64)
    out[to] = values
    return out


def _without(words: list[str], gone: list[int]) -> list[str]:
    """The list without the items at these places, ascending.

    A list is copied in one go, eight times as fast as in runs, so few items are better deleted from a copy.
    """
    out: list[str] = []
    if len(gone) <= _FEW_GONE:
        out = words.copy()
        for place in reversed(gone):
            del out[place]
        return out
    start = 0
    for place in gone:
        out += words[start:place]
        start = place + 1
    return out + words[start:]
