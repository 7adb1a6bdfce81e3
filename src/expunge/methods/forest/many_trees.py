"""What forests of many trees have beside one tree: how many, who enters them, and threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.errors import InvalidParameterError
from expunge.methods.forest.forest import _check_integer, threads_of

__all__ = ["ManyTrees"]


class ManyTrees:
    """Beside :class:`~expunge.methods.forest.forest.Forest`: arguments of a forest, checked, and its size."""

    n_estimators: int
    share: float
    n_jobs: int | None

    def _check_params(self) -> None:
        super()._check_params()  # type: ignore[misc]
        _check_integer("n_estimators", self.n_estimators, 1)
        share: Any = self.share
        if isinstance(share, bool) or not isinstance(share, (int, float, np.number)) or not 0.0 < share <= 1.0:
            raise InvalidParameterError(f"share must be above 0 and at most 1, got {share!r}.")
        threads_of(self.n_jobs)

    def _size(self) -> tuple[int, float, int]:
        return int(self.n_estimators), float(self.share), threads_of(self.n_jobs)
