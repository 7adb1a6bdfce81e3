"""How many records of each class have each category of each column: counted, added and taken out without a trace.

A *count* of d columns is a dictionary: ``classes`` of shape (K,), the labels of the records, sorted; ``counts`` of
shape (K,), the records of each; for each column j ``values.j`` of shape (V,), its categories, sorted, and ``table.j``
of shape (K, V + 1), the records of each class with each of them, those without a value last. With weights there are
``weight`` and ``weights.j``, limbs of shape (3, K) and (3, K, V + 1) in the form of :mod:`expunge.maths.exact`. It is a
function of the records alone: a class or a category that no record has is not in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError
from expunge.maths import exact
from expunge.maths.class_sums import number_classes, weight_sums
from expunge.maths.fixed_point import WEIGHT_RESOLUTION, rounded_weight
from expunge.rows import Table
from expunge.state import Part
from expunge.table.column_values import column_values, distinct_values
from expunge.table.faults import EXACT

__all__ = ["added", "count_categories", "kind_of", "n_columns", "refuse_other_kind", "subtracted", "weighted_table"]

Codes = npt.NDArray[np.int64]
Labels = npt.NDArray[Any]


def count_categories(table: Table) -> Part:
    """The count of a table.

    Raises
    ------
    InvalidDataError
        A column of texts and numbers, of dates, with an infinity, or with floats beyond 2**53.

    Examples
    --------
    >>> X, y = np.array([["a"], ["b"], ["a"]], dtype=object), np.array(["yes", "yes", "no"])
    >>> part = count_categories(Table(np.arange(3), X, y))
    >>> part["classes"].tolist(), part["values.00000"].tolist(), part["table.00000"].tolist()
    (['no', 'yes'], ['a', 'b'], [[1, 0, 0], [1, 1, 0]])
    """
    classes, codes = number_classes(table.y)
    n_classes, weight = len(classes), rounded_weight(table)
    counts = np.bincount(codes, minlength=n_classes).astype(np.int64, copy=False)
    part: Part = {"classes": classes, "counts": counts}
    if weight is not None:
        part["weight"] = weight_sums(weight, codes, n_classes)
    for j in range(table.X.shape[1]):
        name = table.X.columns[j] if hasattr(table.X, "columns") else j
        values, category = _numbered(column_values(table.X, j, name), name)
        width = len(values) + 1
        cells = codes * width + category
        part[f"values.{j:05d}"] = values
        part[f"table.{j:05d}"] = _folded(np.bincount(cells, minlength=n_classes * width), width)
        if weight is not None:
            part[f"weights.{j:05d}"] = weight_sums(weight, cells, n_classes * width).reshape(3, n_classes, width)
    return part


def added(old: Part, more: Part, names: list[Any]) -> Part:
    """Two counts as one; ``names`` are those of the columns, for the error.

    Raises
    ------
    InvalidDataError
        A column holds texts in one and numbers in the other.
    """
    for j in range(n_columns(old)):
        refuse_other_kind(old[f"values.{j:05d}"], kind_of(more[f"values.{j:05d}"]), names[j])
    return _merged(old, more, 1)


def subtracted(old: Part, less: Part) -> Part:
    """The first count without the second, which is of some of its records."""
    return _merged(old, less, -1)


def n_columns(part: Part) -> int:
    """How many columns are counted."""
    return sum(name.startswith("values.") for name in part)


def weighted_table(part: Part, j: int) -> npt.NDArray[np.float64]:
    """Weight of the records of each class with each category of column j, shape (K, V + 1), rounded once."""
    if "weight" in part:
        return np.asarray(exact.to_float(part[f"weights.{j:05d}"], WEIGHT_RESOLUTION))
    return np.asarray(part[f"table.{j:05d}"].astype(np.float64))


def kind_of(values: Labels) -> str:
    """What a column holds: "texts" or "numbers"; of no value not even the kind is known, and it is empty."""
    return "" if not len(values) else "texts" if values.dtype.kind in "OU" else "numbers"


def refuse_other_kind(known: Labels, kind: str, name: Any) -> None:
    """Refuse a column of texts where there were numbers, or the other way: no category would be found again.

    Raises
    ------
    InvalidDataError
        The column held texts and now has numbers, or the other way round.
    """
    if kind and kind_of(known) not in ("", kind):
        raise InvalidDataError(
            f"Column {name!r} held {kind_of(known)} and now has {kind}.", hint="Make all its values texts, or numbers."
        )


def _numbered(values: Labels, name: Any) -> tuple[Labels, Codes]:
    """The distinct values of a column, sorted, and the number of each record's; a missing one has the next number."""
    codes, distinct = distinct_values(values, name)
    if distinct.dtype.kind == "f" and (np.abs(distinct) >= EXACT).any():
        raise InvalidDataError(
            f"Column {name!r} holds numbers beyond 2**53, of which two may look the same.", hint="Make them texts."
        )
    order = np.argsort(distinct)
    place = np.append(np.argsort(order), len(distinct))
    return _canonical(distinct[order]), place[codes].astype(np.int64, copy=False)


