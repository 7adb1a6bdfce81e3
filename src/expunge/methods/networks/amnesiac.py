"""Take back the steps that were taken on the records."""

from __future__ import annotations

from typing import cast

from torch import nn

from expunge.arguments import check_count, check_number
from expunge.errors import InvalidParameterError
from expunge.methods.networks.fine_tuning import FineTuning
from expunge.methods.networks.job import Job
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.task import Positions, Task
from expunge.methods.networks.update_log import UpdateLog

__all__ = ["Amnesiac"]


class Amnesiac(NetworkMethod):
    """Subtract the changes of all steps whose batch held a forgotten record, then repair on the retain set.

    Parameters
    ----------
    log : UpdateLog
        Kept by a hook in the training loop.
    epochs : int, default=1
        Passes over the retain set afterwards; 0 for none.
    lr : float, default=0.01
    batch_size : int, default=64
    momentum : float, default=0.9

    Raises
    ------
    InvalidParameterError
        By its verbs: no log, or an argument out of range.
    InvalidRequestError
        The log holds no step on one of the records.

    Guarantee
    ---------
    ``empirical``: later steps were taken from where the subtracted ones had led.

    Notes
    -----
    θ ← θ - strength · Σ Δθ over those steps. With many records nearly every step is one of them. The paper speaks of a
    small amount of fine-tuning afterwards and names none; the defaults are ours. The log itself still holds the
    changes: ``log.drop(ids)`` afterwards.

    References
    ----------
    L. Graves, V. Nagisetty, V. Ganesh, "Amnesiac machine learning", AAAI 2021, arXiv 2010.10981, section "Amnesiac
    unlearning", the second equation, for θ_M'.

    Examples
    --------
    >>> import torch
    >>> from expunge.networks import Amnesiac, Classification, UpdateLog
    >>> task = Classification((torch.eye(4), torch.tensor([0, 1, 0, 1])))
    >>> model = torch.nn.Linear(4, 2)
    >>> log = UpdateLog(model)
    >>> with log.step([2, 3]):  # around the step of an optimizer
    ...     _ = model.weight.data.add_(0.1)
    >>> new_model, removal = Amnesiac(log=log).forget(model, task, [3])
    >>> removal.work, removal.notes[0]
    (3, '1 of 1 steps were taken back')
    """

    _needs = ("log",)
    _statement = "steps on the records were subtracted, and later steps had been built on them; no distance is proved"

    def __init__(
        self, *, log: UpdateLog | None = None, epochs: int = 1, lr: float = 0.01, batch_size: int = 64,
        momentum: float = 0.9,
    ) -> None:  # fmt: skip
        self.log = log
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.momentum = momentum

    def _check(self) -> None:
        if not isinstance(self.log, UpdateLog):
            raise InvalidParameterError(
                f"log must be an UpdateLog, got {self.log!r}.",
                hint="Put `with log.step(ids):` around optimizer.step().",
            )
        check_count("epochs", self.epochs, least=0)
        check_count("batch_size", self.batch_size)
        check_number("lr", self.lr, open_low=True)
        check_number("momentum", self.momentum)

    def _look(self, model: nn.Module, task: Task, forget: Positions) -> None:
        self._log.sum_of(task.ids[forget])

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return self.epochs * n_retain

    def _run(self, job: Job) -> None:
        change, n_steps = self._log.sum_of(job.task.ids[job.forget])
        job.jump({name: -job.strength * change[name].to(job.device) for name in job.trainable()})
        job.notes.append(f"{n_steps} of {len(self._log)} steps were taken back")
        if self.epochs:
            repair = FineTuning(epochs=self.epochs, lr=self.lr, batch_size=self.batch_size, momentum=self.momentum)
            job.strength = 1.0
            repair._run(job)

    @property
    def _log(self) -> UpdateLog:
        return cast(UpdateLog, self.log)  # _check came first
