"""Training an estimator of the user so that the bits repeat: seeded, on one thread, on records in hash order."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import is_classifier
from sklearn.dummy import DummyClassifier
from sklearn.utils import InputTags, get_tags
from sklearn.utils.validation import has_fit_parameter

from expunge.digest import first_difference
from expunge.errors import InvalidParameterError, UnknownNameError, UnsupportedEstimatorError
from expunge.estimators import one_thread, prepare, tighten
from expunge.rows import Table
from expunge.seeds import derive_seed
from expunge.table.label_kinds import as_labels

__all__ = [
    "SAMPLE",
    "check_estimator_param",
    "check_repeats",
    "constant",
    "fit_estimator",
    "fit_keywords",
    "input_tags_of",
    "is_too_little",
    "repeatable",
    "seeded",
]

#: Records of the sample on which `check_repeats` fits twice.
SAMPLE = 1_000

#: Errors of libraries that are no ValueError.
_LIBRARY_ERRORS = ("CatBoostError", "LightGBMError")


def check_estimator_param(estimator: Any, *, classifier: bool) -> None:
    """Refuse what is not an estimator of the right kind, with a sentence.

    Raises
    ------
    InvalidParameterError
        No estimator, or one of the other kind.
    UnsupportedEstimatorError
        One that is frozen.
    """
    if isinstance(estimator, type) or not hasattr(estimator, "fit") or not hasattr(estimator, "get_params"):
        raise InvalidParameterError(
            f"estimator must be a scikit-learn estimator, got {estimator!r}.", hint="Pass an instance, not a class."
        )
    parts = [estimator, *estimator.get_params(deep=True).values()]
    if any(type(part).__name__ == "FrozenEstimator" for part in parts):
        raise UnsupportedEstimatorError(
            "A FrozenEstimator keeps what it learned before, whoever is forgotten.", hint="Pass the unfitted estimator."
        )
    if classifier != is_classifier(estimator):
        kind, other = ("classifier", "Regressor") if classifier else ("regressor", "Classifier")
        raise InvalidParameterError(
            f"estimator must be a {kind}, got {type(estimator).__name__}.",
            hint=f"Use the method for a {other.lower()}.",
        )


def seeded(estimator: Any, seed: int, *path: str | int) -> Any:
    """A clone whose every ``random_state`` follows from the seed and the path, and which uses one thread."""
    return prepare(estimator, seed_for=lambda name: derive_seed(seed, "estimator", *path, name))


def input_tags_of(estimator: Any) -> InputTags:
    """What an estimator takes: of a Pipeline what its first step does, of a ColumnTransformer anything in columns."""
    steps = [step for _, step in getattr(estimator, "steps", getattr(estimator, "transformer_list", []))]
    steps = [step for step in steps if step is not None and step not in ("passthrough", "drop")]
    if steps:
        tags = copy.copy(input_tags_of(steps[0]))
        tags.sparse = tags.sparse and get_tags(estimator).input_tags.sparse
        return tags
    tags = get_tags(estimator).input_tags
    if hasattr(estimator, "transformers"):
        tags.string = tags.categorical = tags.allow_nan = True
    return tags


def fit_keywords(estimator: Any, weight: Any) -> dict[str, Any]:
    """The keyword by which an estimator or the last step of a pipeline takes weights.

    Raises
    ------
    InvalidParameterError
        There are weights, and the estimator takes none.
    """
    if weight is None:
        return {}
    steps = getattr(estimator, "steps", None)
    last = steps[-1][1] if steps else estimator
    if not has_fit_parameter(last, "sample_weight"):
        raise InvalidParameterError(
            f"{type(last).__name__} takes no sample_weight.", hint="Leave the weights out, or choose another estimator."
        )
    return {f"{steps[-1][0]}__sample_weight" if steps else "sample_weight": weight}


@contextmanager
def repeatable() -> Iterator[None]:
    """One thread, and none of the warnings about what :func:`seeded` and the row store do to an estimator.

    Metadata routing is off inside: weights go to the last step whatever the caller's global setting.
    """
    with one_thread(), config_context(enable_metadata_routing=False), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        warnings.filterwarnings("ignore", message="'n_jobs' has no effect")
        yield


def constant(y: Any) -> Any:
    """A predictor for targets that are all the same label."""
    return DummyClassifier(strategy="most_frequent").fit(np.zeros((len(y), 1)), y)


def is_too_little(error: Exception) -> bool:
    """Whether an error of a fit may mean too little data; a wrong argument, or a name that nobody knows, never does.

    scikit-learn's error about parameters is both a ValueError and a TypeError.
    """
    known = isinstance(error, (ValueError, ArithmeticError)) or type(error).__name__ in _LIBRARY_ERRORS
    return known and not isinstance(error, (TypeError, InvalidParameterError, UnknownNameError))


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
        return constant(y)
    try:
        with repeatable():
            fitted = estimator.fit(table.X, y, **keywords)
        _refuse_too_few(fitted)
        return tighten(fitted)
    except Exception as error:
        if tolerant and is_too_little(error):
            return None
        raise


def _refuse_too_few(fitted: Any) -> None:
    """Neighbours learn from fewer records than they answer from, and fail only when they are asked."""
    last = fitted.steps[-1][1] if hasattr(fitted, "steps") else fitted
    needed, n = getattr(last, "n_neighbors", None), getattr(last, "n_samples_fit_", None)
    if isinstance(needed, (int, np.integer)) and isinstance(n, (int, np.integer)) and needed > n:
        raise ValueError(f"n_neighbors={needed}, but there are only {n} records")


def check_repeats(
    estimator: Any, n: int, read: Callable[[int | None], Table], fit: Callable[[Table], Any] | None = None
) -> str | None:
    """Fit a sample twice and say where the two results differ, if they do.

    Parameters
    ----------
    estimator : unfitted estimator of the user
    n : int
        Records of the model.
    read : callable
        From a number of records to so many of them, or as many as there are in one part, in canonical order; from None
        to all of that part.
    fit : callable, optional
        From a table to what is learned from it; None, or a list that ends in None, if that is too little. Default: fit.

    Returns
    -------
    str or None
        None if the fits are equal bit for bit; "" if there was too little to fit; else where they differ and which
        parameters may be the cause.

    Notes
    -----
    One record in 200 is used, at least 100 and at most :data:`SAMPLE`, so that both fits together cost a hundredth of
    the whole; all of the part if the estimator cannot learn from these.
    """

    def once(table: Table) -> Any:
        return fit_estimator(seeded(estimator, 0, "repeat"), table, tolerant=True)

    learn = once if fit is None else fit
    for size in (min(SAMPLE, max(100, n // 200)), None):
        part = read(size)
        first = learn(part)
        last = first[-1] if isinstance(first, list) else first
        if last is not None and not isinstance(last, DummyClassifier):
            break
    else:
        return ""
    where = first_difference(first, learn(part))
    if where is None:
        return None
    where = re.sub(r"\[(['\"]).*?\1\]", "[...]", where)  # a key of a dictionary may be somebody's value
    hints = ("random", "seed", "shuffle", "jobs", "thread", "device", "determin")
    names = [name for name in estimator.get_params(deep=True) if any(word in name for word in hints)]
    return f"{type(estimator).__name__} fitted twice differs at {where}" + (
        f"; look at its parameter {' or '.join(names)}" if names else "; it has no parameter that seeds it"
    )
