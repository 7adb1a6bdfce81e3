"""From what a caller names to rows: tables on their way in, requests resolved to slots. All refusals happen here."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier, is_regressor

from expunge.errors import (
    InvalidDataError,
    InvalidDataTypeError,
    InvalidParameterError,
    InvalidRequestError,
    UnsupportedRequestError,
)
from expunge.near_names import near_name
from expunge.rows import Rows, Table
from expunge.table.ids import check_ids, check_labels, check_subjects, default_ids, listed
from expunge.validation import refuse_missing_targets

__all__ = ["feature_positions", "has_classes", "named_rows", "read_table", "select_slots", "serves"]


def has_classes(model: Any) -> bool:
    """Whether the targets of a model are labels, by which records can be named: classes, or a recommender's items."""
    return is_classifier(model) or getattr(model, "_task", "") == "recommendation"


def serves(model: Any, what: str) -> bool:
    """Whether a model serves requests for records, subjects, classes or features, fitted or not.

    A pipeline forgets columns if the first of its steps does: what reads texts, or whole rows, has none to spare.
    """
    if what not in model._requests or (what == "classes" and not has_classes(model)):
        return False
    steps = [step for _, step in getattr(model, "steps", ()) if step != "passthrough"]
    return what != "features" or not steps or serves(steps[0], what)


def read_table(
    model: Any, X: Any, y: Any, record_ids: Any, subject_ids: Any, sample_weight: Any, *, reset: bool, least: int = 1
) -> Table:
    """Rows as ``fit`` and ``learn`` are given them: validated by the model, named, placed.

    Raises
    ------
    InvalidParameterError
        Weights for a method that takes none.
    InvalidDataError
        Every weight is zero, or the rows are not such as the model reads.
    """
    if sample_weight is not None and (instead := model._instead_of_weights) is not None:
        raise InvalidParameterError(f"{type(model).__name__} takes no sample_weight.", hint=instead)
    index_ids = default_ids(X, len(X)) if record_ids is None and hasattr(X, "index") else None
    X, y = model._validate(X, y, reset=reset, least=least)
    if y is None:
        refuse_missing_targets(model)
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    if record_ids is not None:
        ids = check_ids(record_ids, n=n)
    else:
        ids = np.arange(n, dtype=np.int64) if index_ids is None else index_ids
    table = Table(
        ids, X, y,
        None if sample_weight is None else _check_weight(sample_weight, n),
        None if subject_ids is None else check_subjects(subject_ids, n),
    )  # fmt: skip
    if reset and least and table.weight is not None and len(table) and not table.weight.any():
        raise InvalidDataError("Sample weights must contain at least one non-zero number.", hint="Leave them out.")
    return Table(ids, X, y, table.weight, table.subjects, model._place(table))


def named_rows(model: Any, X: Any) -> Any:
    """Rows as they are kept, in the form of those that the model was fitted on: with names, where it knows any."""
    names = getattr(model, "feature_names_in_", None)
    if names is None or hasattr(X, "columns"):
        return X
    import pandas as pd

    if hasattr(X, "tocsr"):
        columns = zip(names, X.toarray().T, strict=True)
        return pd.DataFrame({name: pd.arrays.SparseArray(column, fill_value=0) for name, column in columns})
    return pd.DataFrame(X, columns=list(names))


def select_slots(
    model: Any, rows: Rows, *, records: Any, subjects: Any, classes: Any, features: Any
) -> npt.NDArray[np.intp]:
    """Slots of all records that a request names; none for a request about features.

    Raises
    ------
    UnsupportedRequestError
        The method does not serve this request.
    InvalidRequestError
        The request names nothing, or a class by what is no label.
    """
    asked = {"records": records, "subjects": subjects, "classes": classes, "features": features}
    asked = {name: value for name, value in asked.items() if value is not None}
    for name in asked:
        if not serves(model, name):
            raise UnsupportedRequestError(f"{type(model).__name__} cannot forget {name}.", hint=_instead(model, name))
    if not asked or ("features" in asked and len(asked) > 1):
        raise InvalidRequestError(
            "Name what to forget: record_ids, subjects, classes, or features alone.", hint="See model.record_ids_."
        )
    if "features" in asked:
        feature_positions(model, features)
        return np.empty(0, dtype=np.intp)
    found = []
    if records is not None:
        found.append(rows.find(records))
    if subjects is not None:
        found.append(rows.find_subjects(subjects))
    if classes is not None:
        found.append(rows.find_classes(check_labels(classes)))
    slots = found[0] if len(found) == 1 else np.unique(np.concatenate(found))
    if not len(slots):
        raise InvalidRequestError("The request names no record.", hint="Give at least one id.")
    return slots


def _instead(model: Any, what: str) -> str:
    """What can stand in for a model that cannot forget this."""
    if what == "features" and what in model._requests:
        return "Its first step needs all of them: fit again without them."
    if is_classifier(model):
        return "RetrainClassifier can."
    return "RetrainRegressor can." if is_regressor(model) and what != "classes" else "Fit again without them."


def feature_positions(model: Any, features: Any) -> list[int]:
    """Positions of features, given by name where the model was fitted on named columns.

    Raises
    ------
    InvalidRequestError
        A feature that is not there, one named twice, or all of them.
    """
    names = getattr(model, "feature_names_in_", None)
    known = list(names) if names is not None else list(range(int(getattr(model, "n_features_in_", 0))))
    wanted = listed(features)
    for feature in wanted:
        is_name = isinstance(feature, (str, int, np.integer)) and not isinstance(feature, bool)
        if not is_name or feature not in known:
            raise InvalidRequestError(f"No feature {feature!r}.", hint=near_name(feature, known))
    if len(set(wanted)) < len(wanted) or not wanted:
        raise InvalidRequestError("Name each feature once.")
    if len(wanted) == len(known):
        raise InvalidRequestError("Forgetting every feature leaves no model.", hint="Forget all records instead.")
    return [known.index(feature) for feature in wanted]


def _check_weight(weight: Any, n: int) -> npt.NDArray[np.float64]:
    try:
        given = np.asarray(weight)
        if given.dtype.kind not in "biufO":
            raise TypeError(given.dtype)
        values = given.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        kind = type(weight).__name__
        raise InvalidDataTypeError(f"sample_weight must be numbers, got what is none in a {kind}.") from None
    if values.ndim == 0:
        values = np.full(n, float(values))
    if values.shape != (n,):
        raise InvalidDataError(f"Sample weights must be 1D: sample_weight.shape == {values.shape}, expected {(n,)}!")
    if not np.isfinite(values).all() or (values < 0).any():
        bad = values[~(np.isfinite(values) & (values >= 0))][0]
        raise InvalidDataError(f"sample_weight holds {bad}.", hint="Weights are finite and not negative.")
    return values.copy()
