"""One threshold for each class: what makes the attacks on loss, confidence and entropy as strong as they can be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError

__all__ = ["against_thresholds", "class_thresholds"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def class_thresholds(scores: Floats, labels: npt.NDArray[np.int64], is_member: Bools, *, n_classes: int) -> Floats:
    """The threshold of each class that tells the members of a reference model best.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Of records of a reference model, of which one knows whether it was trained on them.
    labels : ndarray of int, shape (n,)
    is_member : ndarray of bool, shape (n,)
    n_classes : int

    Returns
    -------
    ndarray of shape (n_classes,)
        A record of class c is called a member if its score is at least the c-th. The balanced accuracy is largest
        there; of several such thresholds it is the middle of the first gap. A class without members or without others
        gets the threshold of all classes together.

    Raises
    ------
    InvalidDataError
        All are members, or none is.

    References
    ----------
    L. Song, P. Mittal, "Systematic evaluation of privacy risks of machine learning models", USENIX Security 2021,
    section 3.2.
    """
    if is_member.all() or not is_member.any():
        raise InvalidDataError("Thresholds need members and others, got only one kind.")
    out = np.full(n_classes, np.nan)
    for label in range(n_classes):
        of_class = labels == label
        if is_member[of_class].any() and not is_member[of_class].all():
            out[label] = _threshold(scores[of_class], is_member[of_class])
    if np.isnan(out).any():
        out[np.isnan(out)] = _threshold(scores, is_member)
    return out


def against_thresholds(scores: Floats, labels: npt.NDArray[np.int64], thresholds: Floats) -> Floats:
    """How far each score lies above the threshold of its class, so that one threshold, 0, serves all.

    Parameters
    ----------
    scores : ndarray of shape (..., n)
    labels : ndarray of int, shape (n,)
    thresholds : ndarray of shape (n_classes,)

    Examples
    --------
    >>> against_thresholds(np.array([1.0, 5.0]), np.array([0, 1]), np.array([0.5, 6.0])).tolist()
    [0.5, -1.0]
    """
    out: Floats = scores - thresholds[labels]
    return out


def _threshold(scores: Floats, is_member: Bools) -> float:
    order = np.argsort(scores)  # equal scores are never parted
    ordered, member = scores[order], is_member[order]
    missed = np.concatenate([[0], np.cumsum(member)]) / member.sum()
    kept_out = np.concatenate([[0], np.cumsum(~member)]) / (~member).sum()
    cut_here = np.concatenate([[True], ordered[1:] > ordered[:-1], [True]])
    gain = np.where(cut_here, kept_out - missed, -np.inf)
    best = int(np.argmax(gain))
    if best == 0:
        return float(ordered[0])
    if best == len(ordered):
        return float(np.nextafter(ordered[-1], np.inf))
    return float((ordered[best - 1] + ordered[best]) / 2)
