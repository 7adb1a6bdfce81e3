"""The entropy attack: records about which the model is sure are called members, whatever their class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import entr

__all__ = ["entropy"]

Floats = npt.NDArray[np.float64]


def entropy(probabilities: Floats) -> Floats:
    """Minus the entropy of the output, sum of p_i log p_i in nats: higher for what looks like a member.

    It never looks at the true class: a record that is wrong with certainty scores as high as one that is right.

    Parameters
    ----------
    probabilities : ndarray of shape (..., n, k)

    Returns
    -------
    ndarray of shape (..., n)

    References
    ----------
    L. Song, P. Mittal, "Systematic evaluation of privacy risks of machine learning models", USENIX Security 2021,
    section 3.2, I_entr.

    Examples
    --------
    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).round(4).tolist()
    [-0.6931, 0.0]
    """
    out: Floats = -entr(probabilities).sum(axis=-1) + 0.0
    return out
