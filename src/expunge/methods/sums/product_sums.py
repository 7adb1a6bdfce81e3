"""Methods on sums of products: what they do alike, from the sums to what is solved from their moments.

The state of such a method is Σ (w z) zᵀ over the records, z = (1, x) or (1, x, y), in integers; see
:mod:`expunge.maths.product_moments`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.contract import Unlearner
from expunge.estimators import one_thread
from expunge.maths import exact
from expunge.maths.fixed_point import WEIGHT_RESOLUTION, check_resolution_param, rounding_terms
from expunge.maths.moments import Moments
from expunge.maths.product_moments import product_moments, table_products
from expunge.maths.running_sum import refuse_new_lack, sum_after
from expunge.rows import Rows, Table
from expunge.state import Change, Part

__all__ = ["ProductSums"]

Limbs = npt.NDArray[np.int64]


class ProductSums(Unlearner):
    """Parent of the methods whose solution is a function of moments, with or without one target.

    A method writes ``_lacking(weight, n, d)`` and ``_from_moments(moments)``.
    """

    #: Whether y is a target that is summed too.
    _has_target = False
    resolution: Any
    target_resolution: Any = None

    def _lacking(self, weight: float, n: int, d: int) -> Exception | None:
        """Why nothing can be learned from n records of this weight in all and d features; None if it can."""
        raise NotImplementedError

    def _from_moments(self, moments: Moments) -> Part:
        raise NotImplementedError

    def _lack(self, moments: Moments) -> Exception | None:
        return self._lacking(moments.weight, moments.n, len(moments.means))

    def _check_params(self) -> None:
        check_resolution_param("resolution", self.resolution)
        if self._has_target:
            check_resolution_param("target_resolution", self.target_resolution)

    def _update(self, change: Change) -> dict[str, Part | None]:
        old = change.parts.get("sums", {}).get("products")
        new = sum_after(old, change, self._products, add=exact.add, subtract=exact.subtract)
        n = len(change.rows)
        before = None if old is None else (old, n - len(change.added_slots) + len(change.removed_slots))
        refuse_new_lack(before, (new, n), change, lambda sums: self._lacking_sums(*sums))
        return {"sums": {"products": new}}

    def _lacking_sums(self, limbs: Limbs, n: int) -> Exception | None:
        weight = float(exact.to_float(limbs[:, 0, 0], WEIGHT_RESOLUTION**2))
        return self._lacking(weight, n, limbs.shape[1] - 1 - self._has_target)

    def _products(self, table: Table) -> Limbs:
        names = getattr(self, "feature_names_in_", None)
        target = self.target_resolution if self._has_target else None
        return table_products(table, self.resolution, target, names=names)

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        limbs = parts["sums"]["products"]
        if not limbs[:, 0, 0].any():
            return None
        target = self.target_resolution if self._has_target else None
        moments = product_moments(limbs, len(rows), self.resolution, target, n_targets=int(self._has_target))
        if self._lack(moments) is not None:
            return None
        with one_thread():
            return self._from_moments(moments)

    def _estimate(self, rows: Rows, slots: npt.NDArray[np.intp]) -> tuple[int, int, tuple[str, ...]]:
        return len(slots), len(slots), ("sums",)

    def _terms(self) -> str:
        if not self._has_target or np.array_equal(self.resolution, self.target_resolution):
            return f", on {rounding_terms(self.resolution, 'values')}"
        targets = rounding_terms(self.target_resolution, "targets")
        return f", on {rounding_terms(self.resolution, 'values')} and {targets}"
