"""The confidence attack: records whose true class gets a high probability are called members."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["confidence"]

Floats = npt.NDArray[np.float64]


def confidence(probabilities: Floats, labels: npt.NDArray[np.int64]) -> Floats:
    """The probability of the true class, p_y.

    It orders records as the loss does, so that with one threshold both are one attack; with one threshold for each
    class too.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
    labels : ndarray of int, shape (n,)

    Returns
    -------
    ndarray of shape (n,)

    References
    ----------
    L. Song, P. Mittal, "Systematic evaluation of privacy risks of machine learning models", USENIX Security 2021,
    section 3.2, I_conf.

    Examples
    --------
    >>> confidence(np.array([[0.9, 0.1]]), np.array([1])).tolist()
    [0.1]
    """
    return np.take_along_axis(probabilities, labels[:, None], axis=-1)[:, 0]
