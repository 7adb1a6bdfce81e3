"""Clipping: no record moves a sum by more than it is allowed to.

References
----------
G. Andrew, O. Thakkar, B. McMahan, S. Ramaswamy, "Differentially private learning with adaptive clipping", NeurIPS 2021,
section 2: the geometric update, and section 2.1: the noisy count.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_number
from expunge.errors import InvalidDataError
from expunge.privacy.events import Event, Gaussian
from expunge.privacy.noise import Noise

__all__ = ["QuantileClip", "clip_rows"]

Floats = npt.NDArray[np.float64]
_WELL_WITHIN = 1 - 1e-9
_SAFE = 1 - 2.0**-40  # so that the rounded norm of a clipped row is not above the bound


def clip_rows(X: Any, norm: float) -> Floats:
    """Rows, shortened where they are longer than ``norm`` in the Euclidean norm.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Finite.
    norm : float
        Above 0.

    Returns
    -------
    ndarray of shape (n, d)
        Each row is a function of that row alone.

    Raises
    ------
    InvalidDataError
        A value that is not finite: no clipping bounds its influence.

    Examples
    --------
    >>> clip_rows([[3.0, 4.0], [0.3, 0.4]], 1.0).round(6).tolist()
    [[0.6, 0.8], [0.3, 0.4]]
    """
    rows, norm = np.asarray(X, dtype=np.float64), check_number("norm", norm, open_low=True)
    if rows.ndim != 2:
        raise InvalidDataError(f"Rows to clip have shape {rows.shape}, expected (n, d).")
    squares = np.einsum("ij,ij->i", rows, rows)
    if 1e-100 < norm < 1e100 and bool((squares < (norm * _WELL_WITHIN) ** 2).all()):  # false where one is not finite
        return rows.copy()
    if not np.isfinite(rows).all():
        raise InvalidDataError("A value that is not finite cannot be clipped.", hint="Fill it in or drop the record.")
    largest = np.abs(rows).max(axis=1, initial=0.0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        lengths = np.where(largest > 0, largest * np.sqrt(((rows / largest[:, np.newaxis]) ** 2).sum(axis=1)), 0.0)
        scale = np.where(lengths > norm, norm / lengths * _SAFE, 1.0)
    return np.asarray(rows * scale[:, np.newaxis])


class QuantileClip:
    """A clipping norm that follows a quantile of the norms, learned under differential privacy itself.

    Parameters
    ----------
    norm : float, default=0.1
        The first bound.
    quantile : float, default=0.5
        Share of records that should lie below the bound, between 0 and 1.
    rate : float, default=0.2
        Step of the geometric update, above 0.
    count_noise : float
        Standard deviation of the noise on the count of records below the bound. Section 2.1 takes a twentieth of the
        expected number of records in a round.

    Attributes
    ----------
    norm : float
        The bound of now.

    Examples
    --------
    >>> import numpy as np
    >>> clip = QuantileClip(norm=1.0, count_noise=1.0)
    >>> for _ in range(100):
    ...     event = clip.update(np.linspace(0.0, 10.0, 1000), expected=1000, noise=Noise(seed=3))
    >>> 4.5 < clip.norm < 5.5
    True
    """

    def __init__(self, *, norm: float = 0.1, quantile: float = 0.5, rate: float = 0.2, count_noise: float) -> None:
        self.norm = check_number("norm", norm, open_low=True)
        self.quantile = check_number("quantile", quantile, high=1.0, open_low=True, open_high=True)
        self.rate = check_number("rate", rate, open_low=True)
        self.count_noise = check_number("count_noise", count_noise, open_low=True)

    def update(self, norms: Any, *, expected: int, noise: Noise) -> Event:
        """Move the bound after a round; what it costs is an event beside those of the round.

        Parameters
        ----------
        norms : array-like of shape (m,)
            Norms of the records of this round.
        expected : int
            How many records a round has on average: a public number, never the count itself.
        noise : Noise

        Returns
        -------
        Event
            Gaussian noise on a count that is centred, Σ (below - 1/2): one record moves it by at most 1/2.
        """
        below = np.asarray(norms, dtype=np.float64) <= self.norm
        centred = float((below - 0.5).sum())
        share = float(noise.gaussian(centred, self.count_noise)) / max(1, expected) + 0.5
        self.norm *= math.exp(-self.rate * (share - self.quantile))
        return Gaussian(2 * self.count_noise)
