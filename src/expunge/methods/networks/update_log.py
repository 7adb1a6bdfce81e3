"""What each step of a training changed, kept so that it can be taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from expunge.errors import InvalidRequestError
from expunge.maths.vectors import Vector
from expunge.table.ids import check_ids

__all__ = ["UpdateLog"]


class UpdateLog:
    """A hook for your training loop: the change of the weights in each step, under the ids of its batch.

    Parameters
    ----------
    model : Module
        That is trained.
    sensitive : sequence of ids, optional
        Only steps on a batch that holds one of these are kept; default: all steps.

    Notes
    -----
    One copy of the weights for each step that is kept, on the CPU. The changes were made by the records: a log has to
    be deleted, or :meth:`drop` called, once they are forgotten.

    Examples
    --------
    >>> model = nn.Linear(1, 1)
    >>> log = UpdateLog(model)
    >>> with log.step([7, 8]):
    ...     _ = model.weight.data.add_(0.5)
    >>> len(log), log.holds([7, 9]).tolist()
    (1, [True, False])
    """

    def __init__(self, model: nn.Module, *, sensitive: Sequence[Any] | None = None) -> None:
        self.model = model
        self._sensitive = None if sensitive is None else check_ids(sensitive, what="sensitive")
        self._steps: list[tuple[npt.NDArray[Any], Vector]] = []

    def __len__(self) -> int:
        return len(self._steps)

    @contextmanager
    def step(self, ids: Any) -> Iterator[None]:
        """Around one ``optimizer.step()``; ids of the records of the batch."""
        batch = check_ids(ids, what="ids")
        if self._sensitive is not None and not np.isin(batch, self._sensitive).any():
            yield
            return
        before = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        yield
        change = {name: (p.detach() - before[name]).cpu() for name, p in self.model.named_parameters()}
        self._steps.append((batch, change))

    def holds(self, ids: Any) -> npt.NDArray[np.bool_]:
        """Which records a step that is kept was taken on, shape (k,)."""
        wanted = check_ids(ids, what="ids")
        held = [batch for batch, _ in self._steps]
        return np.isin(wanted, np.concatenate(held)) if held else np.zeros(len(wanted), dtype=bool)

    def sum_of(self, ids: Any) -> tuple[Vector, int]:
        """Sum of the changes of all steps on a batch with one of these records, and how many there are.

        Raises
        ------
        InvalidRequestError
            No step was kept for one of them.
        """
        wanted = check_ids(ids, what="ids")
        if not (known := self.holds(wanted)).all():
            raise InvalidRequestError(
                f"The log holds no step on record {wanted[~known].tolist()[0]!r}.",
                hint="Was it among the sensitive ones?",
            )
        steps = [change for batch, change in self._steps if np.isin(batch, wanted).any()]
        return {name: torch.stack([change[name] for change in steps]).sum(dim=0) for name in steps[0]}, len(steps)

    def drop(self, ids: Any) -> None:
        """Delete every step on one of these records."""
        wanted = check_ids(ids, what="ids")
        self._steps = [(batch, change) for batch, change in self._steps if not np.isin(batch, wanted).any()]
