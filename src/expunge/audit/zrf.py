"""Zero retrain forgetting: how much a model answers on forgotten records as one with random weights would."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expunge.audit.outputs import js_divergence

__all__ = ["zero_retrain_forgetting"]

Floats = npt.NDArray[np.float64]


def zero_retrain_forgetting(
    outputs: npt.NDArray[np.float64], untrained: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """1 - JS(model, untrained model) of each record, in bits; the mean is the metric.

    Parameters
    ----------
    outputs : ndarray of shape (n, k)
        Probabilities of the audited model on forgotten records.
    untrained : ndarray of shape (n, k)
        Of the same model with its weights before training.

    Returns
    -------
    ndarray of shape (n,)
        In [0, 1]. Ideal is the mean of the retrained model, not 1: a model that knows nothing of forgotten records
        may still know how to answer. Near 1 means that it guesses.

    References
    ----------
    V. Chundawat, A. Tarun, M. Mandal, M. Kankanhalli, "Can bad teaching induce forgetting?", AAAI 2023, the ZRF metric.

    Examples
    --------
    >>> zero_retrain_forgetting(np.array([[0.5, 0.5]]), np.array([[0.5, 0.5]])).tolist()
    [1.0]
    """
    return np.asarray(1 - js_divergence(outputs, untrained))
