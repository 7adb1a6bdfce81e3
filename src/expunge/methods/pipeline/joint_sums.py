"""Sums over the records of all pairs of numbers, categories and targets: what a folded pipeline learns from.

The part holds ``gram``, Σ z zᵀ of z = (1, numbers, missing, targets) in integers, ``sums``, Σ z by category, and
``keys`` and ``counts``, how often two categories of different columns meet. Categories are numbered through the columns
in the order of their values; the classes of a classifier are one more column of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError, OutOfRangeError
from expunge.maths import exact
from expunge.maths.contingency import (
    Pairs,
    add_pairs,
    dense_counts,
    label_sums,
    pair_counts,
    recoded_pairs,
    recoded_sums,
)
from expunge.maths.moments import ClassMoments, Moments, TargetMoments
from expunge.methods.preprocessing.categories import refuse_many
from expunge.methods.preprocessing.column_tallies import merged_values, value_tally
from expunge.methods.preprocessing.front import Front
from expunge.rows import Table
from expunge.state import Change, Part
from expunge.table.column_values import column_values, numbers_of

__all__ = ["JointSums"]

_FEW = 64  # values that are looked up one by one

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class _Numbering:
    """Codes of the categories of each column."""

    values: list[npt.NDArray[Any]]
    has_missing: list[bool]

    @property
    def offsets(self) -> Codes:
        sizes = [len(v) + m for v, m in zip(self.values, self.has_missing, strict=True)]
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def codes(self, columns: list[npt.NDArray[Any]]) -> Codes:
        """Codes of the records, shape (n_columns, n)."""
        out = np.empty((len(columns), len(columns[0]) if columns else 0), dtype=np.int64)
        for c, (column, start) in enumerate(zip(columns, self.offsets, strict=False)):
            found = _positions(self.values[c], column)
            out[c] = np.where(found < 0, len(self.values[c]), found) + start  # what is not found is missing
        return out

    def joined(self, other: _Numbering) -> _Numbering:
        """Of the categories of either."""
        values = [
            np.union1d(a, b) if len(a) and len(b) else (a if len(a) else b)
            for a, b in zip(self.values, other.values, strict=True)
        ]
        return _Numbering(values, [a or b for a, b in zip(self.has_missing, other.has_missing, strict=True)])

    def into(self, other: _Numbering) -> Codes:
        """The code of each category in another numbering, -1 where it is not there."""
        out = []
        for c, start in enumerate(other.offsets[:-1].tolist()):
            ours, theirs = self.values[c], other.values[c]
            at = np.searchsorted(theirs, ours) if len(theirs) else np.zeros(len(ours), dtype=np.int64)
            is_there = at < len(theirs)
            is_there[is_there] = theirs[at[is_there]] == ours[is_there]
            out.append(np.where(is_there, at + start, -1))
            if self.has_missing[c]:
                out.append(np.array([len(theirs) + start if other.has_missing[c] else -1]))
        return np.concatenate(out).astype(np.int64) if out else np.empty(0, dtype=np.int64)


def _positions(known: npt.NDArray[Any], column: npt.NDArray[Any]) -> Codes:
    """Place of each value among the sorted known ones, -1 for one that is not there."""
    import pandas as pd

    if len(column) > _FEW:
        names = known.astype(object) if known.dtype.kind == "U" else known
        return np.asarray(pd.Index(names).get_indexer(pd.Index(column)), dtype=np.int64)
    out = np.full(len(column), -1, dtype=np.int64)  # of a few values: without an index of all that are known
    for i, value in enumerate(column.tolist()):
        if len(known) and value == value:
            at = int(np.searchsorted(known, value))
            out[i] = at if at < len(known) and known[at] == value else -1
    return out


@dataclasses.dataclass(frozen=True)
class JointSums:
    """What is summed; made by :meth:`of`.

    Parameters
    ----------
    names : list
        Of the columns of the table.
    numbers : dict of int to float
        Positions of the columns that are read as numbers, with their resolution.
    filled : list of int
        Those of them that are filled where nothing is.
    labels : list of int
        Positions of the columns that are read as categories.
    target : "classes", or the resolution of the targets, or None
    """

    names: list[Any]
    numbers: Mapping[int, float]
    filled: list[int]
    labels: list[int]
    target: Any

    @classmethod
    def of(cls, front: Front, form: Any, target: Any) -> JointSums:
        """What the transformers of a table of this form read."""
        numbers: dict[int, float] = {}
        filled, labels = set(), set()
        for branch, positions in front.resolved(form):
            chain = [one for _, one in branch.chain]
            if any(one._labels for one in chain):
                labels.update(positions)
                continue
            for j in positions:
                unit = next((one.resolution for one in chain if hasattr(one, "resolution")), exact.DEFAULT_RESOLUTION)
                numbers[j] = min(numbers.get(j, np.inf), float(np.broadcast_to(unit, (form.shape[1],))[j]))
                if any(hasattr(one, "_filling") for one in chain):
                    filled.add(j)
        names = list(form.columns) if hasattr(form, "columns") else list(range(form.shape[1]))
        return cls(names, {j: numbers[j] for j in sorted(numbers)}, sorted(filled), sorted(labels), target)

    # ------------------------------------------------------------------ sums

    def update(self, change: Change, before: Mapping[str, Part], after: Mapping[str, Any], old: Part | None) -> Part:
        """The sums after a change; ``before`` and ``after`` are the tallies of the columns."""
        if old is None:
            classes = self._class_tally(change.added)
            numbering = self._numbering(after, classes)
            if not change.tolerant:
                self._refuse_many(numbering)
            return self._part(self._of(change.added, numbering), classes, change.added)
        classes = {name: old[name] for name in ("values", "counts_of_values")} if "values" in old else None
        tally = None if classes is None else {"values": old["values"], "counts": old["counts_of_values"], "missing": 0}
        here = self._numbering(before, tally)
        moved = [(change.removed, -1)] if len(change.removed_slots) else []
        moved += [(change.added, 1)] if len(change.added_slots) else []
        for table, sign in moved:
            if tally is not None:
                more = self._class_tally(table)
                tally = merged_values(tally, more or tally, sign, "the target")
        there = self._numbering(after, tally)
        both = here.joined(there)
        n = int(both.offsets[-1])
        new_code = here.into(both)
        gram, sums = old["gram"], recoded_sums(old["sums"], new_code, n)
        pairs = recoded_pairs(Pairs(old["keys"], old["counts"]), len(new_code), new_code, n)
        for table, sign in moved:
            combine = exact.add if sign > 0 else exact.subtract
            more_gram, more_sums, more_pairs = self._of(table, both)
            gram, sums = combine(gram, more_gram), combine(sums, more_sums)
            pairs = add_pairs(pairs, more_pairs, sign)
        new_code = both.into(there)
        n_new = int(there.offsets[-1])
        pairs = recoded_pairs(pairs, n, new_code, n_new)
        if not change.tolerant:
            self._refuse_many(there)
        found = (gram, recoded_sums(sums, new_code, n_new), pairs)
        return self._part(found, tally, None, n_targets=old["n_targets"])

    def _refuse_many(self, numbering: _Numbering) -> None:
        """Refuse so many categories that the table of all their pairs would not fit."""
        sizes = np.diff(numbering.offsets).tolist()
        names = [*(self.names[j] for j in self.labels), "the target"]
        refuse_many(dict(zip(names, sizes, strict=False)), hint="set fold=False")

    def _part(self, found: Any, classes: Part | None, table: Table | None, *, n_targets: int | None = None) -> Part:
        gram, sums, pairs = found
        part: Part = {"gram": gram, "sums": sums, "keys": pairs.keys, "counts": pairs.counts}
        if classes is not None:
            part.update(values=classes["values"], counts_of_values=classes["counts"])
        if table is not None:
            n_targets = 0 if table.y is None or np.ndim(table.y) == 1 else int(table.y.shape[1])
        return {**part, "n_targets": n_targets}

    def _class_tally(self, table: Table) -> Part | None:
        if not isinstance(self.target, str):
            return None
        return value_tally(_as_column(table.y), "the target")

    def _numbering(self, tallies: Mapping[str, Any], classes: Part | None) -> _Numbering:
        parts = [tallies[f"values/{j:05d}"] for j in self.labels] + ([] if classes is None else [classes])
        return _Numbering([part["values"] for part in parts], [part["missing"] > 0 for part in parts])

    def _of(self, table: Table, numbering: _Numbering) -> tuple[Any, Any, Pairs]:
        Z, units = self._dense(table)
        columns = [column_values(table.X, j) for j in self.labels]
        if isinstance(self.target, str):
            columns.append(_as_column(table.y))
        codes = numbering.codes(columns)
        n_labels = int(numbering.offsets[-1])
        if (wrong := ~(np.abs(Z / units) < 2.0**63)).any():
            raise self._refusal(table, Z, wrong)
        gram, sums = exact.gram(Z, units), label_sums(Z[:, 1:], codes, n_labels, units[1:])
        return gram, sums, pair_counts(codes, numbering.offsets)

    def _refusal(self, table: Table, Z: Floats, wrong: npt.NDArray[np.bool_]) -> OutOfRangeError:
        row, column = np.argwhere(wrong)[0].tolist()
        is_target = column > self.n_dense
        where = "its target" if is_target else f"column {self.names[list(self.numbers)[column - 1]]!r}"
        return OutOfRangeError(
            f"Record {table.ids[row : row + 1].tolist()[0]!r} (row {row}) has {float(Z[row, column])!r} in {where}: "
            "not below 2**63 resolutions.",
            hint=f"Correct or drop it, or choose a coarser {'target_resolution' if is_target else 'resolution'}.",
        )

    def _dense(self, table: Table) -> tuple[Floats, Floats]:
        """(1, numbers, missing, targets) of each record, and their units."""
        X = np.empty((len(table), len(self.numbers)))
        for k, j in enumerate(self.numbers):
            X[:, k] = numbers_of(column_values(table.X, j), self.names[j], "A linear model")
        missing = np.isnan(X)
        at = {j: k for k, j in enumerate(self.numbers)}
        for j, k in at.items():
            if j not in self.filled and missing[:, k].any():
                record = table.ids.tolist()[int(missing[:, k].argmax())]
                raise InvalidDataError(
                    f"Input X contains NaN: column {self.names[j]!r} of record {record!r}.",
                    hint="Put a SimpleImputer before.",
                )
        y = np.empty((len(table), 0))
        if self.target is not None and not isinstance(self.target, str):
            y = table.y if table.y.ndim == 2 else table.y[:, np.newaxis]
        Z = np.concatenate(
            [np.ones((len(table), 1)), np.where(missing, 0.0, X), missing[:, [at[j] for j in self.filled]], y], axis=1
        )
        t = y.shape[1]
        units = [1.0, *self.numbers.values(), *([1.0] * len(self.filled))]
        return Z, np.array([*units, *(np.broadcast_to(self.target, (t,)) if t else [])], dtype=np.float64)

    # ------------------------------------------------------------------ moments

    @property
    def n_dense(self) -> int:
        """How many numbers and indicators of missing ones there are."""
        return len(self.numbers) + len(self.filled)

    def moments(self, tallies: Mapping[str, Any], part: Part) -> Moments:
        """Moments of (numbers, missing, categories), centred in integers; of records that there are."""
        p = self.n_dense
        is_classes = isinstance(self.target, str)
        t = part["gram"].shape[1] - 1 - p
        units = np.array([1.0, *self.numbers.values(), *([1.0] * len(self.filled))])
        if t:
            units = np.concatenate([units, np.broadcast_to(self.target, (t,))])
        n, means, scatter = exact.centred_gram(part["gram"], units)
        classes = {"values": part["values"], "missing": 0} if is_classes else None
        numbering = self._numbering(tallies, classes)
        counts = self._label_counts(tallies, part)
        pairs = dense_counts(Pairs(part["keys"], part["counts"]), counts)
        shares = counts / n
        labels = (pairs * n - np.multiply.outer(counts.astype(np.float64), counts)) / n
        sums, every = exact.to_integers(part["sums"]), exact.to_integers(part["gram"][:, 0, 1:])
        size = int(n)
        cross = ((sums * size - np.multiply.outer(counts.astype(object), every)) / size).astype(np.float64) * units[1:]
        L = int(numbering.offsets[-2]) if is_classes else int(numbering.offsets[-1])
        S = np.empty((p + L, p + L))
        S[:p, :p], S[p:, p:], S[p:, :p] = scatter[:p, :p], labels[:L, :L], cross[:L, :p]
        S[:p, p:] = S[p:, :p].T
        b = np.concatenate([means[:p], shares[:L]])
        if not is_classes:
            targets = None
            if t:
                into = np.concatenate([scatter[:p, p:], cross[:L, p:]])
                targets = TargetMoments(means[p:], into, scatter[p:, p:], is_flat=not part["n_targets"])
            return Moments(size, n, b, S, targets)
        weight = counts[L:].astype(np.float64)
        offsets = np.concatenate([cross[L:, :p], labels[L:, :L]], axis=1) / weight[:, np.newaxis]
        within = S - (offsets.T * weight) @ offsets
        return Moments(size, n, b, S, classes=ClassMoments(part["values"], counts[L:], weight, offsets, within))

    def _label_counts(self, tallies: Mapping[str, Any], part: Part) -> Codes:
        out = []
        for j in self.labels:
            tally = tallies[f"values/{j:05d}"]
            out.append(tally["counts"])
            if tally["missing"]:
                out.append(np.array([tally["missing"]], dtype=np.int64))
        if isinstance(self.target, str):
            out.append(part["counts_of_values"])
        return np.concatenate(out) if out else np.empty(0, dtype=np.int64)

    def places(self, tallies: Mapping[str, Any]) -> dict[int, int]:
        """Where the categories of each column begin in the moments, by its position."""
        starts = self._numbering(tallies, None).offsets[:-1] + self.n_dense
        return dict(zip(self.labels, starts.tolist(), strict=True))


def _as_column(y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return y.astype(object) if y.dtype.kind in "US" else column_values(y[:, np.newaxis], 0, "the target")
