"""The loss attack: records with a small loss are called members."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["loss"]

Floats = npt.NDArray[np.float64]


def loss(probabilities: Floats, labels: npt.NDArray[np.int64]) -> Floats:
    """Minus the cross-entropy loss, log p_y: higher for what looks like a member.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
    labels : ndarray of int, shape (n,)

    Returns
    -------
    ndarray of shape (n,)
        At least the logarithm of the smallest positive number.

    References
    ----------
    S. Yeom, I. Giacomelli, M. Fredrikson, S. Jha, "Privacy risk in machine learning", CSF 2018, adversary 2.

    Examples
    --------
    >>> loss(np.array([[0.5, 0.5]]), np.array([0])).round(4).tolist()
    [-0.6931]
    """
    true = np.take_along_axis(probabilities, labels[:, None], axis=-1)[:, 0]
    return np.log(np.maximum(true, np.finfo(np.float64).tiny))
