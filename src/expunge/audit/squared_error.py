"""The loss attack on regressions: records that are predicted closely are called members."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["signals_of_values", "squared_error"]

Floats = npt.NDArray[np.float64]

_LEAST = -700.0  # below this the exponential of RMIA is 0


def squared_error(values: Floats, targets: Floats) -> Floats:
    """Minus the squared error, in units of the targets' variance: higher for what looks like a member.

    Parameters
    ----------
    values : ndarray of shape (..., n)
        Predictions.
    targets : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (..., n)
        At least -700.

    Raises
    ------
    InvalidDataError
        All targets are the same: then nothing was to be learned.

    References
    ----------
    S. Yeom, I. Giacomelli, M. Fredrikson, S. Jha, "Privacy risk in machine learning", CSF 2018, section 3.3 (the
    squared loss of linear regression).

    Examples
    --------
    >>> squared_error(np.array([1.0, 3.0]), np.array([1.0, 5.0])).tolist()
    [-0.0, -1.0]
    """
    spread = float(targets.var())
    if not spread > 0:
        raise InvalidDataError("All targets are the same: a regression of them has nothing to tell.")
    out: Floats = np.maximum(-((values - targets) ** 2) / spread, _LEAST)
    return out


def signals_of_values(values: Any, targets: Any) -> dict[str, Floats]:
    """The signal of one regression, or of m regressions at once; see :func:`expunge.audit.signals_of`.

    Parameters
    ----------
    values : array of shape (n,) or (m, n)
    targets : array of shape (n,)

    Raises
    ------
    InvalidDataError
        Shapes that do not fit, values that are not finite.
    """
    predicted, true = np.asarray(values, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    if true.ndim != 1 or predicted.ndim not in (1, 2) or predicted.shape[-1:] != true.shape:
        raise InvalidDataError(f"Predictions of shape {predicted.shape} for targets of shape {true.shape}.")
    if not np.isfinite(predicted).all() or not np.isfinite(true).all():
        raise InvalidDataError("A prediction or a target is not finite.")
    return {"logit": squared_error(predicted, true)}
