"""Estimators that give other bits at each fit, to see whether a method notices."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

__all__ = ["UnrepeatableClassifier", "UnrepeatableRegressor"]


class _Noisy(BaseEstimator):
    def fit(self, X: Any, y: Any) -> Any:
        """Learn noise that no seed governs."""
        self.noise_ = np.frombuffer(os.urandom(16), dtype=np.uint8).astype(np.float64)
        self.values_ = np.unique(y)
        self.classes_ = self.values_
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The first value seen, always."""
        return np.full(len(X), self.values_[0])

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Equal probabilities, always."""
        return np.full((len(X), len(self.values_)), 1.0 / len(self.values_))


class UnrepeatableClassifier(ClassifierMixin, _Noisy):
    """A classifier whose state differs at each fit."""


class UnrepeatableRegressor(RegressorMixin, _Noisy):
    """A regressor whose state differs at each fit."""
