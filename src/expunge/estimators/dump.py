"""Fitted estimators as bytes and back, through skops and an allow-list: equal estimators give equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from expunge.canonical.encoding import path_of, walk
from expunge.digest import first_difference, leaf
from expunge.errors import TamperedError, UnsupportedEstimatorError
from expunge.estimators.skops_archive import canonical, members
from expunge.estimators.trusted import TRUSTED_TYPES
from expunge.extras import uninterrupted

__all__ = ["dump_estimator", "load_estimator"]


def dump_estimator(estimator: Any) -> bytes:
    """Store a fitted estimator as data.

    Parameters
    ----------
    estimator : estimator
        Anything :func:`expunge.digest.leaf` and skops can take.

    Returns
    -------
    bytes
        An archive (:mod:`expunge.estimators.skops_archive`). Two estimators with equal leaves give equal bytes, in any
        process with the same library versions.

    Raises
    ------
    UnsupportedEstimatorError
        If a part cannot be stored, or does not come back as it was; the message has its path.

    Notes
    -----
    What was written is loaded again and compared before the bytes are returned: skops alone would, for instance, turn
    the key False of a dict into True without a word. That is two thirds of the time.
    """
    with uninterrupted():  # it imports what scikit-learn can work with, torch too
        import skops.io

    leaf(estimator)
    try:
        data = canonical(skops.io.dumps(estimator))
        again = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    except UnsupportedEstimatorError:
        raise
    except Exception as error:
        raise UnsupportedEstimatorError(
            f"{type(estimator).__name__} cannot be stored: {str(error).rstrip('.') or type(error).__name__}.",
            hint=_SIMPLER,
        ) from error
    different = first_difference(estimator, again)
    if different is not None:
        raise UnsupportedEstimatorError(
            f"{type(estimator).__name__} cannot be stored: {different} would come back changed.", hint=_SIMPLER
        )
    return data


_SIMPLER = "Keep arrays, numbers, text and dicts with text or integer keys in its parameters and fitted attributes."


def load_estimator(data: bytes, *, trusted: Sequence[str] = ()) -> Any:
    """Load what :func:`dump_estimator` stored, after looking at every type it names.

    Parameters
    ----------
    data : bytes
        The archive.
    trusted : sequence of str
        Full names of types and functions to accept beyond :data:`TRUSTED_TYPES` and those that skops accepts.

    Returns
    -------
    estimator
        With a leaf equal to that of the stored one.

    Raises
    ------
    TamperedError
        If the bytes are not an archive that was written by :func:`dump_estimator`.
    UnsupportedEstimatorError
        If it names types that are not accepted (then nothing of it was imported, built or called), or packages that are
        not installed.

    Notes
    -----
    Accepting a type is no statement about its content. Child and feature numbers of trees are checked, since compiled
    code uses them as indices without bounds; for the rest, load files whose digest or receipt you verified.
    """
    with uninterrupted():  # it imports what scikit-learn can work with, torch too
        import skops.io

    members(data)
    try:
        named = skops.io.get_untrusted_types(data=data)
    except Exception as error:
        raise TamperedError(f"The stored estimator cannot be read: {error}.", hint=_RESTORE) from error
    unknown = sorted(set(named) - TRUSTED_TYPES - set(trusted))
    if unknown:
        raise UnsupportedEstimatorError(
            f"The stored estimator needs types that are not on the list of trusted ones: {', '.join(unknown)}.",
            hint=f"If you know the file and these types, pass expunge.load(path, trusted={unknown!r}).",
        )
    try:
        estimator = skops.io.loads(data, trusted=named)
    except ImportError as error:
        raise UnsupportedEstimatorError(
            f"The stored estimator cannot be loaded here: {error}.", hint=_INSTALL
        ) from error
    except Exception as error:
        raise TamperedError(f"The stored estimator cannot be rebuilt: {error}.", hint=_RESTORE) from error
    _check_trees(estimator)
    return estimator


_RESTORE = "Restore the file from where it was written."
_INSTALL = "Install the package it came from, in the version it was fitted with."


def _check_trees(estimator: Any) -> None:
    """Refuse trees whose nodes point outside themselves: compiled code follows them without looking."""
    import numpy as np

    for place, part, _ in walk(estimator):
        kind = f"{type(part).__module__}.{type(part).__name__}"
        if kind == "sklearn.tree._tree.Tree":
            left, right, feature, limit = part.children_left, part.children_right, part.feature, part.n_features
            inner = left != -1
        elif kind == "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor":
            left, right, feature = (part.nodes[field].astype(np.int64) for field in ("left", "right", "feature_idx"))
            inner, limit = part.nodes["is_leaf"] == 0, np.iinfo(np.int64).max
        else:
            continue
        number, n_nodes = np.flatnonzero(inner), len(left)
        inside = all(((child[inner] > number) & (child[inner] < n_nodes)).all() for child in (left, right))
        if not (inside and n_nodes and ((feature[inner] >= 0) & (feature[inner] < limit)).all()):
            raise TamperedError(
                f"The tree at {path_of(place)} of the stored estimator leads outside itself.", hint=_RESTORE
            )
