"""Distance of two models by their weights, as a whole and layer by layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["layer_distances", "weight_distance"]


def weight_distance(
    first: Mapping[str, npt.NDArray[np.float64]], second: Mapping[str, npt.NDArray[np.float64]]
) -> float:
    """Euclidean distance of all weights; 0 is equality, and retrained networks are far from one another too.

    Parameters
    ----------
    first, second : mapping of str to ndarray
        Weights by layer; the same names and shapes.

    References
    ----------
    Y. Wu, E. Dobriban, S. Davidson, "DeltaGrad", ICML 2020, section 4 (distance to the retrained parameters).

    Examples
    --------
    >>> weight_distance({"a": np.array([0.0, 3.0])}, {"a": np.array([4.0, 3.0])})
    4.0
    """
    return float(np.sqrt(sum(value**2 for value in _distances(first, second).values())))


def layer_distances(
    first: Mapping[str, npt.NDArray[np.float64]], second: Mapping[str, npt.NDArray[np.float64]]
) -> dict[str, float]:
    """Euclidean distance of each layer, divided by the norm of the first model's layer (1 where that is 0).

    References
    ----------
    V. Chundawat, A. Tarun, M. Mandal, M. Kankanhalli, "Can bad teaching induce forgetting?", AAAI 2023, layer-wise
    distance.

    Examples
    --------
    >>> layer_distances({"a": np.array([2.0])}, {"a": np.array([3.0])})
    {'a': 0.5}
    """
    norms = {name: float(np.linalg.norm(value)) or 1.0 for name, value in first.items()}
    return {name: value / norms[name] for name, value in _distances(first, second).items()}


def _distances(
    first: Mapping[str, npt.NDArray[np.float64]], second: Mapping[str, npt.NDArray[np.float64]]
) -> dict[str, float]:
    if set(first) != set(second):
        raise InvalidDataError(f"One model has no layer {sorted(set(first) ^ set(second))[0]!r}.")
    for name in first:
        if np.shape(first[name]) != np.shape(second[name]):
            raise InvalidDataError(f"Layer {name!r}: {np.shape(first[name])} against {np.shape(second[name])}.")
    return {name: float(np.linalg.norm(np.subtract(first[name], second[name]))) for name in first}
