"""What all methods for networks share: the request is checked, a copy is changed, limits and dose stand around it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from torch import nn

from expunge.errors import (
    InvalidParameterError,
    InvalidRequestError,
    LimitBrokenError,
    UnsupportedEstimatorError,
    UnsupportedRequestError,
)
from expunge.methods.networks import STRONGEST
from expunge.methods.networks.dose import MAX_TRIES, dosed
from expunge.methods.networks.job import Job
from expunge.methods.networks.limits import Limits
from expunge.methods.networks.modes import restore_modes
from expunge.methods.networks.network_removal import NetworkRemoval
from expunge.methods.networks.reference import Reference, sought, target_of
from expunge.methods.networks.repeatable import device_of, repeatable
from expunge.methods.networks.task import Positions, Task, as_module
from expunge.methods.networks.utility import Change, Viewed, changed, retain_sample, view
from expunge.records import Guarantee, Kind, Plan, Rectification
from expunge.seeds import check_seed, derive_seed

__all__ = ["NetworkMethod", "corrects", "touched_parts"]

_HALF = "A model in {} is too coarse: small steps and gradients are lost in rounding."


class _Done(NamedTuple):
    model: nn.Module
    change: Change
    work: int
    notes: list[str]


class NetworkMethod:
    """A method that makes a trained network forget. A new one writes ``_run``, ``_check`` and ``_estimate``.

    The constructor only stores. ``_run(job)`` changes ``job.model``; everything it needs comes from the
    :class:`~expunge.methods.networks.job.Job`. ``_check()`` refuses arguments. ``_estimate(n_forget, n_retain)`` is
    how many records ``_run`` reads.
    """

    #: The strongest kind that a removal can have.
    _strongest: ClassVar[Kind] = STRONGEST
    #: What the guarantee says after "empirical".
    _statement: ClassVar[str] = "weights were changed so that the records count less; no distance is proved"
    #: Constructor arguments that whoever holds the network gives it: the "log" of the training, the weights at its
    #: "start".
    _needs: ClassVar[tuple[Literal["log", "start"], ...]] = ()
    #: Whether it steps on both sets in turn, so that more or smaller steps bring the retain set back.
    _mends: ClassVar[bool] = False

    def _run(self, job: Job) -> None:
        raise NotImplementedError

    def _check(self) -> None:
        """Refuse constructor arguments."""

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        raise NotImplementedError

    def _least(self, n_forget: int, n_retain: int) -> int:
        """The same, where fewer may do."""
        return self._estimate(n_forget, n_retain)

    def _look(self, model: nn.Module, task: Task, forget: Positions) -> None:
        """Refuse a request that this method cannot serve, before anything is done."""

    # ------------------------------------------------------------------ the verbs

    def forget(
        self, model: nn.Module, task: Task, ids: Any, seed: int = 0, *, retain: Any = None,
        limits: Limits | None = None, strength: float | Literal["auto"] = 1.0, reference: Reference | None = None,
    ) -> tuple[nn.Module, NetworkRemoval]:  # fmt: skip
        """Make a copy of a model forget records.

        Parameters
        ----------
        model : Module
            Trained, in single or double precision. It is not changed; it forgets where it is, on CPU or CUDA.
        task : Task
            The data it was trained on, and its loss.
        ids : sequence of ids
            Records to forget.
        seed : int
            The same seed gives the same weights on the same machine.
        retain : sequence of ids, optional
            Records to keep; default: all others of the task.
        limits : Limits, optional
        strength : float or "auto"
            The balance factor, at least 0: what it scales is said by each method. "auto" finds the dose: it is raised
            while the gap between the forget set and its reference closes and no limit breaks; where one does, the step
            is halved and the model of the last good dose taken up again.
        reference : float, Task or Module, optional
            For "auto": what should be measured on the forget set. A number; or a task of data that the model never
            saw, on which the model is measured; or a model that was trained without the records.

        Returns
        -------
        new_model : Module
            In the modes, and on the device, of the old one.
        removal : NetworkRemoval

        Raises
        ------
        UnknownRecordError, DuplicateRecordError, InvalidIdError
            An id that the task does not have, or twice.
        InvalidRequestError
            No id; nothing to retain; a record in both sets; "auto" without a reference.
        UnsupportedEstimatorError
            A model in half precision, or without trainable parameters.
        LimitBrokenError
            The model would have moved further than the limits allow, or its weights or outputs are no longer numbers.
        """
        started = time.perf_counter()
        limits = limits or Limits()
        forget, kept = self.asked(model, task, ids, retain, limits)
        check_seed(seed)
        wanted = sought(strength, reference)
        target = None if wanted is None else target_of(model, task, forget, wanted)
        looked_at = retain_sample(task, kept, seed)
        before = {"forget": view(model, task, forget), "retain": view(model, task, looked_at)}

        work = 0

        def run(dose: float) -> _Done:
            nonlocal work
            done = self.once(model, task, forget, kept, seed, dose, limits, before)
            work += done.work
            return done

        if target is None:
            done, dose = run(float(strength)), float(strength)
            limits.check(done.change, n_forget=len(forget), mends=self._mends)
        else:
            done, dose = dosed(run, limits, target, before["forget"])
        removal = NetworkRemoval(
            guarantee=self.guarantee(), n_forgotten=len(forget), work=work,
            elapsed_s=time.perf_counter() - started, touched=touched_parts(model, done.model),
            notes=tuple(done.notes), strength=dose, step_norm=done.change.step_norm,
            retain_kl=done.change.retain_kl, utility=done.change.rows,
        )  # fmt: skip
        return done.model, removal

    def plan(
        self, model: nn.Module, task: Task, ids: Any, seed: int = 0, *, retain: Any = None,
        limits: Limits | None = None, strength: float | Literal["auto"] = 1.0, reference: Reference | None = None,
    ) -> Plan:  # fmt: skip
        """What the same call of ``forget`` would cost and promise; changes nothing, and refuses what that refuses.

        ``work_high`` of "auto" counts every try. A limit that a run breaks, and a forget set that is at its reference
        already, are seen by ``forget`` alone: nothing is read here.
        """
        limits = limits or Limits()
        forget, kept = self.asked(model, task, ids, retain, limits)
        check_seed(seed)
        tries = 1 if sought(strength, reference) is None else MAX_TRIES
        metric = len(kept) if limits.jump_penalty and limits.jump_metric == "fisher" else 0
        return Plan(
            guarantee=self.guarantee(), n_records=len(forget), work_low=self._least(len(forget), len(kept)),
            work_high=tries * (self._estimate(len(forget), len(kept)) + metric),
            touched=tuple(name for name, p in model.named_parameters() if p.requires_grad),
        )  # fmt: skip

    def rectify(
        self, model: nn.Module, task: Task, ids: Any, corrected: Any, seed: int = 0, *, limits: Limits | None = None,
        strength: float = 1.0,
    ) -> tuple[nn.Module, Rectification]:  # fmt: skip
        """Refused, except by :class:`GradientStep` and :class:`NewtonStep`.

        Raises
        ------
        UnsupportedRequestError
            Always.
        """
        raise UnsupportedRequestError(
            f"{type(self).__name__} forgets, and corrects no record.", hint="GradientStep and NewtonStep can."
        )

    def guarantee(self) -> Guarantee:
        """The guarantee of its removals: empirical."""
        return Guarantee(
            kind=self._strongest, statement=f"{type(self).__name__}: {self._statement}; audit it against references"
        )

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if _is_plain(value))
        return f"{type(self).__name__}({values})"

    # ------------------------------------------------------------------ the machinery

    def asked(self, model: nn.Module, task: Task, ids: Any, retain: Any, limits: Limits) -> tuple[Positions, Positions]:
        """Both sets, after everything was looked at that can be refused.

        Raises
        ------
        InvalidParameterError
            The task is no task, or the limits are none.
        InvalidRequestError
            A record is to be forgotten and retained, or nothing is left.
        """
        if not isinstance(task, Task):
            raise InvalidParameterError(
                f"task must be a Task, got {type(task).__name__}.",
                hint="Wrap the data: Classification(dataset), or Regression(dataset).",
            )
        if not isinstance(limits, Limits):
            raise InvalidParameterError(
                f"limits must be Limits, got {type(limits).__name__}.", hint="As limits=Limits(max_retain_drop=0.02)."
            )
        self._check()
        refuse_model(model)
        forget = task.find(ids)
        if retain is None:
            kept = np.setdiff1d(np.arange(len(task)), forget)
        else:
            kept = task.find(retain, what="retain") if len(np.atleast_1d(retain)) else np.empty(0, dtype=np.intp)
            if len(both := np.intersect1d(kept, forget)):
                raise InvalidRequestError(
                    f"Record {task.ids[both].tolist()[0]!r} is to be forgotten and retained.", hint="Choose one."
                )
        if not len(kept):
            raise InvalidRequestError("Nothing is left to retain.", hint="Delete the model, or train a new one.")
        limits.check_share(len(forget), len(forget) + len(kept))
        self._look(model, task, forget)
        return forget, kept

    def once(
        self, model: nn.Module, task: Task, forget: Positions, kept: Positions, seed: int, strength: float,
        limits: Limits, before: dict[str, list[Viewed]], *, run: Callable[[Job], None] | None = None,
        viewed: Task | None = None,
    ) -> _Done:  # fmt: skip
        """One run on a copy, and what it changed; ``run`` and ``viewed`` where records are corrected.

        Raises
        ------
        LimitBrokenError
            Weights or outputs are no longer numbers, or a limit does not hold.
        """
        own = derive_seed(seed, "networks", type(self).__name__)
        with repeatable(own, device_of(model)) as generator, torch.enable_grad():
            job = Job(model, task, forget, kept, seed=own, generator=generator, strength=strength, limits=limits)
            (run or self._run)(job)
        job.model.zero_grad(set_to_none=True)
        restore_modes(job.model, model)
        change = changed(model, job.model, viewed or task, before)
        if not math.isfinite(change.step_norm + change.retain_kl):
            raise LimitBrokenError(
                f"{type(self).__name__} diverged: weights or outputs are no longer numbers. The model is returned "
                "untouched.",
                hint="Lower lr or strength, or train again without the records.",
            )
        return _Done(job.model, change, job.work, job.notes)


def refuse_model(model: nn.Module) -> None:
    """Refuse what is no network that can be changed, or asked about, by its gradients.

    Raises
    ------
    UnsupportedEstimatorError
        Half precision, or nothing to train.
    """
    as_module(model)
    kinds = {p.dtype for p in model.parameters()}
    if half := [str(kind).removeprefix("torch.") for kind in kinds - {torch.float32, torch.float64}]:
        raise UnsupportedEstimatorError(
            _HALF.format(sorted(half)[0]), hint="Cast a copy: copy.deepcopy(model).float(), and cast back afterwards."
        )
    if not any(p.requires_grad for p in model.parameters()):
        raise UnsupportedEstimatorError("No parameter of the model is trainable.", hint="model.requires_grad_(True)")
    if len({p.device for p in model.parameters()}) > 1:
        raise UnsupportedEstimatorError("The model lies on several devices.", hint="Move it to one: model.to(...).")


def corrects(method: NetworkMethod) -> bool:
    """Whether a method can correct records, too."""
    return type(method).rectify is not NetworkMethod.rectify


def touched_parts(old: nn.Module, new: nn.Module) -> tuple[str, ...]:
    """Names of the parameters and buffers that differ."""
    was, now = old.state_dict(), new.state_dict()
    return tuple(name for name in was if not torch.equal(was[name], now[name]))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str, tuple))
