"""Images to be put into groups. No model is told what they show."""

from __future__ import annotations

import dataclasses

import numpy as np

from expunge.lab.data import Data
from expunge.lab.tasks import GROUPS
from expunge.lab.workloads import images

__all__ = ["digits", "mnist"]


def digits(n: int | None) -> Data:
    """Digits of scikit-learn: 1,797 images of 64 pixels."""
    return _of("digit-groups", images.digits(n))


def mnist(n: int | None) -> Data:
    """MNIST: 60,000 images of 784 pixels."""
    return _of("mnist-groups", images.mnist(n))


def _of(name: str, data: Data) -> Data:
    """Rows in units of their spread: one minus the mean squared distance is the share of it that groups tell."""
    X = np.asarray(data.X, dtype=np.float64)
    return dataclasses.replace(data, name=name, kind="table", X=X / np.sqrt(X.var(axis=0).sum()), shape=(), task=GROUPS)
