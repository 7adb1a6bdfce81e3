"""What networks do alike that may have been trained elsewhere: taking weights over, first parts, their method."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch

from expunge.errors import InvalidParameterError, UnknownMethodError
from expunge.methods import kebab
from expunge.methods.networks import NETWORK_METHODS
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.network_model import weights_of
from expunge.methods.networks.repeatable import repeatable, threads
from expunge.methods.networks.weights import Arrays, filled
from expunge.near_names import did_you_mean
from expunge.seeds import derive_seed
from expunge.state import Change, Part

__all__ = ["FIT", "NO_MORE", "AdoptedWeights", "method_of"]

NO_MORE = "A network that was trained learns no further records."
FIT = "Fit it again on all of them."


class AdoptedWeights:
    """Stands beside :class:`~expunge.methods.networks.network_model.NetworkModel`, first."""

    _learns: ClassVar[bool] = False
    _given: Arrays | None = None

    def adopt(self, weights: Arrays, X: Any, y: Any, *, record_ids: Any = None, subject_ids: Any = None) -> Any:
        """Take over a network that was trained on these rows.

        Parameters
        ----------
        weights : dict of str to ndarray
            Of its ``state_dict()``.
        X, y, record_ids, subject_ids
            As of ``fit``: what it was trained on.

        Returns
        -------
        self

        Raises
        ------
        UnsupportedEstimatorError
            Weights that do not fit into the network of the blueprint.
        InvalidDataError
            Rows that it cannot have been trained on.
        """
        model: Any = self
        try:
            self._given = weights
            model.fit(X, y, record_ids=record_ids, subject_ids=subject_ids)
        finally:
            self.__dict__.pop("_given", None)
        model._fitted.rate = None  # nothing was trained, so no speed was measured
        return self

    def _first(self, change: Change) -> dict[str, Part | None]:
        """Weights and outputs of a network that was taken over, or is trained now; nothing of a model that sleeps."""
        model: Any = self
        table = change.rows.peek(change.rows.slots())
        change.rows.count(len(table))
        labels = model._labels(table.y)
        few = self._given is None and model._blueprint().kind == "classification" and len(labels) < 2
        if not len(table) or few:
            model._refuse_few(change.tolerant)
            return dict.fromkeys(change.parts)
        outputs = model._outputs_of(table.y)
        network = model._built(outputs["n"])
        if self._given is None:
            task, seed = model._task_of(table, outputs, labels), derive_seed(model.seed, "training")
            with repeatable(seed, torch.device("cpu")), threads(1):
                network = model._blueprint().train(network, task, seed)
        else:
            network = filled(network, self._given, who=f"the network of {model.task!r}")
        return {"network": weights_of(network), "outputs": outputs}


def method_of(
    name: str, options: Mapping[str, Any] | None, *, beside: Iterable[str] = ()
) -> tuple[type[NetworkMethod], dict[str, Any]]:
    """The class of a method for networks, by its name or as the command line writes it, and its arguments; ``beside``
    them stand other options, which are proposed, too.

    Raises
    ------
    UnknownMethodError, InvalidParameterError
        No such method, or an option that it does not have.
    """
    own = next((own for own in NETWORK_METHODS if name in (own, kebab(own))), None)
    if own is None:
        names = {kebab(own): own for own in NETWORK_METHODS}
        raise UnknownMethodError(
            f"There is no method {name!r} for networks.",
            hint=did_you_mean(kebab(str(name)), names, otherwise=f"There are {', '.join(names)}.", cutoff=0.5),
        )
    module, _, attribute = NETWORK_METHODS[own].partition(":")
    kind, given = getattr(importlib.import_module(module), attribute), dict(options or {})
    known = set(vars(kind()))
    if strange := sorted(given.keys() - known):
        near = did_you_mean(strange[0], [*sorted(known), *beside], cutoff=0.5)
        hint = f"{near} It has {', '.join(sorted(known)) or 'none'}.".strip()
        raise InvalidParameterError(f"{kebab(own)} has no option {strange[0]!r}.", hint=hint)
    return kind, given
