"""Are models made by forgetting and models made by retraining draws of the same kind? A test over seeds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from expunge.errors import InvalidDataError

__all__ = ["energy_distance", "two_sample_p_value"]

Floats = npt.NDArray[np.float64]


def energy_distance(first: Floats, second: Floats) -> float:
    """2 E|a - b| - E|a - a'| - E|b - b'|, which is 0 only for equal distributions.

    Parameters
    ----------
    first, second : ndarray of shape (u, d), (v, d)
        Outputs of models, one model a row.

    References
    ----------
    G. Szekely, M. Rizzo, "Energy statistics", Journal of Statistical Planning and Inference 143, 2013, equation 6.1.

    Examples
    --------
    >>> energy_distance(np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]]))
    0.0
    """
    n = len(first)
    return _energy(cdist(*(np.vstack([first, second]),) * 2), np.arange(n), np.arange(n, n + len(second)))


def two_sample_p_value(first: Floats, second: Floats, *, seed: int, repeats: int = 1999) -> float:
    """Permutation p-value of the energy distance: exact, whatever the distribution.

    Parameters
    ----------
    first, second : ndarray of shape (u, d), (v, d)
        Outputs (or scores, or weights) of models of both kinds, one row for each seed.
    seed : int
        Of the permutations.
    repeats : int

    Raises
    ------
    InvalidDataError
        Fewer than three models of a kind: no permutation could then be rare.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> two_sample_p_value(rng.normal(size=(20, 3)), rng.normal(size=(20, 3)) + 2, seed=0, repeats=99)
    0.01
    """
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise InvalidDataError(f"Shapes {first.shape} and {second.shape} are no models on the same records.")
    if min(len(first), len(second)) < 3:
        raise InvalidDataError("A test over seeds needs three models of each kind.", hint="Train more.")
    both = np.vstack([first, second])
    distances = cdist(both, both)
    n, rng = len(first), np.random.default_rng(seed)
    order = np.arange(len(both))
    observed = _energy(distances, order[:n], order[n:])
    slack = 1e-12 * max(1.0, float(distances.max()))
    count = 0
    for _ in range(repeats):
        rng.shuffle(order)
        count += _energy(distances, order[:n], order[n:]) >= observed - slack
    return (1 + count) / (1 + repeats)


def _energy(distances: Floats, a: npt.NDArray[np.intp], b: npt.NDArray[np.intp]) -> float:
    across, first, second = distances[np.ix_(a, b)], distances[np.ix_(a, a)], distances[np.ix_(b, b)]
    return float(2 * across.mean() - first.mean() - second.mean())
