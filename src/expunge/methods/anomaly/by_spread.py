"""What the two detectors by spread do alike: integer sums as their state, and squares along axes as their scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.maths import exact
from expunge.maths.fixed_point import check_resolution_param, rounding_terms
from expunge.maths.product_moments import table_products
from expunge.maths.running_sum import refuse_new_lack, sum_after
from expunge.methods.anomaly.spread import lack_of_weight, squares
from expunge.state import Change, Part

__all__ = ["BySpread"]

Floats = npt.NDArray[np.float64]


class BySpread:
    """Beside :class:`~expunge.methods.anomaly.detector.Detector`: sums of products, and scores read from them.

    A method writes ``_learned(rows, parts)``: the "mean", and "axes" along which squares are added up.
    """

    resolution: Any

    def _check_params(self) -> None:
        super()._check_params()  # type: ignore[misc]
        check_resolution_param("resolution", self.resolution)

    def _learn(self, change: Change) -> dict[str, Part | None]:
        old = change.parts.get("sums", {}).get("products")
        names = getattr(self, "feature_names_in_", None)
        new = sum_after(
            old, change, lambda table: table_products(table, self.resolution, names=names),
            add=exact.add, subtract=exact.subtract,
        )  # fmt: skip
        refuse_new_lack(old, new, change, lack_of_weight)
        return {"sums": {"products": new}}

    def _scores(self, X: Floats, solution: Part) -> Floats:
        return -squares(X - solution["mean"], solution["axes"])

    def _terms(self) -> str:
        return f", on {rounding_terms(self.resolution, 'values')}"
