"""A store of what came next, row by row of a record: a language model that forgets by deleting rows."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from expunge.digest import leaf, root
from expunge.errors import InvalidRequestError, UnknownRecordError
from expunge.methods.language.causal_model import CausalModel
from expunge.methods.networks.arguments import check_count, check_number
from expunge.methods.networks.repeatable import threads
from expunge.methods.networks.task import Task
from expunge.records import Guarantee, Plan, Removal, equality

__all__ = ["NeighbourStore"]

_IGNORED = -100


class NeighbourStore:
    """Language from a frozen model and from the nearest of stored states: records stand in rows, and go with them.

    Parameters
    ----------
    model : CausalModel
        It must not have learned from the records; that is for you to see to, and an assumption of the guarantee.
    k : int, default=8
        Neighbours.
    temperature : float, default=1.0
        Of the squared distances, above 0.
    share : float, default=0.7
        Weight of the neighbours beside the model, from 0 to 1.

    Guarantee
    ---------
    ``exact``: after ``forget`` the rows are bit for bit those of ``fit`` without the records, with the same model.

    Notes
    -----
    A row is a state of the model (float32) and the token that came next, for each token of an answer. Each record goes
    through the model alone, so that its rows do not depend on others. Forgetting reads no record and copies what is
    left; a token costs O(rows · width).

    References
    ----------
    U. Khandelwal and others, "Generalization through memorization: nearest neighbor language models", ICLR 2020,
    equations 2 and 3.

    Examples
    --------
    >>> from expunge.methods.language.causal_model import AnswerTask, answer_rows
    >>> rows = answer_rows(["Who?", "Where?"], ["Ada", "Oslo"], length=16)
    >>> store = NeighbourStore(model=CausalModel(width=16, length=16)).fit(AnswerTask(rows, record_ids=["a", "b"]))
    >>> removal = store.forget(["a"])
    >>> removal.guarantee.kind, removal.work, store.record_ids_.tolist()
    ('exact', 0, ['b'])
    """

    def __init__(self, *, model: CausalModel, k: int = 8, temperature: float = 1.0, share: float = 0.7) -> None:
        self.model = model
        self.k = k
        self.temperature = temperature
        self.share = share

    def fit(self, task: Task) -> NeighbourStore:
        """Store the states of all records."""
        check_count("k", self.k)
        check_number("temperature", self.temperature, open_low=True)
        check_number("share", self.share, high=1.0)
        keys, values, sizes = [], [], []
        with threads(1), torch.no_grad():
            for position in range(len(task)):
                batch = task.batch(np.array([position]), torch.device("cpu"))
                there = batch.targets[0] != _IGNORED
                keys.append(self.model.states(batch.inputs)[0][there])
                values.append(batch.targets[0][there])
                sizes.append(int(there.sum()))
        self._ids = task.ids.copy()
        self._keys, self._values = torch.cat(keys), torch.cat(values)
        self._whose = np.repeat(np.arange(len(task)), sizes)
        return self

    def plan(self, ids: Any) -> Plan:
        """What forgetting would cost and promise; changes nothing."""
        return Plan(
            guarantee=self.guarantee(), n_records=len(self._find(ids)), work_low=0, work_high=0, touched=("rows",)
        )

    def forget(self, ids: Any) -> Removal:
        """Delete the rows of records.

        Raises
        ------
        UnknownRecordError
            An id that it does not know, or no longer.
        InvalidRequestError
            No id, or one twice.
        """
        started = time.perf_counter()
        gone = self._find(ids)
        kept = np.setdiff1d(np.arange(len(self._ids)), gone)
        rows = torch.as_tensor(np.flatnonzero(np.isin(self._whose, kept)))
        old = self._keys, self._values
        self._keys, self._values = self._keys[rows].clone(), self._values[rows].clone()
        self._whose = np.searchsorted(kept, self._whose[rows.numpy()])
        self._ids = self._ids[kept]
        for tensor in old:
            tensor.zero_()  # of whoever still holds them
        return Removal(
            guarantee=self.guarantee(), n_forgotten=len(gone), work=0, elapsed_s=time.perf_counter() - started,
            touched=("rows",),
        )  # fmt: skip

    def digest(self) -> str:
        """SHA-256 over the rows by id, the weights of the model, and the arguments."""
        leaves = {f"weights/{name}": leaf(value.numpy()) for name, value in self.model.state_dict().items()}
        order = np.argsort(self._ids, kind="stable")
        leaves["ids"] = leaf(self._ids[order])
        rank = np.argsort(order)[self._whose]
        rows = np.argsort(rank, kind="stable")
        leaves["rows"] = leaf({"keys": self._keys.numpy()[rows], "values": self._values.numpy()[rows]})
        leaves["arguments"] = leaf({"k": self.k, "temperature": self.temperature, "share": self.share})
        return root(leaves).hex()

    @property
    def record_ids_(self) -> npt.NDArray[Any]:
        """Ids it still knows."""
        return self._ids.copy()

    def guarantee(self) -> Guarantee:
        """Exact."""
        return equality(", of a model that never learned from the records", None)

    @torch.no_grad()
    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """log p of the next token at each place, shape (b, t, number of tokens)."""
        states = self.model.states(tokens)
        own = self.model.head(states).softmax(dim=-1)
        if not len(self._keys) or not self.share:
            return torch.as_tensor(own.clamp(min=1e-12).log())
        flat = states.flatten(0, 1)
        away, at = torch.cdist(flat, self._keys).square().topk(min(self.k, len(self._keys)), largest=False)
        weight = torch.softmax(-away / self.temperature, dim=-1)
        near = torch.zeros(len(flat), own.shape[-1]).scatter_add_(1, self._values[at], weight).view(own.shape)
        return torch.as_tensor((self.share * near + (1 - self.share) * own).clamp(min=1e-12).log())

    def _find(self, ids: Any) -> npt.NDArray[np.intp]:
        if not hasattr(self, "_ids"):
            raise InvalidRequestError("This store was not fitted.", hint="Call fit(task) first.")
        wanted = np.atleast_1d(np.asarray(ids)).tolist()
        if not wanted or len(set(wanted)) < len(wanted):
            raise InvalidRequestError("Name at least one record, and each once.")
        place = {name: i for i, name in enumerate(self._ids.tolist())}
        if missing := [name for name in wanted if name not in place]:
            raise UnknownRecordError(f"No record {missing[0]!r}: never learned, or forgotten.", hint="See record_ids_.")
        return np.array([place[name] for name in wanted], dtype=np.intp)
