"""A network that was trained under differential privacy, what it has been charged, and how it forgets."""

from __future__ import annotations

import copy
import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import nn

from expunge.errors import (
    BudgetExhaustedError,
    InvalidDataError,
    InvalidRequestError,
    NewerFormatError,
    TamperedError,
    UnknownRecordError,
)
from expunge.files.archive import array_bytes, array_from_bytes, canonical_json, read_archive, write_archive
from expunge.methods.networks.network_method import touched_parts
from expunge.methods.networks.task import Positions, Task
from expunge.methods.networks.weights import Arrays, filled
from expunge.methods.private.do_nothing import about_odometer
from expunge.privacy.claims import HIDES_NO_MORE, LARGE_DELTA, about_large_delta, about_noise
from expunge.privacy.group_odometer import GroupOdometer
from expunge.records import Guarantee, Plan, Removal, independent_of
from expunge.table.ids import Ids, check_ids, check_unique

if TYPE_CHECKING:
    from expunge.methods.private.dp_sgd import DPSGD

__all__ = ["PUBLIC", "PrivateNetwork", "about_lengths", "read_private_network"]

#: What a training by DP-SGD takes for known.
PUBLIC = "the first weights and the number of records are public"


class PrivateFile(NamedTuple):
    """What a file of :meth:`PrivateNetwork.save` holds: weights, odometer, ids that are left, number of fits, and how
    many records the last of them was on."""

    weights: Arrays
    odometer: GroupOdometer
    left: Ids
    fits: int
    trained_on: int


def read_private_network(path: str | Path) -> PrivateFile:
    """Read a file of :meth:`PrivateNetwork.save`.

    Raises
    ------
    TamperedError
        As ``expunge.load`` says, or the odometer has not charged what is gone.
    NewerFormatError, FileNotUsableError
        As ``expunge.load`` says.
    """
    manifest, entries = read_archive(path)
    if manifest.get("kind") != "private network" or "left" not in entries:
        raise TamperedError(f"{str(path)!r} holds no private network.", hint="Give the file that save() wrote.")
    try:
        left = check_ids(json.loads(entries.pop("left")))
        check_unique(left)
        odometer = GroupOdometer.from_dict(manifest["odometer"])
        fits, trained_on = int(manifest["fits"]), int(manifest["trained_on"])
    except NewerFormatError:
        raise
    except (KeyError, ValueError, TypeError) as error:
        raise TamperedError(f"{str(path)!r} is damaged: {error}", hint="Restore it from a copy.") from error
    if odometer.gone != trained_on - len(left):
        raise TamperedError(
            f"{str(path)!r} has charged {odometer.gone:g} records of the {trained_on - len(left)} that are gone.",
            hint="Restore it from a copy.",
        )
    weights = {name.removeprefix("weights/"): array_from_bytes(value) for name, value in entries.items()}
    return PrivateFile(weights, odometer, left, fits, trained_on)


