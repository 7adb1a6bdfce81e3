"""A network that was trained, elsewhere or here, and forgets by one of the methods for networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_number
from expunge.errors import InvalidDataError, InvalidParameterError, LimitBrokenError, UnsupportedRequestError
from expunge.methods.networks.adopted_weights import FIT, NO_MORE, AdoptedWeights, method_of
from expunge.methods.networks.limits import OR_SEARCHED, Limits
from expunge.methods.networks.network_method import NetworkMethod, corrects
from expunge.methods.networks.network_model import NetworkModel, weights_of
from expunge.methods.networks.repeatable import threads
from expunge.methods.networks.update_log import UpdateLog
from expunge.methods.networks.weights import Arrays, filled, tensors_of
from expunge.records import Guarantee, Kind
from expunge.rows import Rows, Table
from expunge.seeds import derive_seed
from expunge.state import Change, Part

__all__ = ["TrainedNetwork"]

Slots = npt.NDArray[np.intp]

_LOG = "log/"


class TrainedNetwork(AdoptedWeights, NetworkModel):
    """A network with the rows it was trained on, for a workspace: it forgets by a method of ``expunge.networks``.

    Parameters
    ----------
    task : str
        Name of a blueprint: an entry point in the group ``expunge.tasks``, or one that was registered.
    method : str, default="SCRUB"
        A name in ``expunge.networks.NETWORK_METHODS``, or as the command line writes it. One that is certified is
        refused: :class:`~expunge.methods.networks.certified_network.CertifiedNetwork` keeps the account of its budget.
    options : dict, optional
        Constructor arguments of the method: numbers and texts.
    limits : dict, optional
        Arguments of :class:`~expunge.methods.networks.limits.Limits`.
    strength : float, default=1.0
        The balance factor of the method.
    seed : int, default=0

    Attributes
    ----------
    network_ : Module
        A copy, in eval mode.
    classes_ : ndarray of shape (n_classes,)

    Guarantee
    ---------
    ``empirical``: what the method promises, and no more. An audit measures the rest.

    Notes
    -----
    :meth:`adopt` takes over weights that were trained elsewhere; ``fit`` trains by the ``train`` of the blueprint, if
    there is one, which is also how an audit makes its references. Forgetting reads the n records once, and as many more
    as the method does. An output whose class has no record left is given no more; what the layers still hold of it, no
    answer shows. It learns no further records. Methods that need more than weights are given it: ``Amnesiac`` the log
    of the training, ``SingleStep`` the first weights.

    References
    ----------
    Those of the method.

    Examples
    --------
    >>> from torch import nn
    >>> from expunge.networks import Blueprint, register
    >>> class Line(Blueprint):
    ...     def network(self, n_features, n_outputs):
    ...         return nn.Linear(n_features, n_outputs)
    >>> register("line", Line)
    >>> X, y = np.eye(6), np.array(["a", "b"] * 3)
    >>> model = TrainedNetwork(task="line", method="GradientAscent")
    >>> model = model.adopt({"weight": np.ones((2, 6), np.float32), "bias": np.zeros(2, np.float32)}, X, y)
    >>> model.forget([4]).guarantee.kind
    'empirical'
    """

    _strongest: ClassVar[Kind] = "empirical"
    _alternatives: ClassVar[dict[str, list[Any]]] = {
        "task": [], "method": ["FineTuning"], "options": [{"epochs": 2}], "limits": [{"jump_penalty": 10.0}],
        "strength": [0.5],
    }  # fmt: skip

    def __init__(
        self, *, task: Any = None, method: str = "SCRUB", options: Mapping[str, Any] | None = None,
        limits: Mapping[str, Any] | None = None, strength: float = 1.0, seed: int = 0,
    ) -> None:  # fmt: skip
        self.task = task
        self.method = method
        self.options = options
        self.limits = limits
        self.strength = strength
        self.seed = seed

    def adopt(
        self, weights: Arrays, X: Any, y: Any, *, record_ids: Any = None, subject_ids: Any = None,
        log: UpdateLog | None = None, start: Arrays | None = None,
    ) -> TrainedNetwork:  # fmt: skip
        """As :meth:`AdoptedWeights.adopt`, with what some methods need beside weights.

        Parameters
        ----------
        weights, X, y, record_ids, subject_ids
            As there.
        log : UpdateLog, optional
            Of its training, for ``Amnesiac``.
        start : dict of str to ndarray, optional
            Its weights before training, for ``SingleStep``.
        """
        try:
            self._held = log, start
            super().adopt(weights, X, y, record_ids=record_ids, subject_ids=subject_ids)
        finally:
            self.__dict__.pop("_held", None)
        return self

    # ------------------------------------------------------------------ what a model writes

    def _check_params(self) -> None:
        super()._check_params()
        self._maker()
        Limits(**self._limits())
        if isinstance(self.strength, bool) or not isinstance(self.strength, (int, float)):
            raise InvalidParameterError(
                f"strength={self.strength!r} is no number, and a search of the dose needs a reference.",
                hint="Give a number from 0 on, as strength=0.5; expunge.networks searches in Python.",
            )
        check_number("strength", self.strength)

    def _update(self, change: Change) -> dict[str, Part | None]:
        if "network" not in change.parts:
            return self._first(change) | self._kept()
        if not len(change.rows):
            return dict.fromkeys(change.parts)
        if len(change.added_slots) and not self._is_correction(change):
            raise UnsupportedRequestError(NO_MORE, hint=FIT)
        return self._forgotten(change)

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        return self._answering(rows, parts["network"], parts["outputs"]) if "network" in parts else None

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        parts = self._state().parts
        n_forget, n_retain = len(slots), len(rows) - len(slots)
        if not n_retain or "network" not in parts:
            return 0, 0, tuple(parts)
        method, n = self._method(parts), len(rows)  # each row is taken out once, to be made into inputs
        low, high = method._least(n_forget, n_retain), method._estimate(n_forget, n_retain)
        return max(n, low), max(n, high), tuple(parts)

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, tuple[str, ...]]:
        low, high, touched = self._estimate(rows, slots)
        return low + len(table), 2 * high + len(table), touched

    def _check_addable(self) -> None:
        parts = self._state().parts
        if "network" in parts and not corrects(self._method(parts)):
            raise UnsupportedRequestError(NO_MORE, hint=FIT)

    def _guarantee(self) -> Guarantee:
        return self._method(self._state().parts).guarantee()

    # ------------------------------------------------------------------ the machinery

    def _forgotten(self, change: Change) -> dict[str, Part | None]:
        rows, parts = change.rows, change.parts
        kept = np.setdiff1d(rows.slots(), change.added_slots)
        gone, table = rows.peek_beside(change.removed_slots), rows.peek(np.concatenate([kept, change.removed_slots]))
        labels, outputs = self._labels(table.y), parts["outputs"]
        network = filled(self._built(outputs["n"]), parts["network"])
        task, seed, method = self._task_of(table, outputs, labels), self._seed_of(gone), self._method(parts)
        common: dict[str, Any] = {"limits": Limits(**self._limits()), "strength": self.strength}
        with threads(1):
            if len(change.added_slots):
                new = rows.peek(rows.find(gone.ids))
                if strange := set(self._labels(new.y).tolist()) - set(labels.tolist()):
                    raise InvalidDataError(f"The network has no output for the class {strange.pop()!r}.", hint=FIT)
                corrected = self._task_of(new, outputs, labels).dataset
                done, mended = method.rectify(network, task, gone.ids, corrected, seed, **common)
                work, notes = mended.work, mended.notes
            else:
                try:
                    done, told = method.forget(network, task, gone.ids, seed, **common)
                except LimitBrokenError as error:
                    raise LimitBrokenError(error.message, hint=error.hint.replace(OR_SEARCHED, "")) from None
                change.notes.extend(str(row) for row in told.utility if row.kind == "all" and row.part == "retain")
                work, notes = told.work, told.notes
        rows.count(max(work, len(table) + len(change.added_slots)))
        change.notes.extend(notes)
        left = np.isin(labels, self._labels(rows.peek_beside(rows.slots()).y))
        out: dict[str, Part | None] = {"network": weights_of(done)}
        if len(left) and not left.all():
            out["outputs"] = {"of": outputs["of"][left], "n": outputs["n"]}
            change.notes.append("an output without records is given no more; no answer shows what layers hold of it")
        held = set(gone.ids.tolist())
        return out | {n: None for n, p in parts.items() if n.startswith(_LOG) and held.intersection(p["ids"])}

    def _kept(self) -> dict[str, Part | None]:
        """What a method needs beside weights, of a network that is taken over."""
        log, start = getattr(self, "_held", (None, None))
        parts: dict[str, Part | None] = {} if start is None else {"start": dict(start)}
        return parts | ({} if log is None else log.parts(_LOG))

    def _is_correction(self, change: Change) -> bool:
        rows = change.rows
        same = set(rows.peek_beside(change.added_slots).ids.tolist()) == set(
            rows.peek_beside(change.removed_slots).ids.tolist()
        )
        return same and corrects(self._method(change.parts))

    def _seed_of(self, gone: Table) -> int:
        """Of one removal: from the seed and whom it is about."""
        return derive_seed(self.seed, "removal", *sorted(map(str, gone.ids.tolist())))

    def _limits(self) -> dict[str, Any]:
        limits, known = dict(self.limits or {}), {field.name for field in dataclasses.fields(Limits)}
        if strange := sorted(limits.keys() - known):
            raise InvalidParameterError(f"There is no limit {strange[0]!r}.", hint=f"There are {sorted(known)}.")
        return limits

    def _maker(self) -> tuple[type[NetworkMethod], dict[str, Any]]:
        """The class of the method, and its arguments."""
        kind, options = method_of(self.method, self.options)
        if kind._strongest != self._strongest:
            raise UnsupportedRequestError(
                f"{kind.__name__} spends a budget at each removal, of which no account is kept here.",
                hint=f"Take CertifiedNetwork, which keeps it, or call expunge.networks.{kind.__name__} yourself.",
            )
        return kind, options

    def _method(self, parts: Mapping[str, Part]) -> NetworkMethod:
        """The method, with what it needs of the parts."""
        kind, options = self._maker()
        given: dict[str, Any] = {}
        if "log" in kind._needs:
            given["log"] = UpdateLog.of_parts(parts, _LOG)
        if "start" in kind._needs:
            given["start"] = tensors_of(parts["start"]) if "start" in parts else None
        return kind(**options | given)
