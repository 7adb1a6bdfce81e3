"""Activation distance: how far apart two models answer, record by record."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["activation_distance", "check_same_records"]

Floats = npt.NDArray[np.float64]


def activation_distance(first: Floats, second: Floats) -> Floats:
    """Euclidean distance of the outputs for each record.

    Parameters
    ----------
    first, second : ndarray of shape (n, k)
        Probabilities, or activations of a layer.

    Returns
    -------
    ndarray of shape (n,)

    References
    ----------
    V. Chundawat, A. Tarun, M. Mandal, M. Kankanhalli, "Can bad teaching induce forgetting?", AAAI 2023, activation
    distance, after A. Golatkar, A. Achille, S. Soatto, ECCV 2020.

    Examples
    --------
    >>> activation_distance(np.array([[1.0, 0.0]]), np.array([[0.4, 0.8]])).round(6).tolist()
    [1.0]
    """
    check_same_records(first, second)
    return np.asarray(np.linalg.norm(first - second, axis=1))


def check_same_records(first: Floats, second: Floats) -> None:
    """Refuse outputs that do not belong to the same records and classes.

    Raises
    ------
    InvalidDataError
        The shapes differ.
    """
    if first.ndim != 2 or first.shape != second.shape or not len(first):
        raise InvalidDataError(f"Outputs of shapes {first.shape} and {second.shape} cannot be compared row by row.")