class PrivateNetwork:
    """What :meth:`DPSGD.fit` gives.

    Parameters
    ----------
    method : DPSGD
    model, first : Module
        As trained, and as it was before.
    task : Task
    odometer : GroupOdometer
    notes : list of str
    work : int

    Attributes
    ----------
    model : Module
        Trained, in eval mode.
    odometer : GroupOdometer
        How many records are gone since the training, what that has cost, and how many more may go.
    record_ids_ : ndarray
        What has not been forgotten.
    notes : list of str
        Layers that were replaced.
    work : int
        Records read in training.
    lock : RLock
        Held while something changes.
    """

    def __init__(
        self, method: DPSGD, model: nn.Module, task: Task, odometer: GroupOdometer, *, first: nn.Module,
        notes: list[str], work: int,
    ) -> None:  # fmt: skip
        self.method, self.model, self.odometer, self.notes, self.work = method, model, odometer, notes, work
        self._task, self._first, self._fits, self._trained_on = task, first, 1, len(task)
        self._gone = np.empty(0, dtype=np.intp)
        self._path: Path | None = None
        self.lock = threading.RLock()

    @property
    def record_ids_(self) -> npt.NDArray[Any]:
        """Ids that have not been forgotten."""
        return np.asarray(self._task.ids[self._left(self._gone)])

    def plan(self, ids: Any) -> Plan:
        """What :meth:`forget` of these would cost and promise; changes nothing, and refuses what that refuses."""
        with self.lock:
            return self._planned(ids)

    def _planned(self, ids: Any) -> Plan:
        asked = self._asked(ids)
        odometer, left = self._after(asked), self._left(np.concatenate([self._gone, asked]))
        if odometer is not None:
            return Plan(
                guarantee=self._promise(odometer), n_records=len(asked), work_low=0, work_high=0, touched=("odometer",)
            )
        self._refuse_nothing_left(left)
        fresh = GroupOdometer(self.odometer.epsilon, self.odometer.delta, self.odometer.event)
        touched = tuple(name for name, _ in self.model.named_parameters())
        return Plan(
            guarantee=self._promise(fresh), n_records=len(asked), work_low=0,
            work_high=self.method._most(len(left)), touched=("odometer", *touched),
        )  # fmt: skip

    def forget(self, ids: Any) -> Removal:
        """Forget records: do nothing to the network and charge the odometer; or train again once that is spent.

        Raises
        ------
        UnknownRecordError, DuplicateRecordError, InvalidIdError, InvalidRequestError
            An id that is not known, or no longer; no id; nothing would be left to train on.
        BudgetExhaustedError
            More are to go than may, and ``on_exhausted`` is "refuse".

        Notes
        -----
        Where the network has been saved, its file holds the new reading before this returns.
        """
        with self.lock:
            started = time.perf_counter()
            after = self.copied()
            asked = self._asked(ids)
            work, touched, notes = after._forgotten(asked)
            self.take(after)
            guarantee = self._promise(self.odometer)
        return Removal(
            guarantee=guarantee, n_forgotten=len(asked), work=work,
            elapsed_s=time.perf_counter() - started, touched=touched, notes=notes,
        )  # fmt: skip

    def _forgotten(self, asked: Positions) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
        """Forget on this copy, which has no file yet: the work, the parts that were touched, the notes."""
        odometer, gone = self._after(asked), np.sort(np.concatenate([self._gone, asked]))
        self._gone = gone
        if odometer is not None:
            self.odometer = odometer
            return 0, ("odometer",), (about_odometer(odometer),)
        left, old = self._left(gone), self.model
        self._refuse_nothing_left(left)
        self._fits, self._trained_on = self._fits + 1, len(left)
        self.model, self.odometer, _, work = self.method.trained(self._first, self._task, left, fits=self._fits)
        return work, ("odometer", *touched_parts(old, self.model)), (HIDES_NO_MORE,)

    def copied(self) -> PrivateNetwork:
        """Another one in the same state, without a file and with a lock of its own, to forget on beforehand."""
        with self.lock:
            other = copy.copy(self)
        other._path, other.lock = None, threading.RLock()
        return other

    def take(self, other: PrivateNetwork) -> None:
        """Become what another one is; the file first, where there is one, so that nothing has changed if that fails."""
        with self.lock:
            if self._path is not None:
                other._write(self._path)
            names = ("model", "odometer", "_gone", "_fits", "_trained_on")
            self.__dict__.update({name: getattr(other, name) for name in names})  # all in one, whatever interrupts it

    # ------------------------------------------------------------------ a file

    def save(self, path: str | Path) -> Path:
        """Write weights, odometer and the ids that are left to one file; each ``forget`` writes it anew.

        It is written whole, before anything is said of a request: a process that dies leaves the reading before, and
        nobody was told, or the one after.
        """
        with self.lock:
            self._path = self._write(path)
            return self._path

    def _write(self, path: str | Path) -> Path:
        weights = {f"weights/{name}": array_bytes(v.cpu().numpy()) for name, v in self.model.state_dict().items()}
        manifest = {
            "kind": "private network", "odometer": self.odometer.to_dict(), "fits": self._fits,
            "trained_on": self._trained_on,
        }  # fmt: skip
        return write_archive(path, manifest, {"left": canonical_json(self.record_ids_.tolist()), **weights})

    def load(self, path: str | Path) -> PrivateNetwork:
        """Take up what :meth:`save` wrote, over the records that it knew and has not forgotten, in any order.

        Records that the file does not name count as forgotten. Without ``record_ids`` records are named by their
        positions: then the data must be what it was.

        Raises
        ------
        TamperedError, NewerFormatError, FileNotUsableError
            As ``expunge.load`` says; or the odometer has not charged what is gone.
        InvalidDataError
            A record that is left is not in the task.
        UnsupportedEstimatorError
            The weights are of another network. Nothing has changed after any of these.
        """
        held = read_private_network(path)
        known = set(self._task.ids.tolist())
        if strange := [i for i in held.left.tolist() if i not in known]:
            raise InvalidDataError(
                f"{str(path)!r} knows a record {strange[0]!r}, and the task does not.",
                hint="Give the task the records and the ids that the network was trained on.",
            )
        left = self._task.find(held.left) if len(held.left) else np.empty(0, dtype=np.intp)
        with self.lock:
            model = filled(copy.deepcopy(self.model), held.weights)
            self.__dict__.update(
                model=model, odometer=held.odometer, _gone=self._left(left), _fits=held.fits,
                _trained_on=held.trained_on, _path=Path(path),
            )  # fmt: skip
        return self

    # ------------------------------------------------------------------ small things

    def _asked(self, ids: Any) -> Positions:
        asked = self._task.find(ids)
        if len(known := np.intersect1d(asked, self._gone)):
            raise UnknownRecordError(f"Record {self._task.ids[known].tolist()[0]!r} has been forgotten already.")
        return asked

    def _left(self, gone: Positions) -> Positions:
        return np.setdiff1d(np.arange(len(self._task), dtype=np.intp), gone)

    def _after(self, asked: Positions) -> GroupOdometer | None:
        """The odometer once these are gone; None where the network has to be trained again."""
        try:
            return self.odometer.spend(len(asked))
        except BudgetExhaustedError:
            if self.method.on_exhausted == "refuse":
                raise
            return None

    @staticmethod
    def _refuse_nothing_left(left: Positions) -> None:
        if not len(left):
            raise InvalidRequestError("Nothing is left to train on.", hint="Delete the network.")

    def _promise(self, odometer: GroupOdometer) -> Guarantee:
        if odometer.gone:
            said = (
                f"the network, which was not changed, is ({odometer.spent:.4g}, {odometer.delta:g})-indistinguishable "
                f"from one trained without the records that went since; {about_odometer(odometer)}"
            )
        else:
            said = "the network was trained on what is left, with fresh noise"
        is_large = about_large_delta(odometer.delta, len(self._task), allowed=self.method.allow_large_delta)
        return Guarantee(
            kind="certified", epsilon=odometer.spent, delta=odometer.delta, statement=said,
            epsilon_left=odometer.epsilon_left,
            assumptions=(
                f"coins and noise of torch's generator, {about_noise(self.method.noise_seed)}",
                "neighbours differ in records that are there or not",
                about_lengths(self.method.max_grad_norm, self.method.clip_quantile),
                f"the account is that of {odometer.event}", PUBLIC,
                "each training is published by itself", independent_of("network"),
                *([LARGE_DELTA] if is_large else []),
            ),
        )  # fmt: skip


def about_lengths(norm: float, quantile: float | None) -> str:
    """How long gradients are."""
    if quantile is None:
        return f"no gradient of a record is longer than {norm:g}: shortened, record by record"
    return (
        f"no gradient of a record is longer than a bound: {norm:g}, and then what follows the quantile {quantile:g} of "
        "the lengths, counted with noise within the budget"
    )
