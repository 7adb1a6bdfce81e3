"""Which passages have a word, remembered beside the passages so that a question reads the lists of its own words.

As with :class:`~expunge.methods.text.remembered.Remembered`, this is no state: it follows from the passages and the
arguments of the analysis, it is in neither digest nor file, and an index without it makes it anew. It hangs on the
column of texts and is told what is wiped and what is taken back. An entry that goes is closed over by those behind it,
so that no list says any more who once stood in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.methods.text.analysis import Counts
from expunge.table.ids import grown

__all__ = ["Postings"]

Slots = npt.NDArray[np.intp]
Integers = npt.NDArray[np.int32]


class Postings:
    """For each word the slots of the passages that have it, ascending, and how often.

    Parameters
    ----------
    counts : Counts
        Of some passages.
    slots : ndarray of intp, ascending
        Their slots; other slots have no words.
    n : int
        Number of slots.
    key : object
        What decides how a text is taken apart; another one makes the lists worthless.

    Attributes
    ----------
    n_slots : int
    lengths : ndarray of int64, shape (n_slots,)
        Words of each passage, as often as they occur; 0 for one that is gone.

    Notes
    -----
    Twelve bytes for each pair of a word and a passage that has it: the slot, the count, and the word again by passage,
    by which a passage that goes finds its lists.
    """

    def __init__(self, counts: Counts, slots: Slots, n: int, key: Any) -> None:
        from scipy import sparse

        self.key, self.n_slots = key, n
        self._words: list[str | None] = list(counts.words)
        self._number = {word: i for i, word in enumerate(counts.words)}
        shape = (len(counts), len(counts.words))
        by_word = sparse.csr_array((counts.counts, counts.numbers, counts.starts), shape=shape).tocsc()
        self._slots, self._counts = slots[by_word.indices].astype(np.int32), by_word.data.astype(np.int32)
        self._starts = by_word.indptr[:-1].astype(np.int64)
        self._sizes = np.diff(by_word.indptr).astype(np.int64)
        self._grown: dict[int, tuple[Integers, Integers]] = {}  # lists that did not stay where they were made
        sizes, lengths = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        sizes[slots], lengths[slots] = np.diff(counts.starts), _totals(counts)
        self._ends, self._numbers, self._lengths = np.cumsum(sizes), counts.numbers.astype(np.int32), lengths

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        return self._lengths[: self.n_slots]

    def of(self, word: str) -> tuple[Integers, Integers]:
        """Slots of the passages that have a word, and how often; not to be written to."""
        number = self._number.get(word)
        return self._list(number) if number is not None else (self._slots[:0], self._counts[:0])

    def has(self, word: str, slots: Slots) -> npt.NDArray[np.bool_]:
        """Whether the passage of each slot has a word."""
        held = self.of(word)[0]
        at = np.searchsorted(held, slots.astype(np.int32))
        return at < np.searchsorted(held, slots.astype(np.int32), side="right")

    def append(self, counts: Counts) -> None:
        """The passages of the next slots."""
        for word in counts.words:
            if word not in self._number:
                self._number[word] = len(self._words)
                self._words.append(word)
        mine = np.array([self._number[word] for word in counts.words], dtype=np.int32)
        fresh = len(self._words) - len(self._sizes)
        self._sizes = np.concatenate([self._sizes, np.zeros(fresh, dtype=np.int64)])
        self._starts = np.concatenate([self._starts, np.zeros(fresh, dtype=np.int64)])
        numbers, which = mine[counts.numbers], self.n_slots + counts.text_of()
        order = np.argsort(numbers, kind="stable")
        cuts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
        for part in np.split(order, cuts[1:]) if len(order) else ():
            self._extend(int(numbers[part[0]]), which[part].astype(np.int32), counts.counts[part])
        start = int(self._ends[self.n_slots - 1]) if self.n_slots else 0
        self._numbers = grown(self._numbers, start, numbers)
        self._ends = grown(self._ends, self.n_slots, start + counts.starts[1:])
        self._lengths = grown(self._lengths, self.n_slots, _totals(counts))
        self.n_slots += len(counts)

    def wipe(self, slots: Slots) -> None:
        """Take the passages of these slots out of all lists, and the words that only they had."""
        for slot in slots.tolist():
            if slot >= self.n_slots:
                continue
            part = slice(int(self._ends[slot - 1]) if slot else 0, int(self._ends[slot]))
            if not self._lengths[slot]:
                continue
            for number in self._numbers[part].tolist():
                self._take_out(number, slot)
            self._numbers[part], self._lengths[slot] = 0, 0

    def truncate(self, n: int) -> None:
        """Take back all slots from n on."""
        self.wipe(np.arange(n, self.n_slots))
        self.n_slots = n

    def _list(self, number: int) -> tuple[Integers, Integers]:
        size = int(self._sizes[number])
        if number in self._grown:
            slots, counts = self._grown[number]
            return slots[:size], counts[:size]
        part = slice(int(self._starts[number]), int(self._starts[number]) + size)
        return self._slots[part], self._counts[part]

    def _extend(self, number: int, slots: Integers, counts: Integers) -> None:
        size, old = int(self._sizes[number]), self._grown.get(number)
        held = self._list(number) if old is None else old
        self._grown[number] = grown(held[0], size, slots), grown(held[1], size, counts)
        if old is None:  # the list moved, and where it was nobody looks after it any more
            held[0][:], held[1][:] = 0, 0
        self._sizes[number] = size + len(slots)

    def _take_out(self, number: int, slot: int) -> None:
        slots, counts = self._list(number)
        at = int(np.searchsorted(slots, np.int32(slot)))
        for values in (slots, counts):
            values[at:-1] = values[at + 1 :]
            values[-1] = 0
        self._sizes[number] -= 1
        if not self._sizes[number]:
            word, self._words[number] = self._words[number], None
            if word is not None:
                del self._number[word]


def _totals(counts: Counts) -> npt.NDArray[np.int64]:
    """Words of each text, as often as they occur."""
    sums: Sequence[int] = np.concatenate([[0], np.cumsum(counts.counts, dtype=np.int64)])  # type: ignore[assignment]
    return np.asarray(np.diff(np.asarray(sums)[counts.starts]))
