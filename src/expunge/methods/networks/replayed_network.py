"""A network that forgets exactly, for tables: its training is taken up again before a record was first read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from torch import nn

from expunge.methods.networks.checkpoints import Checkpoint
from expunge.methods.networks.network_method import refuse_model
from expunge.methods.networks.network_model import NetworkModel
from expunge.methods.networks.replay_run import DOUBT, check_settings, optimizer_of, run, told_of_cost
from expunge.methods.networks.replay_schedule import Schedule
from expunge.methods.networks.weights import part_of
from expunge.records import Plan
from expunge.requests import select_slots
from expunge.rows import Rows, Table
from expunge.state import Change, Part

__all__ = ["ReplayedNetwork"]

Slots = npt.NDArray[np.intp]

_AT = "checkpoint/"


class ReplayedNetwork(NetworkModel):
    """Trains a network of yours so that a workspace forgets exactly: back to before the record, and on without it.

    Parameters
    ----------
    task : str
        Name of a blueprint: an entry point in the group ``expunge.tasks``, or one that was registered. Its ``entry``
        says which records enter late.
    epochs, n_batches, lr, optimizer, momentum, weight_decay, checkpoint_every, n_threads, seed
        As of :class:`~expunge.methods.networks.replay_trainer.ReplayTrainer`.

    Attributes
    ----------
    network_ : Module
        A copy, in eval mode.
    classes_ : ndarray of shape (n_classes,)

    Guarantee
    ---------
    ``exact``: after ``forget`` weights, checkpoints and state of the optimizer are bit for bit those of a fresh fit on
    the records that are left, with the same seed and number of threads. At ``fit`` the first steps are taken twice; if
    the bits differ, the guarantee is ``empirical`` and says why.

    Notes
    -----
    As :class:`~expunge.methods.networks.replay_trainer.ReplayTrainer`: in E epochs a random record costs at least
    1 - 1/(2E) of a retrain, and ``plan`` says what it is for the records asked about. A class that comes or goes
    changes the last layer, which costs a whole retrain. Checkpoints are parts of the state, each in a chunk of its own:
    those after the records are deleted with them.

    References
    ----------
    L. Bourtoule et al., "Machine unlearning", IEEE S&P 2021, arXiv 1912.03817, section IV (slices).

    Examples
    --------
    >>> from expunge.networks import Blueprint, register
    >>> class Line(Blueprint):
    ...     def network(self, n_features, n_outputs):
    ...         return nn.Linear(n_features, n_outputs)
    >>> register("line", Line)
    >>> X, y = np.eye(6), np.array(["a", "b"] * 3)
    >>> model = ReplayedNetwork(task="line", epochs=2, n_batches=3).fit(X, y)
    >>> print(model.plan([4]))
    exact · 1 record · reads ... of a retrain; a random record ... costs at least 1 - 1/(2 * 2) = 75% ...
    >>> _ = model.forget([4])
    >>> never = ReplayedNetwork(task="line", epochs=2, n_batches=3).fit(X[[0, 1, 2, 3, 5]], y[[0, 1, 2, 3, 5]],
    ...     record_ids=[0, 1, 2, 3, 5])
    >>> model.digest() == never.digest()
    True
    """

    _alternatives: ClassVar[dict[str, list[Any]]] = {
        "task": [], "n_threads": [2], "optimizer": ["adam"], "checkpoint_every": [3],
    }  # fmt: skip

    def __init__(
        self, *, task: Any = None, epochs: int = 10, n_batches: int = 20, lr: float = 0.01,
        optimizer: Literal["sgd", "adam"] = "sgd", momentum: float = 0.9, weight_decay: float = 0.0,
        checkpoint_every: int = 20, n_threads: int = 1, seed: int = 0,
    ) -> None:  # fmt: skip
        self.task = task
        self.epochs = epochs
        self.n_batches = n_batches
        self.lr = lr
        self.optimizer = optimizer
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.checkpoint_every = checkpoint_every
        self.n_threads = n_threads
        self.seed = seed

    def plan(self, record_ids: Any = None, *, subjects: Any = None, classes: Any = None, features: Any = None) -> Plan:
        """What :meth:`forget` would cost and promise, and which share of a retrain that is."""
        made, rows = super().plan(record_ids, subjects=subjects, classes=classes, features=features), self._rows()
        slots = select_slots(self, rows, records=record_ids, subjects=subjects, classes=classes, features=features)
        retrain = self._schedule(rows, np.setdiff1d(rows.slots(), slots)).reads_from(0)
        return dataclasses.replace(made, notes=(told_of_cost(made.work_high, retrain, self.epochs),))

    def _check_params(self) -> None:
        super()._check_params()
        check_settings(self)

    def _update(self, change: Change) -> dict[str, Part | None]:
        rows = change.rows
        if self._is_too_little(rows.peek_beside(rows.slots()).y):
            self._refuse_few(change.tolerant)
            return dict.fromkeys(change.parts)
        outputs = self._outputs_of(rows.peek_beside(rows.slots()).y)
        network = self._built(outputs["n"])
        refuse_model(network)
        start = self._start(change, network)
        later, last, work = self._run(rows, network, outputs, start)
        rows.count(work)
        out: dict[str, Part | None] = {n: None for n, step in _steps(change.parts).items() if step > start.step}
        if not start.step:
            out |= {_name(start): start.part(), "outputs": outputs}
        return out | {_name(c): c.part() for c in later} | {"last": last.part()}

    def _place(self, table: Table) -> npt.NDArray[np.int64]:
        """The epoch in which each record enters."""
        return np.asarray(self._blueprint().entry(table.X), dtype=np.int64)

    def _doubt(self, rows: Rows) -> str | None:
        if self._is_too_little(y := rows.peek_beside(rows.slots()).y):
            return ""
        outputs = self._outputs_of(y)
        network = self._built(outputs["n"])
        first = Checkpoint.of(0, network, optimizer_of(self, network))
        one, two = (self._run(rows, network, outputs, first, stop=2)[1].leaf() for _ in range(2))
        return None if one == two else DOUBT

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        return self._answering(rows, part_of(parts["last"], "model/"), parts["outputs"]) if "last" in parts else None

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        return self._cost(rows, slots, None)

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, tuple[str, ...]]:
        return self._cost(rows, slots, table)

    def _terms(self) -> str:
        return f" and {self.n_threads} thread{'s' if self.n_threads > 1 else ''}"

    # ------------------------------------------------------------------ the machinery

    def _schedule(self, rows: Rows, slots: Slots, come: Table | None = None) -> Schedule:
        """Of some rows, and of a table of further ones."""
        ids, entries = rows.peek_beside(slots).ids, rows.places()[slots]
        if come is not None:
            ids, entries = np.concatenate([ids, come.ids]), np.concatenate([entries, self._place(come)])
        return Schedule(ids, entries, epochs=self.epochs, n_batches=self.n_batches, seed=self.seed)

    def _is_too_little(self, y: Any) -> bool:
        return not len(y) or (self._blueprint().kind == "classification" and len(self._labels(y)) < 2)

    def _run(
        self, rows: Rows, network: nn.Module, outputs: Part, start: Checkpoint, stop: int | None = None
    ) -> tuple[list[Checkpoint], Checkpoint, int]:
        """Train on from a checkpoint; only rows that the steps read are taken out."""
        slots, labels = rows.slots(), self._labels(rows.peek_beside(rows.slots()).y)
        schedule = self._schedule(rows, slots)
        end = schedule.n_steps if stop is None else min(stop, schedule.n_steps)
        used = np.zeros(len(slots), dtype=bool)
        for number in range(start.step, end):
            used[schedule.step(number)] = True
        if not used.any():
            later = [n for n in range(start.step + 1, end) if n % self.checkpoint_every == 0]
            return [start._replace(step=n) for n in later], start._replace(step=end), 0
        task = self._task_of(rows.peek(slots[used]), outputs, labels)
        return run(self, network, task, schedule, np.cumsum(used) - 1, start, end)

    def _start(self, change: Change, network: nn.Module) -> Checkpoint:
        """The last checkpoint before any record was read that comes or goes; the first where classes do."""
        rows, parts, optimizer = change.rows, change.parts, optimizer_of(self, network)
        before = np.concatenate([np.setdiff1d(rows.slots(), change.added_slots), change.removed_slots])
        moved = np.concatenate([change.removed_slots, change.added_slots])
        old, new = (self._labels(rows.peek_beside(slots).y) for slots in (before, rows.slots()))
        if "last" not in parts or not np.array_equal(old, new):
            return Checkpoint.of(0, network, optimizer)
        return Checkpoint.of_part(parts[self._before(parts, self._schedule(rows, moved))], optimizer)

    def _before(self, parts: Mapping[str, Part], moved: Schedule) -> str:
        """Name of the last checkpoint before any of these records is read."""
        first, steps = int(moved.first_steps(np.arange(len(moved.ids))).min()), _steps(parts)
        return max((name for name in steps if steps[name] <= first), key=lambda name: steps[name])

    def _cost(self, rows: Rows, slots: Slots, come: Table | None) -> tuple[int, int, tuple[str, ...]]:
        """Work of putting some rows in the place of others, and the parts that change."""
        parts, kept = self._state().parts, np.setdiff1d(rows.slots(), slots)
        y = rows.peek_beside(kept).y
        y = y if come is None else np.concatenate([y, come.y])
        if self._is_too_little(y):
            return 0, 0, tuple(parts)
        start, steps = 0, _steps(parts)
        same = np.array_equal(self._labels(y), self._labels(rows.peek_beside(rows.slots()).y))
        if "last" in parts and same and (len(slots) or come is not None):
            start = steps[self._before(parts, self._schedule(rows, slots, come))]
        work = self._schedule(rows, kept, come).reads_from(start)
        touched = [name for name, step in steps.items() if step > start] or ["last"]
        return work, work, tuple(touched if start else parts)


def _name(checkpoint: Checkpoint) -> str:
    return f"{_AT}{checkpoint.step:09d}"


def _steps(parts: Mapping[str, Part]) -> dict[str, int]:
    """Before which step each of the parts was taken that are checkpoints."""
    return {name: int(part["step"]) for name, part in parts.items() if "step" in part}
