"""Both versions of a model, before and after an erasure, tell which record was erased (Chen et al. 2021)."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from expunge.arguments import check_choice
from expunge.errors import InvalidDataError

__all__ = ["BeforeAfter", "before_after", "before_after_features"]

Floats = npt.NDArray[np.float64]

BeforeAfter = Literal["direct concat", "sorted concat", "direct difference", "sorted difference", "distance", "labels"]


def before_after_features(before: Floats, after: Floats, *, kind: BeforeAfter = "sorted difference") -> Floats:
    """Features of records from the outputs of both versions.

    Parameters
    ----------
    before, after : ndarray of shape (n, k)
        Probabilities from the version before and after the erasure.
    kind : str
        The five of the paper; or ``labels``, all that is left where a service answers with labels alone: whether they
        differ, and which they are.

    Returns
    -------
    ndarray of shape (n, f)

    Raises
    ------
    InvalidDataError
        The versions answer on different records.
    InvalidParameterError
        No such kind.

    References
    ----------
    M. Chen et al., "When machine unlearning jeopardizes privacy", CCS 2021, section 3.3 (feature construction) and
    section 6 (label-only).

    Examples
    --------
    >>> before_after_features(np.array([[0.2, 0.8]]), np.array([[0.5, 0.5]])).round(2).tolist()
    [[0.3, -0.3]]
    """
    if before.shape != after.shape or before.ndim != 2:
        raise InvalidDataError(f"Both versions answer on the same records; shapes {before.shape} and {after.shape}.")
    check_choice("kind", kind, get_args(BeforeAfter))
    if kind == "labels":
        first, second = before.argmax(axis=1), after.argmax(axis=1)
        names = np.eye(before.shape[1])
        return np.hstack([(first != second)[:, None].astype(np.float64), names[first], names[second]])
    if kind.startswith("sorted"):
        order = np.argsort(-before, axis=1, kind="stable")  # both by the first version's order
        before, after = np.take_along_axis(before, order, axis=1), np.take_along_axis(after, order, axis=1)
    if kind.endswith("concat"):
        return np.hstack([before, after])
    if kind == "distance":
        return np.asarray(np.linalg.norm(before - after, axis=1, keepdims=True))
    return before - after


def before_after(
    shadow: tuple[Floats, Floats], was_erased: npt.NDArray[np.bool_], target: tuple[Floats, Floats], *,
    kind: BeforeAfter = "sorted difference",
) -> Floats:  # fmt: skip
    """Probability that each record was erased between the two versions.

    Parameters
    ----------
    shadow : pair of ndarray of shape (s, k)
        Outputs before and after of a model of one's own, on records of which one knows.
    was_erased : ndarray of bool, shape (s,)
        Which of them were erased; the others were never in it.
    target : pair of ndarray of shape (n, k)
        Outputs of the audited versions.
    kind : str
        As in :func:`before_after_features`.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    InvalidDataError
        Records of one kind only.

    References
    ----------
    M. Chen et al., "When machine unlearning jeopardizes privacy", CCS 2021, section 3.2; with the paper's logistic
    regression.
    """
    if was_erased.all() or not was_erased.any():
        raise InvalidDataError("The attack learns from records that were erased and others, got only one kind.")
    features = before_after_features(*shadow, kind=kind)
    scale = np.maximum(features.std(axis=0), 1e-12)
    model = LogisticRegression(max_iter=1000, class_weight="balanced").fit(features / scale, was_erased)
    out: Floats = model.predict_proba(before_after_features(*target, kind=kind) / scale)[:, 1]
    return out
