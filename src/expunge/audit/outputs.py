"""Kullback-Leibler and Jensen-Shannon divergence of the outputs of two models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import rel_entr

from expunge.audit.activations import check_same_records

__all__ = ["js_divergence", "kl_divergence"]

Floats = npt.NDArray[np.float64]


def kl_divergence(first: Floats, second: Floats) -> Floats:
    """KL(first || second) for each record, in nats; infinite where the second rules out what the first does not.

    Parameters
    ----------
    first, second : ndarray of shape (n, k)
        Probabilities.

    Returns
    -------
    ndarray of shape (n,)

    References
    ----------
    S. Kullback, R. Leibler, "On information and sufficiency", Annals of Mathematical Statistics 22, 1951, equation 2.4.

    Examples
    --------
    >>> kl_divergence(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])).round(4).tolist()
    [0.6931]
    """
    check_same_records(first, second)
    return np.asarray(rel_entr(first, second).sum(axis=1))


def js_divergence(first: Floats, second: Floats) -> Floats:
    """Jensen-Shannon divergence for each record, in bits: from 0 (equal) to 1 (nothing in common).

    References
    ----------
    J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 37, 1991,
    equation 3.4.

    Examples
    --------
    >>> js_divergence(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])).tolist()
    [1.0]
    """
    check_same_records(first, second)
    middle = (first + second) / 2
    middle = np.where(middle > 0, middle, np.maximum(first, second))  # half of the smallest number there is, is 0
    return np.asarray((kl_divergence(first, middle) + kl_divergence(second, middle)) / (2 * np.log(2)))
