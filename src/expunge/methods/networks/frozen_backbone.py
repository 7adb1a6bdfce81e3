"""A network whose weights never change, before a method that forgets exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import TransformerMixin
from torch import nn

from expunge.contract import Unlearner
from expunge.errors import InvalidParameterError
from expunge.methods.networks.blueprint import find_blueprint
from expunge.methods.networks.network_model import weights_of
from expunge.methods.networks.repeatable import repeatable, threads
from expunge.methods.networks.weights import filled, part_of
from expunge.methods.networks.without_weights import WithoutWeights
from expunge.rows import Rows
from expunge.seeds import derive_seed
from expunge.state import Change, Part
from expunge.validation import numeric_input

__all__ = ["FrozenBackbone"]


class FrozenBackbone(TransformerMixin, WithoutWeights, Unlearner):
    """Features from a public network that learned from nobody in the table, for a head that forgets exactly.

    Parameters
    ----------
    task : str
        Name of a blueprint whose ``backbone`` gives the network with its public weights: an entry point in the group
        ``expunge.tasks``, or one that was registered.
    seed : int, default=0
        Keys the canonical order of the records, and what the blueprint draws from torch's generator.

    Guarantee
    ---------
    ``exact``: what a record becomes depends on it alone, and the state is the weights and the number of records.
    Whether the public weights hold anybody is not looked at: who asks to be forgotten may have been in their data.

    Notes
    -----
    Behind it in a :class:`expunge.Pipeline` stands the head: ``RidgeClassifier``, ``LinearDiscriminantAnalysis``,
    ``NearestCentroid``, a forest. Such a head goes on from its own state whatever is forgotten. Records go through the
    network one by one, so that a record's features have the same bits whatever stands beside it. Weights are taken from
    the blueprint at ``fit`` and are part of the state from then on.

    References
    ----------
    A. Golatkar et al., "Mixed-privacy forgetting in deep networks", CVPR 2021: a core that is trained on public data
    and a part that is convex in its weights; here the core is never trained, and the head is exact.

    Examples
    --------
    >>> import expunge
    >>> from expunge.networks import Blueprint, register
    >>> class Random(Blueprint):
    ...     def backbone(self, n_features):
    ...         return nn.Sequential(nn.Linear(n_features, 16), nn.ReLU())
    >>> register("random", Random)
    >>> X, y = np.eye(6), np.array(["a", "b"] * 3)
    >>> model = expunge.Pipeline([("backbone", FrozenBackbone(task="random")), ("head", expunge.RidgeClassifier())])
    >>> model.fit(X, y).forget([4]).guarantee.kind
    'exact'
    """

    _requests = ("records", "subjects", "classes")
    _instead_of_weights = "They change no feature: give them to the head, in a Pipeline."
    _alternatives: ClassVar[dict[str, list[Any]]] = {"task": []}

    def __init__(self, *, task: Any = None, seed: int = 0) -> None:
        self.task = task
        self.seed = seed

    def _check_params(self) -> None:
        if not isinstance(self.task, str):
            raise InvalidParameterError(
                f"task must be the name of a blueprint, got {self.task!r}.", hint="See expunge.networks.register."
            )
        find_blueprint(self.task)

    def _update(self, change: Change) -> dict[str, Part | None]:
        if change.parts:  # read, and counted: what a record costs does not depend on what stands behind
            _ = change.removed if len(change.removed_slots) else None
            _ = change.added if len(change.added_slots) else None
        parts: dict[str, Part | None] = {"records": {"n": len(change.rows)}}
        if "backbone" not in change.parts:
            parts["backbone"] = weights_of(self._built())
        return parts

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        if not len(rows):
            return None
        network = filled(self._built(), parts["backbone"])
        width = self._through(network, np.zeros((1, self.n_features_in_))).shape[1]
        return {"width": width} | {f"network/{name}": array for name, array in parts["backbone"].items()}

    def _estimate(self, rows: Rows, slots: npt.NDArray[np.intp]) -> tuple[int, int, tuple[str, ...]]:
        return len(slots), len(slots), ("records",)

    def _built(self) -> nn.Module:
        with repeatable(derive_seed(self.seed, "backbone"), torch.device("cpu")), threads(1):
            return find_blueprint(self.task).backbone(self.n_features_in_)

    def _through(self, network: nn.Module, X: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        inputs = find_blueprint(self.task).inputs(np.array(X))
        with torch.no_grad(), threads(1):
            found = [network(inputs[i : i + 1]).flatten(1).double().numpy() for i in range(len(inputs))]
        return np.concatenate(found) if found else np.empty((0, 0))

    def transform(self, X: Any) -> npt.NDArray[np.float64]:
        """Features of rows, shape (n, number of outputs of the backbone)."""
        solution = self._solution()
        rows, _ = numeric_input(self, X, None, reset=False)
        return self._through(filled(self._built(), part_of(solution, "network/")), rows)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the features: "backbone0", "backbone1" and so on."""
        return np.array([f"backbone{i}" for i in range(self._solution()["width"])], dtype=object)
