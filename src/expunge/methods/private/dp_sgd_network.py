"""A network trained by DP-SGD on the rows of a workspace: forgetting does nothing to it, and is charged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.methods.networks.network_model import NetworkModel, weights_of
from expunge.methods.networks.repeatable import repeatable, threads
from expunge.methods.networks.weights import Arrays, filled
from expunge.methods.private.do_nothing import DoNothing
from expunge.methods.private.dp_sgd import DPSGD
from expunge.methods.private.opacus_modules import valid_copy
from expunge.methods.private.private_network import PUBLIC, about_lengths
from expunge.privacy.arguments import check_delta
from expunge.privacy.events import Event, event_from_dict
from expunge.privacy.group_odometer import GroupOdometer
from expunge.rows import Rows, Table
from expunge.seeds import derive_seed
from expunge.state import Change, Part

__all__ = ["DPSGDNetwork"]

Slots = npt.NDArray[np.intp]


class DPSGDNetwork(NetworkModel, DoNothing):
    """Train a network of yours under differential privacy, so that a workspace lets some go without changing it.

    Parameters
    ----------
    task : str
        Name of a blueprint: an entry point in the group ``expunge.tasks``, or one that was registered. Its network has
        public first weights; its ``train`` is not called.
    epsilon, delta, group_size, epochs, batch_size, max_grad_norm, clip_quantile, optimizer, lr, momentum, on_exhausted
        As of :class:`~expunge.methods.private.dp_sgd.DPSGD`.
    allow_large_delta : bool, default=False
    noise_seed : int, optional
        Default: coins and noise from a seed of the operating system. A seed is for tests.
    seed : int, default=0
        Of the first weights.

    Attributes
    ----------
    network_ : Module
        A copy, in eval mode.
    classes_ : ndarray of shape (n_classes,)
        Public; a class goes with its last record, and the network is then trained again without it.
    odometer_ : GroupOdometer
        Records gone since the training, what they have cost, and how many more may go.

    Guarantee
    ---------
    ``certified``: after k records have gone the network, unchanged, is (epsilon(k), delta)-indistinguishable from one
    that was trained without them; epsilon(k) is the account of a group of k.

    Notes
    -----
    A training reads about epochs · n records, each with a gradient of its own; forgetting reads none, until the noise
    hides no more. Learning and correcting train again. Layers that mix records are replaced.

    References
    ----------
    Those of :class:`~expunge.methods.private.dp_sgd.DPSGD`.

    Examples
    --------
    >>> from expunge.networks import Blueprint, register
    >>> class Line(Blueprint):
    ...     def network(self, n_features, n_outputs):
    ...         return nn.Linear(n_features, n_outputs)
    >>> register("line", Line)
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> model = DPSGDNetwork(task="line", epsilon=8.0, delta=1e-3, group_size=2, epochs=2, batch_size=100)
    >>> removal = model.fit(X, X[:, 0] > 0).forget([3])
    >>> removal.guarantee.kind, removal.work, model.odometer_.left
    ('certified', 0, 1)
    """

    _given: tuple[Arrays, GroupOdometer] | None = None
    _alternatives: ClassVar[dict[str, list[Any]]] = {"task": [], "clip_quantile": [0.5]}

    def __init__(
        self, *, task: Any = None, epsilon: float = 3.0, delta: float = 1e-5, group_size: int = 1, epochs: int = 10,
        batch_size: int = 256, max_grad_norm: float = 1.0, clip_quantile: float | None = None, optimizer: str = "sgd",
        lr: float = 0.5, momentum: float = 0.9, on_exhausted: str = "retrain", allow_large_delta: bool = False,
        noise_seed: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.task = task
        self.epsilon = epsilon
        self.delta = delta
        self.group_size = group_size
        self.epochs = epochs
        self.batch_size = batch_size
        self.max_grad_norm = max_grad_norm
        self.clip_quantile = clip_quantile
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.on_exhausted = on_exhausted
        self.allow_large_delta = allow_large_delta
        self.noise_seed = noise_seed
        self.seed = seed

    def adopt(
        self, weights: Arrays, odometer: GroupOdometer, X: Any, y: Any, *, record_ids: Any = None,
        subject_ids: Any = None,
    ) -> DPSGDNetwork:  # fmt: skip
        """Take over a network that ``DPSGD`` trained on these rows.

        Parameters
        ----------
        weights : dict of str to ndarray
            Of its ``state_dict()``.
        odometer : GroupOdometer
            As it stands: of the budget of this model, with what the training was and how many records are gone.
        X, y, record_ids, subject_ids
            As of ``fit``: what it was trained on, without what is gone.

        Returns
        -------
        self

        Raises
        ------
        InvalidParameterError
            Another budget than this model has.
        UnsupportedEstimatorError
            Weights that do not fit into the network of the blueprint.
        """
        if (odometer.epsilon, odometer.delta) != (self.epsilon, self.delta):
            raise InvalidParameterError(
                f"The odometer is of epsilon = {odometer.epsilon:g} and delta = {odometer.delta:g}, this model of "
                f"{self.epsilon:g} and {self.delta:g}.",
                hint="Make the model with those.",
            )
        try:
            self._given = weights, odometer
            self.fit(X, y, record_ids=record_ids, subject_ids=subject_ids)
        finally:
            self.__dict__.pop("_given", None)
        self._fitted.rate = None  # nothing was trained, so no speed was measured
        return self

    # ------------------------------------------------------------------ what a model writes

    def _check_params(self) -> None:
        super()._check_params()
        self._trainer()._check()

    def _update(self, change: Change) -> dict[str, Any]:
        return super()._update(change)

    def _fitted_anew(self, change: Change) -> dict[str, Any]:
        rows, parts = change.rows, change.parts
        check_delta(self.delta, n=len(rows), allow_large_delta=self.allow_large_delta)
        table = rows.peek(rows.slots())
        names, fits = parts.get("names"), int(parts["odometer"]["fits"]) + 1 if "odometer" in parts else 1
        if names is None:
            labels = self._labels(table.y)
            if self._blueprint().kind == "classification" and len(labels) < 2:
                self._refuse_few(change.tolerant)
                rows.count(len(table))
                return dict.fromkeys(parts)
            names = {**self._outputs_of(table.y), "classes": labels.tolist() if labels.dtype.kind == "U" else labels}
        labels = np.asarray(names["classes"])
        if strange := set(self._labels(table.y).tolist()) - set(labels.tolist()):
            raise InvalidDataError(
                f"The network has no output for the class {strange.pop()!r}.", hint="Fit it again on all records."
            )
        first = self._built(names["n"])
        if self._given is not None:
            rows.count(len(table))
            weights, known = self._given
            network = filled(first, weights, who=f"the network of {self.task!r}")
            told = {"event": _written(known.event), "gone": known.gone, "fits": fits}
            return {"names": names, "published": weights_of(network), "odometer": told}
        task = self._task_of(table, names, labels)
        with repeatable(derive_seed(self.seed, "training"), torch.device("cpu")), threads(1):
            network, odometer, notes, work = self._trainer().trained(
                first, task, np.arange(len(table), dtype=np.intp), fits=fits
            )
        rows.count(max(work, len(table)))
        change.notes.extend(notes)
        told = {"event": _written(odometer.event), "gone": 0.0, "fits": fits}
        return {"names": names, "published": weights_of(network), "odometer": told}

    def _odometer(self, part: Part) -> GroupOdometer:
        return GroupOdometer(
            float(self.epsilon), float(self.delta), event_from_dict(json.loads(part["event"])), float(part["gone"])
        )

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        if "published" not in parts:
            return None
        return {f"network/{name}": array for name, array in parts["published"].items()} | parts["names"]

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        low, high, touched = super()._estimate(rows, slots)
        return (0, self._trainer()._most(high), touched) if high else (low, high, touched)

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, tuple[str, ...]]:
        return 0, self._trainer()._most(len(rows)), ("names", "published", "odometer")

    def _assumed(self) -> tuple[str, ...]:
        return (
            about_lengths(self.max_grad_norm, self.clip_quantile),
            PUBLIC,
        )

    # ------------------------------------------------------------------ the machinery

    def _trainer(self) -> DPSGD:
        names = (
            "epsilon", "delta", "group_size", "epochs", "batch_size", "max_grad_norm", "clip_quantile", "optimizer",
            "lr", "momentum", "on_exhausted", "allow_large_delta", "noise_seed",
        )  # fmt: skip
        return DPSGD(**{name: getattr(self, name) for name in names})

    def _built(self, n_outputs: int) -> nn.Module:
        return valid_copy(super()._built(n_outputs), fix=True)[0].eval()


def _written(event: Event) -> str:
    return json.dumps(event.to_dict(), sort_keys=True)
