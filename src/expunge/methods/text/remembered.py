"""Counts of documents, remembered beside the texts they were made of, so that a pass over all takes none apart again.

A memory is no state. What it holds follows from the rows and the arguments of the analysis, it is in neither digest nor
file, and a model without one makes it anew. It hangs on the column of texts, which tells it to wipe what is wiped and
to take back what is taken back; what was forgotten is overwritten here at the same moment as there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.methods.text.analysis import ANALYSIS, Counts, in_order
from expunge.methods.text.terms import Moved, Places, found_in
from expunge.state import Part
from expunge.table.ids import grown
from expunge.table.memory import change_memory

__all__ = ["Remembered", "follow", "key_of"]

_EXACT = 2**20  # documents that are summed in floats at a time


class Remembered:
    """Counts of the documents in a column of texts.

    Parameters
    ----------
    counts : Counts
        Of some documents; as they lie here, those of one class are best behind each other.
    slots : ndarray of intp
        Their slots, each once; other slots have no entries.
    n : int
        Number of slots.
    key : object
        What decides how a text is taken apart; another one makes the memory worthless.

    Attributes
    ----------
    slots : ndarray of intp, shape (D,)
        Slot of each remembered document, -1 for one that is gone.
    starts : ndarray of int64, shape (D + 1,)
    numbers : ndarray of int32, shape (entries,)
    counts : ndarray of float64, shape (entries,)
        Whole numbers, as floats that are not converted before each pass; of a document that is gone, zeros.
    """

    def __init__(self, counts: Counts, slots: npt.NDArray[np.intp], n: int, key: Any) -> None:
        self.key, self.n_slots, self._n = key, n, len(counts)
        self._slots, self._starts = slots.copy(), counts.starts.copy()
        order = np.argsort(np.array(counts.words, dtype=object)) if counts.words else np.empty(0, dtype=np.intp)
        rank = np.empty(len(order), dtype=np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        self._words: list[str | None] = [counts.words[i] for i in order.tolist()]
        self._numbers, self._counts = rank[counts.numbers], counts.counts.astype(np.float64)
        self._documents = np.bincount(self._numbers, minlength=len(order))
        self._number: dict[str, int] | None = None
        self._at: dict[int, int] | None = None
        self._places: tuple[list[str], Places] | None = None

    @classmethod
    def of(
        cls, columns: Any, slots: npt.NDArray[np.intp], key: Any, make: Callable[[], Counts], codes: Any = None
    ) -> Remembered:
        """What is remembered beside a column of texts; made anew where there is nothing, or something of another key.

        Parameters
        ----------
        columns : Cells
        slots : ndarray of intp
            All slots that hold a text.
        key : object
        make : callable
            Gives the counts of these texts.
        codes : ndarray of int64, optional
            Class of each text: those of one class come to lie behind each other.
        """
        if columns.memory is None or columns.memory.key != key:
            counts = make()
            if codes is not None:
                order = np.argsort(codes, kind="stable")
                counts, slots = in_order(counts, order), slots[order]
            columns.memory = cls(counts, slots, len(columns), key)
        memory: Remembered = columns.memory
        return memory

    def keep_up(self, old: list[str], new: list[str], to: Places | None, counts: Counts | None) -> None:
        """Documents came, or the words of a list have moved to new places in another one."""
        if counts is not None:
            self.append(counts)
        self.moved(old, new, to)

    @property
    def slots(self) -> npt.NDArray[np.intp]:
        return self._slots[: self._n]

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        return self._starts[: self._n + 1]

    @property
    def numbers(self) -> npt.NDArray[np.int32]:
        return self._numbers[: self._starts[self._n]]

    @property
    def counts(self) -> npt.NDArray[np.float64]:
        return self._counts[: self._starts[self._n]]

    def append(self, counts: Counts) -> None:
        """Remember the documents of the next slots."""
        if self._number is None:
            self._number = {word: i for i, word in enumerate(self._words) if word is not None}
        number = self._number
        for word in counts.words:
            if word not in number:
                number[word] = len(self._words)
                self._words.append(word)
        mine = np.fromiter((number[word] for word in counts.words), dtype=np.int32, count=len(counts.words))
        n, end = self._n, int(self._starts[self._n])
        self._numbers = grown(self._numbers, end, mine[counts.numbers])
        self._counts = grown(self._counts, end, counts.counts.astype(np.float64))
        self._starts = grown(self._starts, n + 1, counts.starts[1:] + end)
        self._slots = grown(self._slots, n, np.arange(self.n_slots, self.n_slots + len(counts)))
        self._n, self.n_slots, self._at = n + len(counts), self.n_slots + len(counts), None
        often = np.bincount(mine[counts.numbers], minlength=len(self._words))
        often[: len(self._documents)] += self._documents
        self._documents, self._places = often, None

    def wipe(self, slots: npt.NDArray[np.intp]) -> None:
        """Overwrite the counts of these slots, and the words that only they had."""
        if self._at is None:
            self._at = {slot: i for i, slot in enumerate(self.slots.tolist()) if slot >= 0}
        for slot in slots.tolist():
            i = self._at.pop(slot, None)
            if i is None:
                continue
            part = slice(int(self._starts[i]), int(self._starts[i + 1]))
            lost = self._numbers[part].copy()
            self._numbers[part], self._counts[part], self._slots[i] = 0, 0.0, -1
            self._documents[lost] -= 1
            for k in lost[self._documents[lost] == 0].tolist():
                word, self._words[k] = self._words[k], None
                if self._number is not None and word is not None:
                    del self._number[word]

    def truncate(self, n: int) -> None:
        """Take back all slots from n on."""
        self.wipe(np.arange(n, self.n_slots))
        while self._n and self._slots[self._n - 1] < 0:
            self._n -= 1
        self.n_slots = n

    def places(self, words: list[str]) -> Places:
        """Place of each remembered word in a sorted list, -1 where it has none; shape (number of words,)."""
        if self._places is None or self._places[0] is not words:
            there = [i for i, word in enumerate(self._words) if word is not None]
            out = np.full(len(self._words), -1, dtype=np.int64)
            out[there] = found_in(words, [word for word in self._words if word is not None])
            self._places = words, out
        return self._places[1]

    def moved(self, old: list[str], new: list[str], to: Places | None) -> None:
        """The words of a list have moved to new places in another one; saves looking all of them up again."""
        if self._places is None or self._places[0] is not old:
            return
        places = self._places[1]
        self._places = new, places if to is None else np.where(places >= 0, to[places], -1)

    def class_sums(self, codes: npt.NDArray[np.int64], factors: npt.NDArray[np.float64]) -> Iterator[tuple[Any, Any]]:
        """For each class Σ count · factor over its documents, of each remembered word that has any.

        Parameters
        ----------
        codes : ndarray of int64, shape (D,)
            Class of each document, -1 for one that is gone.
        factors : ndarray of float64, shape (D,)
            Whole numbers.

        Yields
        ------
        numbers : ndarray of int64
            Which words, ascending.
        sums : ndarray of int64

        Notes
        -----
        Sums of 2**20 documents at a time are whole numbers below 2**53, so floats hold them exactly: a count times its
        factor is at most 2**32, as :func:`~expunge.methods.pipeline.text_fold.TextFold` makes the factors.
        """
        from scipy import sparse

        factors = np.where(codes < 0, 0.0, factors)
        starts, n_words = self.starts.astype(self._index_type()), len(self._words)
        order = np.argsort(codes, kind="stable")
        cuts = np.searchsorted(codes[order], np.arange(int(codes.max(initial=-1)) + 2))
        for first, last in itertools.pairwise(cuts.tolist()):
            total: Any = 0
            for start in range(first, last, _EXACT):
                mine = order[start : min(start + _EXACT, last)]
                a, b = int(mine[0]), int(mine[-1]) + 1
                between = codes[a:b]
                if not ((between == codes[a]) | (between < 0)).all():  # not behind each other: copied
                    pieces = self._picked(mine)
                    factor = factors[mine]
                else:
                    cut = slice(int(starts[a]), int(starts[b]))
                    pieces, factor = (self.counts[cut], self.numbers[cut], starts[a : b + 1] - starts[a]), factors[a:b]
                total = total + sparse.csc_array(pieces, shape=(n_words, len(factor))) @ factor  # whole numbers
            found = np.flatnonzero(total != 0)
            yield found, total[found].astype(np.int64)

    def _picked(self, which: npt.NDArray[Any]) -> tuple[Any, Any, Any]:
        """Counts, numbers and starts of some documents."""
        one = in_order(Counts([], self.starts, self.numbers, self.counts), which)  # type: ignore[arg-type]
        return one.counts, one.numbers, one.starts.astype(self._index_type())

    def sizes(self, weight: npt.NDArray[np.float64], *, squared: bool) -> npt.NDArray[np.float64]:
        """Σ count · weight of each document over its words, or Σ (count · weight)²; shape (D,)."""
        from scipy import sparse

        data = self.counts * self.counts if squared else self.counts
        pieces = data, self.numbers, self.starts.astype(self._index_type())
        whole = sparse.csr_array(pieces, shape=(self._n, len(self._words)))
        return np.asarray(whole @ (weight * weight if squared else weight))

    def _index_type(self) -> Any:
        return np.int32 if self._starts[self._n] < 2**31 else np.int64


def key_of(vectors: Any) -> list[Any]:
    """What decides how a vectoriser takes texts apart: the key of what is remembered."""
    return [getattr(vectors, name) for name in (*ANALYSIS, "binary")]


def follow(columns: Any, vectors: Any, old: Part, moved: Moved, counts: Counts | None = None) -> None:
    """Keep what is remembered beside a column of texts up with its words, and with documents that came."""
    memory: Remembered | None = columns.memory
    if memory is not None and memory.key == key_of(vectors):
        change_memory(columns, lambda held: held.keep_up(old["words"], moved.part["words"], moved.to, counts))
