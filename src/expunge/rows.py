"""The rows a model still knows: named, kept in an order that follows from their ids, and counted when read.

A slot is a place in the arrays of the store. The canonical order of rows is that of a keyed hash of their ids, ties by
id; it decides the order in which third-party estimators see records, the order in files, and the block of a record in
the digest. So the order of the input never matters and removing a row moves no other.

A change has two steps, so that a failure in between leaves everything as it was: ``hide`` and ``append`` can be undone
by ``unhide`` and ``truncate``; ``wipe`` then overwrites the hidden values for good.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import DuplicateRecordError, InvalidDataError, UnknownRecordError
from expunge.seeds import uniform64
from expunge.table.columns import Columns, Dense, columns_of, restore_columns
from expunge.table.ids import IdIndex, check_ids, check_one_kind, check_unique, grown
from expunge.table.label_kinds import as_labels
from expunge.table.lookups import Lookup, enter, leave, of_classes
from expunge.table.table import Table

__all__ = ["N_BLOCKS", "Rows", "Table"]

Slots = npt.NDArray[np.intp]
Arrays = dict[str, npt.NDArray[Any]]

#: The digest hashes rows in so many blocks; a record's block is the top ten bits of its hash.
N_BLOCKS = 1024


class Rows:
    """Rows of one model.

    Parameters
    ----------
    table : Table
        The first rows; copied.
    seed : int
        Keys the canonical order.

    Attributes
    ----------
    reads : int
        Rows read so far: what the work of a removal is counted from.
    """

    def __init__(self, table: Table, *, seed: int) -> None:
        check_unique(table.ids)
        self._seed = seed
        self._ids = IdIndex(table.ids.copy())
        self._X = columns_of(table.X)
        self._y = None if table.y is None else columns_of(table.y)
        self._weight = None if table.weight is None else columns_of(table.weight)
        self._subjects = None if table.subjects is None else columns_of(table.subjects.astype(object))
        self._place = None if table.place is None else columns_of(table.place)
        self._X.wipe(np.empty(0, dtype=np.intp))  # of no row: an order of categories keeps those that rows have
        self._alive = np.ones(len(table), dtype=bool)
        self._n_alive = len(table)
        self._hash: npt.NDArray[np.uint64] | None = None
        self._by_subject: Lookup | None = None
        self._blocked: dict[int, Slots] | None = None
        self._form: Any = None
        self.reads = 0

    def __len__(self) -> int:
        return self._n_alive

    @property
    def ids(self) -> npt.NDArray[Any]:
        """Ids of all rows in canonical order, as a copy."""
        return self._ids.values[self.slots()]

    @property
    def has_weights(self) -> bool:
        """Whether the rows have weights."""
        return self._weight is not None

    @property
    def has_subjects(self) -> bool:
        """Whether the rows have subjects."""
        return self._subjects is not None

    @property
    def alive(self) -> npt.NDArray[np.bool_]:
        """Which slots hold a row, shape (number of slots,). Do not write to it."""
        return self._alive[: len(self._ids.values)]

    @property
    def columns(self) -> Columns:
        """The columns of X, for a memory of what was made of them."""
        return self._X

    def hashes(self) -> npt.NDArray[np.uint64]:
        """The keyed hash behind the canonical order, one per slot."""
        values = self._ids.values
        if self._hash is None:
            self._hash = uniform64(self._seed, "order", values)
        elif len(self._hash) < len(values):
            self._hash = np.concatenate([self._hash, uniform64(self._seed, "order", values[len(self._hash) :])])
        return self._hash

    def in_order(self, slots: Slots) -> Slots:
        """The slots in canonical order."""
        keys = self.hashes()[slots]
        order = np.argsort(keys)  # not the stable kind, which takes five times as long
        ordered = keys[order]
        if np.any(ordered[1:] == ordered[:-1]):  # one pair in 2**64: ties go by id
            order = np.lexsort((self._ids.values[slots].astype(str), keys))
        return slots[order]

    def slots(self) -> Slots:
        """Slots of all rows, in canonical order."""
        blocks = self.blocked()
        return np.concatenate(list(blocks.values())) if blocks else np.empty(0, dtype=np.intp)

    def blocked(self) -> dict[int, Slots]:
        """Slots of all rows in canonical order, cut into the blocks of the digest; kept up to date block by block."""
        if self._blocked is None:
            slots = self.in_order(np.flatnonzero(self.alive))
            cuts = np.searchsorted(self.blocks(slots), np.arange(N_BLOCKS + 1))
            self._blocked = {b: slots[cuts[b] : cuts[b + 1]] for b in range(N_BLOCKS) if cuts[b] < cuts[b + 1]}
        return self._blocked

    def _move(self, slots: Slots, *, into: bool) -> None:
        """Put slots into their blocks, or take them out."""
        if self._blocked is None:
            return
        if len(slots) > N_BLOCKS:
            self._blocked = None
            return
        at = self.blocks(slots)
        for block in at.tolist() if len(at) == 1 else np.unique(at).tolist():
            moved, held = slots[at == block], self._blocked.get(block, slots[:0])
            left = (
                self.in_order(np.concatenate([held, moved]))
                if into
                else (held[held != moved] if len(moved) == 1 else held[~np.isin(held, moved)])
            )
            if len(left):
                self._blocked[block] = left
            else:
                self._blocked.pop(block, None)
        if into:
            self._blocked = dict(sorted(self._blocked.items()))

    def read(self, slots: Slots, *, times: int = 1) -> Table:
        """The rows of these slots, as copies; they count as read ``times`` times."""
        self.reads += times * len(slots)
        optional = (self._y, self._weight, self._subjects, self._place)
        return Table(
            self._ids.values[slots], self._X.read(slots), *(None if c is None else c.read(slots) for c in optional)
        )

    def peek(self, slots: Slots) -> Table:
        """As :meth:`read`, but not counted: for looking, not for learning."""
        return self.read(slots, times=0)

    def form(self) -> Any:
        """The table that :meth:`read` gives, without rows: columns, names and dtypes. Do not write to it."""
        if self._form is None:
            self._form = self._X.read(np.empty(0, dtype=np.intp))
        return self._form

    def peek_beside(self, slots: Slots) -> Table:
        """As :meth:`peek`, without X: that is None."""
        optional = (self._y, self._weight, self._subjects)
        return Table(self._ids.values[slots], None, *(None if c is None else c.read(slots) for c in optional))

    def count(self, n: int) -> None:
        """Count n more rows as read: for a method that reads a table it holds again."""
        self.reads += n

    def matrix(self) -> npt.NDArray[Any] | None:
        """The table as it stands in the store, a line for each slot, where it is an array of numbers; else None.

        For methods that read a few cells of many rows. Not to be written to; lines without a row mean nothing. Whoever
        learns from it counts what it reads, with :meth:`count`.
        """
        return self._X.whole() if isinstance(self._X, Dense) else None

    def targets(self, slots: Slots) -> Any:
        """Targets and weights of these slots, None where there are none; not counted, for no features are read."""
        return tuple(None if column is None else column.read(slots) for column in (self._y, self._weight))

    def places(self) -> npt.NDArray[np.int64]:
        """Place of each slot as the method chose it; of slots without a row it means nothing.

        Raises
        ------
        InvalidDataError
            The model gives its records no place.
        """
        if self._place is None:
            raise InvalidDataError("This model gives its records no place.")
        return np.asarray(self._place.read(np.arange(len(self._place))), dtype=np.int64)

    def find(self, ids: object) -> Slots:
        """Slots of record ids; refuses unknown, forgotten and repeated ones."""
        return self._ids.find(check_ids(ids), self.alive)

    def known(self, ids: Any) -> list[Any]:
        """Those of these ids that records have, each once."""
        wanted = check_ids(list(dict.fromkeys(ids))) if len(ids) else self._ids.values[:0]
        found: list[Any] = wanted[self._ids.known(wanted, self.alive)].tolist() if len(wanted) and len(self) else []
        return found

    def find_subjects(self, subjects: object) -> Slots:
        """Slots of all rows of these subjects; refuses a subject without rows.

        Raises
        ------
        UnknownRecordError
            A subject without records.
        DuplicateRecordError
            One named twice.
        """
        wanted = check_ids(subjects, what="subjects").tolist()
        if self._by_subject is None:
            self._by_subject = {}
            held = [] if self._subjects is None else self._subjects.read(np.arange(len(self._subjects))).tolist()
            enter(self._by_subject, range(len(held)), held)
        out: list[int] = []
        for subject in wanted:
            slots = [s for s in self._by_subject.get(subject, []) if self._alive[s]]
            if not slots:
                hint = "Pass subject_ids to fit." if self._subjects is None else ""
                raise UnknownRecordError(f"No records of subject {subject!r}: never learned, or forgotten.", hint=hint)
            out.extend(slots)
        if len(set(out)) < len(out):
            raise DuplicateRecordError("A subject is named twice in one request.", hint="Name each once.")
        return np.array(out, dtype=np.intp)

    def find_classes(self, classes: Sequence[Any]) -> Slots:
        """Slots of all rows whose target is one of these classes; refuses a class without rows.

        Raises
        ------
        UnknownRecordError
            There are no targets, or a class has no records.
        DuplicateRecordError
            One named twice.
        """
        if self._y is None:
            raise UnknownRecordError("This model has no targets, so no classes.")
        every = np.flatnonzero(self.alive)
        return every[of_classes(self._y.read(every), classes)]

    def labels(self) -> npt.NDArray[Any]:
        """The distinct targets, sorted; texts come as a text array no wider than needed."""
        if self._y is None:
            return np.empty(0)
        return np.unique(as_labels(self._y.read(np.flatnonzero(self.alive))))

    def hide(self, slots: Slots) -> None:
        """Take rows out of sight; their values stay until :meth:`wipe`."""
        self._alive[slots] = False
        self._n_alive -= len(slots)
        self._move(slots, into=False)

    def unhide(self, slots: Slots) -> None:
        """Undo :meth:`hide`."""
        self._alive[slots] = True
        self._n_alive = int(self.alive.sum())
        self._blocked = None

    def wipe(self, slots: Slots) -> None:
        """Overwrite the values of hidden rows for good."""
        if self._by_subject is not None and self._subjects is not None:
            leave(self._by_subject, slots.tolist(), self._subjects.read(slots).tolist())
        for _, columns in self._named():
            columns.wipe(slots[slots < len(columns)])  # all of them gone where this was interrupted below
        if not self._n_alive and len(self._ids.values):
            self.truncate(0)  # nothing is left, not even the kind of the ids

    def append(self, table: Table) -> Slots:
        """Put rows behind; returns their slots. Refuses ids that are there already, and rows of another form.

        Raises
        ------
        DuplicateRecordError
            A record is known already.
        InvalidDataError
            The rows come without what the first ones had, or with more.
        """
        check_unique(table.ids)
        known = self._ids.known(table.ids, self.alive)
        if known.any():
            raise DuplicateRecordError(
                f"Record {table.ids[known].tolist()[0]!r} is known already.",
                hint="Give new rows new record_ids; rectify() corrects a row that is known.",
            )
        start, self._form = len(self._ids.values), None
        pairs = [(self._X, table.X), (self._y, table.y), (self._weight, table.weight)]
        subjects = None if table.subjects is None else table.subjects.astype(object)
        pairs += [(self._subjects, subjects), (self._place, table.place)]
        if any((held is None) != (new is None) for held, new in pairs):
            raise InvalidDataError(
                "The new rows must come with y, sample_weight and subject_ids exactly if the first ones did."
            )
        if self._subjects is not None and subjects is not None:
            check_one_kind(self._subjects.read(np.flatnonzero(self.alive)), subjects)
        slots = np.arange(start, start + len(table), dtype=np.intp)
        try:
            self._ids.append(table.ids)
            for held, new in pairs:
                if held is not None:
                    held.append(columns_of(new))
            self._alive = grown(self._alive, start, np.ones(len(table), dtype=bool))
            self._n_alive += len(table)
            self._move(slots, into=True)
            if self._by_subject is not None and table.subjects is not None:
                enter(self._by_subject, slots.tolist(), table.subjects.tolist())
        except BaseException:  # whatever was put behind by then
            self.truncate(start)
            raise
        return slots

    def truncate(self, n: int) -> None:
        """Undo :meth:`append`: take all slots from n on back."""
        self._ids.truncate(n)
        self._alive = self._alive[:n].copy()
        self._n_alive = int(self._alive.sum())
        self._hash = None if self._hash is None else self._hash[:n]
        self._by_subject, self._blocked, self._form = None, None, None
        for _, columns in self._named():
            columns.truncate(n)

    def without_features(self, features: Sequence[int]) -> Table:
        """All rows without the columns at these positions, for a fit on what is left."""
        every = self.slots()
        X = self._X.without(features)
        return dataclasses.replace(self.read(every), X=X.read(every))

    def blocks(self, slots: Slots) -> npt.NDArray[np.intp]:
        """Digest block of each slot."""
        return (self.hashes()[slots] >> np.uint64(54)).astype(np.intp)

    def arrays(self, slots: Slots) -> Arrays:
        """Canonical arrays of the rows of these slots: what is hashed and what is saved."""
        if not len(slots):
            return {}  # of no rows not even a dtype is left
        ids = self._ids.values[slots]
        out = {f"ids.{name}": array for name, array in columns_of(ids).plain(slots=np.arange(len(ids))).items()}
        for name, columns in self._named():
            out.update({f"{name}.{key}": array for key, array in columns.plain(slots).items()})
        return out

    def schema(self) -> dict[str, Any]:
        """The form of the columns as JSON; a function of the rows that are left."""
        every = np.flatnonzero(self.alive)
        return {name: columns.schema(every) for name, columns in self._named()} | {
            "ids": self._ids.kind if len(every) else None
        }

    def _named(self) -> list[tuple[str, Columns]]:
        named = {"X": self._X, "y": self._y, "weight": self._weight, "subjects": self._subjects, "place": self._place}
        return [(name, columns) for name, columns in named.items() if columns is not None]

    @classmethod
    def restore(cls, schema: dict[str, Any], arrays: Arrays, *, seed: int, width: int | None = None) -> Rows:
        """The inverse of :meth:`schema` and :meth:`arrays`; ``width`` is the number of columns, for no rows."""
        parts: dict[str, Arrays] = {}
        for name, array in arrays.items():
            head, tail = name.split(".", 1)
            parts.setdefault(head, {})[tail] = array
        kind = {"kind": "cells", "width": []} if schema["ids"] == "str" else {"kind": "dense"}
        ids = restore_columns(kind, parts.get("ids", {}))
        rows = cls.__new__(cls)
        rows._seed, rows.reads = seed, 0
        rows._ids = IdIndex(check_ids(ids.read(np.arange(len(ids)))))
        for name in ("X", "y", "weight", "subjects", "place"):
            shape = (width,) if name == "X" and width is not None else ()
            held = restore_columns(schema[name], parts.get(name, {}), shape) if name in schema else None
            setattr(rows, f"_{name}", held)
        rows._alive = np.ones(len(ids), dtype=bool)
        rows._n_alive, rows._hash, rows._by_subject, rows._blocked, rows._form = len(ids), None, None, None, None
        return rows

    def compact(self) -> Rows:
        """A copy that holds nothing but the rows there are."""
        return Rows(self.peek(self.slots()), seed=self._seed)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ if self._n_alive == len(self._ids.values) else self.compact().__dict__
