"""Completeness: how often an unlearned and a retrained model give the same answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["completeness"]


def completeness(unlearned: npt.NDArray[Any], retrained: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """1 for each record of which both models predict the same label, else 0; the mean is the completeness.

    Parameters
    ----------
    unlearned, retrained : ndarray of shape (n,)
        Predicted labels.

    Returns
    -------
    ndarray of shape (n,)
        Ideal is the mean of two retrained models, which is below 1.

    Raises
    ------
    InvalidDataError
        The shapes differ.

    References
    ----------
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE S&P 2015, section II-B.

    Examples
    --------
    >>> completeness(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])).tolist()
    [1.0, 1.0, 0.0, 1.0]
    """
    if unlearned.shape != retrained.shape or unlearned.ndim != 1 or not len(unlearned):
        raise InvalidDataError(f"Labels of shapes {unlearned.shape} and {retrained.shape} cannot be compared.")
    return np.asarray(unlearned == retrained, dtype=np.float64)
