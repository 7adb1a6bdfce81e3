"""Training by a schedule, from a checkpoint on: what a replay is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from expunge.arguments import check_choice, check_count, check_number
from expunge.methods.networks.checkpoints import Checkpoint
from expunge.methods.networks.job import copied_model
from expunge.methods.networks.modes import restore_modes, set_mode
from expunge.methods.networks.repeatable import repeatable, threads
from expunge.methods.networks.replay_schedule import Schedule
from expunge.methods.networks.task import Task
from expunge.seeds import check_seed, derive_seed

__all__ = [
    "DOUBT",
    "Settings",
    "check_settings",
    "doubt_of",
    "latest",
    "optimizer_of",
    "run",
    "told_of_cost",
]

#: Why a training may not be repeated.
DOUBT = "two runs of the first steps differ: the data set or a layer draws at random"


class Settings(Protocol):
    """Arguments that a replay reads: those of :class:`~expunge.methods.networks.replay_trainer.ReplayTrainer`."""

    epochs: int
    n_batches: int
    lr: float
    optimizer: Any
    momentum: float
    weight_decay: float
    checkpoint_every: int
    n_threads: int
    seed: int


def check_settings(settings: Settings) -> None:
    """Refuse arguments of the wrong form."""
    for name in ("epochs", "n_batches", "checkpoint_every", "n_threads"):
        check_count(name, getattr(settings, name))
    check_choice("optimizer", settings.optimizer, ("sgd", "adam"))
    check_number("lr", settings.lr, open_low=True)
    check_number("momentum", settings.momentum)
    check_number("weight_decay", settings.weight_decay)
    check_seed(settings.seed)


def optimizer_of(settings: Settings, model: nn.Module) -> torch.optim.Optimizer:
    """A new optimizer of a model's trainable parameters."""
    params = [p for p in model.parameters() if p.requires_grad]
    if settings.optimizer == "adam":
        return torch.optim.Adam(params, lr=settings.lr, weight_decay=settings.weight_decay)
    return torch.optim.SGD(params, lr=settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay)


def run(
    settings: Settings, model: nn.Module, task: Task, schedule: Schedule, positions: npt.NDArray[np.intp],
    start: Checkpoint, stop: int | None = None,
) -> tuple[list[Checkpoint], Checkpoint, int]:  # fmt: skip
    """Train from a checkpoint on.

    Parameters
    ----------
    settings : Settings
    model : Module
        Of the right form; copied.
    task : Task
    schedule : Schedule
    positions : ndarray
        In the task, of the records of the schedule.
    start : Checkpoint
    stop : int, optional
        Step before which to end; default: after the last.

    Returns
    -------
    checkpoints : list of Checkpoint
        Those after the start.
    last : Checkpoint
    work : int
        Records read.
    """
    like, model = model, copied_model(model)
    optimizer = optimizer_of(settings, model)
    start.restore(model, optimizer)
    out: list[Checkpoint] = []
    work, end = 0, schedule.n_steps if stop is None else stop
    with threads(settings.n_threads):
        for number in range(start.step, end):
            if number % settings.checkpoint_every == 0 and number > start.step:
                out.append(Checkpoint.of(number, model, optimizer))
            rows = schedule.step(number)
            if len(rows):
                work += len(rows)
                _step(settings, task, model, optimizer, positions[rows], number)
                restore_modes(model, like)
    return out, Checkpoint.of(end, model, optimizer), work


def _step(
    settings: Settings, task: Task, model: nn.Module, optimizer: torch.optim.Optimizer,
    positions: npt.NDArray[np.intp], number: int,
) -> None:  # fmt: skip
    with repeatable(derive_seed(settings.seed, "noise of step", number), torch.device("cpu")), torch.enable_grad():
        batch = task.batch(positions, torch.device("cpu"))
        set_mode(model, "retain", len(batch))
        optimizer.zero_grad(set_to_none=True)
        loss = task.losses_of(task.forward(model, batch.inputs), batch.targets).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def doubt_of(settings: Settings, model: nn.Module, task: Task, schedule: Schedule, first: Checkpoint) -> str | None:
    """Why the same steps do not give the same bits; None if they do."""
    steps, every = min(2, schedule.n_steps), np.arange(len(task))
    one, two = (run(settings, model, task, schedule, every, first, steps)[1].leaf() for _ in range(2))
    return None if one == two else DOUBT


def latest(checkpoints: Sequence[Checkpoint], step: int) -> Checkpoint:
    """The last checkpoint that is not after a step."""
    return max((c for c in checkpoints if c.step <= step), key=lambda c: c.step)


def _least_share(epochs: int, entry: int = 0) -> float:
    """Share of a retrain that a random record costs at least, on average, which is first read in some epoch of all.

    It is read first in the middle of that epoch: 1 - (entry + 1/2) / epochs, and nothing beyond the last epoch. Where
    checkpoints are sparse it is more.

    Examples
    --------
    >>> _least_share(5), _least_share(5, entry=4), _least_share(1)
    (0.9, 0.1, 0.5)
    """
    return max(0.0, (2 * (epochs - entry) - 1) / (2 * epochs))


def told_of_cost(work: int, retrain: int, epochs: int) -> str:
    """What a plan says beside the number of records: the share of a retrain, and what to expect of others.

    Examples
    --------
    >>> told_of_cost(870, 1000, 5)
    '87% of a retrain; a random record that enters at once costs at least 1 - 1/(2 * 5) = 90% on average'
    """
    share = f"{work / retrain:.0%}" if retrain else "nothing"
    rule = f"1 - 1/(2 * {epochs}) = {_least_share(epochs):.0%}"
    return f"{share} of a retrain; a random record that enters at once costs at least {rule} on average"
