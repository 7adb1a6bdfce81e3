"""Completeness: how often an unlearned and a retrained model give the same answer."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from expunge.audit.statistics import Interval, clopper_pearson
from expunge.errors import InvalidDataError

__all__ = ["completeness"]


def completeness(unlearned: npt.NDArray[Any], retrained: npt.NDArray[Any], *, confidence: float = 0.95) -> Interval:
    """Share of records with the same predicted label, with its exact interval.

    Parameters
    ----------
    unlearned, retrained : ndarray of shape (n,)
        Predicted labels.
    confidence : float, default=0.95
        Of the interval, in (0, 1).

    Returns
    -------
    Interval
        Ideal is the share on which two retrained models agree, which is below 1.

    Raises
    ------
    InvalidDataError
        The shapes differ.

    References
    ----------
    Y. Cao, J. Yang, "Towards making systems forget with machine unlearning", IEEE S&P 2015, section II-B.

    Examples
    --------
    >>> import numpy as np
    >>> completeness(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])).value
    0.75
    """
    if unlearned.shape != retrained.shape or unlearned.ndim != 1 or not len(unlearned):
        raise InvalidDataError(f"Labels of shapes {unlearned.shape} and {retrained.shape} cannot be compared.")
    return clopper_pearson(int((unlearned == retrained).sum()), len(unlearned), confidence=confidence)
