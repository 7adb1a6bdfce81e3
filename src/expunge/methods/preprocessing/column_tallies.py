"""Exact tallies of columns: moments in integers, and distinct values with their counts.

The part ``moments`` holds, for the columns that are summarised by moments, how many records have a value and how many
have none, and Σ w x and Σ w x² over them in integers. A part ``values/j`` holds the distinct values of column j and how
often each occurs. Both are functions of the records alone: a value that no record has any more is not there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError, OutOfRangeError
from expunge.maths import exact
from expunge.maths.fixed_point import WEIGHT_RESOLUTION, rounded_weight
from expunge.maths.running_sum import sum_after
from expunge.methods.preprocessing.column_summary import MomentSummary, Summary, ValueSummary
from expunge.rows import Table
from expunge.state import Change, Part
from expunge.table.column_values import column_values, distinct_values, numbers_of

__all__ = ["Layout", "column_tallies", "merged_values", "summaries", "summaries_of_values", "value_tally"]

Limbs = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Layout:
    """Which columns of a table are summarised, and how.

    Parameters
    ----------
    names : list of str or int
        Of all columns of the table.
    moments : dict of int to float
        Positions of the columns summarised by moments, with their resolution.
    values : list of int
        Positions of the columns summarised by their values.
    """

    names: list[Any]
    moments: Mapping[int, float]
    values: list[int]


def column_tallies(layout: Layout, change: Change) -> dict[str, Part | None]:
    """The parts after a change: the old ones, less the records that go, plus those that come."""
    out: dict[str, Part | None] = {}
    if layout.moments:
        out["moments"] = sum_after(
            change.parts.get("moments"), change, lambda table: _moments(layout, table),
            add=lambda a, b: _combined(a, b, exact.add, 1), subtract=lambda a, b: _combined(a, b, exact.subtract, -1),
        )  # fmt: skip
    for j in layout.values:
        out[f"values/{j:05d}"] = _values_after(j, layout.names[j], change)
    return out


def _values_after(j: int, name: Any, change: Change) -> Part:
    return sum_after(
        change.parts.get(f"values/{j:05d}"), change,
        lambda table: value_tally(column_values(table.X, j), name, rounded_weight(table)),
        add=lambda a, b: merged_values(a, b, 1, name), subtract=lambda a, b: merged_values(a, b, -1, name),
    )  # fmt: skip


def summaries(layout: Layout, parts: Mapping[str, Part]) -> dict[int, Summary]:
    """The summary of each column, by its position."""
    out: dict[int, Summary] = {}
    if layout.moments:
        out.update(_moment_summaries(layout, parts["moments"]))
    out.update(summaries_of_values(layout.values, layout.names, parts))
    return out


def summaries_of_values(positions: list[int], names: list[Any], parts: Mapping[str, Part]) -> dict[int, ValueSummary]:
    """The summary of each of these columns, of which the values are kept, by its position."""
    out: dict[int, ValueSummary] = {}
    for j in positions:
        part = parts[f"values/{j:05d}"]
        values, weights, missing = part["values"], part["counts"].astype(np.float64), float(part["missing"])
        if "weight" in part:
            every = exact.to_float(part["weight"], WEIGHT_RESOLUTION)
            weights, missing = every[:-1], float(every[-1])
            values, weights = values[weights > 0], weights[weights > 0]  # weight zero: not there
        out[j] = ValueSummary(names[j], values, weights, missing)
    return out


def _moments(layout: Layout, table: Table) -> Part:
    positions, weight = list(layout.moments), rounded_weight(table)
    units = np.array(list(layout.moments.values()))
    X = np.empty((len(table), len(positions)))
    for k, j in enumerate(positions):
        X[:, k] = numbers_of(column_values(table.X, j), layout.names[j], "A scaler or imputer")
    seen = ~np.isnan(X)
    X = np.where(seen, X, 0.0)
    n = seen.sum(axis=0, dtype=np.int64)
    part: Part = {"n": n, "missing": len(table) - n}
    try:
        if weight is None:
            return {
                **part, "sums": exact.column_sums(X, units),
                "squares": exact.group_squares(X, np.zeros(len(X), dtype=np.intp), 1, units)[:, 0],
            }  # fmt: skip
        return {**part, **_weighted(X, weight, seen, units)}
    except OutOfRangeError:
        raise _refusal(table, X, units, [layout.names[j] for j in positions]) from None


def _weighted(X: npt.NDArray[np.float64], weight: npt.NDArray[np.float64], seen: Any, units: Any) -> Part:
    """Sums of w, w x and, four times, of (w x) x = ((w x + x)² - (w x - x)²) / 4; w x is rounded like x."""
    one = np.zeros(len(X), dtype=np.intp)
    X = np.rint(X / units) * units
    wX = np.rint(weight[:, np.newaxis] * X / units) * units
    plus, minus = exact.group_squares(wX + X, one, 1, units), exact.group_squares(wX - X, one, 1, units)
    return {
        "sums": exact.column_sums(wX, units),
        "squares": exact.subtract(plus, minus)[:, 0],
        "weight": exact.column_sums(np.where(seen, weight[:, np.newaxis], 0.0), WEIGHT_RESOLUTION),
        "missing_weight": exact.column_sums(np.where(seen, 0.0, weight[:, np.newaxis]), WEIGHT_RESOLUTION),
    }


def _moment_summaries(layout: Layout, part: Part) -> dict[int, Summary]:
    is_weighted = "weight" in part
    weight = exact.to_integers(part["weight"]) if is_weighted else part["n"].astype(object)
    unit = int(1 / WEIGHT_RESOLUTION) if is_weighted else 1
    missing = (
        exact.to_float(part["missing_weight"], WEIGHT_RESOLUTION) if is_weighted else part["missing"].astype(float)
    )
    sums, squares = exact.to_integers(part["sums"]), exact.to_integers(part["squares"])
    out: dict[int, Summary] = {}
    for k, (j, r) in enumerate(layout.moments.items()):
        w, s = int(weight[k]), int(sums[k])
        mean = variance = float("nan")
        if w > 0:  # integers all the way: no offset of the column, however large, costs digits
            mean = s * unit / w * r
            q = int(squares[k]) if is_weighted else 4 * int(squares[k])  # of a weighted tally four times the sum
            variance = max(0.0, (q * w - 4 * s * s * unit) * unit / (4 * w * w) * (r * r))
        out[j] = MomentSummary(layout.names[j], w / unit, float(missing[k]), mean, variance)
    return out


def _combined(old: Part, more: Part, limbs: Any, sign: int) -> Part:
    out: Part = {name: old[name] + sign * more[name] for name in ("n", "missing")}
    return {**out, **{name: limbs(old[name], more[name]) for name in old if name not in out}}


def _refusal(table: Table, X: Any, units: Any, names: list[Any]) -> OutOfRangeError:
    weight = 1.0 if table.weight is None else np.maximum(table.weight, 1.0)[:, np.newaxis]
    with np.errstate(over="ignore"):
        row, column = np.argwhere(~(np.abs(X / units) * (2.0 * weight) < 2.0**63))[0].tolist()
    return OutOfRangeError(
        f"Record {table.ids[row : row + 1].tolist()[0]!r} (row {row}) has {float(X[row, column])!r} in column "
        f"{names[column]!r}: not below 2**62 resolutions.",
        hint="Correct or drop it, or choose a coarser resolution.",
    )


def value_tally(values: npt.NDArray[Any], name: Any, weight: npt.NDArray[np.float64] | None = None) -> Part:
    """The distinct values of a column and their counts; the weight of those missing is last."""
    import pandas as pd

    missing = np.asarray(pd.isna(values), dtype=bool)
    codes, distinct = distinct_values(values, name)
    order = np.argsort(distinct)
    counts = np.bincount(codes[~missing], minlength=len(distinct)).astype(np.int64)
    part: Part = {"values": _canonical(distinct[order]), "counts": counts[order], "missing": int(missing.sum())}
    if weight is not None:
        place = np.append(np.argsort(order), len(distinct))[codes]
        part["weight"] = exact.group_sums(weight[:, np.newaxis], place, len(distinct) + 1, WEIGHT_RESOLUTION)[:, :, 0]
    return part


def merged_values(old: Part, more: Part, sign: int, name: Any) -> Part:
    """Two tallies of values as one, or with ``sign=-1`` the first without the second.

    Raises
    ------
    InvalidDataError
        The column held texts and now has numbers, or the other way round.
    """
    a, b = old["values"], more["values"]
    if len(a) and len(b) and a.dtype.kind != b.dtype.kind:
        raise InvalidDataError(
            f"Column {name!r} held {_KINDS[a.dtype.kind]} and now has {_KINDS[b.dtype.kind]}.",
            hint="Make all its values texts, or all numbers.",
        )
    values = a
    at = np.searchsorted(a, b)
    inside = at < len(a)
    if not (inside.all() and (a[np.minimum(at, max(len(a) - 1, 0))] == b).all()):
        values = np.union1d(a, b) if len(a) and len(b) else (a if len(a) else b)
    here, there = np.searchsorted(values, a), np.searchsorted(values, b)
    counts = np.zeros(len(values), dtype=np.int64)
    counts[here] = old["counts"]
    counts[there] += sign * more["counts"]
    keep = counts > 0
    new: Part = {"missing": old["missing"] + sign * more["missing"]}
    if "weight" in old:
        limbs = np.zeros((len(old["weight"]), len(values) + 1), dtype=np.int64)
        limbs[:, np.append(here, len(values))] = old["weight"]
        limbs[:, np.append(there, len(values))] += sign * more["weight"]
        new["weight"] = np.ascontiguousarray(exact.carry(limbs)[:, np.append(keep, True)])
    return {**new, "values": _canonical(values[keep]), "counts": counts[keep]}


_KINDS = {"U": "texts", "f": "numbers", "i": "integers", "b": "booleans"}


def _canonical(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Texts no wider than needed; of no value not even the kind is left."""
    if not len(values):
        return np.empty(0)
    return np.array(values.tolist()) if values.dtype.kind == "U" else values