def _canonical(values: Labels) -> Labels:
    """Texts no wider than needed, truth values and integers as integers; of no value not even the kind is left."""
    if not len(values):
        return np.empty(0)
    if values.dtype.kind == "U":
        return np.array(values.tolist())
    return values.astype(np.float64 if values.dtype.kind == "f" else np.int64)


def _folded(cells: npt.NDArray[Any], width: int) -> Codes:
    return cells.reshape(-1, width).astype(np.int64, copy=False)


def _merged(old: Part, more: Part, sign: int) -> Part:
    if not len(old["classes"]):
        return more  # an empty count knows no kinds
    if not len(more["classes"]):
        return old
    classes, here, there = _union(old["classes"], more["classes"])
    counts = _placed(old["counts"], here, len(classes)) + sign * _placed(more["counts"], there, len(classes))
    keep = counts > 0
    new: Part = {"classes": number_classes(classes[keep])[0], "counts": counts[keep]}
    if "weight" in old:
        new["weight"] = _limbs(old["weight"], more["weight"], sign, (here,), (there,), (len(classes),))[:, keep].copy()
    for j in range(n_columns(old)):
        values, ours, theirs = _union(old[f"values.{j:05d}"], more[f"values.{j:05d}"])
        ours, theirs = np.append(ours, len(values)), np.append(theirs, len(values))  # the missing ones
        shape = len(classes), len(values) + 1
        table = np.zeros(shape, dtype=np.int64)
        table[np.ix_(here, ours)] = old[f"table.{j:05d}"]
        table[np.ix_(there, theirs)] += sign * more[f"table.{j:05d}"]
        stays = np.append(table[:, :-1].any(axis=0), True)
        new[f"values.{j:05d}"] = _canonical(values[stays[:-1]])
        new[f"table.{j:05d}"] = np.ascontiguousarray(table[np.ix_(keep, stays)])
        if "weight" in old:
            a, b = old[f"weights.{j:05d}"], more[f"weights.{j:05d}"]
            limbs = _limbs(a, b, sign, (here, ours), (there, theirs), shape)
            new[f"weights.{j:05d}"] = np.ascontiguousarray(limbs[:, keep][:, :, stays])
    return new


def _union(a: Labels, b: Labels) -> tuple[Labels, Codes, Codes]:
    """The values of either, sorted, and where those of each stand in it."""
    every = np.union1d(a, b) if len(a) and len(b) else (a if len(a) else b)
    return every, np.searchsorted(every, a), np.searchsorted(every, b)


def _placed(counts: Codes, at: Codes, n: int) -> Codes:
    out = np.zeros(n, dtype=np.int64)
    out[at] = counts
    return out


def _limbs(a: Codes, b: Codes, sign: int, here: Any, there: Any, shape: tuple[int, ...]) -> Codes:
    """a + b, or a - b, spread over a wider table; canonical limbs of shape (3, *shape)."""
    ours, theirs = np.zeros((3, *shape), dtype=np.int64), np.zeros((3, *shape), dtype=np.int64)
    for k in range(3):
        ours[k][np.ix_(*here)], theirs[k][np.ix_(*there)] = a[k], b[k]
    return exact.add(ours, theirs) if sign > 0 else exact.subtract(ours, theirs)
