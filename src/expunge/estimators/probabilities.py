"""What a classifier answers, as probabilities of classes that were fixed beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from expunge.errors import InvalidDataError, UnsupportedRequestError

__all__ = ["probabilities_of"]

Floats = npt.NDArray[np.float64]


def probabilities_of(model: Any, X: Any, classes: npt.NDArray[Any]) -> Floats:
    """Probabilities of these classes; of a class that the model does not know 0.

    Parameters
    ----------
    model : fitted classifier
        With ``predict_proba``, or else with ``decision_function``, of which a softmax (of two classes a sigmoid) is
        taken.
    X : array of shape (n, d)
    classes : ndarray of shape (k,)
        Sorted.

    Raises
    ------
    UnsupportedRequestError
        It gives neither.
    """
    if hasattr(model, "predict_proba"):
        given = np.asarray(model.predict_proba(X), dtype=np.float64)
    elif hasattr(model, "decision_function"):
        values = np.asarray(model.decision_function(X), dtype=np.float64)
        given = np.column_stack([expit(-values), expit(values)]) if values.ndim == 1 else softmax(values, axis=1)
    else:
        raise UnsupportedRequestError(
            f"{type(model).__name__} gives neither probabilities nor a decision function: there is nothing to audit.",
            hint="Audit a classifier.",
        )
    out = np.zeros((len(given), len(classes)))
    known = np.searchsorted(classes, model.classes_)
    if (known >= len(classes)).any() or (classes[known] != model.classes_).any():
        raise InvalidDataError("The model knows a class that the audit's records do not have.", hint="Give more.")
    out[:, known] = given
    return out
