"""KLoM: how far the margins of unlearned models are from those of retrained ones, record by record."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["klom"]

Floats = npt.NDArray[np.float64]


def klom(unlearned: Floats, retrained: Floats, *, bins: int = 20, smoothing: float = 1e-5) -> Floats:
    """KL divergence of margins, retrained against unlearned, for each record.

    Parameters
    ----------
    unlearned : ndarray of shape (u, n)
        Margin (log-odds of the true class, say) of each unlearned model on each record.
    retrained : ndarray of shape (v, n)
        The same of retrained models.
    bins : int
        Equal cells over the range of both.
    smoothing : float
        Added to each cell's share, so that a cell that only one of them fills costs much and not everything.

    Returns
    -------
    ndarray of shape (n,)
        In nats; 0 is ideal. Read it beside the value of retrained models against other retrained models: with few
        models chance alone makes it large.

    Raises
    ------
    InvalidDataError
        Fewer than two models of a kind, shapes that do not fit, values that are not finite.

    References
    ----------
    K. Georgiev et al., "Attribute-to-delete: machine unlearning via datamodel matching", arXiv 2410.23232, definition
    of KLoM and appendix E.1.

    Examples
    --------
    >>> klom(np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]])).tolist()
    [0.0]
    """
    if unlearned.ndim != 2 or retrained.ndim != 2 or unlearned.shape[1] != retrained.shape[1]:
        raise InvalidDataError(f"Shapes {unlearned.shape} and {retrained.shape} are no models on the same records.")
    if min(len(unlearned), len(retrained)) < 2:
        raise InvalidDataError("KLoM compares distributions: it needs two models of each kind.")
    if not np.isfinite(unlearned).all() or not np.isfinite(retrained).all():
        raise InvalidDataError("A margin is not finite.")
    low = np.minimum(unlearned.min(axis=0), retrained.min(axis=0))
    high = np.maximum(unlearned.max(axis=0), retrained.max(axis=0))
    p, q = (_shares(values, low, high, bins, smoothing) for values in (retrained, unlearned))
    return np.asarray((p * np.log(p / q)).sum(axis=0))


def _shares(values: Floats, low: Floats, high: Floats, bins: int, smoothing: float) -> Floats:
    width = np.where(high > low, high - low, 1.0)
    cell = np.minimum((bins * (values - low) / width).astype(np.int64), bins - 1)
    n = values.shape[1]
    counts = np.bincount((cell * n + np.arange(n)).ravel(), minlength=bins * n).reshape(bins, n)
    shares = counts / len(values) + smoothing
    return np.asarray(shares / shares.sum(axis=0))
