"""Input as a method wants it: checked once at the edge, by scikit-learn's own rules.

:func:`numeric_input` is for methods that compute with numbers; :func:`any_input` for methods that hand rows to an
estimator or pipeline of the user and must not touch them. Where scikit-learn refuses, the error is one of ours: it
names the column, the row and the type, and no value, because errors end in logs.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d, validate_data

from expunge.errors import ExpungeError, InvalidDataError, InvalidDataTypeError
from expunge.table.faults import (
    fault_of_numbers,
    fault_of_shape,
    is_frame,
    refuse_lost_digits,
    refuse_masked,
    refuse_names,
    refuse_times,
)
from expunge.table.label_kinds import as_labels, labels_of

__all__ = ["any_input", "numeric_input", "refuse_missing_targets", "targets_input", "text_table"]

#: What NumPy, pandas, Arrow and scikit-learn raise on data they cannot read.
_UNREADABLE = (ValueError, TypeError, ArithmeticError, NotImplementedError)

#: Beginnings of scikit-learn's sentences that hold nothing but shapes, names of columns and names of types.
_HARMLESS = ("Found array with", "The feature names should", "X has ", "Unknown label type", "y should be a 1d array")

_ENCODE = "Encode it before, with OneHotEncoder in a Pipeline for instance."


def numeric_input(model: Any, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
    """X as finite float64 (or CSR where the model's tags allow it) and y as targets of the model's kind.

    Parameters
    ----------
    model : Unlearner
        Its tags decide about sparse input and several targets; ``reset`` sets its ``n_features_in_``.
    X, y : as given to ``fit``, ``learn`` or, with ``y=None`` and ``reset=False``, ``predict``
        Texts that read as numbers are taken for these, as scikit-learn does.
    reset : bool
    least : int
        Fewest rows to accept.

    Raises
    ------
    InvalidDataError
        Columns that share a name, cells that are no finite numbers, integers that are no floats, dates; another number
        of columns than in ``fit``, or other names; targets as :func:`any_input` refuses them.
    """
    takes_sparse, who = get_tags(model).input_tags.sparse, type(model).__name__
    X = _as_table(X, sparse=takes_sparse)
    refuse_times(X)
    sparse = "csr" if takes_sparse else False
    try:
        with np.errstate(over="ignore"):  # what overflows is infinite, and refused
            read = validate_data(
                model, X, reset=reset, dtype=np.float64, accept_sparse=sparse, ensure_min_samples=least, order="C"
            )
    except _UNREADABLE as error:
        raise _why_no_table(error, X, who, sparse=takes_sparse) from None
    refuse_lost_digits(X, read)
    return read, _targets(model, read, y, needed=reset)


def any_input(model: Any, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
    """X as it is, if it is a frame or a list of texts; else a checked array or CSR matrix. y as for numeric_input.

    Parameters
    ----------
    model, X, y, reset, least : as for :func:`numeric_input`

    Raises
    ------
    InvalidDataError
        Columns that share a name; another number of columns than in ``fit``, or other names; for a single estimator of
        scikit-learn also cells it does not take. Targets that are missing, of several kinds, not of one dimension or
        not as many as rows.
    """
    X, who = _as_table(X), type(getattr(model, "estimator", model)).__name__
    tags = get_tags(model).input_tags
    if not is_frame(X) and _is_texts(X, or_none=tags.string and not tags.two_d_array):
        X = _texts(X, least)
        return X, _targets(model, X, y, needed=reset)
    mixed = tags.string or tags.categorical
    if not is_frame(X) and not mixed:
        refuse_times(X)
    try:
        if is_frame(X):
            if len(X) < least:
                raise InvalidDataError(f"Found array with {len(X)} sample(s) while a minimum of {least} is required.")
            validate_data(model, X, reset=reset, skip_check_array=True)
        else:
            X = validate_data(
                model, X, reset=reset, accept_sparse="csr" if tags.sparse else False,
                dtype=None if mixed else "numeric", ensure_all_finite="allow-nan" if tags.allow_nan else True,
                ensure_min_samples=least,
            )  # fmt: skip
    except _UNREADABLE as error:
        raise _why_no_table(error, X, who, sparse=tags.sparse, allow_nan=tags.allow_nan, mixed=mixed) from None
    if is_frame(X) and not mixed and _is_plain(estimator := getattr(model, "estimator", None)):
        refuse_times(X)
        takes = hasattr(estimator, "categorical_features")
        fault = fault_of_numbers(X, who, hint=_ENCODE, allow_nan=tags.allow_nan, categories=takes)
        if fault is not None:
            raise fault
    return X, _targets(model, X, y, needed=reset)


def _as_table(X: Any, *, sparse: bool = False) -> Any:
    """Arrow, polars and other tables as pandas frames; a frame's own index is dropped later, its ids are kept.

    pandas' sparse columns become dense, unless ``sparse`` and all are such that scikit-learn makes a sparse matrix.
    """
    if hasattr(X, "to_pandas") and not hasattr(X, "iloc"):
        X = X.to_pandas()
    refuse_masked(X, "X")
    if isinstance(X, np.ndarray) and X.dtype.kind == "f" and X.dtype.itemsize > 8:
        with np.errstate(over="ignore"):
            return X.astype(np.float64)
    if is_frame(X):
        refuse_names(X)
        if not X.shape[1]:
            n = len(X)
            raise InvalidDataError(f"Found array with 0 feature(s) (shape=({n}, 0)) while a minimum of 1 is required.")
        spread = {name: dtype for name, dtype in X.dtypes.items() if hasattr(dtype, "fill_value")}
        if sparse and len(spread) == X.shape[1] and all(dtype.fill_value == 0 for dtype in spread.values()):
            return X
        return X.astype({name: dtype.subtype for name, dtype in spread.items()}) if spread else X
    return X


def _is_plain(estimator: Any) -> bool:
    """Whether it is a single estimator of scikit-learn, which takes what its tags say and has no steps inside."""
    return (
        type(estimator).__module__.startswith("sklearn.")
        and not get_tags(estimator).no_validation
        and not any("__" in name for name in estimator.get_params(deep=True))
    )


def _is_texts(X: Any, *, or_none: bool) -> bool:
    """Whether it is a list of texts, or an empty one where texts are learned from."""
    if isinstance(X, (str, bytes, dict, set)) or hasattr(X, "tocsr") or getattr(X, "ndim", 1) != 1:
        return False
    try:
        return isinstance(next(iter(X)), str) if len(X) else or_none
    except TypeError:
        return False


def _texts(X: Any, least: int) -> Any:
    texts = np.empty(len(X), dtype=object)
    texts[:] = list(X)
    if len(texts) < least:
        raise InvalidDataError(f"Found {len(texts)} texts while a minimum of {least} is required.")
    other = next((row for row, text in enumerate(texts) if not isinstance(text, str)), None)
    if other is not None:
        raise InvalidDataTypeError(
            f"X, row {other} holds a value of type {type(texts[other]).__name__} among texts.",
            hint="Make it a text, if need be an empty one.",
        )
    return texts


def _why_no_table(
    error: Exception, X: Any, who: str, *, sparse: bool, allow_nan: bool = False, mixed: bool = False
) -> ExpungeError:
    """The error to raise instead of one that scikit-learn or NumPy raised on X."""
    if isinstance(error, ExpungeError):
        return error
    if str(error).startswith(_HARMLESS):
        named = "The feature names" in str(error)
        return InvalidDataError(
            str(error).strip(), hint="The model's feature_names_in_ are what it was fitted on." if named else ""
        )
    fault = fault_of_shape(X, who, sparse=sparse)
    if fault is None and (not mixed or getattr(getattr(X, "dtype", None), "kind", "") == "c"):
        fault = fault_of_numbers(X, who, hint=_ENCODE, allow_nan=allow_nan)
    return fault or InvalidDataError(
        f"{who} cannot read X, a {type(X).__name__} ({type(error).__name__}).",
        hint="Give a frame or an array of numbers, none of them missing.",
    )


# -------------------------------------------------------------------------------------------------------------- targets


def targets_input(model: Any, X: Any, y: Any, *, reset: bool) -> Any:
    """y as :func:`numeric_input` gives it, for rows that were read already."""
    return _targets(model, X, y, needed=reset)


def _targets(model: Any, X: Any, y: Any, *, needed: bool) -> Any:
    if y is None:
        if needed:
            refuse_missing_targets(model)
        return None
    try:
        is_one = not (hasattr(y, "__len__") or hasattr(y, "__array__")) or getattr(y, "shape", None) == ()
        if is_one or hasattr(y, "tocsr") or isinstance(y, (str, bytes, dict, set)):
            raise InvalidDataError(
                f"y should be a 1d array, got a {type(y).__name__}.", hint="Use an array of targets."
            )
        refuse_masked(y, "y")
        checked = _numbers(model, y) if is_regressor(model) else _labels(model, y, needed=needed)
    except _UNREADABLE as error:
        raise _why_no_targets(error, y, type(model).__name__) from None
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    if len(checked) != n:
        raise InvalidDataError(f"X has {n} rows, and y has {len(checked)}.", hint="Give one target for each row.")
    return checked


def _numbers(model: Any, y: Any) -> Any:
    """Targets of a regression, as float64."""
    refuse_times(y, "y")
    with np.errstate(over="ignore"):
        read = check_array(y, ensure_2d=False, dtype=np.float64, ensure_min_samples=0, input_name="y")
    if not get_tags(model).target_tags.multi_output:
        read = column_or_1d(read, warn=True)
    refuse_lost_digits(y, read, "y")
    return read


def _labels(model: Any, y: Any, *, needed: bool) -> Any:
    """Labels of a classification, or whatever a method without targets is given."""
    labels = labels_of(y)
    if is_classifier(model) and len(labels):
        labels = as_labels(labels)
        with warnings.catch_warnings():
            if not needed:  # of a few new records each may well have a class of its own
                warnings.filterwarnings("ignore", message="The number of unique classes")
            check_classification_targets(labels)
    return labels


def _why_no_targets(error: Exception, y: Any, who: str) -> ExpungeError:
    """The error to raise instead of one that scikit-learn or NumPy raised on y."""
    if isinstance(error, ExpungeError):
        return error
    if str(error).startswith(_HARMLESS):
        return InvalidDataError(str(error).strip().rstrip(".") + ".")
    with suppress(ValueError):  # of lists of different lengths
        table = y if is_frame(y) else np.asarray(y, dtype=object)
        table = table[:, np.newaxis] if table.ndim == 1 else table
        if table.ndim == 2 and (fault := fault_of_numbers(table, who, hint="For labels use a classifier.", what="y")):
            return fault
    return InvalidDataError(f"{who} cannot read y, a {type(y).__name__}.", hint="Give one target for each row.")


def refuse_missing_targets(model: Any) -> None:
    """Refuse rows without targets for a method that learns from targets.

    Raises
    ------
    InvalidDataError
        The method learns from targets.
    """
    if get_tags(model).target_tags.required:
        raise InvalidDataError(
            f"This {type(model).__name__} estimator requires y to be passed, but the target y is None."
        )


def text_table(X: Any, *, least: int = 1, names: Sequence[str] = ()) -> Any:
    """A table of texts: the frame if it was one, else an object array of shape (n, d); a list of texts is one column.

    Parameters
    ----------
    X : frame, array, list of texts or of rows of texts
    least : int
        Fewest rows to accept.
    names : sequence of str
        What the columns are, where their number is fixed.

    Raises
    ------
    InvalidDataError
        No table, fewer rows, no column, rows of different lengths or of another than there are names.
    InvalidDataTypeError
        A sparse matrix, or a cell that is no text, by row and type.
    """
    if hasattr(X, "to_pandas") and not hasattr(X, "iloc"):
        X = X.to_pandas()
    if hasattr(X, "tocsr"):
        raise InvalidDataTypeError("Sparse data hold numbers, and texts are wanted.", hint="Give columns of texts.")
    if not (hasattr(X, "shape") or isinstance(X, (list, tuple))):
        raise InvalidDataError(f"Expected a table of texts, got a {type(X).__name__}.", hint="Give columns of texts.")
    rows = [row if isinstance(row, (list, tuple, np.ndarray)) else (row,) for row in getattr(X, "values", X)]
    if len(rows) < least:
        raise InvalidDataError(f"Found {len(rows)} rows of texts while a minimum of {least} is required.")
    width = len(names) or (len(rows[0]) if rows else int(X.shape[1]) if len(getattr(X, "shape", ())) > 1 else 1)
    if not width:
        raise InvalidDataError(f"Found {len(rows)} rows without a column of texts.", hint="Give one at least.")
    cells = np.empty((len(rows), width), dtype=object)
    for i, row in enumerate(rows):
        if len(row) != width:
            what = f"; {' and '.join(names)} are {width}" if names else f", and the first has {width}"
            raise InvalidDataError(f"X, row {i} has {len(row)} cells{what}.", hint="Drop other columns.")
        for j, cell in enumerate(row):
            if not isinstance(cell, str):
                what = f"its {names[j]}" if names else f"column {j}"
                raise InvalidDataTypeError(
                    f"X, row {i} holds a value of type {type(cell).__name__} as {what}.", hint="Make it a text."
                )
        cells[i] = [str(cell) for cell in row]
    return X if hasattr(X, "columns") else cells
