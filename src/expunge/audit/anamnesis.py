"""Relearn time and the anamnesis index: does a model learn forgotten records faster than one that never knew them?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_number
from expunge.errors import InvalidDataError

__all__ = ["anamnesis_index", "relearn_time"]


def relearn_time(accuracies: npt.NDArray[np.float64], original: float, *, margin: float = 0.05) -> int:
    """Steps of further training until the accuracy on the forgotten records is back.

    Parameters
    ----------
    accuracies : ndarray of shape (t,)
        On the forgotten records after 1, 2, ... steps (mini-batches or epochs) of training on them.
    original : float
        Accuracy of the model before the erasure.
    margin : float
        Share of the original accuracy that may be missing.

    Returns
    -------
    int
        The first step with at least ``original * (1 - margin)``.

    Raises
    ------
    InvalidDataError
        It is never reached: train on.

    Examples
    --------
    >>> relearn_time(np.array([0.2, 0.7, 0.95]), 1.0)
    3
    """
    check_number("margin", margin, high=1.0, open_high=True)
    reached = np.flatnonzero(accuracies >= original * (1 - margin))
    if not len(reached):
        raise InvalidDataError(
            f"{len(accuracies)} steps do not bring the accuracy back to {original * (1 - margin):.3g}.",
            hint="Train for more steps.",
        )
    return int(reached[0]) + 1


def anamnesis_index(
    unlearned: npt.NDArray[np.float64], retrained: npt.NDArray[np.float64], original: float, *, margin: float = 0.05
) -> float:
    """Relearn time of the unlearned model over that of a retrained one; 1 is ideal.

    Below 1 something is left that helps to remember; far above 1 the records were pushed away rather than forgotten.

    Parameters
    ----------
    unlearned, retrained : ndarray of shape (t,)
        Accuracies on the forgotten records while each model is trained on them again.
    original, margin
        As in :func:`relearn_time`.

    References
    ----------
    V. Chundawat, A. Tarun, M. Mandal, M. Kankanhalli, "Zero-shot machine unlearning", IEEE TIFS 2023, anamnesis index.

    Examples
    --------
    >>> anamnesis_index(np.array([0.5, 1.0]), np.array([0.1, 0.3, 0.6, 1.0]), 1.0)
    0.5
    """
    return relearn_time(unlearned, original, margin=margin) / relearn_time(retrained, original, margin=margin)
