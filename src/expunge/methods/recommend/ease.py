"""A linear model of items by items, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_choice, check_number
from expunge.errors import InvalidDataError
from expunge.methods.recommend.histories import changed_histories, first_histories
from expunge.methods.recommend.inverse import Inverse, inverse_of
from expunge.methods.recommend.pair_counts import pairs_after
from expunge.methods.recommend.pairs import Pairs
from expunge.methods.recommend.recommender import Recommender
from expunge.records import Guarantee, independent_of
from expunge.rows import Rows
from expunge.state import Change, Part

__all__ = ["EASE"]


class EASE(Recommender):
    """Recommends by weights of items for items in closed form, for some thousand items; exactly, or within a bound.

    Parameters
    ----------
    alpha : float, default=250.0
        λ, above 0, in users: with more, weights are smaller and follow the popular items.
    algorithm : {"exact", "bounded"}, default="exact"
        ``exact``: counts of pairs are changed, which costs little, and the next recommendation solves the system anew.
        ``bounded``: the inverse itself is changed by a formula for each user, and a bound of its rounding is kept.
    tol : float, default=0.001
        With ``bounded``: how far a weight of an item for another one may be off, without unit; scores are sums of
        weights. The change after which that could no longer be proved makes the inverse anew.
    least_value : float, default=0.0
        Interactions with a lower value are kept and do not count; those of a frame without values all count.
    seed : int, default=0
        Keys the order of the records in the file; no recommendation depends on it.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the interactions that are left. With
    ``bounded``: each weight of an item for another one is within ``tol`` of that of a fresh fit in exact
    arithmetic, which is proved; ``error_bound_`` and the notes of a removal say how much nearer.

    Raises
    ------
    InvalidParameterError
        On ``fit``: an argument of the wrong form.
    InvalidDataError
        On ``fit`` with ``bounded``: the tolerance cannot be kept.

    Notes
    -----
    The score of item j for a user is Σ B_ij over the history, B = -P / diag(P) off the diagonal, P = (G + λI)⁻¹, where
    G counts users of pairs of items. Exact: a removal costs |history|², and the next recommendation O(n_items³).
    Bounded: the state is P, eight bytes for two items; a fit costs twice as much, for the bound, and a removal
    O(n_items²) for each user who goes, twice that for one who stays.

    References
    ----------
    H. Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, equation 8. J. Sherman, W. Morrison,
    "Adjustment of an inverse matrix corresponding to a change in one element of a given matrix", Annals of Mathematical
    Statistics 21, 1950.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"user": [1, 1, 2, 2, 3, 3, 4], "item": ["tea", "pie", "tea", "jam", "tea", "jam", "tea"]})
    >>> model = EASE(alpha=1.0, algorithm="bounded").fit(seen)
    >>> model.recommend([4])["item"].tolist()
    ['jam', 'pie']
    >>> removal = model.forget(subjects=2)
    >>> removal.guarantee.kind, model.error_bound_ < 1e-12
    ('bounded', True)
    """

    _alternatives: ClassVar[dict[str, list[Any]]] = {
        "alpha": [1.0, 1000.0], "algorithm": ["bounded", "exact"], "least_value": [4.0], "tol": [1e-9],
    }  # fmt: skip

    def __init__(
        self, *, alpha: float = 250.0, algorithm: str = "exact", tol: float = 0.001, least_value: float = 0.0,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.algorithm = algorithm
        self.tol = tol
        self.least_value = least_value
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        for name in ("alpha", "tol"):
            check_number(name, getattr(self, name), open_low=True)
        check_choice("algorithm", self.algorithm, ("exact", "bounded"))

    def _update(self, change: Change) -> dict[str, Any]:
        if self.algorithm == "exact":
            return {"pairs": pairs_after(change, float(self.least_value))}
        least, alpha, inverse = float(self.least_value), float(self.alpha), change.parts.get("inverse")
        if isinstance(inverse, Inverse):
            reads = change.rows.reads
            histories = list(changed_histories(change, least))
            foretold = inverse.foretold(histories, alpha)
            if foretold <= float(self.tol):
                change.notes.append(f"each weight within {foretold:.1e}")
                return {"inverse": inverse.changed(histories, alpha)}
            made = inverse.copy_after(histories, alpha)
            if (bound := made.bound(alpha)) <= float(self.tol):
                change.notes.append(f"each weight within {bound:.1e}")
                return {"inverse": made}
            change.rows.reads = reads
            change.notes.append("the bound came near the tolerance: the inverse was made anew")
        pairs = Pairs.of(first_histories(change.rows, change.rows.slots(), least))
        new = Inverse.of(pairs.items, pairs.users, pairs.gram(), alpha)
        if inverse is None and not change.tolerant and new.bound(alpha) > float(self.tol):
            raise InvalidDataError(
                f"Weights are within {new.bound(alpha):.1e} of exact ones, and the tolerance is {self.tol:.1e}.",
                hint="Use a larger tol or alpha, or algorithm='exact'.",
            )
        return {"inverse": new}

    def _revive(self, name: str, part: Part) -> Any:
        return Inverse.restored(part) if name == "inverse" else Pairs.restored(part)

    def _estimate(self, rows: Rows, slots: Any) -> tuple[int, int, tuple[str, ...]]:
        low, high, touched = super()._estimate(rows, slots)
        return low, max(high, len(rows) - len(slots)) if self.algorithm == "bounded" else high, touched

    def _guarantee(self) -> Guarantee:
        if self.algorithm == "exact":
            return super()._guarantee()
        tolerance = float(self.tol)
        if self.error_bound_ > tolerance:
            return Guarantee(kind="empirical", statement="weights whose error cannot be bounded by the tolerance")
        return Guarantee(
            kind="bounded",
            statement=f"each weight of an item for another one within {tolerance:.1e} of that of a fresh fit",
            assumptions=("floats as IEEE 754 has them", independent_of("model")),
            norm="largest difference of a weight", bound=tolerance,
        )  # fmt: skip

    @property
    def error_bound_(self) -> float:
        """What each weight of an item for another one is off by at most, as proved so far; 0 with ``exact``."""
        part: Any = next(iter(self._state().parts.values()))
        return float(part.bound(float(self.alpha))) if isinstance(part, Inverse) else 0.0

    def _catalogue(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        part: Any = next(iter(self._state().parts.values()))
        return part.items, part.users

    def _solve(self, rows: Rows, parts: Mapping[str, Any]) -> Part | None:
        (part,) = parts.values()
        if not len(part.items):
            return None
        return {"inverse": part.matrix if isinstance(part, Inverse) else inverse_of(part.gram(), float(self.alpha))}

    def _scores(self, users: Any, starts: Any, codes: Any) -> npt.NDArray[np.float64]:
        P = self._solution()["inverse"]
        out, diagonal = np.zeros((len(starts) - 1, len(P))), P.diagonal()
        for line in range(len(out)):
            out[line] = -P[codes[starts[line] : starts[line + 1]]].sum(axis=0) / diagonal
        return out
