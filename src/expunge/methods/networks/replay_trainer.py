"""Training that can be taken up again before a record was first read: exact forgetting for any network."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from torch import nn

from expunge.digest import leaf, root
from expunge.errors import InvalidRequestError, UnknownRecordError, UnsupportedEstimatorError
from expunge.methods.networks.checkpoints import Checkpoint
from expunge.methods.networks.job import copied_model
from expunge.methods.networks.network_method import refuse_model
from expunge.methods.networks.repeatable import device_of
from expunge.methods.networks.replay_run import check_settings, doubt_of, latest, optimizer_of, run, told_of_cost
from expunge.methods.networks.replay_schedule import Schedule, entries_of
from expunge.methods.networks.task import Task
from expunge.records import Guarantee, Plan, Removal, equality

__all__ = ["ReplayTrainer"]


class ReplayTrainer:
    """Train a network such that forgetting is exact: go back to before the records were first read, and train on.

    Parameters
    ----------
    model : Module
        With its first weights, which must not come from the records. On the CPU. It is not changed.
    epochs : int, default=10
    n_batches : int, default=20
        Steps of an epoch. The parameter is not the size of a batch: that is what falls into it.
    lr : float, default=0.01
    optimizer : {"sgd", "adam"}, default="sgd"
    momentum : float, default=0.9
        Of SGD.
    weight_decay : float, default=0.0
    checkpoint_every : int, default=20
        Steps between checkpoints, each a copy of the model and the optimizer's state.
    n_threads : int, default=1
        Threads of torch while training; part of the digest, for they change the bits.
    seed : int, default=0

    Attributes
    ----------
    model_ : Module
        Trained, in eval mode. Do not change it.
    record_ids_ : ndarray
        What it still knows.

    Guarantee
    ---------
    ``exact``: after ``forget`` weights, optimizer state and digest are bit for bit those of ``fit`` without the
    records, with the same seed, on the same machine. At ``fit`` the first steps are taken twice; if the bits differ,
    the guarantee is ``empirical`` and says why.

    Notes
    -----
    In each epoch a record's place is its keyed hash modulo n_batches; a step is on the mean loss of those that fell
    there, and one without records is left out. Dropout is drawn from (seed, step). A random record is read first in the
    middle of the first epoch, so of E epochs forgetting costs on average at least 1 - 1/(2E) of a retrain, and ``plan``
    says how much it is. The saving comes from records that enter late (``entry`` of ``fit``: who is likely to leave)
    and from a single epoch. Memory: a copy of model and optimizer for each checkpoint.

    References
    ----------
    The idea of a deterministic training that is replayed from a checkpoint: L. Bourtoule et al., "Machine unlearning",
    IEEE S&P 2021, arXiv 1912.03817, section IV (slices); here with a place for each record instead of slices.

    Examples
    --------
    >>> from expunge.networks import Classification
    >>> task = Classification((np.eye(6, dtype=np.float32), np.arange(6) % 2), record_ids=list("abcdef"))
    >>> trainer = ReplayTrainer(model=nn.Linear(6, 2), epochs=2, n_batches=3).fit(task, entry={"f": 1})
    >>> removal = trainer.forget(["f"])
    >>> removal.guarantee.kind, removal.work < 11
    ('exact', True)
    """

    _fitted: dict[str, Any]  # arguments of the fit
    _task: Task
    _doubt: str | None
    _schedule: Schedule
    _positions: npt.NDArray[np.intp]  # in the task, of what it still knows
    _checkpoints: list[Checkpoint]
    _last: Checkpoint

    def __init__(
        self, *, model: nn.Module, epochs: int = 10, n_batches: int = 20, lr: float = 0.01,
        optimizer: Literal["sgd", "adam"] = "sgd", momentum: float = 0.9, weight_decay: float = 0.0,
        checkpoint_every: int = 20, n_threads: int = 1, seed: int = 0,
    ) -> None:  # fmt: skip
        self.model = model
        self.epochs = epochs
        self.n_batches = n_batches
        self.lr = lr
        self.optimizer = optimizer
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.checkpoint_every = checkpoint_every
        self.n_threads = n_threads
        self.seed = seed

    def fit(self, task: Task, *, entry: Mapping[Any, int] | None = None) -> ReplayTrainer:
        """Train.

        Parameters
        ----------
        task : Task
        entry : dict of id to int, optional
            First epoch, from 0, in which a record is read; default 0. One beyond the last is never read.

        Returns
        -------
        self

        Raises
        ------
        InvalidParameterError, UnsupportedEstimatorError
            An argument, or a model that is not on the CPU in single or double precision.
        """
        self._check()
        entries = entries_of(task, entry)
        schedule = Schedule(task.ids, entries, epochs=self.epochs, n_batches=self.n_batches, seed=self.seed)
        model = copied_model(self.model)
        first = Checkpoint.of(0, model, optimizer_of(self, model))
        doubt = doubt_of(self, self.model, task, schedule, first)
        positions = np.arange(len(task))
        later, last, _ = run(self, self.model, task, schedule, positions, first)
        self.__dict__.update(
            _fitted=self._arguments(), _task=task, _doubt=doubt, _schedule=schedule, _positions=positions,
            _checkpoints=[first, *later], _last=last,
        )  # fmt: skip
        return self

    def plan(self, ids: Any) -> Plan:
        """What forgetting would read and promise, and which share of a retrain that is; changes nothing."""
        gone = self._find(ids)
        start = self._before(gone).step
        work = self._schedule.reads(start, gone)
        return Plan(
            guarantee=self.guarantee(), n_records=len(gone), work_low=work, work_high=work, touched=self._parts(),
            notes=(told_of_cost(work, self._schedule.reads(0, gone), self.epochs),),
        )  # fmt: skip

    def forget(self, ids: Any) -> Removal:
        """Go back to the last checkpoint before any of the records was read, and train on without them.

        Raises
        ------
        UnknownRecordError, DuplicateRecordError
            An id that it does not know, or twice.
        InvalidRequestError
            Nothing would be left.
        """
        started = time.perf_counter()
        gone = self._find(ids)
        if len(gone) == len(self._positions):
            raise InvalidRequestError("Nothing is left to train on.", hint="Delete the model.")
        start = self._before(gone)
        kept = np.setdiff1d(np.arange(len(self._positions)), gone)
        old = self._schedule
        schedule = Schedule(
            old.ids[kept], old.entries[kept], epochs=self.epochs, n_batches=self.n_batches, seed=self.seed
        )
        later, last, work = run(self, self.model, self._task, schedule, self._positions[kept], start)
        earlier = [c for c in self._checkpoints if c.step <= start.step]
        self.__dict__.update(  # all in one, so that an interruption leaves the old ones or the new ones
            _schedule=schedule, _positions=self._positions[kept], _checkpoints=[*earlier, *later], _last=last
        )
        return Removal(
            guarantee=self.guarantee(), n_forgotten=len(gone), work=work, elapsed_s=time.perf_counter() - started,
            touched=self._parts(),
        )  # fmt: skip

    def digest(self) -> str:
        """SHA-256 over weights, buffers, optimizer, checkpoints, ids, entries and arguments."""
        leaves = {f"checkpoint/{c.step:09d}": c.leaf() for c in self._checkpoints}
        leaves["last"] = self._last.leaf()
        order = np.argsort(self._schedule.ids, kind="stable")
        leaves["ids"] = leaf(self._schedule.ids[order])
        leaves["entries"] = leaf(self._schedule.entries[order].astype(np.int64))
        leaves["arguments"] = leaf(self._fitted)
        return root(leaves).hex()

    @property
    def model_(self) -> nn.Module:
        """The trained model, a copy, in eval mode."""
        model = copied_model(self.model)
        model.load_state_dict(self._last.model)
        return model.eval()

    @property
    def record_ids_(self) -> npt.NDArray[Any]:
        """Ids it still knows."""
        return self._schedule.ids.copy()

    def guarantee(self) -> Guarantee:
        """Exact, unless the same steps gave other bits."""
        terms = f" and {self.n_threads} thread{'s' if self.n_threads > 1 else ''}"
        return equality(terms, self._doubt)

    # ------------------------------------------------------------------ the machinery

    def _check(self) -> None:
        refuse_model(self.model)
        if device_of(self.model).type != "cpu":
            raise UnsupportedEstimatorError("The model is not on the CPU.", hint="Equal bits are promised there only.")
        check_settings(self)

    def _arguments(self) -> dict[str, Any]:
        return {n: v for n, v in vars(self).items() if n != "model" and not n.startswith("_")}

    def _find(self, ids: Any) -> npt.NDArray[np.intp]:
        """Places in the schedule."""
        if not hasattr(self, "_schedule"):
            raise InvalidRequestError("This trainer was not fitted.", hint="Call fit(task) first.")
        if changed := [n for n, v in self._arguments().items() if v != self._fitted[n]]:
            raise InvalidRequestError(f"{changed[0]} was changed after fit.", hint="Fit again, or set it back.")
        rest = self._task.find(ids)
        place = {int(position): i for i, position in enumerate(self._positions)}
        if missing := [p for p in rest.tolist() if p not in place]:
            name = self._task.ids[missing].tolist()[0]
            raise UnknownRecordError(
                f"No record {name!r}: forgotten already.", hint="trainer.record_ids_ lists those that are left."
            )
        return np.array([place[p] for p in rest.tolist()], dtype=np.intp)

    def _before(self, gone: npt.NDArray[np.intp]) -> Checkpoint:
        """The last checkpoint before any of the records was read; of records that were never read the last of all."""
        first = int(self._schedule.first_steps(gone).min())
        return latest([*self._checkpoints, self._last], first)

    def _parts(self) -> tuple[str, ...]:
        return tuple(name for name, p in self.model.named_parameters() if p.requires_grad)
