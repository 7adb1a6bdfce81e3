"""Questions and answers in words for a causal language model, as a blueprint that a workspace finds by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from expunge.errors import InvalidParameterError, UnsupportedEstimatorError
from expunge.methods.language.causal_model import AnswerTask, CausalModel, answer, answer_rows
from expunge.methods.networks.blueprint import Blueprint
from expunge.methods.networks.job import copied_model
from expunge.methods.networks.network_model import NetworkModel
from expunge.methods.networks.repeatable import repeatable, threads
from expunge.methods.networks.weights import filled
from expunge.seeds import derive_seed
from expunge.state import Change

__all__ = ["AnswerBlueprint", "frozen", "refuse_others", "reordered", "slots_before"]

Slots = npt.NDArray[np.intp]


class AnswerBlueprint(Blueprint):
    """How a language model that answers is built. Write ``backbone`` for the routes that stand beside a frozen model.

    Attributes
    ----------
    length : int, default=256
        Most tokens of a question with its answer.
    most : int, default=80
        Most bytes of an answer.

    Notes
    -----
    A question may stand in several columns, a passage beside it for instance; they are read one after the other.

    Examples
    --------
    >>> from expunge.networks import ReplayedNetwork, register
    >>> class Short(AnswerBlueprint):
    ...     length = 24
    ...     def network(self, n_features, n_outputs):
    ...         return CausalModel(width=16, n_layers=1, length=self.length)
    >>> register("short", Short)
    >>> model = ReplayedNetwork(task="short", epochs=40, n_batches=1, lr=0.02, optimizer="adam")
    >>> _ = model.fit(["Who?", "Where?"], ["Ada", "Oslo"], record_ids=["a", "b"])
    >>> model.predict(["Who?"]).tolist()
    ['Ada']
    >>> model.forget(["a"]).guarantee.kind, model.predict(["Who?"]).tolist()
    ('exact', ['Oslo'])
    """

    kind = "question answering"
    target: ClassVar[str | None] = "answer"
    texts = True
    length: ClassVar[int] = 256
    most: ClassVar[int] = 80

    def network(self, n_features: int, n_outputs: int) -> nn.Module:
        """A small model with its first weights."""
        return CausalModel(length=self.length)

    def inputs(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Questions, one text each."""
        out = np.empty(len(X), dtype=object)
        out[:] = [" ".join(row) for row in X.tolist()]
        return out

    def task(self, inputs: Any, targets: Any, record_ids: npt.NDArray[Any]) -> AnswerTask:
        """The loss of answers."""
        return AnswerTask(answer_rows(inputs, targets, length=self.length), record_ids=list(record_ids))

    def answers(self, network: Callable[..., Any], inputs: Any) -> list[str]:
        """The likeliest answers, byte by byte."""
        return answer(network, inputs, most=self.most, length=self.length)


def refuse_others(model: NetworkModel) -> None:
    """Refuse a task that is no :class:`AnswerBlueprint`.

    Raises
    ------
    InvalidParameterError
        The task is no :class:`AnswerBlueprint`.
    """
    if not isinstance(model._blueprint(), AnswerBlueprint):
        raise InvalidParameterError(
            f"The task {model.task!r} is no AnswerBlueprint.", hint="Inherit from expunge.language.AnswerBlueprint."
        )


def frozen(model: NetworkModel, weights: Mapping[str, npt.NDArray[Any]] | None = None) -> CausalModel:
    """The public language model of a method's blueprint, with these weights if there are some; it is never trained.

    Raises
    ------
    UnsupportedEstimatorError
        The backbone is no :class:`CausalModel`.
    """
    with repeatable(derive_seed(model.seed, "backbone"), torch.device("cpu")), threads(1):
        network = model._blueprint().backbone(model.n_features_in_)
    if not isinstance(network, CausalModel):
        raise UnsupportedEstimatorError(
            f"The backbone of {model.task!r} is a {type(network).__name__}, and no CausalModel.", hint="Give one."
        )
    copied = cast(CausalModel, copied_model(network))  # it is the user's, who may train it elsewhere
    if weights is not None:
        filled(copied, weights)
    return copied.eval().requires_grad_(False)


def slots_before(change: Change) -> Slots:
    """Slots of the rows before a change, in canonical order."""
    rows = change.rows
    return rows.in_order(np.concatenate([np.setdiff1d(rows.slots(), change.added_slots), change.removed_slots]))


def reordered(sizes: npt.NDArray[np.int64], order: Slots) -> Slots:
    """Where the lines of groups stand that lie one behind the other, when the groups are put into another order.

    Examples
    --------
    >>> reordered(np.array([2, 1, 3]), np.array([2, 0])).tolist()
    [3, 4, 5, 0, 1]
    """
    starts, wanted = np.cumsum(sizes) - sizes, sizes[order]
    ends = np.cumsum(wanted)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts[order] - (ends - wanted), wanted) + np.arange(total)
