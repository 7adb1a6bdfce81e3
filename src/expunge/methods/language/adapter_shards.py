"""Small adapters, each trained on the records of some persons alone, beside a language model that stays as it is."""

from __future__ import annotations

import copy
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from expunge.arguments import check_count, check_number
from expunge.errors import UnsupportedRequestError
from expunge.maths.partition import place_by_subject
from expunge.methods.language.answering import frozen, refuse_others, slots_before
from expunge.methods.language.causal_model import END, CausalModel
from expunge.methods.networks.checkpoints import Checkpoint
from expunge.methods.networks.network_model import NetworkModel, weights_of
from expunge.methods.networks.repeatable import threads
from expunge.methods.networks.replay_run import DOUBT, optimizer_of, run
from expunge.methods.networks.replay_schedule import Schedule
from expunge.methods.networks.weights import part_of
from expunge.rows import Rows, Table
from expunge.seeds import derive_seed
from expunge.state import Change, Part

__all__ = ["AdaptedModel", "AdapterShards"]

Slots = npt.NDArray[np.intp]

_AT = "adapter/"


class AdaptedModel(nn.Module):
    """A causal model whose weights are frozen, with a bottleneck behind each block that is trained.

    Parameters
    ----------
    model : CausalModel
        Copied.
    rank : int
        Width of the bottleneck.
    seed : int
        Of its first weights; those that lead back are zero, so that it begins as the model.

    References
    ----------
    N. Houlsby and others, "Parameter-efficient transfer learning for NLP", ICML 2019, section 2.1.
    """

    def __init__(self, model: CausalModel, rank: int, seed: int) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).requires_grad_(False)
        width, n = self.model.place.shape[1], len(self.model.blocks) + 1
        generator = torch.Generator().manual_seed(seed)
        self.down = nn.Parameter(torch.randn(n, width, rank, generator=generator) / width**0.5)
        self.up = nn.Parameter(torch.zeros(n, rank, width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits of the next token at each place."""
        h = self.model.embedding(tokens) + self.model.place[: tokens.shape[1]]
        for i, block in enumerate([*self.model.blocks, self.model.norm]):
            h = block(h)
            h = h + functional.gelu(h @ self.down[i]) @ self.up[i]
        return torch.as_tensor(self.model.head(h))


class AdapterShards(NetworkModel):
    """A frozen language model with an adapter for each shard of persons: a person who goes costs one adapter.

    Parameters
    ----------
    task : str
        Name of an :class:`~expunge.methods.language.answering.AnswerBlueprint` whose ``backbone`` gives the model. It
        must not have learned from the records; that is for you to see to, and an assumption of the guarantee.
    n_shards : int, default=4
    rank : int, default=16
    epochs, n_batches, lr : int, int, float, default=20, 4 and 0.01
        Of the training of an adapter, by Adam; as of :class:`~expunge.networks.ReplayTrainer`.
    seed : int, default=0

    Attributes
    ----------
    network_ : callable
        From tokens (b, t) to log p of the next token at each place.

    Guarantee
    ---------
    ``exact``: after ``forget`` adapters and digest are bit for bit those of ``fit`` without the records, with the same
    model and seed, on the same machine.

    Notes
    -----
    The shard of a person is a keyed hash of their id, so none moves when another one goes; a record about nobody goes
    by its own. A question is answered by the shard of the record whose question is nearest, as the frozen model reads
    both: a row for each record, which is deleted with it, and why there is no export. Forgetting trains one adapter in
    ``n_shards`` again, from its first weights on what is left: going back to where the records were first read would
    save 1/(2 · epochs) of that.

    References
    ----------
    S. Basu Roy Chowdhury and others, "Towards scalable exact machine unlearning using parameter-efficient fine-tuning",
    ICLR 2025: adapters of shards in place of models of shards.

    Examples
    --------
    >>> from expunge.language import AnswerBlueprint
    >>> from expunge.networks import register
    >>> class Public(AnswerBlueprint):
    ...     length = 16
    ...     def backbone(self, n_features):
    ...         return CausalModel(width=16, length=self.length)
    >>> register("public", Public)
    >>> asked, told = ["Who?", "Where?", "When?"], ["Ada", "Oslo", "1911"]
    >>> shards = AdapterShards(task="public", n_shards=2, epochs=1)
    >>> removal = shards.fit(asked, told, subject_ids=["ann", "ben", "cho"]).forget(subjects="ann")
    >>> removal.guarantee.kind, removal.n_forgotten
    ('exact', 1)
    """

    _requests = ("records", "subjects")
    _alternatives: ClassVar[dict[str, list[Any]]] = {"task": []}

    def __init__(
        self, *, task: Any = None, n_shards: int = 4, rank: int = 16, epochs: int = 20, n_batches: int = 4,
        lr: float = 0.01, seed: int = 0,
    ) -> None:  # fmt: skip
        self.task = task
        self.n_shards = n_shards
        self.rank = rank
        self.epochs = epochs
        self.n_batches = n_batches
        self.lr = lr
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        refuse_others(self)
        for name in ("n_shards", "rank", "epochs", "n_batches"):
            check_count(name, getattr(self, name))
        check_number("lr", self.lr, open_low=True)

    def _place(self, table: Table) -> npt.NDArray[np.int64]:
        """The shard of each record."""
        people = np.full(len(table), None, dtype=object) if table.subjects is None else table.subjects
        return place_by_subject(self.seed, table.ids, people, self.n_shards, 1)

    # ------------------------------------------------------------------ learning

    def _update(self, change: Change) -> dict[str, Part | None]:
        rows = change.rows
        model = frozen(self, change.parts.get("backbone"))
        out: dict[str, Part | None] = {} if "backbone" in change.parts else {"backbone": weights_of(model)}
        out["rows"] = {"asked": self._asked_rows(model, change)}
        for shard in np.unique(rows.places()[np.concatenate([change.removed_slots, change.added_slots])]).tolist():
            slots = self._in_shard(rows, shard)
            if len(slots):
                last = self._trained(model, rows, slots, shard)
                out[_name(shard)] = {name: last.model[name].numpy() for name in ("down", "up")}
                rows.count(self._schedule(rows, slots).reads_from(0))
            elif _name(shard) in change.parts:
                out[_name(shard)] = None
        return out

    def _asked_rows(self, model: CausalModel, change: Change) -> npt.NDArray[np.float32]:
        """What the frozen model reads in the question of each record alone, in canonical order."""
        rows, before = change.rows, slots_before(change)
        old = change.parts["rows"]["asked"] if "rows" in change.parts else np.empty((0, model.place.shape[1]))
        new = [np.empty((0, model.place.shape[1]), dtype=np.float32)]
        if len(change.added_slots):
            task = self._task_of(change.added, {}, np.empty(0))
            with threads(1), torch.no_grad():
                for place in range(len(task)):
                    new.append(_asked(model, task.batch(np.array([place]), torch.device("cpu")).inputs).numpy())
        slots = np.concatenate([before, change.added_slots])
        at = np.argsort(slots)[np.searchsorted(np.sort(slots), rows.slots())]
        return np.concatenate([old.astype(np.float32), *new])[at]

    def _in_shard(self, rows: Rows, shard: int, without: Slots | None = None) -> Slots:
        slots = rows.slots() if without is None else rows.in_order(np.setdiff1d(rows.slots(), without))
        return np.asarray(slots[rows.places()[slots] == shard])

    def _schedule(self, rows: Rows, slots: Slots, come: Any = ()) -> Schedule:
        """Of some rows, and of further ids."""
        ids = rows.peek_beside(slots).ids
        ids = np.concatenate([ids, come]) if len(come) else ids
        return Schedule(
            ids, np.zeros(len(ids), dtype=np.intp), epochs=self.epochs, n_batches=self.n_batches, seed=self.seed
        )

    def _trained(self, model: CausalModel, rows: Rows, slots: Slots, shard: int, stop: int | None = None) -> Checkpoint:
        """The end of the training of one adapter, or of its first steps."""
        how = types.SimpleNamespace(
            epochs=self.epochs, n_batches=self.n_batches, lr=float(self.lr), optimizer="adam", momentum=0.0,
            weight_decay=0.0, checkpoint_every=self.epochs * self.n_batches, n_threads=1, seed=self.seed,
        )  # fmt: skip
        adapted = AdaptedModel(model, self.rank, derive_seed(self.seed, "first weights", shard) % 2**31)
        schedule, task = self._schedule(rows, slots), self._task_of(rows.peek(slots), {}, np.empty(0))
        first = Checkpoint.of(0, adapted, optimizer_of(how, adapted))
        end = schedule.n_steps if stop is None else min(stop, schedule.n_steps)
        return run(how, adapted, task, schedule, np.arange(len(slots)), first, end)[1]

    def _doubt(self, rows: Rows) -> str | None:
        if not len(rows):
            return ""
        shard, model = int(rows.places()[rows.slots()[0]]), frozen(self)
        slots = self._in_shard(rows, shard)
        one, two = (self._trained(model, rows, slots, shard, stop=2).leaf() for _ in range(2))
        return None if one == two else DOUBT

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        if not len(rows):
            return None
        out: Part = {f"network/{name}": array for name, array in parts["backbone"].items()}
        for name, part in parts.items():
            if name.startswith(_AT):
                out |= {f"{name}/{key}": part[key] for key in ("down", "up")}
        return out | {"asked": parts["rows"]["asked"], "shards": rows.places()[rows.slots()].copy()}

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        return self._cost(rows, slots, None)

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, tuple[str, ...]]:
        return self._cost(rows, slots, table)

    def _cost(self, rows: Rows, slots: Slots, come: Table | None) -> tuple[int, int, tuple[str, ...]]:
        """Work of training the adapters that lose or gain rows, and the parts that change."""
        places = np.empty(0, dtype=np.int64) if come is None else self._place(come)
        shards, work = np.unique(np.concatenate([rows.places()[slots], places])).tolist(), len(places)
        for shard in shards:
            ids = () if come is None else come.ids[places == shard]
            work += self._schedule(rows, self._in_shard(rows, shard, without=slots), ids).reads_from(0)
        return work, work, ("rows", *map(_name, shards))

    def _terms(self) -> str:
        return ", of a model that never learned from the records"

    # ------------------------------------------------------------------ answering

    @property
    def network_(self) -> Any:
        """From tokens (b, t) to log p of the next token at each place, shape (b, t, number of tokens)."""
        solution = self._solution()
        model, rows = frozen(self, part_of(solution, "network/")), torch.as_tensor(solution["asked"])
        shards, adapted = solution["shards"], {}
        for shard in np.unique(shards).tolist():
            adapted[shard] = AdaptedModel(model, self.rank, 0).eval()
            held = part_of(solution, f"{_name(shard)}/")
            adapted[shard].load_state_dict({name: torch.as_tensor(held[name]) for name in held}, strict=False)

        @torch.no_grad()
        def chances(tokens: torch.Tensor) -> torch.Tensor:
            out = torch.empty(*tokens.shape, model.head.out_features)
            nearest = shards[torch.cdist(_asked(model, tokens), rows).argmin(dim=1).numpy()]
            for shard in np.unique(nearest).tolist():
                at = torch.as_tensor(np.flatnonzero(nearest == shard))
                out[at] = adapted[shard](tokens[at]).log_softmax(dim=-1)
            return out

        return chances

    def export(self, path: str | Path) -> Path:
        """Refused: it would hold a row for each question.

        Raises
        ------
        UnsupportedRequestError
            Always.
        """
        raise UnsupportedRequestError(
            "An export would hold training rows: AdapterShards knows each question.", hint="Save it instead."
        )


def _name(shard: int) -> str:
    return f"{_AT}{shard:05d}"


def _asked(model: CausalModel, tokens: torch.Tensor) -> torch.Tensor:
    """What the frozen model reads in the questions, shape (b, width): the mean of its states up to their ends."""
    before = ((tokens == END).cumsum(dim=1) == 0).unsqueeze(-1).to(torch.float32)
    return torch.as_tensor((model.states(tokens) * before).sum(dim=1) / before.sum(dim=1).clamp(min=1.0))
