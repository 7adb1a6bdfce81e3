"""Forgetting rate: how many forgotten records an attack no longer calls members."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["forgetting_rate"]


def forgetting_rate(before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> float:
    """(members not found after - members not found before) / members found before.

    Parameters
    ----------
    before, after : ndarray of bool, shape (n,)
        Whether an attack calls each forgotten record a member, on the model before and after the erasure.

    Returns
    -------
    float
        1 if every record that was found is found no more; negative if more are found than before.

    Raises
    ------
    InvalidDataError
        The attack found nothing before: then nothing can be said.

    References
    ----------
    Z. Ma et al., "Learn to forget: machine unlearning via neuron masking", IEEE TDSC 2022, forgetting rate
    FR = (AF - BF) / BT.

    Examples
    --------
    >>> forgetting_rate(np.array([True, True, True, False]), np.array([True, False, False, False]))
    0.6666666666666666
    """
    if before.shape != after.shape or before.dtype != bool or after.dtype != bool:
        raise InvalidDataError("Both arrays say of the same records whether they are called members.")
    if not before.any():
        raise InvalidDataError("The attack finds no member before the erasure, so that none can be lost.")
    return float((int((~after).sum()) - int((~before).sum())) / int(before.sum()))
