"""Limbs of integers, by Python's own arithmetic."""

import numpy as np


def limbs_of(integers, n_limbs):
    """Canonical limbs of shape (n_limbs, ...): 22 bits in each but the last, which has the rest and the sign."""
    array = np.asarray(integers, dtype=object)
    limbs = [(array >> 22 * k) & (2**22 - 1) for k in range(n_limbs - 1)]
    return np.array([*limbs, array >> 22 * (n_limbs - 1)], dtype=np.int64)
