"""A method for networks with a small network and its data."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from expunge.methods.networks.job import Job
from expunge.methods.networks.limits import Limits
from expunge.methods.networks.network_method import NetworkMethod
from expunge.methods.networks.task import Classification, Task

__all__ = ["NetworkCase", "Reads", "small_network", "small_task", "states_equal"]

N_RECORDS = 24


class Reads(Dataset[Any]):
    """Twenty-four points of three classes, that counts how often one is read."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.inputs = torch.randn(N_RECORDS, 4, generator=generator)
        self.targets = torch.arange(N_RECORDS) % 3
        self.inputs[torch.arange(N_RECORDS), self.targets] += 1.0
        self.count = 0

    def __len__(self) -> int:
        return N_RECORDS

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        self.count += 1
        return self.inputs[i], self.targets[i]


def small_task() -> Classification:
    """The data, under texts as ids, so that nobody takes a position for one."""
    return Classification(Reads(), record_ids=[f"r-{i:02d}" for i in range(N_RECORDS)])


def small_network(*, normalised: bool = False) -> nn.Module:
    """Two linear layers, dropout between them, perhaps a batch normalisation; its weights are always the same."""
    generator = torch.Generator().manual_seed(1)
    layers: list[nn.Module] = [nn.Linear(4, 6), nn.BatchNorm1d(6)] if normalised else [nn.Linear(4, 6)]
    model = nn.Sequential(*layers, nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, 3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


class NetworkCase:
    """A method to check.

    Parameters
    ----------
    method : NetworkMethod, or callable (model) -> NetworkMethod
        A callable where the method needs something of the model: a log of its training, say.
    alternatives : dict of str to list, optional
        Values of constructor arguments that matter, where a guess from the default does not find one.
    normalised : bool
        Whether the network has a batch normalisation.
    """

    def __init__(
        self, method: NetworkMethod | Callable[[nn.Module], NetworkMethod], *,
        alternatives: Mapping[str, Sequence[Any]] | None = None, normalised: bool = False,
    ) -> None:  # fmt: skip
        self.model = small_network(normalised=normalised)
        self.estimator = method if isinstance(method, NetworkMethod) else method(copy.deepcopy(self.model))
        self.alternatives = dict(alternatives or {})

    @property
    def name(self) -> str:
        """Of the class."""
        return type(self.estimator).__name__

    def forget(self, ids: Sequence[str] = ("r-01", "r-05", "r-10"), seed: int = 0, **keywords: Any) -> Any:
        """What the method makes of a copy of the model."""
        task: Task = keywords.pop("task", None) or small_task()
        model = keywords.pop("model", None) or copy.deepcopy(self.model)
        method: NetworkMethod = keywords.pop("method", self.estimator)
        return method.forget(model, task, list(ids), seed, **keywords)


class Nothing(NetworkMethod):
    """Does nothing: what forgetting reads besides the method."""

    def _run(self, job: Job) -> None:
        pass

    def _estimate(self, n_forget: int, n_retain: int) -> int:
        return 0


def states_equal(a: nn.Module, b: nn.Module) -> bool:
    """Whether all parameters and buffers are equal bit for bit."""
    was, now = a.state_dict(), b.state_dict()
    return list(was) == list(now) and all(torch.equal(was[name], now[name]) for name in was)


def fingerprint() -> tuple[bytes, bytes]:
    """State of the generators of the process."""
    kind, keys, *rest = np.random.get_state()
    return torch.random.get_rng_state().numpy().tobytes(), repr((kind, np.asarray(keys).tobytes(), rest)).encode()


def no_step() -> Limits:
    """Limits that no change keeps."""
    return Limits(max_step_norm=0.0)
