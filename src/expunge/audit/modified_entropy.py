"""The modified entropy attack: entropy that knows the true class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["modified_entropy"]

Floats = npt.NDArray[np.float64]

_TINY = 1e-30


def modified_entropy(probabilities: Floats, labels: npt.NDArray[np.int64]) -> Floats:
    """Minus Mentr: (1 - p_y) log p_y + sum over i != y of p_i log(1 - p_i).

    0 for a record that is right with certainty, and very low for one that is wrong with certainty.

    Parameters
    ----------
    probabilities : ndarray of shape (..., n, k)
    labels : ndarray of int, shape (n,)

    Returns
    -------
    ndarray of shape (..., n)

    Notes
    -----
    The logarithm of the other classes is of 1 - p_i, not of p_i: with the latter it would be the plain entropy,
    weighted anew. Arguments of the logarithm are kept above 1e-30.

    References
    ----------
    L. Song, P. Mittal, "Systematic evaluation of privacy risks of machine learning models", USENIX Security 2021,
    equation 8.

    Examples
    --------
    >>> modified_entropy(np.array([[0.8, 0.2]]), np.array([0])).round(4).tolist()
    [-0.0893]
    """
    places = np.broadcast_to(labels[:, None], (*probabilities.shape[:-1], 1))
    true = np.take_along_axis(probabilities, places, axis=-1)[..., 0]
    others = probabilities * np.log(np.maximum(1 - probabilities, _TINY))
    np.put_along_axis(others, places, 0.0, axis=-1)
    out: Floats = (1 - true) * np.log(np.maximum(true, _TINY)) + others.sum(axis=-1)
    return out
