"""What a method has to know about your model: its data by id, the loss of each record, and what is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset, default_collate

from expunge.arguments import check_count
from expunge.errors import InvalidDataError, InvalidParameterError, InvalidRequestError, UnsupportedRequestError
from expunge.table.ids import IdIndex, check_ids, check_unique

__all__ = ["Batch", "Classification", "Regression", "Task"]

Positions = npt.NDArray[np.intp]
PerRecord = Callable[[Any, Any], torch.Tensor]

_NUMBER = "Number the classes from 0, in the order of the outputs: np.unique(labels, return_inverse=True)[1]."


class Batch(NamedTuple):
    """Records on the device of the model, and their positions in the data set, shape (b,).

    Parameters
    ----------
    inputs, targets : tensor or tuple of tensors
    positions : ndarray of intp
    """

    inputs: Any
    targets: Any
    positions: Positions

    def __len__(self) -> int:
        return len(self.positions)


class Task:
    """Your data and your loss, for every method. Write :meth:`losses` and :meth:`measure`; the rest has defaults.

    Parameters
    ----------
    dataset : torch Dataset, or pair of arrays
        ``dataset[i]`` is a pair (input, target). One that draws at random, as augmentation does, makes results that
        cannot be repeated: leave the augmentation out while forgetting.
    record_ids : sequence of int or str, optional
        Of the records, in the order of the data set; default: their positions 0 to n-1.
    groups : sequence of length n, optional
        A subgroup for each record, for the utility report.
    batch_size : int, default=256
        Where only outputs are read.

    Attributes
    ----------
    ids : ndarray of shape (n,)

    Raises
    ------
    InvalidDataError
        The data set is empty, or ids or groups are not one a record.
    DuplicateRecordError
        One id stands for two records.

    Examples
    --------
    A loss of one's own:

    >>> class Margins(Task):
    ...     def losses(self, outputs, targets):
    ...         return (1 - outputs[:, 0] * targets).clamp(min=0)
    ...     def measure(self, outputs, targets):
    ...         return (outputs[:, 0] * targets > 0).float()
    >>> task = Margins((torch.randn(5, 2), torch.tensor([1.0, -1, 1, -1, 1])), record_ids=["a", "b", "c", "d", "e"])
    >>> task.find(["b", "e"]).tolist()
    [1, 4]
    """

    def __init__(
        self, dataset: Any, *, record_ids: Sequence[Any] | None = None, groups: Sequence[Any] | None = None,
        batch_size: int = 256,
    ) -> None:  # fmt: skip
        if isinstance(dataset, tuple) and len(dataset) == 2:
            dataset = TensorDataset(*map(_tensor_of, dataset, ("inputs", "targets")))
        self.dataset = dataset
        n = len(dataset)
        if not n:
            raise InvalidDataError("The data set is empty.", hint="Give the data the model was trained on.")
        self.ids = np.arange(n, dtype=np.int64) if record_ids is None else check_ids(record_ids, n=n)
        check_unique(self.ids)
        self._index = IdIndex(self.ids)
        self.groups = None if groups is None else np.asarray(groups)
        if self.groups is not None and self.groups.shape != (n,):
            raise InvalidDataError(f"groups has shape {self.groups.shape} for {n} records.", hint="One a record.")
        check_count("batch_size", batch_size)
        self.batch_size = batch_size

    def __len__(self) -> int:
        return len(self.ids)

    # ------------------------------------------------------------------ two methods to write

    def losses(self, outputs: Any, targets: Any) -> torch.Tensor:
        """Training loss of each record, shape (b,). Each entry depends on its own record alone."""
        raise NotImplementedError

    def measure(self, outputs: Any, targets: Any) -> torch.Tensor:
        """What the user cares about, for each record, shape (b,); larger is better. Accuracy: 1.0 where right."""
        raise NotImplementedError

    # ------------------------------------------------------------------ defaults

    def forward(self, model: Callable[..., Any], inputs: Any) -> Any:
        """Outputs of the model for a batch of inputs.

        Raises
        ------
        InvalidDataError
            The inputs are texts that the model does not read.
        """
        try:
            return model(inputs)
        except (TypeError, AttributeError) as error:
            if not _is_texts(inputs):
                raise
            raise InvalidDataError(
                "The inputs are texts, and the model reads none.",
                hint="Make numbers of them in the data set, or in collate of a task of your own.",
            ) from error

    def collate(self, items: list[Any]) -> Any:
        """From a list of pairs to a pair (inputs, targets) of a batch."""
        return default_collate(items)

    def divergence(self, outputs: Any, wanted: Any, temperature: float = 1.0) -> torch.Tensor:
        """How far the outputs of a student are from those of a teacher, for each record, shape (b,).

        Half the squared distance: the Kullback-Leibler divergence of normal distributions of unit variance.
        """
        squares: torch.Tensor = (outputs - wanted).flatten(1).square().sum(dim=1)
        return 0.5 * squares / temperature**2

    def wrong_targets(self, targets: Any, outputs: Any, draws: npt.NDArray[np.uint64]) -> Any:
        """Targets that are not the records' own, from 64 uniform bits for each record.

        Raises
        ------
        UnsupportedRequestError
            The task does not say.
        """
        raise UnsupportedRequestError(
            f"{type(self).__name__} has no wrong targets.", hint="Write wrong_targets, or choose another method."
        )

    def drawn_targets(self, outputs: Any, generator: torch.Generator) -> Any:
        """Targets drawn from the distribution that the outputs stand for, as the Fisher matrix asks.

        Raises
        ------
        UnsupportedRequestError
            The task does not say.
        """
        raise UnsupportedRequestError(
            f"{type(self).__name__} draws no targets.", hint="Write drawn_targets, or choose solver='cg'."
        )

    def ignorant_loss(self, outputs: Any, targets: Any) -> float:
        """Loss of a model that knows nothing: where the constrained method stops raising the loss.

        Raises
        ------
        UnsupportedRequestError
            The task does not say.
        """
        raise UnsupportedRequestError(
            f"{type(self).__name__} has no loss of ignorance.", hint="Write ignorant_loss, or choose another method."
        )

    def classes_of(self, targets: Any) -> npt.NDArray[Any] | None:
        """Class of each record, for the utility report; None where there are none."""
        return None

    # ------------------------------------------------------------------ data by id

    def find(self, ids: Any, *, what: str = "ids") -> Positions:
        """Positions of records by id.

        Raises
        ------
        UnknownRecordError, DuplicateRecordError, InvalidIdError
            As everywhere in the library.
        InvalidRequestError
            No id at all.
        """
        wanted = check_ids(ids, what=what)
        if not len(wanted):
            raise InvalidRequestError(f"{what} names no record.", hint="Give at least one id.")
        return self._index.find(wanted, np.ones(len(self.ids), dtype=bool), listed="task.ids lists those of the task.")

    def batch(self, positions: Positions, device: torch.device) -> Batch:
        """Records by position, on a device."""
        if type(self.dataset) is TensorDataset and type(self).collate is Task.collate:
            rows = torch.as_tensor(positions)
            inputs, targets = (tensor[rows] for tensor in self.dataset.tensors)
        else:
            inputs, targets = self.collate([self.dataset[int(i)] for i in positions])
        return Batch(_moved(inputs, device), _moved(targets, device), positions)

    def losses_of(self, outputs: Any, targets: Any) -> torch.Tensor:
        """As :meth:`losses`, and refuses what is not one number a record."""
        return _per_record(self.losses(outputs, targets), targets, "losses")

    def measure_of(self, outputs: Any, targets: Any) -> torch.Tensor:
        """As :meth:`measure`, and refuses what is not one number a record."""
        return _per_record(self.measure(outputs, targets), targets, "measure")


class Classification(Task):
    """A network with one output (a logit) for each class.

    Parameters
    ----------
    dataset, record_ids, groups, batch_size
        As of :class:`Task`; a target is an integer from 0.
    loss : "cross_entropy" or callable (outputs, targets) -> tensor of shape (b,), default="cross_entropy"
        The loss that the model was trained with. What is measured is accuracy.

    Examples
    --------
    >>> task = Classification((torch.randn(6, 2), torch.tensor([0, 1, 2, 0, 1, 2])), loss="cross_entropy")
    >>> task.losses(torch.zeros(2, 4), torch.tensor([0, 1])).tolist()
    [1.386..., 1.386...]
    """

    def __init__(
        self, dataset: Any, *, loss: Literal["cross_entropy"] | PerRecord = "cross_entropy",
        record_ids: Sequence[Any] | None = None, groups: Sequence[Any] | None = None, batch_size: int = 256,
    ) -> None:  # fmt: skip
        super().__init__(dataset, record_ids=record_ids, groups=groups, batch_size=batch_size)
        self.loss = _loss_of(loss, {"cross_entropy": _cross_entropy})

    def losses(self, outputs: Any, targets: Any) -> torch.Tensor:
        return self.loss(outputs, targets)

    def measure(self, outputs: Any, targets: Any) -> torch.Tensor:
        right: torch.Tensor = outputs.argmax(dim=1) == _numbered(targets)
        return right.to(outputs.dtype)

    def divergence(self, outputs: Any, wanted: Any, temperature: float = 1.0) -> torch.Tensor:
        """Kullback-Leibler divergence of the teacher's distribution to the student's, times temperature²."""
        student = functional.log_softmax(outputs / temperature, dim=1)
        teacher = functional.log_softmax(wanted / temperature, dim=1)
        return (teacher.exp() * (teacher - student)).sum(dim=1) * temperature**2

    def wrong_targets(self, targets: Any, outputs: Any, draws: npt.NDArray[np.uint64]) -> Any:
        """Another class, each equally likely.

        Raises
        ------
        UnsupportedRequestError
            The model has one output.
        """
        others = np.uint64(outputs.shape[1] - 1)
        if not others:
            raise UnsupportedRequestError("A model with one output has no other class.", hint="Give it two outputs.")
        shift = torch.as_tensor((draws % others).astype(np.int64), device=targets.device) + 1
        return (targets + shift) % outputs.shape[1]

    def drawn_targets(self, outputs: Any, generator: torch.Generator) -> Any:
        chances = outputs.softmax(dim=1).cpu()
        return torch.multinomial(chances, 1, generator=generator)[:, 0].to(outputs.device)

    def ignorant_loss(self, outputs: Any, targets: Any) -> float:
        """Of a model whose outputs are all equal."""
        return float(self.losses(torch.zeros_like(outputs), targets).mean())

    def classes_of(self, targets: Any) -> npt.NDArray[Any] | None:
        return np.asarray(targets.cpu().numpy())


class Regression(Task):
    """A network with one output for each target.

    Parameters
    ----------
    dataset, record_ids, groups, batch_size
        As of :class:`Task`; a target is a number or a vector.
    loss : "squared" or callable (outputs, targets) -> tensor of shape (b,), default="squared"
        "squared" is half the squared error. What is measured is the negative squared error.
    """

    def __init__(
        self, dataset: Any, *, loss: Literal["squared"] | PerRecord = "squared",
        record_ids: Sequence[Any] | None = None, groups: Sequence[Any] | None = None, batch_size: int = 256,
    ) -> None:  # fmt: skip
        super().__init__(dataset, record_ids=record_ids, groups=groups, batch_size=batch_size)
        self.loss = _loss_of(loss, {"squared": _half_squares})

    def losses(self, outputs: Any, targets: Any) -> torch.Tensor:
        return self.loss(outputs, targets)

    def measure(self, outputs: Any, targets: Any) -> torch.Tensor:
        return -2 * _half_squares(outputs, targets)

    def drawn_targets(self, outputs: Any, generator: torch.Generator) -> Any:
        """Normal around the outputs, of unit variance."""
        noise = torch.randn(outputs.shape, generator=generator, dtype=outputs.dtype)
        return outputs.detach() + noise.to(outputs.device)


def _cross_entropy(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    try:
        return functional.cross_entropy(outputs, _numbered(targets).long(), reduction="none")
    except IndexError as error:
        raise InvalidDataError(
            f"A label is none of 0 to {outputs.shape[1] - 1}, and the model has {outputs.shape[1]} outputs.",
            hint=_NUMBER,
        ) from error


def _numbered(targets: Any) -> torch.Tensor:
    """The labels, refused where they are texts."""
    if not isinstance(targets, torch.Tensor):
        raise InvalidDataError("The labels are no integers.", hint=_NUMBER)
    return targets


def _half_squares(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return 0.5 * (outputs - targets.reshape(outputs.shape).to(outputs.dtype)).flatten(1).square().sum(dim=1)


def _tensor_of(values: Any, what: str) -> torch.Tensor:
    """A tensor of an array, refused where it holds texts or objects."""
    values = values if isinstance(values, torch.Tensor) else np.asarray(values)
    if not isinstance(values, torch.Tensor) and values.dtype.kind not in "biufc":
        raise InvalidDataError(
            f"The {what} are no numbers.", hint=_NUMBER if what == "targets" else "Make an array of numbers of them."
        )
    return torch.as_tensor(values)


def _is_texts(inputs: Any) -> bool:
    return isinstance(inputs, (list, tuple)) and bool(inputs) and all(isinstance(one, str) for one in inputs)


def _loss_of(loss: Any, known: Mapping[str, PerRecord]) -> PerRecord:
    if isinstance(loss, str) and loss in known:
        return known[loss]
    if callable(loss):
        return loss  # type: ignore[no-any-return]
    names = " or ".join(map(repr, known))
    raise InvalidParameterError(f"loss must be {names} or a function, got {loss!r}.")


def _per_record(values: torch.Tensor, targets: Any, what: str) -> torch.Tensor:
    first = targets
    while not isinstance(first, torch.Tensor):
        first = next(iter(first.values() if isinstance(first, dict) else first))
    if values.shape != first.shape[:1]:
        raise InvalidDataError(
            f"{what} gives shape {tuple(values.shape)} for {len(first)} records.",
            hint="One number a record: reduction='none' in the losses of torch.",
        )
    return values


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: _moved(item, device) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_moved(item, device) for item in value)
    return value


def as_module(model: Any) -> nn.Module:
    """The model, or a sentence that says it is none."""
    if not isinstance(model, nn.Module):
        raise InvalidParameterError(
            f"The model must be a torch.nn.Module, got {type(model).__name__}.", hint="Of skorch: net.module_."
        )
    return model
