"""Models on shards of the records: which to train again after a change, and what that costs. Base of SISA."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import Tags, get_tags

from expunge.arguments import check_choice, check_count, check_jobs, check_verbose
from expunge.contract import Unlearner
from expunge.errors import InvalidParameterError, UnsupportedRequestError
from expunge.maths.partition import check_partition, place_records, rows_of_shards
from expunge.methods.sharded.aggregation import judges, skill, weights_of
from expunge.methods.sharded.continuation import Shard, Template, how_to_continue, train_shard, train_shards
from expunge.methods.sharded.training import check_estimator_param, check_repeats, input_tags_of
from expunge.rows import Rows, Table
from expunge.state import Change, Part
from expunge.validation import any_input

__all__ = ["Sharded"]

Slots = npt.NDArray[np.intp]


_HASHED = "records with the same values have different ids, so they fall into different shards"


class Sharded(Unlearner):
    """A model for each shard, with checkpoints for its slices; a subclass says how their answers become one.

    Parameters
    ----------
    estimator : estimator
    n_shards, n_slices : int
    aggregation : str
    partition : callable, str, int or None
    place_by : {"record", "subject"}
    seed : int
    n_jobs : int or None
    verbose : int
        As of :class:`SISAClassifier`.
    """

    _execution_params: ClassVar[tuple[str, ...]] = ("n_jobs", "verbose")
    _late_params: ClassVar[tuple[str, ...]] = ("partition",)
    _added_params: ClassVar[Mapping[str, Any]] = {"place_by": "record"}
    _alternatives: ClassVar[Mapping[str, Any]] = {"place_by": ["subject", "record"]}
    _waivers: ClassVar[Mapping[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": _HASHED,
        "check_sample_weight_equivalence_on_sparse_data": _HASHED,
    }
    _aggregations: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, estimator: Any, *, n_shards: int = 5, n_slices: int = 1, aggregation: str = "mean", partition: Any = None,
        place_by: str = "record", seed: int = 0, n_jobs: int | None = None, verbose: int = 0,
    ) -> None:  # fmt: skip
        self.estimator = estimator
        self.n_shards = n_shards
        self.n_slices = n_slices
        self.aggregation = aggregation
        self.partition = partition
        self.place_by = place_by
        self.seed = seed
        self.n_jobs = n_jobs
        self.verbose = verbose

    def __sklearn_tags__(self) -> Tags:
        tags, own = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.input_tags, tags.target_tags.required = input_tags_of(self.estimator), True
        tags.target_tags.multi_output = isinstance(self, RegressorMixin) and own.target_tags.multi_output
        return tags

    # ------------------------------------------------------------------ before

    def _check_params(self) -> None:
        check_estimator_param(self.estimator, classifier=isinstance(self, ClassifierMixin))
        for name, most in (("n_shards", 1_000), ("n_slices", 100)):
            check_count(name, getattr(self, name), most=most)
        check_jobs(self.n_jobs)
        check_verbose(self.verbose)
        check_choice("aggregation", self.aggregation, self._aggregations)
        check_partition(self.partition, self.place_by)
        if self.n_slices > 1:
            how_to_continue(self.estimator)

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        return any_input(self, X, y, reset=reset, least=least)

    def _place(self, table: Table) -> npt.NDArray[np.int64]:
        return place_records(
            self.partition, table, seed=self.seed, n_shards=self.n_shards, n_slices=self.n_slices, by=self.place_by
        )

    def _doubt(self, rows: Rows) -> str | None:
        if not len(rows):
            return ""
        places = rows.places()
        largest = int(np.bincount(places[rows.alive] // self.n_slices).argmax())
        slots = rows.in_order(np.flatnonzero(rows.alive & (places // self.n_slices == largest)))
        fit = None if self.n_slices == 1 else self._fit_sample
        return check_repeats(self.estimator, len(rows), lambda n: rows.peek(slots[:n]), fit)

    def _fit_sample(self, table: Table) -> list[Any]:
        """Half of the records in each of two slices, as a shard would learn them."""
        ends = {0: (len(table) + 1) // 2, 1: len(table)}
        return train_shard(self.estimator, Template(self.estimator, 0), Shard(0, table, ends, None, 0, True), seed=0)

    def _digest_params(self) -> dict[str, Any]:
        params = super()._digest_params()
        if callable(self.partition):  # no file can hold it; the places and the kind are in the rows and the parts
            params["partition"] = None
        return params

    # ------------------------------------------------------------------ training

    def _update(self, change: Change) -> dict[str, Part | None]:
        rows, parts, places = change.rows, change.parts, change.rows.places()
        moved = np.concatenate([change.removed_slots, change.added_slots])
        earliest = self._earliest(None if not parts else places[moved])
        out: dict[str, Part | None] = {} if parts else {"partition": {"kind": _kind_of(self.partition)}}
        grouped = rows_of_shards(rows, places, earliest, n_shards=self.n_shards, n_slices=self.n_slices)
        trained = train_shards(
            self.estimator, self._read(change, grouped, earliest), n=len(earliest), seed=self.seed,
            n_slices=self.n_slices, n_jobs=self.n_jobs, verbose=self.verbose,
        )  # fmt: skip
        for (shard, first), checkpoints in zip(earliest.items(), trained, strict=True):
            fitted = dict(zip(_steps(grouped[shard][1], first), checkpoints, strict=True))
            if checkpoints and checkpoints[-1] is None:
                name = type(self.estimator).__name__
                change.notes.append(f"shard {shard} is too small for {name} now and takes no part")
            for i in range(first, self.n_slices):
                name = _name(shard, i)
                if i in fitted or i == 0:  # the first slice of an empty shard has a part, which says that it is none
                    out[name] = {"estimator": fitted.get(i)}
                elif name in parts:
                    out[name] = None
        if self.aggregation == "weighted":
            left = {name: part for name, part in {**parts, **out}.items() if part is not None}
            out.update(self._weigh(rows, places, left, earliest))
        return out

    def _earliest(self, places: npt.NDArray[np.int64] | None) -> dict[int, int]:
        """The earliest touched slice of each touched shard; None touches all."""
        if places is None:
            return dict.fromkeys(range(self.n_shards), 0)
        out: dict[int, int] = {}
        for place in np.unique(places).tolist():
            out.setdefault(place // self.n_slices, place % self.n_slices)
        return out

    def _read(
        self, change: Change, grouped: Mapping[int, tuple[Slots, Slots]], earliest: Mapping[int, int]
    ) -> Iterator[Shard]:
        """The shards to train, each read once and only when its turn comes."""
        for shard, first in earliest.items():
            slots, ends = grouped[shard]
            steps, before = _steps(ends, first), _steps(ends[:first], 0)
            change.rows.count(sum(steps.values()))
            tolerant = change.tolerant or (bool(change.parts) and self._last(change.parts, shard) is None)
            previous = change.parts[_name(shard, max(before))]["estimator"] if before else None
            table = change.rows.peek(slots if steps else slots[:0])
            yield Shard(shard, table, steps, previous, max(before.values(), default=0), tolerant)

    def _last(self, parts: Mapping[str, Part], shard: int) -> Any:
        """The model of a shard: the checkpoint of its last slice with records, or None."""
        names = (_name(shard, i) for i in reversed(range(self.n_slices)))
        return next((parts[name]["estimator"] for name in names if name in parts), None)

    def _counts(self, places: npt.NDArray[np.int64]) -> Slots:
        """Number of records in each slice of each shard, shape (n_shards, n_slices)."""
        return np.bincount(places, minlength=self.n_shards * self.n_slices).reshape(self.n_shards, self.n_slices)

    def _estimate(self, rows: Rows, slots: Slots, table: Table | None = None) -> tuple[int, int, tuple[str, ...]]:
        places = rows.places()
        gone, new = places[slots], places[:0] if table is None or table.place is None else table.place
        counts = self._counts(places[rows.alive]) - self._counts(gone) + self._counts(new)
        earliest = self._earliest(np.concatenate([gone, new]) if len(slots) else None)
        work = sum(sum(_steps(np.cumsum(counts[shard]), first).values()) for shard, first in earliest.items())
        held = self._state().parts
        slices = [(k, i) for k, first in earliest.items() for i in range(first, self.n_slices)]
        touched = [_name(k, i) for k, i in slices if counts[k, i] or _name(k, i) in held]
        if self.aggregation == "weighted":
            sizes = counts.sum(axis=1)
            judged = judges(np.flatnonzero(sizes).tolist(), earliest, self.n_shards)
            work += sum(int(sizes[judge]) for judge in judged.values())
            touched += [_weight(k) for k in sorted({*judged, *earliest}) if sizes[k] or _weight(k) in held]
        return work, work, tuple(touched)

    _estimate_corrected = _estimate

    def _weigh(
        self, rows: Rows, places: npt.NDArray[np.int64], parts: Mapping[str, Part], touched: Mapping[int, int]
    ) -> dict[str, Part | None]:
        """Weights of the shards that changed, and of those whose judges did."""
        sizes = self._counts(places[rows.alive]).sum(axis=1)
        judged = judges(np.flatnonzero(sizes).tolist(), touched, self.n_shards)
        out: dict[str, Part | None] = {_weight(k): None for k in touched if not sizes[k] and _weight(k) in parts}
        grouped = rows_of_shards(rows, places, judged.values(), n_shards=self.n_shards, n_slices=self.n_slices)
        for shard, judge in judged.items():
            model, table = self._last(parts, shard), rows.read(grouped[judge][0])
            out[_weight(shard)] = dict(skill(model, table, classifier=isinstance(self, ClassifierMixin)))
        return out

    # ------------------------------------------------------------------ after

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        found = {k: self._last(parts, k) for k in range(self.n_shards)}
        live = {k: model for k, model in found.items() if model is not None}
        if not live:
            return None
        out: Part = {f"shard/{k:03d}": model for k, model in live.items()}
        if self.aggregation == "weighted":
            out["weights"] = weights_of([parts[_weight(k)] for k in live])
        return out

    def _models(self, X: Any) -> tuple[Part, list[Any], Any]:
        solution = self._solution()
        X, _ = any_input(self, X, None, reset=False)
        return solution, [solution[name] for name in sorted(solution) if name.startswith("shard/")], X

    def _check_addable(self) -> None:
        """A model that was loaded from a file does not know a ``partition`` that was a callable."""
        kind = self._state().parts.get("partition", {}).get("kind", "hash")
        if kind != _kind_of(self.partition):
            raise InvalidParameterError(
                f"This model places records by a {kind}, but partition is {self.partition!r}.",
                hint="Files hold no callables: call set_params(partition=...) first.",
            )

    def _most_work(self, rows: Rows) -> int:
        self._refuse_features()
        return super()._most_work(rows)

    def _drop(self, features: list[int]) -> tuple[tuple[str, ...], int]:
        self._refuse_features()
        return super()._drop(features)

    def _refuse_features(self) -> None:
        """Places that follow from values stay as they are when a column goes, and would tell of it."""
        kind = self._state().parts["partition"]["kind"]
        if kind != "hash":
            raise UnsupportedRequestError(
                f"Features cannot be forgotten while a {kind} places the records by their values.",
                hint="Fit again without the column.",
            )


def _kind_of(partition: Any) -> str:
    return "hash" if partition is None else "callable" if callable(partition) else "column"


def _steps(ends: Slots, first: int) -> dict[int, int]:
    """Of each slice from the first one on that holds records: how many the slices up to it hold."""
    sizes = np.diff(ends, prepend=0)
    return {i: int(ends[i]) for i in range(first, len(ends)) if sizes[i]}


def _name(shard: int, number: int) -> str:
    return f"shard/{shard:03d}/slice/{number:02d}"


def _weight(shard: int) -> str:
    return f"weight/{shard:03d}"
