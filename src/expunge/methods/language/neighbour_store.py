"""A store of what came next, row by row of a record: a language model that forgets by deleting rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from expunge.arguments import check_count, check_number
from expunge.errors import UnsupportedRequestError
from expunge.methods.language.answering import frozen, refuse_others, reordered, slots_before
from expunge.methods.language.causal_model import IGNORED, CausalModel
from expunge.methods.networks.network_model import NetworkModel, weights_of
from expunge.methods.networks.repeatable import threads
from expunge.methods.networks.weights import part_of
from expunge.rows import Rows, Table
from expunge.state import Change, Part

__all__ = ["NeighbourStore"]


class NeighbourStore(NetworkModel):
    """Language from a frozen model and from the nearest of stored states: records stand in rows, and go with them.

    Parameters
    ----------
    task : str
        Name of an :class:`~expunge.methods.language.answering.AnswerBlueprint` whose ``backbone`` gives the model. It
        must not have learned from the records; that is for you to see to, and an assumption of the guarantee.
    n_neighbors : int, default=8
        Neighbours.
    temperature : float, default=1.0
        Of the squared distances, above 0.
    share : float, default=0.7
        Weight of the neighbours beside the model, from 0 to 1.
    seed : int, default=0
        Keys the canonical order of the records, and what the blueprint draws from torch's generator.

    Attributes
    ----------
    network_ : callable
        From tokens (b, t) to log p of the next token at each place.

    Guarantee
    ---------
    ``exact``: after ``forget`` the rows are bit for bit those of ``fit`` without the records, with the same model.

    Notes
    -----
    A row is a state of the model (float32) and the token that came next, for each token of an answer. Each record goes
    through the model alone, so that its rows do not depend on others. Forgetting reads no record and copies what is
    left; a token costs O(rows · width). Rows give back what was learned, so there is no export.

    References
    ----------
    U. Khandelwal and others, "Generalization through memorization: nearest neighbor language models", ICLR 2020,
    equations 2 and 3.

    Examples
    --------
    >>> from expunge.language import AnswerBlueprint
    >>> from expunge.networks import register
    >>> class Public(AnswerBlueprint):
    ...     length = 16
    ...     def backbone(self, n_features):
    ...         return CausalModel(width=16, length=self.length)
    >>> register("public", Public)
    >>> store = NeighbourStore(task="public").fit(["Who?", "Where?"], ["Ada", "Oslo"], record_ids=["a", "b"])
    >>> removal = store.forget(["a"])
    >>> removal.guarantee.kind, removal.work, store.record_ids_.tolist()
    ('exact', 0, ['b'])
    """

    _requests = ("records", "subjects")
    _alternatives: ClassVar[dict[str, list[Any]]] = {
        "task": [],
        "n_neighbors": [1],
        "temperature": [0.05],
        "share": [0.2],
    }

    def __init__(
        self, *, task: Any = None, n_neighbors: int = 8, temperature: float = 1.0, share: float = 0.7, seed: int = 0
    ) -> None:
        self.task = task
        self.n_neighbors = n_neighbors
        self.temperature = temperature
        self.share = share
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        refuse_others(self)
        check_count("n_neighbors", self.n_neighbors)
        check_number("temperature", self.temperature, open_low=True)
        check_number("share", self.share, high=1.0)

    def _update(self, change: Change) -> dict[str, Part | None]:
        rows = change.rows
        model = frozen(self, change.parts.get("backbone"))
        before, after, old = slots_before(change), rows.slots(), change.parts.get("rows")
        new = self._states(model, change.added) if len(change.added_slots) else None
        held = [part for part in (old, new) if part is not None]
        if not held:  # a fit on nothing
            held = [self._states(model, rows.peek(after))]
        every = {name: np.concatenate([part[name] for part in held]) for name in held[0]}
        slots = np.concatenate([before, change.added_slots])
        at = np.argsort(slots)[np.searchsorted(np.sort(slots), after)]
        lines = reordered(every["sizes"], at)
        kept = {"keys": every["keys"][lines], "values": every["values"][lines], "sizes": every["sizes"][at]}
        return {"rows": kept} if "backbone" in change.parts else {"rows": kept, "backbone": weights_of(model)}

    def _states(self, model: CausalModel, table: Table) -> Part:
        """States and what came next, of each record alone."""
        width = model.place.shape[1]
        keys, values = [np.empty((0, width), dtype=np.float32)], [np.empty(0, dtype=np.int64)]
        if len(table):
            task = self._task_of(table, {}, np.empty(0))
            with threads(1), torch.no_grad():
                for position in range(len(task)):
                    batch = task.batch(np.array([position]), torch.device("cpu"))
                    there = batch.targets[0] != IGNORED
                    keys.append(model.states(batch.inputs)[0][there].numpy())
                    values.append(batch.targets[0][there].numpy())
        sizes = np.array([len(each) for each in values[1:]], dtype=np.int64)
        return {"keys": np.concatenate(keys), "values": np.concatenate(values), "sizes": sizes}

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        if not len(rows):
            return None
        held = {name: parts["rows"][name] for name in ("keys", "values")}
        return held | {f"network/{name}": array for name, array in parts["backbone"].items()}

    def _estimate(self, rows: Rows, slots: npt.NDArray[np.intp]) -> tuple[int, int, tuple[str, ...]]:
        return 0, 0, ("rows",)

    def _terms(self) -> str:
        return ", of a model that never learned from the records"

    @property
    def network_(self) -> Any:
        """From tokens (b, t) to log p of the next token at each place, shape (b, t, number of tokens)."""
        solution = self._solution()
        model = frozen(self, part_of(solution, "network/"))
        keys, values = torch.as_tensor(solution["keys"]), torch.as_tensor(solution["values"])
        share, k, temperature = float(self.share), min(self.n_neighbors, len(keys)), float(self.temperature)

        @torch.no_grad()
        def chances(tokens: torch.Tensor) -> torch.Tensor:
            states = model.states(tokens)
            own = model.head(states).softmax(dim=-1)
            flat = states.flatten(0, 1)
            away, at = torch.cdist(flat, keys).square().topk(k, largest=False)
            weight = torch.softmax(-away / temperature, dim=-1)
            near = torch.zeros(len(flat), own.shape[-1]).scatter_add_(1, values[at], weight).view(own.shape)
            return torch.as_tensor((share * near + (1 - share) * own).clamp(min=1e-12).log())

        return chances

    def export(self, path: str | Path) -> Path:
        """Refused: rows give back what was learned.

        Raises
        ------
        UnsupportedRequestError
            Always.
        """
        raise UnsupportedRequestError(
            "An export would hold training rows: a NeighbourStore answers from them.", hint="Save it instead."
        )
