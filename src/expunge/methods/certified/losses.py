"""Losses of one record as functions of its score z = w·x and its target t: values, slopes and curvatures.

Each loss has the constant ``concordance`` for which |l'''| <= concordance · l'' everywhere. So along a path on which no
score moves by more than s, curvatures stay within a factor exp(concordance · s) of each other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit

__all__ = ["LOGISTIC", "SQUARED", "Loss"]

Floats = npt.NDArray[np.float64]
Function = Callable[[Floats, Floats], Floats]


@dataclasses.dataclass(frozen=True)
class Loss:
    """A convex loss l(z, t).

    Parameters
    ----------
    name : str
    value, slope, curvature : callable
        l, l' and l'' with respect to z, elementwise.
    concordance : float
        Least c with |l'''| <= c l''.
    """

    name: str
    value: Function
    slope: Function
    curvature: Function
    concordance: float


#: log(1 + exp(-t z)) for t = 1 or -1. l'' = p (1 - p) and l''' = l'' (1 - 2 p), so |l'''| <= l''.
LOGISTIC = Loss(
    name="logistic",
    value=lambda z, t: np.asarray(-log_expit(t * z)),
    slope=lambda z, t: np.asarray(-t * expit(-t * z)),
    curvature=lambda z, t: np.asarray(expit(z) * expit(-z)),
    concordance=1.0,
)

#: (z - t)² / 2. l''' = 0: a Newton step is exact.
SQUARED = Loss(
    name="squared",
    value=lambda z, t: np.asarray((z - t) ** 2 / 2),
    slope=lambda z, t: np.asarray(z - t),
    curvature=lambda z, t: np.ones_like(z),
    concordance=0.0,
)
