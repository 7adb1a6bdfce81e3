"""A budget that decides how a request is answered: by stand-ins as long as it lasts, and then by a retrain."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from torch import nn

from expunge.errors import BudgetExhaustedError, InvalidRequestError, UnknownRecordError
from expunge.methods.networks.limits import Limits
from expunge.methods.networks.network_removal import NetworkRemoval
from expunge.methods.networks.task import Task
from expunge.methods.private.stand_ins import StandIns
from expunge.privacy.claims import BUDGET_SPENT
from expunge.privacy.odometer import Odometer
from expunge.records import Removal

__all__ = ["Steered"]


class Steered:
    """Answer requests by :class:`StandIns` until their releases have spent a budget, then train again and begin anew.

    A run that breaks a limit is charged, too: that it was refused is told, and tells something of its release.

    Parameters
    ----------
    method : StandIns
    odometer : Odometer
        What all releases on the same records may cost together, since the last retrain.
    retrain : callable (ids) -> Module
        Trains a network on these records.

    Attributes
    ----------
    odometer : Odometer
        As it stands.
    gone : tuple of ids
        Everything that was forgotten so far.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from expunge.networks import Classification
    >>> rows = np.random.default_rng(0).random((60, 3)).astype("float32")
    >>> task = Classification((rows, (rows[:, 0] > 0.5).astype("int64")))
    >>> steered = Steered(
    ...     StandIns(epsilon=0.5, epochs=1), Odometer(epsilon=1.0, delta=1e-5), retrain=lambda ids: nn.Linear(3, 2)
    ... )
    >>> model = nn.Linear(3, 2)
    >>> for request in ([1], [2], [3], [4]):
    ...     model, removal = steered.forget(model, task, request)
    ...     print(removal.notes[-1])
    answered by stand-ins: epsilon = 0.5 of 1
    answered by stand-ins: epsilon = 0.73 of 1
    answered by stand-ins: epsilon = 0.9114 of 1
    the budget was spent: trained again on what is left
    """

    def __init__(
        self, method: StandIns, odometer: Odometer, *, retrain: Callable[[list[Any]], nn.Module]
    ) -> None:  # fmt: skip
        self.method, self.odometer, self.retrain = method, odometer, retrain
        self.gone: tuple[Any, ...] = ()
        self._full = odometer

    def forget(self, model: nn.Module, task: Task, ids: Any, seed: int = 0, **given: Any) -> tuple[nn.Module, Removal]:
        """A network that forgot; the odometer is charged before the release is made.

        Parameters
        ----------
        model, task, ids, seed, **given
            As of the method, without ``retain``: that is everything which was not forgotten, now or before.

        Raises
        ------
        UnknownRecordError
            A record was forgotten before. Nothing is charged then.
        LimitBrokenError
            As of the method. The release was made and stays charged; the records are not forgotten.
        """
        if "retain" in given:
            raise InvalidRequestError("What is retained follows from what was forgotten.", hint="Leave retain out.")
        asked, before = task.ids[task.find(ids)].tolist(), set(self.gone)
        if again := before.intersection(asked):
            raise UnknownRecordError(f"Record {sorted(again)[0]!r} has been forgotten already.")
        left_out = before.union(asked)
        kept = [i for i in task.ids.tolist() if i not in left_out]
        try:
            after = self.odometer.spend(self.method.event())
        except BudgetExhaustedError:
            return self._anew(task, asked, kept)
        self.method.asked(model, task, asked, kept, given.get("limits") or Limits())  # refuses before it charges
        self.odometer = after
        new, removal = self.method.forget(model, task, asked, seed, retain=kept, **given)
        note = f"answered by stand-ins: epsilon = {after.spent:.4g} of {after.epsilon:g}"
        removal = dataclasses.replace(removal, notes=(*removal.notes, note))
        self.gone = (*self.gone, *asked)
        return new, removal

    def _anew(self, task: Task, asked: list[Any], kept: list[Any]) -> tuple[nn.Module, Removal]:
        start = time.perf_counter()
        new = self.retrain(kept)
        removal = NetworkRemoval(
            guarantee=self.method.guarantee(), n_forgotten=len(asked), work=len(kept),
            elapsed_s=time.perf_counter() - start, touched=tuple(name for name, _ in new.named_parameters()),
            notes=(BUDGET_SPENT,),
        )  # fmt: skip
        self.__dict__.update(odometer=self._full, gone=(*self.gone, *asked))  # in one: no budget without its removal
        return new, removal
