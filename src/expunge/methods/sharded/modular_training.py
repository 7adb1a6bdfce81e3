"""Modules that know nothing of each other: which to train again after a change, and what that costs."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from joblib import effective_n_jobs
from sklearn.base import is_classifier
from sklearn.utils.parallel import Parallel, delayed

from expunge.contract import Unlearner
from expunge.errors import InvalidDataError, InvalidRequestError
from expunge.methods.sharded.modular_layout import (
    Module,
    class_keys,
    class_modules,
    column_modules,
    groups_within,
    pair_modules,
    refuse_ungrouped,
    take_columns,
    without_columns,
)
from expunge.methods.sharded.training import check_repeats, fit_estimator, is_too_little, seeded
from expunge.params import record_params
from expunge.records import Plan
from expunge.requests import feature_positions
from expunge.rows import Rows, Table
from expunge.state import Change, Fitted, Part
from expunge.table.label_kinds import as_labels
from expunge.validation import any_input

__all__ = ["Modular"]

Slots = npt.NDArray[np.intp]

_LAYOUT = "layout"  # the part that is always there: it says what the modules are for
_WHAT = {"columns": "a group of columns", "pair": "a pair of classes", "class": "a class"}


@dataclasses.dataclass(frozen=True)
class _Job:
    """A module to train: its records in canonical order, as it sees them; ``what`` is for the sentence of a refusal."""

    module: Module
    table: Table
    tolerant: bool
    what: str


class Modular(Unlearner):
    """An estimator for each module; a subclass has the arguments and says how their answers become one."""

    _execution_params: ClassVar[tuple[str, ...]] = ("n_jobs", "verbose")

    estimator: Any
    by: str
    groups: Any
    n_jobs: int | None
    verbose: int

    @property
    def _kind(self) -> str:
        """What a module is for: "columns", a "pair" of classes, or a "class"."""
        return "columns" if self.by == "columns" else "pair" if is_classifier(self.estimator) else "class"

    def _columns(self) -> tuple[list[str] | None, int]:
        """Names of the columns, or None; and their number."""
        names = getattr(self, "feature_names_in_", None)
        return None if names is None else list(names), int(getattr(self, "n_features_in_", 0))

    # ------------------------------------------------------------------ before

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        X, y = any_input(self, X, y, reset=reset, least=least)
        if self.by == "columns" and reset:
            if np.ndim(X) == 1:
                raise InvalidDataError("Texts have no columns to make modules of.", hint="Use by='class'.")
            refuse_ungrouped(self.groups, *self._columns())
        return X, y

    def _place(self, table: Table) -> npt.NDArray[np.int64] | None:
        return None if self.by == "columns" else class_keys(self.seed, table.y)

    def _digest_params(self) -> dict[str, Any]:
        params = super()._digest_params()
        if isinstance(self.groups, (list, tuple)):
            params["groups"] = groups_within(self.groups, *self._columns())
        return params

    def _doubt(self, rows: Rows) -> str | None:
        sizes = self._sizes(rows)
        modules = self._modules(sizes)
        if not modules:
            return ""
        largest = max(modules, key=lambda module: (sum(sizes[key] for key in module.keys), module.name))
        slots = self._slots(rows, largest)
        return check_repeats(self.estimator, len(rows), lambda n: self._seen(rows.peek(slots[:n]), largest))

    # ------------------------------------------------------------------ which modules

    def _modules(self, sizes: Mapping[int, int]) -> list[Module]:
        """All modules of classes of these sizes, or of any records by columns."""
        if self.by == "columns":
            return column_modules(*self._columns(), self.groups, seed=self.seed) if sizes else []
        return (pair_modules if self._kind == "pair" else class_modules)(sizes)

    def _sizes(self, rows: Rows, gone: Slots | None = None, new: Table | None = None) -> dict[int, int]:
        """Number of records of each class that is left, by its key; by columns that of all records, under zero."""
        left = rows.alive.copy()
        if gone is not None:
            left[gone] = False
        n_new = 0 if new is None else len(new)
        if self.by == "columns":
            n = int(left.sum()) + n_new
            return {0: n} if n else {}
        places = rows.places()[left]
        keys, counts = np.unique(np.concatenate([places, _places_of(new, places)]), return_counts=True)
        return dict(zip(keys.tolist(), counts.tolist(), strict=True))

    def _touched(self, places: npt.NDArray[np.int64] | None, modules: list[Module]) -> list[Module]:
        """The modules that learned, or will learn, from records of these places."""
        if places is None:
            return modules
        keys = set(np.unique(places).tolist())
        return [module for module in modules if keys.intersection(module.keys)]

    def _slots(self, rows: Rows, module: Module) -> Slots:
        """Slots of the records a module learns from, in canonical order."""
        if not module.keys:
            return rows.slots()
        return rows.in_order(np.flatnonzero(rows.alive & np.isin(rows.places(), module.keys)))

    def _seen(self, table: Table, module: Module) -> Table:
        """Records as a module sees them: some columns, a pair of classes as 0 and 1, or no targets."""
        if self._kind == "columns":
            return dataclasses.replace(table, X=take_columns(table.X, module.columns))
        y = np.unique(as_labels(table.y), return_inverse=True)[1].astype(np.int64) if self._kind == "pair" else None
        return dataclasses.replace(table, y=y)

    # ------------------------------------------------------------------ what it costs

    def _estimate(self, rows: Rows, slots: Slots, table: Table | None = None) -> tuple[int, int, tuple[str, ...]]:
        sizes = self._sizes(rows, slots, table)
        modules, moved = self._modules(sizes), None
        if self.by == "class" and len(slots):
            places = rows.places()[slots]
            moved = np.concatenate([places, _places_of(table, places)])
        touched = self._touched(moved, modules)
        work = sum(sizes[key] for module in touched for key in module.keys or (0,))
        gone = self._state().parts.keys() - {module.name for module in modules} - {_LAYOUT}
        return work, work, (*(module.name for module in touched), *sorted(gone))

    _estimate_corrected = _estimate

    def plan(self, record_ids: Any = None, *, subjects: Any = None, classes: Any = None, features: Any = None) -> Plan:
        """What :meth:`forget` with the same arguments would cost and promise; see :meth:`Unlearner.plan`."""
        plan = super().plan(record_ids, subjects=subjects, classes=classes, features=features)
        if features is None:
            return plan
        rows, rate = self._rows(), self._state().rate
        if self.by == "columns":
            gone = feature_positions(self, features)
            after = without_columns(*self._columns(), self.groups, gone, seed=self.seed)
            work, touched = len(after.to_train) * len(rows), after.touched if len(rows) else ()
        else:
            work, touched = self._estimate(rows, np.empty(0, dtype=np.intp))[0], tuple(self._state().parts)
        expected = None if rate is None else rate * work
        return dataclasses.replace(plan, work_low=work, work_high=work, touched=touched, expected_s=expected)

    # ------------------------------------------------------------------ training

    def _update(self, change: Change) -> dict[str, Part | None]:
        modules = self._modules(self._sizes(change.rows))
        moved = np.concatenate([change.removed_slots, change.added_slots])
        places = None if self.by == "columns" else change.rows.places()[moved]
        out: dict[str, Part | None] = {} if change.parts else {_LAYOUT: {"kind": self._kind}}
        out |= dict.fromkeys(sorted(change.parts.keys() - {module.name for module in modules} - {_LAYOUT}))
        return out | self._train(change, self._touched(places, modules))

    def _train(self, change: Change, modules: list[Module]) -> dict[str, Part]:
        """New parts of these modules."""
        masses: dict[str, float] = {}
        jobs: Iterable[_Job] = self._jobs(change, modules, masses)
        if self.verbose and len(modules) > 1:
            jobs = _watched(jobs, len(modules))
        n_jobs = None if self.n_jobs is None else min(int(self.n_jobs), len(modules))
        if len(modules) <= 1 or effective_n_jobs(n_jobs) == 1:
            trained = [_train_module(self.estimator, job, seed=self.seed) for job in jobs]
        else:  # rows go to the workers through pipes: a memory map would leave them in a temporary file
            parallel = Parallel(n_jobs=n_jobs, max_nbytes=None)
            trained = list(parallel(delayed(_train_module)(self.estimator, job, seed=self.seed) for job in jobs))
        out: dict[str, Part] = {}
        for module, model in zip(modules, trained, strict=True):
            out[module.name] = {"estimator": model}
            if self._kind == "columns":
                out[module.name]["columns"] = list(module.columns)
            elif self._kind == "class":
                out[module.name]["mass"] = masses[module.name]
            if model is None:
                name = type(self.estimator).__name__
                change.notes.append(f"a module of {_WHAT[self._kind]} is too small for {name} now and takes no part")
        return out

    def _jobs(self, change: Change, modules: list[Module], masses: dict[str, float]) -> Iterator[_Job]:
        """The modules to train, each with its records, read when its turn comes; their weight goes to ``masses``."""
        rows = change.rows
        every = rows.peek(rows.slots()) if modules and self.by == "columns" else None
        for module in modules:
            table = rows.peek(self._slots(rows, module)) if every is None else every
            rows.count(len(table))
            masses[module.name] = float(len(table)) if table.weight is None else math.fsum(table.weight.tolist())
            before = change.parts.get(module.name, {"estimator": None})["estimator"]
            tolerant = change.tolerant or (bool(change.parts) and before is None)
            yield _Job(module, self._seen(table, module), tolerant, self._said(table, module))

    def _said(self, table: Table, module: Module) -> str:
        """A module in words, for a refusal."""
        if self._kind == "columns":
            return "a group of columns"
        labels = np.unique(as_labels(table.y)).tolist()
        return ("class " if self._kind == "class" else "classes ") + " and ".join(map(repr, labels))

    def _drop(self, features: list[int]) -> tuple[tuple[str, ...], int]:
        if self.by != "columns":
            return super()._drop(features)
        old, after = self._state(), without_columns(*self._columns(), self.groups, features, seed=self.seed)
        table = self._rows().without_features(features)
        rows, none = Rows(table, seed=self.seed), np.empty(0, dtype=np.intp)
        state = Fitted(rows, {**record_params(self), "groups": copy.deepcopy(after.groups)})
        state.commit({_LAYOUT: old.parts[_LAYOUT]})
        if len(rows):
            for module, name in after.kept.items():
                state.commit({module.name: {**old.parts[name], "columns": list(module.columns)}})
            change = Change(rows, {}, none, np.arange(len(table), dtype=np.intp), True, table)
            state.commit(self._train(change, after.to_train))
        state.rate, state.doubt, state.is_examined = old.rate, old.doubt, old.is_examined
        if _asleep(state.parts) > _asleep(old.parts):
            raise InvalidRequestError(
                f"{type(self.estimator).__name__} cannot be fitted without these columns.",
                hint="A step of its pipeline may name or count them: change the pipeline and fit again.",
            )
        new = {"groups": after.groups, "n_features_in_": after.n_columns, "_fitted": state}
        if after.names is not None:
            new["feature_names_in_"] = np.array(after.names, dtype=object)
        self.__dict__.update(new)  # all in one, whatever interrupts it
        return (after.touched if len(rows) else ()), rows.reads


def _places_of(table: Table | None, like: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where the rows of a table go; nowhere, of none."""
    return like[:0] if table is None or table.place is None else table.place


def _asleep(parts: Mapping[str, Part]) -> int:
    return sum(part.get("estimator", 0) is None for part in parts.values())


def _watched(jobs: Iterable[_Job], n: int) -> Iterator[_Job]:
    from rich.console import Console
    from rich.progress import track

    return iter(track(jobs, description="Training modules", total=n, console=Console(stderr=True)))


def _train_module(estimator: Any, job: _Job, *, seed: int) -> Any:
    """The fitted estimator of a module, or None where it is tolerant and too small; this runs in a worker.

    Raises
    ------
    InvalidDataError
        It is too small, and not tolerant.
    """
    try:
        return fit_estimator(seeded(estimator, seed, *job.module.path), job.table, tolerant=job.tolerant)
    except Exception as error:
        if not is_too_little(error):
            raise
        raise InvalidDataError(
            f"{type(estimator).__name__} cannot learn from {job.what} with {len(job.table)} records: "
            f"{str(error).rstrip('.')}.",
            hint="Give more records, or an estimator that needs fewer.",
        ) from error
