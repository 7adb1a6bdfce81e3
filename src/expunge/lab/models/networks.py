"""Families that are PyTorch networks, trained by a plain loop (needs the extra ``torch``)."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.extras import needs_torch
from expunge.lab.data import Data, Records
from expunge.lab.environment import device
from expunge.lab.learners import Outcome
from expunge.seeds import uniform64

__all__ = ["NetworkLearner", "cnn", "cnn_strided", "net_mlp", "net_softmax", "resnet18"]

Make = Callable[[tuple[int, ...], int], Any]
#: Of a network, what stands around each step on the records of these ids.
Hook = Callable[[Any], Callable[[npt.NDArray[Any]], Any]]


def net_softmax(data: Data, *, width: int = 0, epochs: int = 30) -> NetworkLearner:
    """Softmax regression; it has no width."""
    return NetworkLearner(lambda shape, k: _softmax(shape, k), data.shape, epochs=epochs)


def net_mlp(data: Data, *, width: int = 128, epochs: int = 30) -> NetworkLearner:
    """One hidden layer."""
    return NetworkLearner(lambda shape, k: _mlp(shape, k, width), data.shape, epochs=epochs)


def cnn(data: Data, *, width: int = 16, epochs: int = 20) -> NetworkLearner:
    """Two convolutions and a hidden layer."""
    return NetworkLearner(lambda shape, k: _cnn(shape, k, width), data.shape, epochs=epochs)


def cnn_strided(data: Data, *, width: int = 8, epochs: int = 40) -> NetworkLearner:
    """Each image standardised, two convolutions that halve it and a hidden layer: a third of the work of ``cnn``."""
    return NetworkLearner(lambda shape, k: _cnn_strided(shape, k, width), data.shape, epochs=epochs)


def resnet18(data: Data, *, width: int = 64, epochs: int = 30, augment: int = 1) -> NetworkLearner:
    """ResNet-18 for small images; images are shifted and mirrored in training, unless ``augment`` is 0."""
    from expunge.lab.models.resnet import resnet

    return NetworkLearner(lambda shape, k: resnet(shape, k, width), data.shape, epochs=epochs, augment=bool(augment))


class NetworkLearner:
    """A network of one size, trained by SGD with momentum and a cosine schedule.

    Parameters
    ----------
    make : callable
        ``make(shape, n_classes)`` gives a module.
    shape : tuple of int
        Of an input.
    epochs, batch : int
    rate : float
        Largest step.
    momentum, decay : float
    augment : bool
        Shift by up to an eighth and mirror; images that are decoded when asked for are augmented by themselves.

    Raises
    ------
    MissingExtraError
        torch is not installed.

    Notes
    -----
    First weights, the order of the records and what augmentation draws follow from the seed, the last two from
    (seed, epoch, record id). torch's global generator is left as it was. One thread, deterministic algorithms.
    """

    def __init__(
        self, make: Make, shape: tuple[int, ...], *, epochs: int, batch: int = 64, rate: float = 0.05,
        momentum: float = 0.9, decay: float = 5e-4, augment: bool = False,
    ) -> None:  # fmt: skip
        self.torch = _torch()
        self.make, self.shape, self.epochs, self.batch, self.rate = make, shape, epochs, batch, rate
        self.momentum, self.decay, self.augment, self.device = momentum, decay, augment, device()
        self.keep, self.floor, self.is_kept = 1.0, 1e-6, True
        #: Weights before training, by network: what single-step unrolling starts from.
        self.starts: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()
        #: Records for methods that look at data never trained on: a trial puts its validation records here.
        self.unseen: Records | None = None
        self._seeds: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._logs: weakref.WeakKeyDictionary[Any, tuple[list[Any], Any]] = weakref.WeakKeyDictionary()

    def train(self, records: Records, seed: int) -> Any:
        """A network of these records."""
        return self._in_peace(records, seed, lambda model: nullcontext)

    def updates(self, model: Any, records: Records, ids: npt.NDArray[Any]) -> Any:
        """What each step on one of these records changed: the training of a network once more, with a log of it."""
        from expunge.methods.networks.update_log import UpdateLog

        def hook(copy: Any) -> Callable[[npt.NDArray[Any]], Any]:
            log = UpdateLog(copy, sensitive=ids.tolist())
            self._logs[model] = ids.tolist(), log
            return log.step

        if self._logs.get(model, ([], None))[0] != ids.tolist():
            self._in_peace(records, self._seeds[model], hook)
        return self._logs[model][1]

    def _in_peace(self, records: Records, seed: int, hook: Hook) -> Any:
        cudnn = self.torch.backends.cudnn
        threads, was = self.torch.get_num_threads(), cudnn.deterministic
        self.torch.set_num_threads(1)
        cudnn.deterministic = True
        try:
            return self._trained(records, seed, hook)
        finally:
            self.torch.set_num_threads(threads)
            cudnn.deterministic = was

    def _trained(self, records: Records, seed: int, hook: Hook) -> Any:
        torch = self.torch
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = self.make(self.shape, records.n_classes).to(self.device)
        self.starts[model] = {name: value.clone() for name, value in model.state_dict().items()}
        self._seeds[model] = seed
        around = hook(model)
        model.train()
        optimizer = torch.optim.SGD(
            model.parameters(), lr=self.rate, momentum=self.momentum, weight_decay=self.decay, nesterov=True
        )
        steps, step = self.epochs * math.ceil(len(records) / self.batch), 0
        labels = torch.as_tensor(records.y, device=self.device)
        for epoch in range(self.epochs):
            order = np.argsort(uniform64(seed, f"batch {epoch}", records.ids), kind="stable")
            for at in range(0, len(order), self.batch):
                places = order[at : at + self.batch]
                if len(places) == 1 and len(order) > 1:
                    continue  # a batch of one has no variance to normalise by
                for group in optimizer.param_groups:
                    group["lr"] = self.rate * 0.5 * (1 + math.cos(math.pi * step / steps))
                step += 1
                optimizer.zero_grad()
                inputs = self._inputs(self._augmented(records, places, seed, epoch))
                torch.nn.functional.cross_entropy(model(inputs), labels[places]).backward()
                with around(records.ids[places]):
                    optimizer.step()
        if self.device.startswith("cuda"):
            torch.cuda.synchronize(self.device)  # so that who takes the time waits for the end
        return model.eval()

    def answer(self, model: Any, X: Any, n_classes: int) -> npt.NDArray[np.float64]:
        """Softmax of the outputs."""
        torch = self.torch
        model.eval()
        out = []
        with torch.no_grad():
            for at in range(0, len(X), 256):
                logits = model(self._inputs(np.asarray(X[at : at + 256], dtype=np.float32)))
                out.append(torch.softmax(logits.double(), dim=1).cpu().numpy())
        return np.concatenate(out) if out else np.empty((0, n_classes))

    def work_of_training(self, model: Any, records: Records) -> int:
        """Every record in every epoch."""
        return self.epochs * len(records)

    def n_bytes(self, model: Any) -> int:
        """Of all arrays in the state."""
        return sum(value.numel() * value.element_size() for value in model.state_dict().values())

    def digest(self, model: Any) -> str:
        """Of the names and the arrays of the state."""
        from expunge.digest import leaf

        return leaf({name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}).hex()

    def forget(self, model: Any, records: Records, ids: npt.NDArray[Any], seed: int) -> Outcome | None:
        """None: a plain network has no way of its own."""
        return None

    def cost(self, model: Any, record_id: Any) -> int | None:
        """None: it cannot tell."""
        return None

    def task(self, records: Records) -> Any:
        """The records as a task of :mod:`expunge.networks`."""
        import importlib

        kind = importlib.import_module("expunge.methods.networks.task").Classification
        inputs = self._inputs(np.asarray(records.X, dtype=np.float32)).cpu()
        dataset = self.torch.utils.data.TensorDataset(inputs, self.torch.as_tensor(records.y))
        return kind(dataset, loss="cross_entropy", record_ids=records.ids)

    def _inputs(self, rows: npt.NDArray[np.float32]) -> Any:
        return self.torch.as_tensor(rows, device=self.device).reshape(-1, *self.shape) - 0.5

    def _augmented(self, records: Records, places: npt.NDArray[Any], seed: int, epoch: int) -> npt.NDArray[np.float32]:
        if hasattr(records.X, "augmented"):
            decoded: npt.NDArray[np.float32] = records.X.augmented(places, seed, epoch)
            return decoded
        rows = np.asarray(records.X[places], dtype=np.float32)
        return shifted(rows, self.shape, records.ids[places], seed, epoch) if self.augment else rows


def shifted(
    rows: npt.NDArray[np.float32], shape: tuple[int, ...], ids: npt.NDArray[np.int64], seed: int, epoch: int
) -> npt.NDArray[np.float32]:
    """Images moved by up to an eighth of their side, with black at the edge, and mirrored half of the time.

    Examples
    --------
    >>> rows = np.arange(64, dtype=np.float32)[None]
    >>> out = shifted(rows, (1, 8, 8), np.array([5]), 0, 0)
    >>> out.shape, bool(np.isin(out, np.append(rows, 0)).all())
    ((1, 64), True)
    """
    images = rows.reshape(-1, *shape)
    reach = shape[1] // 8
    span = np.uint64(2 * reach + 1)
    down, right = (uniform64(seed, f"shift {epoch} {way}", ids) % span for way in ("down", "right"))
    mirrored = uniform64(seed, f"mirror {epoch}", ids) % np.uint64(2)
    padded = np.pad(images, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    out = np.empty_like(images)
    for i in range(len(images)):
        a, b = int(down[i]), int(right[i])
        cut = padded[i, :, a : a + shape[1], b : b + shape[2]]
        out[i] = cut[:, :, ::-1] if mirrored[i] else cut
    return out.reshape(len(rows), -1)


def _torch() -> Any:
    with needs_torch():
        import torch
    return torch


def _softmax(shape: tuple[int, ...], k: int) -> Any:
    nn = _torch().nn
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), k))


def _mlp(shape: tuple[int, ...], k: int, width: int) -> Any:
    nn = _torch().nn
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), width), nn.ReLU(), nn.Linear(width, k))


def _cnn(shape: tuple[int, ...], k: int, width: int) -> Any:
    nn = _torch().nn
    channels, height, across = shape
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(2 * width * (height // 4) * (across // 4), 4 * width), nn.ReLU(), nn.Linear(4 * width, k),
    )  # fmt: skip


def _cnn_strided(shape: tuple[int, ...], k: int, width: int) -> Any:
    nn = _torch().nn
    channels, height, across = shape
    quarter = -(-height // 4) * -(-across // 4)
    return nn.Sequential(
        nn.InstanceNorm2d(channels), nn.Conv2d(channels, width, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(),
        nn.Linear(2 * width * quarter, 4 * width), nn.ReLU(), nn.Linear(4 * width, k),
    )  # fmt: skip
