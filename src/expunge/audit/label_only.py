"""The attack for services that answer with labels alone: a record that is labelled right is called a member."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["label_only"]


def label_only(predicted: npt.NDArray[Any], labels: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """1 where the predicted label is the true one, else 0.

    Its AUC is a half plus half the gap of accuracy between forgotten and held-out records.

    Parameters
    ----------
    predicted : ndarray of shape (..., n)
        Of one model or more.
    labels : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (..., n)

    Raises
    ------
    InvalidDataError
        They are of different records.

    References
    ----------
    S. Yeom, I. Giacomelli, M. Fredrikson, S. Jha, "Privacy risk in machine learning", CSF 2018, adversary 1; L. Song,
    P. Mittal, USENIX Security 2021, section 3.2, I_corr.

    Examples
    --------
    >>> label_only(np.array([1, 2, 0]), np.array([1, 0, 0])).tolist()
    [1.0, 0.0, 1.0]
    """
    if predicted.shape[-1:] != labels.shape:
        raise InvalidDataError(f"{predicted.shape} predicted labels for {labels.shape} true ones.")
    return np.asarray(predicted == labels, dtype=np.float64)
