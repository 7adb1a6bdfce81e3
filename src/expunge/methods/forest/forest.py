"""What forests and trees do alike: parameters, growing, changing, predicting."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils import Tags

from expunge.arguments import check_count, check_jobs, check_number
from expunge.contract import Unlearner
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.methods.forest.cells import column_kinds, encode, in_place, kernel_kinds, refuse_infinite
from expunge.methods.forest.drawing import as_text, picture
from expunge.methods.forest.growing import NODE, RIGHT_CHILD
from expunge.methods.forest.learned_cells import LearnedCells, refuse_large_targets
from expunge.methods.forest.planting import Plan
from expunge.methods.forest.reading import Paths, landing, paths, unflatten, vote
from expunge.methods.forest.splits import (
    CLASSES,
    DEPTH,
    GROUP,
    LEAF,
    NUMBERS,
    PACKED,
    PARAMS,
    RANDOM_TOP,
    SAMPLE,
    SMALL,
    SPLIT,
    THRESHOLDS,
)
from expunge.methods.forest.trees import Trees, TreesPatch
from expunge.rows import Rows, Table
from expunge.seeds import uniform64
from expunge.state import Change, Part, Patch
from expunge.table.faults import is_frame, refuse_times
from expunge.table.label_kinds import as_labels
from expunge.validation import any_input

__all__ = ["Forest"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]

#: Classes that a table of counts may have columns for.
MOST_CLASSES = 1000
#: A large node is scored on a part of its records: so many at least, fewer than twice as many, on average.
_SAMPLE = 384
#: Thresholds of a category, for each of a number: one of them tells a single value from all others.
_OF_A_CATEGORY = 2
#: Units that all records together weigh at the most on which a node is scored, with room to spare; and one record.
_SCORED_WEIGHT, _MOST_WEIGHT = 2**38, 2**28
#: Beyond these the numbers of a tally would not fit, or its room would not.
_MOST_IN_LEAF, _MOST_THRESHOLDS = 2**18, 1000
#: Nodes of fewer records keep no tally: what is below them is grown anew.
_SMALL = 24
#: A change of more than this share of the records is a fit.
_MUCH = 0.15
_NONE = np.empty(0, dtype=np.intp)


class Forest(Unlearner):
    """Parent of the forests and trees. A method says what it is by ``_size``, ``_values`` and ``_impurities``.

    Where it differs from what stands here, also by ``_target_resolution``, ``_class_weights`` and ``_always_refits``.
    """

    _execution_params: ClassVar[tuple[str, ...]] = ("n_jobs",)

    max_depth: int | None
    min_samples_split: int
    min_samples_leaf: int
    max_features: Any
    min_weight_fraction_leaf: float
    n_thresholds: int
    random_top: int

    # ------------------------------------------------------------------ what a method says

    def _size(self) -> tuple[int, float, int]:
        """Trees, share of the trees that a record enters, threads."""
        raise NotImplementedError

    def _values(self, sums: npt.NDArray[np.int64], weights: Floats) -> Floats:
        """What each node predicts, shape (N, k), from its sums and the weights of the classes."""
        raise NotImplementedError

    def _impurities(self, sums: npt.NDArray[np.int64], weights: Floats) -> tuple[Floats, Floats]:
        """Weight and impurity of each node."""
        raise NotImplementedError

    def _target_resolution(self) -> float | None:
        """Unit in which numbers are summed; None where the targets are classes."""
        return None

    def _class_weights(self, labels: npt.NDArray[Any], counts: npt.NDArray[np.int64]) -> Floats:
        """Weights of the classes, of which there are so many records each."""
        return np.ones(1)

    def _always_refits(self) -> bool:
        """Whether what every node needs changes with every change of the records."""
        return self.min_weight_fraction_leaf > 0

    # ------------------------------------------------------------------ the contract

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        return tags

    def _check_params(self) -> None:
        check_count("min_samples_split", self.min_samples_split, least=2, most=2**31 - 1)
        check_count("min_samples_leaf", self.min_samples_leaf, most=_MOST_IN_LEAF)
        check_count("n_thresholds", self.n_thresholds, most=_MOST_THRESHOLDS)
        check_count("random_top", self.random_top, least=0, most=2**31 - 1)
        if self.max_depth is not None:
            check_count("max_depth", self.max_depth, most=2**31 - 1)
        _check_features(self.max_features)
        check_number("min_weight_fraction_leaf", self.min_weight_fraction_leaf, high=0.5)

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        X, y = self._formed(X, y, reset=reset, least=least)
        if in_place(X) is None:
            encode(X, [] if not X.shape[1] else column_kinds(X))  # refuses what it cannot read
        if y is not None and self._target_resolution() is not None:
            refuse_large_targets(y, self._target_resolution())  # type: ignore[arg-type]
        return X, y

    def _formed(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        """A frame, or an array of float64, int64 or objects; whose cells are still to be encoded."""
        if getattr(getattr(X, "dtype", None), "kind", "") == "c":
            raise InvalidDataError("Complex data not supported.", hint="Give real and imaginary parts as columns.")
        table = X
        if not is_frame(X) and not hasattr(X, "tocsr"):
            with suppress(TypeError, ValueError):  # what is no array any_input has a word for
                table = np.asarray(X)
        refuse_infinite(table, "X")
        X, y = any_input(self, X, y, reset=reset, least=least)
        if isinstance(X, list) or getattr(X, "ndim", 2) != 2:
            raise InvalidDataError("X is a list of texts; a forest learns from a table.", hint="Give one with columns.")
        refuse_times(X)
        if not is_frame(X) and X.dtype.kind in "fiub":
            if X.dtype == np.uint64 and X.size and X.max() >= 2**63:
                raise InvalidDataError("X holds an integer beyond 64 bits with a sign.", hint="Make it float.")
            X = np.ascontiguousarray(X, dtype=np.float64 if X.dtype.kind == "f" else np.int64)
        elif not is_frame(X):
            X = X.astype(object)
        return X, y

    def _update(self, change: Change) -> dict[str, Any]:
        trees: Any = change.parts.get("trees")
        rows, gone, new = change.rows, change.removed_slots, change.added_slots
        is_much = len(gone) + len(new) > _MUCH * len(rows)
        if trees is None or not len(rows) or is_much or self._always_refits():
            return {"trees": self._grown(rows, np.flatnonzero(rows.alive))}
        self._wake(trees, rows, gone, new)
        rows.count(trees.owed)
        if (len(new) and not trees.learned.extended(rows, new)) or not trees.learned.keeps_kinds(rows.alive):
            return {"trees": self._grown(rows, np.flatnonzero(rows.alive))}
        cells = trees.learned.cells(rows, trees.plan.params)
        patch = _ForestPatch(trees, gone, new, trees.prepare(cells, np.concatenate([gone, new])))
        rows.count(patch.work)
        return {"trees": patch}

    def _grown(self, rows: Rows, slots: Slots, *, counted: bool = True) -> Trees:
        """All trees from these rows."""
        resolution = self._target_resolution()
        sample = max(_SAMPLE, 8 * int(self.min_samples_leaf))
        most_weight = min(_MOST_WEIGHT, _SCORED_WEIGHT // sample)
        learned = LearnedCells(rows, slots, resolution, most_weight, counted=counted)
        if len(learned.labels) > MOST_CLASSES:
            raise InvalidDataError(
                f"y has {len(learned.labels)} classes; a forest takes up to {MOST_CLASSES}.",
                hint="Numbers are learned by ForestRegressor.",
            )
        n_trees, share, n_jobs = self._size()
        params = np.zeros(PARAMS, dtype=np.int64)
        d = len(learned.kinds)
        params[DEPTH] = 2**31 if self.max_depth is None else self.max_depth
        params[SPLIT], params[LEAF] = self.min_samples_split, self.min_samples_leaf
        params[GROUP], params[NUMBERS] = _group(self.max_features, d), self.n_thresholds
        params[THRESHOLDS] = self.n_thresholds * (_OF_A_CATEGORY if "category" in learned.kinds else 1)
        params[RANDOM_TOP], params[SMALL] = self.random_top, _SMALL
        params[SAMPLE] = sample
        params[CLASSES] = max(1, len(learned.labels)) if resolution is None else 0
        params[PACKED] = resolution is None and not rows.has_weights
        names = np.arange(n_trees, dtype=np.int64)
        keys = np.column_stack([uniform64(self.seed, f"tree {what}", names) for what in ("order", "members", "root")])
        counts = np.zeros(0, dtype=np.int64) if learned.totals.of_class is None else learned.totals.of_class
        n_entered = max(1, int(np.ceil(round(share * n_trees, 9))))
        weights = self._class_weights(learned.labels, counts)
        least = self.min_weight_fraction_leaf * learned.total(weights)
        plan = Plan(params, np.append(weights, least), keys, n_entered)
        cells = learned.cells(rows, params, by_column=True)
        trees = Trees.grown(plan, cells, slots.astype(np.int32), learned.columns(), n_jobs)
        trees.learned = learned
        if counted:
            rows.count(trees.reads)
        return trees

    def _wake(self, trees: Trees, rows: Rows, gone: Slots = _NONE, new: Slots = _NONE) -> None:
        """Give trees that were loaded what changes need, from the rows as they were; the first change owes the reads.

        A plan wakes them too, and the change costs what it said: whether both are asked of one copy in memory or not.
        """
        if not trees.is_awake:
            alive = rows.alive.copy()
            alive[gone], alive[new] = True, False
            slots = np.flatnonzero(alive)
            grown = self._grown(rows, slots, counted=False)
            grown.owed = grown.reads + (len(slots) if grown.learned.is_encoded else 0)
            trees.wake(grown)

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        trees: Any = self._state().parts["trees"]
        full = trees.reads
        if len(slots) == len(rows):
            return 0, 0, ("trees",)
        if self._always_refits() or len(slots) > _MUCH * (len(rows) - len(slots)) or not len(slots):
            left = len(rows) - len(slots)
            return min(left, full), full + left, ("trees",)  # a table that is encoded is read once more
        self._wake(trees, rows)
        cells = trees.learned.cells(rows, trees.plan.params)
        alive = rows.alive.copy()
        alive[slots] = False
        if not trees.learned.keeps_kinds(alive):
            low, high, touched = self._estimate(rows, slots[:0])
            return trees.owed + low, trees.owed + high, touched
        work = trees.owed + trees.work(cells._replace(alive=alive), slots)
        return work, work, ("trees",)

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, tuple[str, ...]]:
        trees: Any = self._state().parts["trees"]
        full = 0, 2 * (trees.reads + len(rows)), ("trees",)
        if self._always_refits() or 2 * len(slots) > _MUCH * len(rows):
            return full
        self._wake(trees, rows)
        cells = trees.learned.corrected(rows, slots, table, trees.plan.params)
        if cells is None:
            return full
        changed = np.concatenate([slots, np.arange(len(rows.alive), len(cells.alive))])
        work = trees.owed + trees.work(cells, changed) + (len(table) if trees.learned.is_encoded else 0)
        return work, work, ("trees",)

    def _told_of_work(self, work: int) -> tuple[str, ...]:
        trees: Any = self._state().parts["trees"]
        return tuple(trees.told_of(work))

    def _revive(self, name: str, part: Part) -> Any:
        return Trees.restored(part)

    def _solve(self, rows: Rows, parts: Mapping[str, Any]) -> Part | None:
        trees: Trees = parts["trees"]
        if not len(rows):
            return None
        part, labels, counts = trees.plain(), np.empty(0), np.empty(0, dtype=np.int64)
        if self._target_resolution() is None:
            labels, counts = np.unique(as_labels(rows.targets(rows.slots())[0]), return_counts=True)
        kinds, weights = self._kinds_of(rows, trees), self._class_weights(labels, counts)
        starts = np.concatenate([[0], np.cumsum(part["sizes"])])
        right = _right_children(part["feature"], starts)
        return {
            "feature": part["feature"], "threshold": part["threshold"], "right": right, "starts": starts,
            "count": part["count"], "value": np.ascontiguousarray(self._values(part["sums"], weights).T),
            "importances": self._importances(part, right, starts, weights, len(kinds)), "kinds": kinds,
            "classes": labels,
        }  # fmt: skip

    def _kinds_of(self, rows: Rows, trees: Trees) -> list[str]:
        matrix = rows.matrix()
        return column_kinds(rows.peek(rows.slots()).X if matrix is None else matrix[:0])

    def _importances(
        self, part: Part, right: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], weights: Floats, d: int
    ) -> Floats:
        weight, impurity = self._impurities(part["sums"], weights)
        inner = np.flatnonzero(part["feature"] >= 0)
        left = weight * impurity
        gain = left[inner] - left[inner + 1] - left[right[inner]]
        tree = np.searchsorted(starts, inner, side="right") - 1
        by_tree = np.zeros((len(starts) - 1, d))
        np.add.at(by_tree, (tree, part["feature"][inner]), np.maximum(gain, 0.0))
        sums = by_tree.sum(axis=1, keepdims=True)
        by_tree = by_tree[sums[:, 0] > 0] / sums[sums > 0][:, np.newaxis]
        mean = by_tree.sum(axis=0)
        return np.asarray(mean / mean.sum() if mean.sum() > 0 else mean)

    # ------------------------------------------------------------------ asking

    def _asked(self, X: Any) -> tuple[Part, npt.NDArray[np.int64], Paths]:
        """The solution, the keys of the rows asked about, and the trees as they are walked."""
        solution, state = self._solution(), self._state()
        kinds, d = solution["kinds"], min(len(solution["kinds"]), self.n_features_in_)
        walk = state.prepared(solution, lambda made: paths(made, kernel_kinds(kinds, raw=False), d))
        X, _ = self._formed(X, None, reset=False)
        return solution, encode(X, kinds), walk

    def _mean(self, X: Any) -> Floats:
        """Mean of the values of the leaves over all trees that have records, shape (n, k)."""
        solution, keys, walk = self._asked(X)
        out = np.zeros((len(keys), len(solution["value"])))
        vote(keys, *walk, out)
        return out / max(1, int((solution["count"][solution["starts"][:-1]] > 0).sum()))

    def apply(self, X: Any) -> npt.NDArray[np.int64]:
        """The leaf of each row in each tree, shape (n, trees): its place in the tree, counted from the root on."""
        solution, keys, walk = self._asked(X)
        out = np.empty((len(keys), len(solution["starts"]) - 1), dtype=np.int64)
        landing(keys, walk.nodes, walk.starts, out)
        return out

    @property
    def feature_importances_(self) -> Floats:
        """Share of each feature in the reduction of the impurity, mean over the trees, shape (d,)."""
        return np.array(self._solution()["importances"])

    def export_text(self, tree: int = 0, *, max_depth: int = 10) -> str:
        """A tree as text, a line for each node."""
        return as_text(self, self._solution(), tree, max_depth)

    def plot(self, tree: int = 0, *, max_depth: int = 3, ax: Any = None) -> Any:
        """Draw a tree; returns the matplotlib axes."""
        return picture(self, self._solution(), tree, max_depth, ax)


class _ForestPatch(Patch):
    """A change of the trees and of what they read of the rows. Each step may be done twice, as ``Patch`` asks."""

    def __init__(self, trees: Trees, gone: Slots, new: Slots, patch: TreesPatch) -> None:
        self.trees, self.gone, self.patch = trees, gone, patch
        self.totals = trees.learned.totals_after(gone, new)

    @property
    def work(self) -> int:
        return self.patch.work

    def apply(self) -> None:
        self.patch.apply()
        self.trees.owed = 0
        self.trees.learned.totals = self.totals
        self.trees.learned.wipe(self.gone)
        self.trees.count_classes(self.trees.learned.columns())


def _right_children(feature: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Places of right children in nodes that stand in order, over all trees; -1 in leaves."""
    nodes, roots = np.empty((len(feature), NODE), dtype=np.int64), np.empty(len(starts) - 1, dtype=np.int64)
    zeros = np.zeros(len(feature), dtype=np.int64)
    unflatten(feature, zeros, zeros, np.diff(starts), nodes, roots)
    return nodes[:, RIGHT_CHILD].copy()


def _group(max_features: Any, d: int) -> int:
    if max_features is None:
        return d
    if max_features == "sqrt":
        return max(1, round(float(np.sqrt(d))))
    if max_features == "log2":
        return max(1, int(np.log2(d)))
    if isinstance(max_features, (float, np.floating)):
        return max(1, int(max_features * d))
    return min(int(max_features), d)


def _check_features(value: Any) -> None:
    is_share = isinstance(value, (float, np.floating)) and 0.0 < value <= 1.0
    is_number = isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 1
    if (
        value is not None
        and not (isinstance(value, str) and value in ("sqrt", "log2"))
        and not is_share
        and not is_number
    ):
        raise InvalidParameterError(
            f"max_features must be 'sqrt', 'log2', a positive integer, a share up to 1.0 or None, got {value!r}.",
            hint="'sqrt' suits most tables.",
        )


def threads_of(n_jobs: Any) -> int:
    """Threads for ``n_jobs``: None is one, negative numbers count from the number of cores down, as everywhere."""
    jobs = check_jobs(n_jobs)
    if jobs is None:
        return 1
    return jobs if jobs > 0 else max(1, (os.cpu_count() or 1) + 1 + jobs)
