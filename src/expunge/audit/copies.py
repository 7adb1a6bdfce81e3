"""Which models answer alike. Ranks and powers count draws, and a copy of a model is no draw of its own.

Where answers are so coarse that two models can agree by chance, the ranks stay valid: an audited model that is
alone with its answers is among the k most extreme of D different ones in at most k of m + 1 draws, and one that
answers as a retrained reference does is accused of nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["alike"]

_GRID = 1e-9  # of the largest number: what rounding in another order makes of one model


def alike(answers: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.intp]:
    """For each of m models the first one that answers as it does, shape (m,).

    Parameters
    ----------
    answers : sequence of ndarray of shape (m, n)
        Signals of the same records. Numbers are equal within a billionth of the largest.

    Examples
    --------
    >>> alike([np.array([[1.0, 2.0], [0.0, 1.0], [1.0, 2.0 + 1e-12]])]).tolist()
    [0, 1, 0]
    """
    sizes = [max(float(np.abs(of).max(initial=0.0)), np.finfo(np.float64).tiny) for of in answers]
    first: dict[bytes, int] = {}
    out = np.empty(len(answers[0]), dtype=np.intp)
    for i in range(len(out)):
        told = [np.rint(of[i] / size / _GRID) + 0.0 for of, size in zip(answers, sizes, strict=True)]
        out[i] = first.setdefault(np.concatenate(told).tobytes(), i)
    return out
