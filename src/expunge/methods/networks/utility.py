"""What forgetting did to the model, in numbers: measured before and after, for each class and subgroup."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from expunge.maths.vectors import minus, square_norm
from expunge.methods.networks.repeatable import device_of
from expunge.methods.networks.task import Positions, Task
from expunge.seeds import uniform64

__all__ = ["Change", "UtilityRow", "Viewed", "changed", "retain_sample", "view"]

#: Records of the retain set that are looked at, at most: chosen by the hash of their ids.
SAMPLE = 2048


@dataclasses.dataclass(frozen=True)
class UtilityRow:
    """What is measured on some records, before and after.

    Parameters
    ----------
    part : str
        "forget" or "retain".
    kind, name : str
        "all", or "class" or "group" and which.
    n_records : int
    before, after : float
        Mean of the task's measured quantity.
    """

    part: str
    kind: str
    name: str
    n_records: int
    before: float
    after: float

    def __str__(self) -> str:
        what = self.part if self.kind == "all" else f"{self.part}, {self.kind} {self.name}"
        return f"{what} ({self.n_records:,} records): {self.before:.4g} -> {self.after:.4g}"


@dataclasses.dataclass(frozen=True)
class Viewed:
    """What a model says about some records.

    Parameters
    ----------
    positions : ndarray of intp
    outputs : tensor
    measured, losses : ndarray of shape (n,)
    """

    positions: Positions
    outputs: Any
    measured: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Change:
    """From one model to another.

    Parameters
    ----------
    rows : tuple of UtilityRow
    step_norm, retain_kl, retain_drop : float
    forget_measure : float
        Mean of what is measured on the forget set, after.
    """

    rows: tuple[UtilityRow, ...]
    step_norm: float
    retain_kl: float
    retain_drop: float
    forget_measure: float


@torch.no_grad()
def view(model: nn.Module, task: Task, positions: Positions) -> list[Viewed]:
    """Outputs, measured quantity and loss of records, batch by batch, in eval mode; modes are put back."""
    modes = [(layer, layer.training) for layer in model.modules()]
    model.eval()
    out = []
    try:
        for start in range(0, len(positions), task.batch_size):
            batch = task.batch(positions[start : start + task.batch_size], device_of(model))
            outputs = task.forward(model, batch.inputs)
            out.append(
                Viewed(
                    batch.positions, outputs,
                    _numbers(task.measure_of(outputs, batch.targets)), _numbers(task.losses_of(outputs, batch.targets)),
                )
            )  # fmt: skip
    finally:
        for layer, training in modes:
            layer.training = training
    return out


def retain_sample(task: Task, retain: Positions, seed: int) -> Positions:
    """The records of the retain set that are looked at."""
    if len(retain) <= SAMPLE:
        return retain
    order = np.argsort(uniform64(seed, "utility report", task.ids[retain]), kind="stable")
    return np.sort(retain[order[:SAMPLE]])


def changed(old: nn.Module, new: nn.Module, task: Task, before: Mapping[str, list[Viewed]]) -> Change:
    """Compare a model with what an older one said about the parts "forget" and "retain"."""
    rows: list[UtilityRow] = []
    divergences: list[npt.NDArray[np.float64]] = []
    means: dict[str, tuple[float, float]] = {}
    for part, seen in before.items():
        positions = np.concatenate([v.positions for v in seen])
        now = view(new, task, positions)
        first, second = (np.concatenate([v.measured for v in views]) for views in (seen, now))
        means[part] = float(first.mean()), float(second.mean())
        rows += _rows(part, first, second, {"all": np.full(len(first), ""), **_kinds(task, positions)})
        if part == "retain":
            divergences += [_numbers(task.divergence(b.outputs, a.outputs)) for a, b in zip(seen, now, strict=True)]
    was, is_ = ({name: p.detach() for name, p in model.named_parameters()} for model in (old, new))
    return Change(
        rows=tuple(rows), step_norm=square_norm(minus(is_, was)) ** 0.5,
        retain_kl=float(np.concatenate(divergences).mean()), retain_drop=means["retain"][0] - means["retain"][1],
        forget_measure=means["forget"][1],
    )  # fmt: skip


def _kinds(task: Task, positions: Positions) -> dict[str, npt.NDArray[Any]]:
    out = {}
    cpu = torch.device("cpu")
    parts = range(0, len(positions), task.batch_size)
    classes = [task.classes_of(task.batch(positions[i : i + task.batch_size], cpu).targets) for i in parts]
    if all(c is not None for c in classes):
        out["class"] = np.concatenate([c for c in classes if c is not None])
    if task.groups is not None:
        out["group"] = task.groups[positions]
    return out


def _rows(
    part: str, before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], kinds: Mapping[str, npt.NDArray[Any]]
) -> list[UtilityRow]:
    out = []
    for kind, labels in kinds.items():
        for label in np.unique(labels).tolist():
            at = labels == label
            out.append(
                UtilityRow(part, kind, str(label), int(at.sum()), float(before[at].mean()), float(after[at].mean()))
            )
    return out


def _numbers(values: torch.Tensor) -> npt.NDArray[np.float64]:
    return np.asarray(values.detach().double().cpu().numpy())
