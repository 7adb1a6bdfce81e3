"""Fitted estimators without gaps in their arrays, so that a file gives back what was fitted to the last bit."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from expunge.canonical.encoding import walk

__all__ = ["tighten"]

T = TypeVar("T")


def tighten(estimator: T) -> T:
    """Copy every array that is a part of a larger one, in place, keeping its order in memory.

    Some estimators keep the first rows of a matrix as a view into all of it. A file holds the view alone, and a matrix
    product with an array of other strides has other last bits: what came back would predict a little differently. The
    rest of the larger array is let go.

    Parameters
    ----------
    estimator : estimator or any value with an encoding

    Returns
    -------
    The same object.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> part = {"rows": np.zeros((4, 4), order="F")[:2]}
    >>> tighten(part)["rows"].strides
    (8, 16)
    """
    for _, value, _ in list(walk(estimator)):
        held = value if isinstance(value, (dict, list)) else getattr(value, "__dict__", None)
        if isinstance(held, (dict, list)):
            for key, array in list(held.items() if isinstance(held, dict) else enumerate(held)):
                if isinstance(array, np.ndarray) and not (array.flags.c_contiguous or array.flags.f_contiguous):
                    held[key] = array.copy(order="K")
    return estimator
