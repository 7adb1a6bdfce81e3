"""Factors of users and items by alternating least squares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_choice, check_count, check_number
from expunge.estimators import one_thread
from expunge.methods.recommend.alternating import solve_side
from expunge.methods.recommend.histories import Values, drawn_factors, first_values
from expunge.methods.recommend.recommender import Recommender
from expunge.records import Guarantee
from expunge.rows import Rows
from expunge.state import Change, Part

__all__ = ["ALS"]

Floats = npt.NDArray[np.float64]


class ALS(Recommender):
    """Recommends by factors of users and items, for marks that were given or for what was merely done.

    Parameters
    ----------
    n_factors : int, default=32
        From 1 to 10,000.
    n_sweeps : int, default=10
        Passes of a fit over the interactions, from 1 to 10,000.
    alpha : float, default=0.1
        λ, above 0. Of explicit values it is multiplied by the number of values of the user or item.
    values : {"implicit", "explicit"}, default="implicit"
        ``implicit``: to have done it is the target, 1, and a value says how sure that is; without values each is 1.
        ``explicit``: the value is the target, less the mean of all values.
    confidence : float, default=10.0
        Of implicit values, at least 0: what is there counts 1 + confidence · value, what is not counts 1.
    algorithm : {"replay", "warm"}, default="replay"
        ``replay``: every change trains again from the beginning. ``warm``: it goes on from the factors there are.
    warm_sweeps : int, default=2
        Passes of a change with ``warm``, from 1 to 10,000.
    least_value : float, default=0.0
        Interactions with a lower value are kept and do not count; those of a frame without values all count.
    seed : int, default=0
        Draws the factors of items to begin with, from their names.

    Attributes
    ----------
    residual_ : float
        How far the last pass moved the factors of items, relative to their norm (of Frobenius).

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the interactions that are left. With
    ``warm``: ``empirical``; a removal notes the residual of its last pass.

    Notes
    -----
    Where a user has an item more than once the largest value counts. A pass is O(n k² + (users + items) k³) for n
    interactions and k factors; replay costs a fit, warm its share of passes.

    References
    ----------
    Y. Hu, Y. Koren, C. Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008, equations 4 and
    5. Y. Zhou, D. Wilkinson, R. Schreiber, R. Pan, "Large-scale parallel collaborative filtering for the Netflix
    Prize", AAIM 2008, section 3.1.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"user": [1, 1, 2, 2, 3, 4], "item": ["tea", "pie", "tea", "pie", "tea", "jam"]})
    >>> model = ALS(n_factors=2).fit(seen)
    >>> model.predict([3]).tolist()
    ['pie']
    >>> removal = model.forget(subjects=2)
    >>> model.digest() == ALS(n_factors=2).fit(seen[seen["user"] != 2]).digest()
    True
    """

    _alternatives: ClassVar[dict[str, list[Any]]] = {
        "n_factors": [1], "n_sweeps": [1], "alpha": [5.0], "values": ["explicit", "implicit"], "confidence": [0.5],
        "algorithm": ["warm", "replay"], "warm_sweeps": [1], "least_value": [4.0], "seed": [1],
    }  # fmt: skip

    def __init__(
        self, *, n_factors: int = 32, n_sweeps: int = 10, alpha: float = 0.1, values: str = "implicit",
        confidence: float = 10.0, algorithm: str = "replay", warm_sweeps: int = 2, least_value: float = 0.0,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self.n_factors = n_factors
        self.n_sweeps = n_sweeps
        self.alpha = alpha
        self.values = values
        self.confidence = confidence
        self.algorithm = algorithm
        self.warm_sweeps = warm_sweeps
        self.least_value = least_value
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        for name in ("n_factors", "n_sweeps", "warm_sweeps"):
            check_count(name, getattr(self, name), most=10_000)
        check_number("alpha", self.alpha, open_low=True)
        check_number("confidence", self.confidence)
        check_choice("values", self.values, ("implicit", "explicit"))
        check_choice("algorithm", self.algorithm, ("replay", "warm"))

    # ------------------------------------------------------------------ learning

    def _update(self, change: Change) -> dict[str, Any]:
        known = first_values(change.rows, change.rows.slots(), float(self.least_value))
        items = np.ascontiguousarray(drawn_factors(self.seed, known.items, int(self.n_factors)))
        sweeps, old = int(self.n_sweeps), change.parts.get("factors")
        if old is not None and self.algorithm == "warm":
            sweeps, before = int(self.warm_sweeps), dict(zip(old["items"].tolist(), old["of_items"], strict=True))
            for line, item in enumerate(known.items.tolist()):
                items[line] = before.get(item, items[line])
        part = self._trained(known, items, sweeps)
        if old is not None and self.algorithm == "warm":
            change.notes.append(
                f"the last of {sweeps} passes moved the factors by {part['residual']:.1e} of their norm"
            )
        return {"factors": part}

    def _trained(self, known: Values, of_items: Floats, sweeps: int) -> Part:
        is_implicit, alpha = self.values == "implicit", float(self.alpha)
        mean = 0.0 if is_implicit or not len(known.values) else math.fsum(known.values) / len(known.values)
        values = float(self.confidence) * known.values if is_implicit else known.values - mean
        by_item, at = known.turned()
        of_users, residual = np.zeros((len(known.users), of_items.shape[1])), 0.0
        for _ in range(sweeps):
            before = of_items.copy()
            with one_thread():
                gram = of_items.T @ of_items
            solve_side(known.starts, known.codes, values, of_items, gram, alpha, is_implicit, of_users)
            with one_thread():
                gram = of_users.T @ of_users
            solve_side(by_item.starts, by_item.codes, values[at], of_users, gram, alpha, is_implicit, of_items)
            norm = float(np.sqrt(np.sum(of_items * of_items)))
            residual = float(np.sqrt(np.sum((of_items - before) ** 2))) / norm if norm else 0.0
        return {
            "items": known.items, "users": known.users, "of_items": of_items, "of_users": of_users, "mean": mean,
            "n_users": np.diff(by_item.starts), "residual": residual,
        }  # fmt: skip

    def _estimate(self, rows: Rows, slots: Any) -> tuple[int, int, tuple[str, ...]]:
        left = len(rows) - len(slots)
        return left, left, ("factors",)

    def _estimate_corrected(self, rows: Rows, slots: Any, table: Any) -> tuple[int, int, tuple[str, ...]]:
        return len(rows), len(rows), ("factors",)

    def _guarantee(self) -> Guarantee:
        if self.algorithm == "replay":
            return super()._guarantee()
        return Guarantee(
            kind="empirical",
            statement=f"{int(self.warm_sweeps)} passes over what is left, from factors that learned from all",
        )

    @property
    def residual_(self) -> float:
        """How far the last pass moved the factors of items, relative to their norm."""
        return float(self._state().parts["factors"]["residual"])

    # ------------------------------------------------------------------ telling

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        factors = parts["factors"]
        if not len(factors["items"]):
            return None
        return {"line": {user: line for line, user in enumerate(factors["users"].tolist())}}

    def _catalogue(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        factors = self._state().parts["factors"]
        return factors["items"], factors["n_users"]

    def _scores(self, users: Any, starts: Any, codes: Any) -> Floats:
        line, factors = self._solution()["line"], self._state().parts["factors"]
        out = np.zeros((len(users), len(factors["items"])))
        with one_thread():
            for i, user in enumerate(users.tolist()):
                if user in line:
                    out[i] = factors["of_items"] @ factors["of_users"][line[user]] + factors["mean"]
        return out
