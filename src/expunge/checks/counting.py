"""Counting from outside how many records are read again: by the user's estimator, or from the stored rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from sklearn.dummy import DummyClassifier, DummyRegressor

from expunge.contract import Unlearner

__all__ = ["Counter", "countable", "counting", "failing"]

_TRAINING = ("fit", "partial_fit")
_READING = (*_TRAINING, "predict", "predict_proba", "decision_function", "score")


class Counter:
    """Records read so far: as many as were seen to be read or, if those are more, as many as the method told.

    A method that reads rows in place, without taking them out of the store, can be taken at its word only.
    """

    def __init__(self) -> None:
        self.seen = self.told = self.inside = 0

    @property
    def count(self) -> int:
        """How many."""
        return max(self.seen, self.told)


class EstimatorFailure(Exception):  # noqa: N818 - never shown to anybody
    """Raised by an estimator under :func:`failing`."""


def countable(model: Any) -> bool:
    """Whether the work of a model can be counted from outside."""
    return hasattr(model.get_params(deep=False).get("estimator"), "fit") or isinstance(model, Unlearner)


@contextmanager
def counting(model: Any) -> Iterator[Counter]:
    """Count the records that the model's estimators are given or, where it has none, that it takes from its rows.

    Notes
    -----
    The class of the estimator (and the constant predictors that stand in for it) is patched for the time being, so
    that digests, clones and files stay as they are. To be fitted on records and to be asked about them both count.
    Fits in other processes are not seen: use ``n_jobs=1``. Rows count when their features are handed out, whether or
    not the method says that it only looked.
    """
    counter = Counter()
    estimator = model.get_params(deep=False).get("estimator")
    with ExitStack() as stack:
        if hasattr(estimator, "fit"):
            for example in (estimator, DummyClassifier(), DummyRegressor()):
                for verb in _READING:
                    kind = type(example)
                    if hasattr(example, verb):
                        stack.enter_context(mock.patch.object(kind, verb, _counted(getattr(kind, verb), counter)))
        else:
            _watch(model, counter, stack)
        yield counter


@contextmanager
def failing(estimator: Any) -> Iterator[type[EstimatorFailure]]:
    """Make every fit of estimators of this class raise."""

    def fail(self: Any, *args: Any, **keywords: Any) -> Any:
        raise EstimatorFailure(f"{type(self).__name__} was made to fail")

    with ExitStack() as stack:
        for verb in _TRAINING:
            if hasattr(estimator, verb):
                stack.enter_context(mock.patch.object(type(estimator), verb, fail))
        yield EstimatorFailure


def _counted(original: Callable[..., Any], counter: Counter) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, X: Any, *args: Any, **keywords: Any) -> Any:
        if not counter.inside:  # a fit may call partial_fit, and a pipeline another pipeline
            counter.seen += X.shape[0] if hasattr(X, "shape") else len(X)
        counter.inside += 1
        try:
            return original(self, X, *args, **keywords)
        finally:
            counter.inside -= 1

    return call


def _watch(model: Unlearner, counter: Counter, stack: ExitStack) -> None:
    rows: Any = model._rows()
    read, read_features = rows.read, rows._X.read
    times = [1]

    def watched(slots: Any, *, times_: int = 1) -> Any:
        times[0] = max(1, times_)
        counter.told += times_ * len(slots)
        try:
            return read(slots, times=times_)
        finally:
            times[0] = 1

    def watched_features(slots: Any) -> Any:
        counter.seen += times[0] * len(slots)
        return read_features(slots)

    stack.enter_context(mock.patch.object(rows, "read", lambda slots, *, times=1: watched(slots, times_=times)))
    stack.enter_context(mock.patch.object(rows._X, "read", watched_features))
    count = rows.count

    def counted(n: int) -> None:
        counter.told += n
        count(n)

    stack.enter_context(mock.patch.object(rows, "count", counted))
