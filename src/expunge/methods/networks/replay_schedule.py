"""Which records a training reads in which step: a function of seed, ids and entries alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidParameterError
from expunge.methods.networks.task import Task
from expunge.seeds import uniform64

__all__ = ["Schedule", "entries_of"]

Ids = npt.NDArray[Any]


class Schedule:
    """The steps of a training of some epochs, each of ``n_batches`` steps, some of them empty.

    In each epoch the place of a record is its keyed hash modulo ``n_batches``; in its batch it stands by the hash, too.
    No record moves when another one goes.

    Parameters
    ----------
    ids : ndarray of shape (n,)
    entries : ndarray of int, shape (n,)
        First epoch, from 0, in which a record is read.
    epochs, n_batches, seed : int
    """

    def __init__(self, ids: Ids, entries: npt.NDArray[np.intp], *, epochs: int, n_batches: int, seed: int) -> None:
        self.ids, self.entries = ids, entries
        self.epochs, self.n_batches, self.seed = epochs, n_batches, seed
        self._epoch = -1
        self._batches: list[npt.NDArray[np.intp]] = []

    @property
    def n_steps(self) -> int:
        """Steps of the whole training, empty ones included."""
        return self.epochs * self.n_batches

    def step(self, number: int) -> npt.NDArray[np.intp]:
        """Places in ``ids`` of the records of one step."""
        epoch, batch = divmod(number, self.n_batches)
        if epoch != self._epoch:
            hashes = self._hashes(epoch, self.ids)
            places = hashes % np.uint64(self.n_batches)
            order = np.lexsort((hashes, places))
            order = order[self.entries[order] <= epoch]
            ends = np.searchsorted(places[order], np.arange(1, self.n_batches, dtype=np.uint64))
            self._epoch, self._batches = epoch, np.split(order, ends)
        return self._batches[batch]

    def first_steps(self, at: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """First step that reads each of some records, given by their places; ``n_steps`` if none does."""
        out = np.full(len(at), self.n_steps, dtype=np.intp)
        for entry in np.unique(self.entries[at]).tolist():
            if entry < self.epochs:
                own = self.entries[at] == entry
                places = self._hashes(entry, self.ids[at[own]]) % np.uint64(self.n_batches)
                out[own] = entry * self.n_batches + places.astype(np.intp)
        return out

    def reads(self, start: int, gone: npt.NDArray[np.intp]) -> int:
        """Records that the steps from ``start`` on read, without some."""
        kept = np.setdiff1d(np.arange(len(self.ids)), gone)
        other = Schedule(
            self.ids[kept], self.entries[kept], epochs=self.epochs, n_batches=self.n_batches, seed=self.seed
        )
        return other.reads_from(start)

    def reads_from(self, start: int) -> int:
        """Records that the steps from ``start`` on read."""
        return sum(len(self.step(number)) for number in range(start, self.n_steps))

    def _hashes(self, epoch: int, ids: Ids) -> npt.NDArray[np.uint64]:
        return uniform64(self.seed, f"place in epoch {epoch}", ids)


def entries_of(task: Task, entry: Mapping[Any, int] | None) -> npt.NDArray[np.intp]:
    """First epoch of each record; an id that the task does not have, or an epoch below 0, is refused.

    Raises
    ------
    InvalidParameterError
        An entry is no epoch.
    """
    out = np.zeros(len(task), dtype=np.intp)
    for name, epoch in (entry or {}).items():
        if isinstance(epoch, bool) or not isinstance(epoch, (int, np.integer)) or epoch < 0:
            raise InvalidParameterError(f"The entry of record {name!r} is {epoch!r}.", hint="An epoch, from 0.")
        out[task.find([name])] = epoch
    return out
