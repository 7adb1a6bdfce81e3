"""The two mechanisms that everything else is made of: a value of known sensitivity, with noise."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_number
from expunge.errors import InvalidDataError
from expunge.privacy.arguments import check_delta, check_epsilon
from expunge.privacy.events import Event, Gaussian, Laplace
from expunge.privacy.gaussian import gaussian_sigma
from expunge.privacy.noise import Noise

__all__ = ["GaussianMechanism", "LaplaceMechanism", "Release"]

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Release:
    """What came out, and the event to charge for it.

    Parameters
    ----------
    value : ndarray
        On the grid of the noise.
    event : Event
    """

    value: Floats
    event: Event


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaplaceMechanism:
    """(epsilon, 0)-differential privacy for a value that one neighbour moves by ``sensitivity`` in the sum norm.

    Parameters
    ----------
    epsilon : float
    sensitivity : float
        Largest Σ |difference| that one neighbour makes.
    noise : Noise, optional
        Default: the operating system's.

    References
    ----------
    C. Dwork, F. McSherry, K. Nissim, A. Smith, "Calibrating noise to sensitivity in private data analysis", TCC 2006,
    proposition 1.

    Examples
    --------
    >>> LaplaceMechanism(epsilon=0.5, sensitivity=2.0).scale
    4.0
    """

    epsilon: float
    sensitivity: float
    noise: Noise = dataclasses.field(default_factory=Noise)

    def __post_init__(self) -> None:
        check_epsilon(self.epsilon)
        check_number("sensitivity", self.sensitivity, open_low=True)

    @property
    def scale(self) -> float:
        """Scale of the noise."""
        return self.sensitivity / self.epsilon

    def release(self, value: Any) -> Release:
        """The value with noise. Its sensitivity is the caller's word: clip the records before."""
        return Release(self.noise.laplace(_finite(value), self.scale), Laplace(1 / self.epsilon))


@dataclasses.dataclass(frozen=True, kw_only=True)
class GaussianMechanism:
    """(epsilon, delta)-differential privacy for a value that one neighbour moves in the Euclidean norm.

    Parameters
    ----------
    epsilon, delta : float
    sensitivity : float
        Largest Euclidean distance that one neighbour makes.
    noise : Noise, optional
        Default: the operating system's.

    Examples
    --------
    >>> round(GaussianMechanism(epsilon=1.0, delta=1e-5, sensitivity=2.0).sigma, 4)
    7.4613
    """

    epsilon: float
    delta: float
    sensitivity: float
    noise: Noise = dataclasses.field(default_factory=Noise)

    def __post_init__(self) -> None:
        check_epsilon(self.epsilon)
        check_delta(self.delta)
        check_number("sensitivity", self.sensitivity, open_low=True)

    @property
    def sigma(self) -> float:
        """Standard deviation of the noise of each coordinate; see :func:`expunge.privacy.gaussian_sigma`."""
        return gaussian_sigma(self.epsilon, self.delta, self.sensitivity)

    def release(self, value: Any) -> Release:
        """The value with noise. Its sensitivity is the caller's word: clip the records before."""
        sigma = self.sigma
        return Release(self.noise.gaussian(_finite(value), sigma), Gaussian(sigma / self.sensitivity))


def _finite(value: Any) -> Floats:
    array = np.asarray(value, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InvalidDataError("A value that is not finite cannot be released.", hint="Clip the records before.")
    return array
