"""Counts of documents, remembered beside the texts they were made of, so that a pass over all takes none apart again.

A memory is no state. What it holds follows from the rows and the arguments of the analysis, it is in neither digest nor
file, and a model without one makes it anew. It hangs on the column of texts, which tells it to wipe what is wiped and
to take back what is taken back; what was forgotten is overwritten here at the same moment as there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.methods.text.analysis import Counts
from expunge.methods.text.terms import Places, found_in
from expunge.table.ids import grown

__all__ = ["Remembered"]


class Remembered:
    """Counts of the documents in a column of texts, by slot.

    Parameters
    ----------
    counts : Counts
        Of slots 0 to n - 1; of slots without a record, no entries.
    key : object
        What decides how a text is taken apart; another one makes the memory worthless.

    Attributes
    ----------
    starts, numbers, counts : ndarray
        As in :class:`~expunge.methods.text.analysis.Counts`; the first by slot, the others by entry.
    """

    def __init__(self, counts: Counts, key: Any) -> None:
        self.key = key
        self._starts, self._n = counts.starts.copy(), len(counts)
        self._numbers, self._counts = counts.numbers.copy(), counts.counts.copy()
        self._words: list[str | None] = list(counts.words)
        self._number: dict[str, int] | None = None
        self._documents = np.bincount(counts.numbers, minlength=len(counts.words))
        self._places: tuple[list[str], Places] | None = None

    def __len__(self) -> int:
        return self._n

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        return self._starts[: self._n + 1]

    @property
    def numbers(self) -> npt.NDArray[np.int32]:
        return self._numbers[: self._starts[self._n]]

    @property
    def counts(self) -> npt.NDArray[np.int32]:
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
        self._counts = grown(self._counts, end, counts.counts)
        self._starts = grown(self._starts, n + 1, counts.starts[1:] + end)
        self._n += len(counts)
        longer = np.zeros(len(self._words), dtype=np.int64)
        longer[: len(self._documents)] = self._documents
        longer += np.bincount(mine[counts.numbers], minlength=len(longer))
        self._documents, self._places = longer, None

    def wipe(self, slots: npt.NDArray[np.intp]) -> None:
        """Overwrite the counts of these slots, and the words that only they had."""
        for slot in slots.tolist():
            if slot >= self._n:
                continue
            part = slice(int(self._starts[slot]), int(self._starts[slot + 1]))
            lost = self._numbers[part][self._counts[part] > 0]
            self._documents[lost] -= 1
            self._numbers[part] = 0
            self._counts[part] = 0
            for i in lost[self._documents[lost] == 0].tolist():
                word, self._words[i] = self._words[i], None
                if self._number is not None and word is not None:
                    del self._number[word]

    def truncate(self, n: int) -> None:
        """Take back all slots from n on."""
        if n < self._n:
            self.wipe(np.arange(n, self._n))
            self._n = n

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
