"""k-means that forgets: centres from integer sums, around centres on a lattice that seldom move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from expunge.arguments import check_count, check_number
from expunge.contract import Unlearner
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.maths import exact
from expunge.maths.class_sums import named_sums, weight_sums
from expunge.maths.fixed_point import (
    WEIGHT_RESOLUTION,
    check_resolution_param,
    rounded_weight,
    rounding_terms,
)
from expunge.methods.clusters.path import Search, assigned
from expunge.rows import Rows, Table
from expunge.seeds import uniform64
from expunge.state import Change, Part
from expunge.validation import numeric_input

__all__ = ["KMeans"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]


class KMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Unlearner):
    """Groups of near records, from which a record can be forgotten to the bit, most of the time by one subtraction.

    Parameters
    ----------
    n_clusters : int, default=8
        With fewer records of positive weight left the model is dormant.
    max_samples : int, default=1024
        Records that the search for centres looks at, those of the smallest keyed hashes. Forgetting another one never
        searches again.
    n_init : int, default=4
        Searches, of which the best counts; from 1 to 10,000.
    max_iter : int, default=10
        Most steps of a search, from 1 to 1,000,000.
    grain : float, default=0.25
        Step of the lattice that the search rounds its centres to, in each column in the power of two next to its
        standard deviation; above 0. The coarser, the less often all records have to be read again.
    resolution : float or array-like of shape (n_features,), default=2**-32
        Unit of the integers that hold the values of a feature: a power of two. Sums are of values rounded to it.
    seed : int, default=0
        Keys the records that are looked at, the first centres and the offset of the lattice.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        Means of the records nearest to each centre that the search found; of none, that centre.
    n_iter_ : int
        Steps of the search that found it.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left.

    Raises
    ------
    InvalidDataError
        On ``fit``: fewer records of positive weight than ``n_clusters``.

    Notes
    -----
    First centres are records that win a race of exponential clocks whose rates are their squared distances
    (k-means++). The search ends on the lattice; every record is then given to its nearest centre there, and the sums of
    each cluster, in integers, make the centres that ``predict`` reads. Forgetting a record that the search never looked
    at takes it out of one sum: O(k d). One that it did, ``max_samples`` of n, searches again over as many records; only
    if that ends elsewhere are all records read. Centres on the lattice may be near a record that is left, and are found
    again without one that is gone.

    References
    ----------
    A. Ginart, M. Guan, G. Valiant, J. Zou, "Making AI forget you: data deletion in machine learning", NeurIPS 2019,
    section 4.1: quantised k-means. D. Arthur, S. Vassilvitskii, "k-means++", SODA 2007, section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat([[0.5, 0.5], [9.5, 9.5]], 50, axis=0) + np.random.default_rng(0).normal(size=(100, 2))
    >>> model = KMeans(n_clusters=2, max_samples=20).fit(X)
    >>> sorted(model.cluster_centers_.astype(int).tolist())
    [[0, 0], [9, 9]]
    >>> removal = model.forget([7, 60])
    >>> rest = np.delete(np.arange(100), [7, 60])
    >>> model.digest() == KMeans(n_clusters=2, max_samples=20).fit(X[rest], record_ids=rest).digest()
    True
    """

    _task = "clustering"
    _requests = ("records", "subjects", "features")
    _alternatives: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [3], "max_samples": [9, 12], "n_init": [1], "max_iter": [1], "grain": [4.0],
    }  # fmt: skip
    _waivers: ClassVar[dict[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": "a record repeated twice has two ids, each with a hash of its "
        "own, so it is not one record of weight two",
    }

    def __init__(
        self, *, n_clusters: int = 8, max_samples: int = 1024, n_init: int = 4, max_iter: int = 10,
        grain: float = 0.25, resolution: Any = exact.DEFAULT_RESOLUTION, seed: int = 0,
    ) -> None:  # fmt: skip
        self.n_clusters = n_clusters
        self.max_samples = max_samples
        self.n_init = n_init
        self.max_iter = max_iter
        self.grain = grain
        self.resolution = resolution
        self.seed = seed

    def _check_params(self) -> None:
        for name, most in (("n_clusters", None), ("max_samples", None), ("n_init", 10_000), ("max_iter", 1_000_000)):
            check_count(name, getattr(self, name), most=most)
        if self.max_samples < self.n_clusters:
            raise InvalidParameterError(
                f"max_samples must be at least n_clusters = {self.n_clusters}, got {self.max_samples!r}."
            )
        check_number("grain", self.grain, open_low=True)
        check_resolution_param("resolution", self.resolution)

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        return numeric_input(self, X, None, reset=reset, least=least)

    # ------------------------------------------------------------------ learning

    def _update(self, change: Change) -> dict[str, Part | None]:
        rows, old = change.rows, change.parts
        n = self._count(old, rows, change.removed_slots, change.added_slots)
        lack = self._refusal(n)
        if lack is not None:
            if not (change.tolerant or (old and "search" not in old)):
                raise lack
            return {**dict.fromkeys(set(old) & {"search", "sums"}), "size": {"n": n}}
        search = old.get("search")
        out: dict[str, Part | None] = {"size": {"n": n}}
        changed = np.concatenate([change.removed_slots, change.added_slots])
        if search is None or self._is_looked_at(rows, changed, search["bound"]):
            search = out["search"] = self._searched(rows)
        if "search" in old and np.array_equal(search["centres"], old["search"]["centres"]):
            sums = old["sums"]
            for slots, combine in ((change.removed_slots, exact.subtract), (change.added_slots, exact.add)):
                if len(slots):
                    more = self._sums(rows.read(slots), search["centres"])
                    sums = {name: combine(sums[name], more[name]) for name in sums}
            out["sums"] = sums
        else:
            out["sums"] = self._sums(rows.read(rows.slots()) if old else change.added, search["centres"])
        return out

    def _count(self, parts: Mapping[str, Part], rows: Rows, removed: Slots, added: Slots) -> int:
        """Records of positive weight after a change; no row is read for it."""
        n = int(parts["size"]["n"]) if "size" in parts else 0
        for slots, sign in ((removed, -1), (added, 1)):
            weight = rows.targets(slots)[1]
            n += sign * (len(slots) if weight is None else int((weight > 0).sum()))
        return n

    def _refusal(self, n: int) -> InvalidDataError | None:
        if n >= self.n_clusters:
            return None
        return InvalidDataError(
            f"There are fewer records of positive weight than n_clusters = {self.n_clusters}: n_samples = {n}.",
            hint="Learn more records, or ask for fewer clusters.",
        )

    def _standing(self, rows: Rows, slots: Slots) -> npt.NDArray[np.uint64]:
        return uniform64(self.seed, "looked at", rows.peek_beside(slots).ids)

    def _is_looked_at(self, rows: Rows, slots: Slots, bound: int) -> bool:
        """Whether the search looks at one of these records."""
        return bool((self._standing(rows, slots) <= np.uint64(bound)).any())

    def _searched(self, rows: Rows) -> Part:
        """Centres on the lattice, and the hash up to which records were looked at."""
        alive = rows.slots()
        given = rows.targets(alive)[1]
        alive = alive if given is None else alive[given > 0]
        keys = self._standing(rows, alive)
        most = int(self.max_samples)
        bound = np.uint64(2**64 - 1) if len(keys) < most else np.partition(keys, most - 1)[most - 1]
        table = rows.read(alive[keys <= bound])
        X = np.ascontiguousarray(table.X, dtype=np.float64)
        weight = np.ones(len(X)) if table.weight is None else table.weight
        search = Search(int(self.n_clusters), int(self.n_init), int(self.max_iter), float(self.grain), int(self.seed))
        centres, taken = search.centres(X, table.ids, weight)
        return {"centres": centres, "bound": int(bound), "n_iter": taken}

    def _sums(self, table: Table, centres: Floats) -> Part:
        """Σ w x, and Σ w, of the records nearest to each centre, in limbs."""
        X = np.ascontiguousarray(table.X, dtype=np.float64)
        codes, weight = assigned(X, centres)[0], rounded_weight(table)
        unit = np.ones(len(X)) if weight is None else weight
        scaled = X if weight is None else X * unit[:, np.newaxis]
        return {
            "x": named_sums(exact.group_sums, scaled, codes, len(centres), self.resolution, table.ids),
            "weight": weight_sums(unit, codes, len(centres)),
        }

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        if "search" not in parts:
            return None
        r = exact.check_resolution(self.resolution, parts["sums"]["x"].shape[2])
        weight = exact.to_float(parts["sums"]["weight"], WEIGHT_RESOLUTION)[:, np.newaxis]
        sums = exact.to_float(parts["sums"]["x"], np.broadcast_to(r, parts["sums"]["x"].shape[1:]))
        centres = np.where(weight > 0, sums / np.where(weight > 0, weight, 1.0), parts["search"]["centres"])
        return {"centres": centres, "n_iter": parts["search"]["n_iter"]}

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        return self._cost(rows, slots, 0, None)

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, tuple[str, ...]]:
        return self._cost(rows, slots, len(table), table.weight)

    def _cost(self, rows: Rows, slots: Slots, n_new: int, weight: Any) -> tuple[int, int, tuple[str, ...]]:
        """Of forgetting records, and of so many new ones under the same names."""
        parts = self._state().parts
        left = self._count(parts, rows, slots, slots[:0]) + (n_new if weight is None else int((weight > 0).sum()))
        names = ("search", "size", "sums")
        if left < self.n_clusters:
            return 0, 0, names
        moved, every = len(slots) + n_new, len(rows) - len(slots) + n_new
        looked_at = min(left, int(self.max_samples))
        if "search" not in parts or not moved:  # a fit; of none, should they be too few for n_clusters
            return (looked_at + every if moved else 0), looked_at + every, names
        if not self._is_looked_at(rows, slots, parts["search"]["bound"]):
            return moved, moved, ("size", "sums")
        return looked_at + min(moved, every), looked_at + max(moved, every), names

    def _terms(self) -> str:
        return f", on {rounding_terms(self.resolution, 'values')}"

    # ------------------------------------------------------------------ asking

    def _asked(self, X: Any) -> tuple[Floats, Floats]:
        centres = self._solution()["centres"]
        return numeric_input(self, X, None, reset=False)[0], centres

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """The number of the nearest centre of each row, shape (n,); of equals the first."""
        return assigned(*self._asked(X))[0]

    def transform(self, X: Any) -> Floats:
        """Distance of each row to each centre, shape (n, n_clusters)."""
        X, centres = self._asked(X)
        return np.stack([np.sqrt(assigned(X, one[np.newaxis])[1]) for one in centres], axis=1)

    def score(self, X: Any, y: Any = None) -> float:
        """The opposite of the sum of squared distances of the rows to their nearest centres."""
        return -float(assigned(*self._asked(X))[1].sum())

    @property
    def cluster_centers_(self) -> Floats:
        """Centres, shape (n_clusters, n_features)."""
        return np.array(self._solution()["centres"])

    @property
    def n_iter_(self) -> int:
        """Steps of the search that the centres come from."""
        return int(self._solution()["n_iter"])

    @property
    def _n_features_out(self) -> int:
        return len(self._solution()["centres"])
