"""What each step of a training changed, kept so that it can be taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from expunge.errors import InvalidRequestError, TamperedError
from expunge.files.whole import write_whole
from expunge.maths.vectors import Vector
from expunge.methods.networks.weights import arrays_of, part_of, read_weights, tensors_of
from expunge.state import Part
from expunge.table.ids import check_ids

__all__ = ["UpdateLog"]


class UpdateLog:
    """A hook for your training loop: the change of the weights in each step, under the ids of its batch.

    Parameters
    ----------
    model : Module, optional
        That is trained; not needed for a log that is read and goes on no more.
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

    def __init__(self, model: nn.Module | None = None, *, sensitive: Sequence[Any] | None = None) -> None:
        self.model = model
        self._sensitive = None if sensitive is None else check_ids(sensitive, what="sensitive")
        self._steps: list[tuple[npt.NDArray[Any], Vector]] = []

    def __len__(self) -> int:
        return len(self._steps)

    @contextmanager
    def step(self, ids: Any) -> Iterator[None]:
        """Around one ``optimizer.step()``; ids of the records of the batch. One that fails halfway is kept, too.

        Raises
        ------
        InvalidRequestError
            The log was read from a file.
        """
        if self.model is None:
            raise InvalidRequestError("This log was read from a file.", hint="Make one with the model that is trained.")
        batch = check_ids(ids, what="ids")
        if self._sensitive is not None and not np.isin(batch, self._sensitive).any():
            yield
            return
        before = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        try:
            yield
        finally:  # also of a step that was interrupted: what it moved so far
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

    # ------------------------------------------------------------------ as data

    def save(self, path: str | Path) -> Path:
        """Write the log to a file of safetensors; ids of records stand in it as text."""
        from safetensors.numpy import save

        ids, arrays = [batch.tolist() for batch, _ in self._steps], {}
        for i, (_, change) in enumerate(self._steps):
            arrays.update({f"{i:08d}/{name}": array for name, array in arrays_of(change).items()})
        data = save(arrays, metadata={"ids": json.dumps(ids)})
        return write_whole(Path(path), lambda stream: stream.write(data))

    @classmethod
    def load(cls, path: str | Path) -> UpdateLog:
        """Read what :meth:`save` wrote.

        Raises
        ------
        FileNotUsableError, TamperedError
            There is no file, or it is no log.
        """
        arrays, out = read_weights(path), cls()
        try:
            size = int.from_bytes((data := Path(path).read_bytes())[:8], "little")
            every = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["ids"])
            for i, ids in enumerate(every):
                out._steps.append((check_ids(ids), tensors_of(part_of(arrays, f"{i:08d}/"))))
        except (KeyError, ValueError, TypeError) as error:
            raise TamperedError(f"{str(path)!r} is no log of updates.", hint="Write it: log.save(path).") from error
        return out

    def parts(self, prefix: str) -> dict[str, Part]:
        """A part for each step: the ids of its batch, and what it changed."""
        return {
            f"{prefix}{i:08d}": {"ids": batch.tolist()} | {f"change/{n}": a for n, a in arrays_of(change).items()}
            for i, (batch, change) in enumerate(self._steps)
        }

    @classmethod
    def of_parts(cls, parts: Mapping[str, Part], prefix: str) -> UpdateLog:
        """The inverse of :meth:`parts`; other parts are passed over."""
        out = cls()
        for name in sorted(parts):
            if name.startswith(prefix):
                change = tensors_of(part_of(parts[name], "change/"))
                out._steps.append((check_ids(parts[name]["ids"]), change))
        return out
