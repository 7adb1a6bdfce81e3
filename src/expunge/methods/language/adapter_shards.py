"""Small adapters, each trained on the records of some persons alone, beside a language model that stays as it is."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import Subset

from expunge.digest import leaf, root
from expunge.errors import InvalidRequestError, UnknownRecordError
from expunge.methods.language.causal_model import END, CausalModel
from expunge.methods.networks.arguments import check_count
from expunge.methods.networks.repeatable import threads
from expunge.methods.networks.replay_trainer import ReplayTrainer
from expunge.methods.networks.task import Task
from expunge.records import Guarantee, Plan, Removal, equality
from expunge.seeds import derive_seed, uniform64
from expunge.table.ids import check_ids

__all__ = ["AdaptedModel", "AdapterShards"]


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


class AdapterShards:
    """A frozen language model with an adapter for each shard of persons: a person who goes costs one adapter.

    Parameters
    ----------
    model : CausalModel
        It must not have learned from the records; that is for you to see to, and an assumption of the guarantee.
    n_shards : int, default=4
    rank : int, default=16
    epochs, n_batches, lr : int, int, float, default=20, 4 and 0.01
        Of the training of an adapter, by Adam; as of :class:`~expunge.networks.ReplayTrainer`.
    seed : int, default=0

    Guarantee
    ---------
    ``exact``: after ``forget`` adapters and digest are bit for bit those of ``fit`` without the records, with the same
    model and seed, on the same machine.

    Notes
    -----
    The shard of a person is a keyed hash of their id, so none moves when another one goes. A question is answered by
    the shard of the record whose question is nearest, as the frozen model reads both: a row for each record, which is
    deleted with it. Forgetting trains one adapter in ``n_shards`` again, from before the records were first read.

    References
    ----------
    S. Basu Roy Chowdhury and others, "Towards scalable exact machine unlearning using parameter-efficient fine-tuning",
    ICLR 2025: adapters of shards in place of models of shards.

    Examples
    --------
    >>> from expunge.methods.language.causal_model import AnswerTask, answer_rows
    >>> rows = answer_rows(["Who?", "Where?", "When?"], ["Ada", "Oslo", "1911"], length=16)
    >>> task = AnswerTask(rows, record_ids=["a", "b", "c"])
    >>> shards = AdapterShards(model=CausalModel(width=16, length=16), n_shards=2, epochs=1)
    >>> removal = shards.fit(task, ["ann", "ben", "cho"]).forget(subjects=["ann"])
    >>> removal.guarantee.kind, removal.n_forgotten
    ('exact', 1)
    """

    def __init__(
        self, *, model: CausalModel, n_shards: int = 4, rank: int = 16, epochs: int = 20, n_batches: int = 4,
        lr: float = 0.01, seed: int = 0,
    ) -> None:  # fmt: skip
        self.model = model
        self.n_shards = n_shards
        self.rank = rank
        self.epochs = epochs
        self.n_batches = n_batches
        self.lr = lr
        self.seed = seed

    def fit(self, task: Task, subjects: Sequence[Any]) -> AdapterShards:
        """Train an adapter on the records of each shard of persons."""
        for name in ("n_shards", "rank"):
            check_count(name, getattr(self, name))
        who = check_ids(list(subjects), n=len(task), what="subjects")
        of = uniform64(self.seed, "adapter", who) % np.uint64(self.n_shards)
        self._subjects = dict(zip(task.ids.tolist(), who.tolist(), strict=True))
        self._shard = dict(zip(task.ids.tolist(), of.astype(int).tolist(), strict=True))
        with threads(1), torch.no_grad():  # each alone, so that a row does not depend on others
            rows = [self._asked(task.batch(np.array([i]), torch.device("cpu")).inputs)[0] for i in range(len(task))]
        self._asked_of = dict(zip(task.ids.tolist(), rows, strict=True))
        self._trainers = {}
        for shard in np.unique(of).astype(int).tolist():
            at = np.flatnonzero(of == shard)
            own = type(task)(Subset(task.dataset, at.tolist()), record_ids=task.ids[at].tolist())
            model = AdaptedModel(self.model, self.rank, derive_seed(self.seed, "first weights", shard) % 2**31)
            self._trainers[shard] = ReplayTrainer(
                model=model, epochs=self.epochs, n_batches=self.n_batches, lr=self.lr, optimizer="adam",
                checkpoint_every=self.n_batches, seed=self.seed,
            ).fit(own)  # fmt: skip
        self._models: dict[int, nn.Module] = {}
        return self

    def plan(self, ids: Any = None, *, subjects: Any = None) -> Plan:
        """What forgetting would read and promise; changes nothing."""
        asked = self._find(ids, subjects)
        work, touched = 0, []
        for shard, names in asked.items():
            touched.append(f"adapter {shard}")
            if len(names) < len(self._trainers[shard].record_ids_):
                work += self._trainers[shard].plan(names).work_high
        n = sum(map(len, asked.values()))
        return Plan(guarantee=self.guarantee(), n_records=n, work_low=work, work_high=work, touched=tuple(touched))

    def forget(self, ids: Any = None, *, subjects: Any = None) -> Removal:
        """Train the adapters of these records again, without them; one whose records all go is dropped.

        Raises
        ------
        UnknownRecordError
            A record or a person that is not known, or no longer.
        InvalidRequestError
            Nothing is named, or something twice.
        """
        started, work = time.perf_counter(), 0
        asked = self._find(ids, subjects)
        for shard, names in asked.items():
            if len(names) == len(self._trainers[shard].record_ids_):
                del self._trainers[shard]
            else:
                work += self._trainers[shard].forget(names).work
            self._models.pop(shard, None)
            for name in names:
                del self._subjects[name], self._shard[name], self._asked_of[name]
        return Removal(
            guarantee=self.guarantee(), n_forgotten=sum(map(len, asked.values())), work=work,
            elapsed_s=time.perf_counter() - started, touched=tuple(f"adapter {shard}" for shard in asked),
        )  # fmt: skip

    def digest(self) -> str:
        """SHA-256 over the adapters with their trainings, and who is in which."""
        leaves = {f"adapter/{shard}": leaf(trainer.digest()) for shard, trainer in self._trainers.items()}
        leaves["subjects"] = leaf([[str(name), str(self._subjects[name])] for name in sorted(self._subjects, key=str)])
        known = sorted(self._asked_of, key=str)
        leaves["questions"] = leaf(np.array([self._asked_of[name].numpy() for name in known]))
        leaves["arguments"] = leaf({"n_shards": self.n_shards, "rank": self.rank})
        return root(leaves).hex()

    @property
    def record_ids_(self) -> npt.NDArray[Any]:
        """Ids it still knows."""
        return np.array(list(self._subjects))

    def guarantee(self) -> Guarantee:
        """Exact, unless the training of an adapter gave other bits when it was repeated."""
        doubt = next((t._doubt for t in self._trainers.values() if t._doubt), None)
        return equality(", of a model that never learned from the records", doubt)

    @torch.no_grad()
    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """log p of the next token at each place, shape (b, t, number of tokens)."""
        if not self._trainers:
            return torch.as_tensor(self.model(tokens).log_softmax(dim=-1))
        names = list(self._asked_of)
        away = torch.cdist(self._asked(tokens), torch.stack([self._asked_of[name] for name in names]))
        out = torch.empty(*tokens.shape, self.model.head.out_features)
        nearest = np.array([self._shard[names[i]] for i in away.argmin(dim=1).tolist()])
        for shard in np.unique(nearest).tolist():
            if shard not in self._models:
                self._models[shard] = self._trainers[shard].model_
            rows = torch.as_tensor(np.flatnonzero(nearest == shard))
            out[rows] = self._models[shard](tokens[rows]).log_softmax(dim=-1)
        return out

    def _asked(self, tokens: torch.Tensor) -> torch.Tensor:
        """What the frozen model reads in the questions, shape (b, width): the mean of its states up to their ends."""
        before = ((tokens == END).cumsum(dim=1) == 0).unsqueeze(-1).to(torch.float32)
        return torch.as_tensor((self.model.states(tokens) * before).sum(dim=1) / before.sum(dim=1).clamp(min=1.0))

    def _find(self, ids: Any, subjects: Any) -> dict[int, list[Any]]:
        """Names of the records that are asked for, by shard."""
        if not hasattr(self, "_subjects"):
            raise InvalidRequestError("These shards were not fitted.", hint="Call fit(task, subjects) first.")
        wanted = [] if ids is None else np.atleast_1d(np.asarray(ids)).tolist()
        for person in [] if subjects is None else np.atleast_1d(np.asarray(subjects)).tolist():
            found = [name for name, whose in self._subjects.items() if whose == person]
            if not found:
                raise UnknownRecordError(f"No records of subject {person!r}: never learned, or forgotten.")
            wanted += found
        if not wanted or len(set(wanted)) < len(wanted):
            raise InvalidRequestError("Name at least one record, and each once.")
        if missing := [name for name in wanted if name not in self._shard]:
            raise UnknownRecordError(f"No record {missing[0]!r}: never learned, or forgotten.", hint="See record_ids_.")
        out: dict[int, list[Any]] = {}
        for name in wanted:
            out.setdefault(self._shard[name], []).append(name)
        return out
