"""The quantity of each record, as a model of the library gives it: its loss, or the chance of one label."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier, is_regressor

from expunge.errors import InvalidParameterError, UnsupportedRequestError

__all__ = ["quantities", "refuse_without_predictions"]

Floats = npt.NDArray[np.float64]

#: Least chance that is told from 0: votes and forests answer 0, whose loss would be infinite.
FLOOR = 1e-6


def refuse_without_predictions(model: Any) -> None:
    """Refuse a model that predicts no target: there is no loss to ask about.

    Raises
    ------
    UnsupportedRequestError
        A transformer, say.
    """
    if not (is_classifier(model) or is_regressor(model)):
        raise UnsupportedRequestError(
            f"{type(model).__name__} predicts no target, so no record has a loss.", hint="Ask a model that predicts."
        )


def quantities(model: Any, X: Any, y: Any, chance: Any = None) -> Floats:
    """Loss of each record, or the chance of one label, shape (m,).

    Parameters
    ----------
    model : Unlearner
        A classifier or a regressor.
    X : table of shape (m, d)
    y : array of shape (m,)
    chance : label, optional
        None: the loss. Of a classifier -log of the chance it gives to the label, at least 1e-6; or 1 where it is wrong,
        if it gives no chances. Of a regressor half the squared error.

    Raises
    ------
    InvalidParameterError
        A label that the model does not know, or a chance asked of a regressor.
    """
    if is_regressor(model):
        if chance is not None:
            raise InvalidParameterError("A regression gives no chances of labels.", hint="Ask about a loss.")
        errors = np.asarray(y, dtype=np.float64) - np.asarray(model.predict(X), dtype=np.float64)
        return np.asarray(0.5 * (errors.reshape(len(errors), -1) ** 2).sum(axis=1))
    labels = np.asarray(y).tolist()
    if not hasattr(model, "predict_proba"):
        said = np.asarray(model.predict(X)).tolist()
        wanted = labels if chance is None else [chance] * len(said)
        equal = np.array([a == b for a, b in zip(said, wanted, strict=True)])
        return np.asarray(equal if chance is not None else ~equal, dtype=np.float64)
    place = {label: i for i, label in enumerate(np.asarray(model.classes_).tolist())}
    chances = np.asarray(model.predict_proba(X))
    if chance is None:
        at = np.array([place.get(label, -1) for label in labels])
        own = np.where(at >= 0, chances[np.arange(len(at)), at], 0.0)
        return -np.log(np.maximum(own, FLOOR))
    return chances[:, place[chance]] if chance in place else np.zeros(len(chances))
