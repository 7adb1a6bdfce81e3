"""A network, trained elsewhere or here, that forgets by certified removals and keeps the account of their budget."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils import Tags

from expunge.arguments import check_choice
from expunge.errors import BudgetExhaustedError, InvalidParameterError, UnsupportedRequestError
from expunge.methods.networks.adopted_weights import FIT, NO_MORE, AdoptedWeights, method_of
from expunge.methods.networks.network_model import NetworkModel, weights_of
from expunge.methods.networks.noisy_fine_tuning import ALONE, NoisyFineTuning
from expunge.methods.networks.repeatable import threads
from expunge.methods.networks.weights import filled
from expunge.privacy.arguments import POLICIES, check_delta
from expunge.privacy.claims import BUDGET_SPENT, about_large_delta, tagged
from expunge.privacy.odometer import Odometer
from expunge.records import Guarantee, Kind
from expunge.rows import Rows
from expunge.seeds import derive_seed
from expunge.state import Change, Part

__all__ = ["CertifiedNetwork"]

Slots = npt.NDArray[np.intp]


class CertifiedNetwork(AdoptedWeights, NetworkModel):
    """A network with the rows it was trained on, for a workspace: each removal is certified, and charged to a budget.

    Parameters
    ----------
    task : str
        Name of a blueprint: an entry point in the group ``expunge.tasks``, or one that was registered.
    method : str, default="NoisyFineTuning"
        A certified one of ``expunge.networks.NETWORK_METHODS``, or as the command line writes it.
    options : dict, optional
        Its constructor arguments; ``epsilon`` and ``delta`` are those of one removal.
    budget_epsilon, budget_delta : float, default=4.0 and 1e-5
        What all networks may cost together that are published since the training; delta at most 1/n, unless the options
        say ``allow_large_delta``.
    on_exhausted : {"refuse", "retrain"}, default="refuse"
        When the budget affords no removal more: refuse, leaving everything as it was, or train again on what is left by
        the ``train`` of the blueprint, with a new budget.
    seed : int, default=0

    Attributes
    ----------
    network_ : Module
        A copy, in eval mode.
    classes_ : ndarray of shape (n_classes,)
    odometer_ : Odometer
        What the removals since the training have cost.

    Guarantee
    ---------
    ``certified``: all networks that were published by removals since the training, seen together, are (epsilon, delta)-
    indistinguishable from those of the same steps that begin, each time, with a network trained without what was gone
    by then. Epsilon is the odometer's; one network by itself costs no more than one removal.

    Notes
    -----
    The odometer is a part of the model: a version of it is written with the weights that it paid for, and both come
    into use in one step. Forgetting reads the n records once, and as many more as the method does. What was measured on
    records is not said, for the certificate does not cover it. It learns no further records and corrects none.

    References
    ----------
    Those of the method. Composition: every removal is, whatever network it begins with, as hard to tell apart as two
    Gaussians (:mod:`expunge.privacy.forgetting_noise`), so the removals compose as these do.

    Examples
    --------
    >>> from torch import nn
    >>> from expunge.networks import Blueprint, register
    >>> class Line(Blueprint):
    ...     def network(self, n_features, n_outputs):
    ...         return nn.Linear(n_features, n_outputs)
    >>> register("line", Line)
    >>> X, y = np.eye(6), np.array(["a", "b"] * 3)
    >>> model = CertifiedNetwork(task="line", options={"n_steps": 5}, budget_epsilon=1.6)
    >>> model = model.adopt({"weight": np.ones((2, 6), np.float32), "bias": np.zeros(2, np.float32)}, X, y)
    >>> for record in (4, 3):
    ...     print(round(model.forget([record]).guarantee.epsilon, 2))
    1.0
    1.47
    >>> model.forget([2])
    Traceback (most recent call last):
    expunge.errors.BudgetExhaustedError: The budget is epsilon = 1.6 at delta = 1e-05; with this it would be ...
    """

    _strongest: ClassVar[Kind] = "certified"
    _takes_gate: ClassVar[bool] = False  # of a workspace: a choice by what the networks answer is not in the account
    _alternatives: ClassVar[dict[str, list[Any]]] = {"task": [], "method": [], "options": [{"n_steps": 7}]}

    def __init__(
        self, *, task: Any = None, method: str = "NoisyFineTuning", options: Mapping[str, Any] | None = None,
        budget_epsilon: float = 4.0, budget_delta: float = 1e-5, on_exhausted: str = "refuse", seed: int = 0,
    ) -> None:  # fmt: skip
        self.task = task
        self.method = method
        self.options = options
        self.budget_epsilon = budget_epsilon
        self.budget_delta = budget_delta
        self.on_exhausted = on_exhausted
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        return tagged(super().__sklearn_tags__(), (self.options or {}).get("noise_seed"))

    @property
    def odometer_(self) -> Odometer:
        """What the removals since the training have cost, and the budget."""
        return _read(self._state().parts["odometer"])

    # ------------------------------------------------------------------ what a model writes

    def _check_params(self) -> None:
        super()._check_params()
        method, budget = self._method(), Odometer(float(self.budget_epsilon), float(self.budget_delta))
        check_choice("on_exhausted", self.on_exhausted, POLICIES)
        if not budget.affords(method.event):
            raise InvalidParameterError(
                f"The budget of epsilon = {budget.epsilon:g} at delta = {budget.delta:g} affords no removal at epsilon "
                f"= {method.epsilon:g}, delta = {method.delta:g}.",
                hint="Raise budget_epsilon, or lower the epsilon of a removal: --option epsilon=...",
            )

    def _update(self, change: Change) -> dict[str, Part | None]:
        if "network" not in change.parts:
            return self._begun(change)
        if not len(change.rows):
            return dict.fromkeys(change.parts)
        if len(change.added_slots):
            raise UnsupportedRequestError(NO_MORE, hint=FIT)
        after = self._after(_read(change.parts["odometer"]))
        if after is None:
            change.notes.append(BUDGET_SPENT)
            return self._begun(change)
        return self._forgotten(change, after)

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        return self._answering(rows, parts["network"], parts["outputs"]) if "network" in parts else None

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        parts = self._state().parts
        n_forget, n_retain = len(slots), len(rows) - len(slots)
        if not n_retain or not n_forget or "network" not in parts:
            return 0, 0 if not n_retain else len(rows), tuple(parts)
        if self._after(self.odometer_) is None:
            return n_retain, n_retain, tuple(parts)
        work = max(len(rows), self._method()._estimate(n_forget, n_retain))  # each is taken out once
        return work, work, tuple(parts)

    def _check_addable(self) -> None:
        if "network" in self._state().parts:
            raise UnsupportedRequestError(NO_MORE, hint=FIT)

    def _guarantee(self) -> Guarantee:
        parts = self._state().parts
        return self._promise(_read(parts["odometer"]) if "odometer" in parts else None)

    def _guarantee_after(self, slots: Slots | None, corrected: bool = False) -> Guarantee:
        parts = self._state().parts
        if "odometer" not in parts or (slots is not None and len(slots) == len(self._rows())):
            return self._promise(None)
        after = self._after(self.odometer_)
        return self._promise(self._full() if after is None else after)

    def _reading(self) -> tuple[str, ...]:
        parts = self._state().parts
        return (_about(_read(parts["odometer"])),) if "odometer" in parts else ()

    # ------------------------------------------------------------------ the machinery

    def _full(self) -> Odometer:
        return Odometer(float(self.budget_epsilon), float(self.budget_delta))

    def _after(self, odometer: Odometer) -> Odometer | None:
        """The odometer after one removal more; None where the network has to be trained again."""
        try:
            return odometer.spend(self._method().event)
        except BudgetExhaustedError:
            if self.on_exhausted == "refuse":
                raise
            return None

    def _begun(self, change: Change) -> dict[str, Part | None]:
        """A network and its budget, before any removal."""
        parts = self._first(change)
        if parts.get("network") is None:
            return parts
        large = self._method().allow_large_delta
        check_delta(self.budget_delta, n=len(change.rows), allow_large_delta=large)
        return parts | {"odometer": _written(self._full())}

    def _forgotten(self, change: Change, odometer: Odometer) -> dict[str, Part | None]:
        rows, parts = change.rows, change.parts
        gone, table = (
            rows.peek_beside(change.removed_slots),
            rows.peek(np.concatenate([rows.slots(), change.removed_slots])),
        )
        labels, outputs = self._labels(table.y), parts["outputs"]
        network = filled(self._built(outputs["n"]), parts["network"])
        task = self._task_of(table, outputs, labels)
        seed = derive_seed(self.seed, "removal", *sorted(map(str, gone.ids.tolist())))
        with threads(1):
            done, told = self._method(_count(odometer)).forget(network, task, gone.ids, seed)
        rows.count(max(told.work, len(table)))
        left = np.isin(labels, self._labels(rows.peek_beside(rows.slots()).y))
        out: dict[str, Part | None] = {"network": weights_of(done), "odometer": _written(odometer)}
        if len(left) and not left.all():
            out["outputs"] = {"of": outputs["of"][left], "n": outputs["n"]}
            change.notes.append("an output without records is given no more")
        change.notes.append(_about(odometer))
        return out

    def _method(self, number: int = 0) -> NoisyFineTuning:
        """The method; a seed of its noise, which is for tests, gives each removal noise of its own."""
        kind, options = method_of(self.method, self.options)
        if not issubclass(kind, NoisyFineTuning):
            raise UnsupportedRequestError(
                f"{kind.__name__} gives no certificate.", hint="Take TrainedNetwork, or method='NoisyFineTuning'."
            )
        method = kind(**options)
        method._check()
        if method.noise_seed is not None:
            method.noise_seed = derive_seed(method.noise_seed, "noise", str(number))
        return method

    def _promise(self, odometer: Odometer | None) -> Guarantee:
        method, spent = self._method(), 0.0 if odometer is None else odometer.spent
        one = method.guarantee()
        if odometer is None:
            said = "no record is left, and nothing that was learned from any"
        elif not odometer.events:
            said = "the network was trained on what is left"
        else:
            large = about_large_delta(self.budget_delta, len(self._rows()), allowed=method.allow_large_delta)
            said = (
                f"all networks that removals since the training gave, together: ({spent:.4g}, {odometer.delta:g})-"
                f"indistinguishable{large} from those of the same steps that began without the records; the last one "
                f"by itself: {one.statement}; {_about(odometer)}"
            )
        return Guarantee(
            kind=self._strongest, epsilon=spent, delta=float(self.budget_delta), statement=said,
            epsilon_left=None if odometer is None else odometer.left,
            assumptions=(
                *(text for text in one.assumptions if text != ALONE), "the classes are public",
                "whether a network is put into use does not depend on what it answers",
            ),
        )  # fmt: skip


def _written(odometer: Odometer) -> Part:
    """The part ``odometer``."""
    return {"record": json.dumps(odometer.to_dict(), sort_keys=True)}


def _read(part: Part) -> Odometer:
    return Odometer.from_dict(json.loads(part["record"]))


def _count(odometer: Odometer) -> int:
    """How many removals were charged."""
    return sum(getattr(event, "count", 1) for event in odometer.events)


def _about(odometer: Odometer) -> str:
    """The reading, in words."""
    number = _count(odometer)
    return (
        f"odometer: {number} removal{'' if number == 1 else 's'} at epsilon = {odometer.spent:.4g} of "
        f"{odometer.epsilon:g}"
    )
