"""Training an estimator of the user so that the bits repeat: seeded, on one thread, on records in hash order."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.dummy import DummyClassifier
from sklearn.utils.validation import has_fit_parameter

from expunge.digest import first_difference
from expunge.errors import InvalidDataError, InvalidParameterError, UnsupportedEstimatorError
from expunge.estimators import one_thread, prepare
from expunge.rows import Table, as_labels
from expunge.seeds import derive_seed

__all__ = ["check_estimator_param", "check_repeats", "fit_estimator", "fit_keywords", "seeded"]

#: Records of the sample on which `check_repeats` fits twice.
SAMPLE = 1_000


def check_estimator_param(estimator: Any, *, classifier: bool) -> None:
    """Refuse what is not an estimator of the right kind, with a sentence."""
    if isinstance(estimator, type) or not hasattr(estimator, "fit") or not hasattr(estimator, "get_params"):
        raise InvalidParameterError(
            f"estimator must be a scikit-learn estimator, got {estimator!r}.", hint="Pass an instance, not a class."
        )
    if classifier != is_classifier(estimator):
        kind, other = ("classifier", "Regressor") if classifier else ("regressor", "Classifier")
        raise InvalidParameterError(
            f"estimator must be a {kind}, got {type(estimator).__name__}.", hint=f"Use the method for a {other.lower()}."
        )


def seeded(estimator: Any, seed: int, *path: str | int) -> Any:
    """A clone whose every ``random_state`` follows from the seed and the path, and which uses one thread."""
    return prepare(estimator, seed_for=lambda name: derive_seed(seed, "estimator", *path, name))


def fit_keywords(estimator: Any, weight: Any) -> dict[str, Any]:
    """The keyword by which an estimator or the last step of a pipeline takes weights."""
    if weight is None:
        return {}
    steps = getattr(estimator, "steps", None)
    last = steps[-1][1] if steps else estimator
    if not has_fit_parameter(last, "sample_weight"):
        raise InvalidParameterError(
            f"{type(last).__name__} takes no sample_weight.", hint="Leave the weights out, or choose another estimator."
        )
    return {f"{steps[-1][0]}__sample_weight" if steps else "sample_weight": weight}


def fit_estimator(estimator: Any, table: Table, *, tolerant: bool) -> Any:
    """Fit a seeded estimator in place; a single class gives a constant predictor.

    Parameters
    ----------
    estimator : estimator from :func:`seeded`
    table : Table
        Rows in canonical order, at least one.
    tolerant : bool
        Give None instead of an error where the estimator cannot learn from so little.

    Returns
    -------
    The fitted estimator, or None.
    """
    y = as_labels(table.y)
    keywords = fit_keywords(estimator, table.weight)
    if is_classifier(estimator) and len(np.unique(y)) == 1:
        return DummyClassifier(strategy="most_frequent").fit(np.zeros((len(y), 1)), y)
    try:
        with one_thread(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            return estimator.fit(table.X, y, **keywords)
    except (ValueError, ArithmeticError):
        if tolerant:
            return None
        raise


def check_repeats(estimator: Any, table: Table) -> str | None:
    """Fit a sample twice and say where the two results differ, if they do.

    Parameters
    ----------
    estimator : unfitted estimator of the user
    table : Table
        At most :data:`SAMPLE` rows are used; all of them if the estimator cannot learn from the sample.

    Returns
    -------
    str or None
        None if the fits are equal bit for bit; else where they differ and which parameters may be the cause.
    """
    for part in (table.head(SAMPLE), table):
        fits = [fit_estimator(seeded(estimator, 0, "repeat"), part, tolerant=True) for _ in range(2)]
        if fits[0] is not None:
            break
    else:
        return None
    where = first_difference(fits[0], fits[1])
    if where is None:
        return None
    hints = ("random", "seed", "shuffle", "jobs", "thread", "device", "determin")
    names = [name for name in estimator.get_params(deep=True) if any(word in name for word in hints)]
    return f"{type(estimator).__name__} fitted twice differs at {where}" + (
        f"; look at its parameter {' or '.join(names)}" if names else "; it has no parameter that seeds it"
    )


def refuse_small(estimator: Any, what: str) -> InvalidDataError:
    """The error for a part that holds too little for its estimator."""
    return InvalidDataError(f"{what} is too small for {type(estimator).__name__}.", hint="Give more rows.")


def refuse_unpredictable(estimator: Any, name: str) -> None:
    """Refuse an estimator without the method that is asked for."""
    if not hasattr(estimator, name):
        raise UnsupportedEstimatorError(f"{type(estimator).__name__} has no {name}.")
