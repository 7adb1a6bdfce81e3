"""Input as a method wants it: checked once at the edge, with scikit-learn's own rules and sentences.

:func:`numeric_input` is for methods that compute with numbers; :func:`any_input` for methods that hand rows to an
estimator or pipeline of the user and must not touch them.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d, validate_data

from expunge.errors import InvalidDataError
from expunge.rows import as_labels

__all__ = ["any_input", "numeric_input", "refuse_missing_targets"]


def numeric_input(model: Any, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
    """X as finite float64 (or CSR where the model's tags allow it) and y as targets of the model's kind.

    Parameters
    ----------
    model : Unlearner
        Its tags decide about sparse input and several targets; ``reset`` sets its ``n_features_in_``.
    X, y : as given to ``fit``, ``learn`` or, with ``y=None`` and ``reset=False``, ``predict``
    reset : bool
    least : int
        Fewest rows to accept.
    """
    X = _as_frame(X)
    sparse = "csr" if get_tags(model).input_tags.sparse else False
    X = validate_data(
        model, X, reset=reset, dtype=np.float64, accept_sparse=sparse, ensure_min_samples=least, order="C"
    )
    return X, _targets(model, X, y, needed=reset)


def any_input(model: Any, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
    """X as it is, if it is a frame or a list of texts; else a checked array or CSR matrix. y as for numeric_input."""
    X = _as_frame(X)
    tags = get_tags(model).input_tags
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        if len(X) < least:
            raise InvalidDataError(f"Found array with {len(X)} sample(s) while a minimum of {least} is required.")
        validate_data(model, X, reset=reset, skip_check_array=True)
    elif _is_texts(X) or (tags.string and not tags.two_d_array and len(X) == 0):
        X = np.array(list(X), dtype=object)
        if len(X) < least:
            raise InvalidDataError(f"Found {len(X)} texts while a minimum of {least} is required.")
    else:
        X = validate_data(
            model, X, reset=reset, accept_sparse="csr" if tags.sparse else False,
            dtype=None if tags.string or tags.categorical else "numeric",
            ensure_all_finite="allow-nan" if tags.allow_nan else True, ensure_min_samples=least,
        )  # fmt: skip
    return X, _targets(model, X, y, needed=reset)


def _as_frame(X: Any) -> Any:
    """Arrow, polars and other tables as pandas frames; a frame's own index is dropped later, its ids are kept."""
    if hasattr(X, "to_pandas") and not hasattr(X, "iloc"):
        return X.to_pandas()
    return X


def _is_texts(X: Any) -> bool:
    if isinstance(X, (str, bytes)) or hasattr(X, "tocsr") or getattr(X, "ndim", 1) != 1:
        return False
    try:
        return len(X) > 0 and isinstance(next(iter(X)), str)
    except TypeError:
        return False


def _targets(model: Any, X: Any, y: Any, *, needed: bool) -> Any:
    if y is None:
        if needed:
            refuse_missing_targets(model)
        return None
    if is_regressor(model):
        y = check_array(y, ensure_2d=False, dtype=np.float64, ensure_min_samples=0, input_name="y")
        if not get_tags(model).target_tags.multi_output:
            y = column_or_1d(y, warn=True)
    else:
        y = column_or_1d(np.asarray(y), warn=True)
        _refuse_missing_labels(y)
        if is_classifier(model) and len(y):
            y = as_labels(y)
            with warnings.catch_warnings():
                if not needed:  # of a few new records each may well have a class of its own
                    warnings.filterwarnings("ignore", message="The number of unique classes")
                check_classification_targets(y)
    check_consistent_length(X, y)
    return y


def refuse_missing_targets(model: Any) -> None:
    """Refuse rows without targets for a method that learns from targets."""
    if get_tags(model).target_tags.required:
        raise InvalidDataError(
            f"This {type(model).__name__} estimator requires y to be passed, but the target y is None."
        )


def _refuse_missing_labels(y: Any) -> None:
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        at = int(np.flatnonzero(~np.isfinite(y))[0])
        raise InvalidDataError(f"Input y contains NaN or infinity: row {at} has {y[at]}.", hint="Drop or label it.")
    if y.dtype == object:
        missing = [i for i, v in enumerate(y.tolist()) if v is None or v != v or type(v).__name__ == "NAType"]
        if missing:
            raise InvalidDataError(f"Input y contains NaN or None in row {missing[0]}.", hint="Drop or label it.")
