"""The loss attack on classifiers, on the scale on which confidences are near normal: log-odds of the true class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["FLOOR", "logit_confidence"]

Floats = npt.NDArray[np.float64]

FLOOR = 1e-45


def logit_confidence(probabilities: Floats, labels: npt.NDArray[np.int64], *, floor: float = FLOOR) -> Floats:
    """phi(x, y) = log p_y - log sum of p_i over i != y: higher for what looks like a member.

    It orders records as minus the loss, log p_y, and as the confidence, p_y, so that with one threshold, or with one
    for each class, the attacks on all three are one. The others are added up rather than taken as 1 - p_y: where p_y
    rounds to 1, and the loss to 0, they still differ.

    Parameters
    ----------
    probabilities : ndarray of shape (..., n, k)
    labels : ndarray of int, shape (n,)
    floor : float
        Added to both, so that the logarithm of 0 is none.

    Returns
    -------
    ndarray of shape (..., n)

    References
    ----------
    S. Yeom, I. Giacomelli, M. Fredrikson, S. Jha, "Privacy risk in machine learning", CSF 2018, adversary 2 (the loss);
    L. Song, P. Mittal, "Systematic evaluation of privacy risks of machine learning models", USENIX Security 2021,
    section 3.2, I_conf (the confidence); N. Carlini et al., "Membership inference attacks from first principles", IEEE
    S&P 2022, section IV-C (the scale).

    Examples
    --------
    >>> logit_confidence(np.array([[0.9, 0.1], [0.5, 0.5]]), np.array([0, 1])).round(4).tolist()
    [2.1972, 0.0]
    """
    true = np.take_along_axis(probabilities, _places(probabilities, labels), axis=-1)[..., 0]
    others = probabilities.copy()
    np.put_along_axis(others, _places(probabilities, labels), 0.0, axis=-1)
    out: Floats = np.log(true + floor) - np.log(others.sum(axis=-1) + floor)
    return out


def _places(probabilities: Floats, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.broadcast_to(labels[:, None], (*probabilities.shape[:-1], 1))
