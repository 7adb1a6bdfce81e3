"""How rare the values of a row are, column by column, from histograms that count records one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_count, check_number
from expunge.errors import InvalidDataError
from expunge.maths import exact
from expunge.maths.fixed_point import WEIGHT_RESOLUTION, rounded_weight
from expunge.maths.running_sum import refuse_new_lack
from expunge.methods.anomaly.detector import Detector
from expunge.rows import Rows, Table
from expunge.state import Change, Part

__all__ = ["HistogramDetector"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]
_ONE = int(2.0**-22 / WEIGHT_RESOLUTION)  # a record without a weight, in the second limb
_RARE_SCORE = 1.2815515655446004  # standard deviations below the mean that 10 % of a normal distribution lie


class HistogramDetector(Detector):
    """Outliers by rare values in single columns (HBOS), for wide tables; a record is taken out of a count in each.

    Parameters
    ----------
    n_bins : int, default=10
        Bins of equal width in each column, from its least to its largest value; from 2 to 100,000.
    alpha : float, default=0.1
        Added to every density, in units of that of an even spread; above 0. The smaller, the more a bin without records
        says.
    contamination : "auto" or float, default="auto"
        Share of the records that are outliers, above 0 and at most 0.5: every change then scores all records again.
        With "auto" the threshold lies 1.28 standard deviations below the mean score, both from the counts, as if no
        column knew of another.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    offset_ : float
        Scores below it are outliers.
    bin_edges_ : ndarray of shape (n_features, n_bins + 1)

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left.

    Raises
    ------
    InvalidDataError
        On ``fit``: no record of positive weight.

    Notes
    -----
    The edges are learned: they follow from the least and the largest value of a column. Forgetting a record that holds
    neither is O(d), one count less in each column. One that holds an extreme, at most two records of each column,
    reads all records once to find the next, O(n d), and counts that column again; ``plan`` says which. A score is
    Σ log2(density + alpha) over the columns, each density in units of that of an even spread, so units do not matter.
    A value up to half a bin outside is in the last bin; farther out, or beside the only value of a column that does not
    vary, the density is 0. A record of weight w counts as w records. The extremes are values of records, and an export
    holds them.

    References
    ----------
    M. Goldstein, A. Dengel, "Histogram-based outlier score (HBOS): a fast unsupervised anomaly detection algorithm",
    KI 2012, the equation of section 3, with ``alpha`` against empty bins.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(500, 3))
    >>> X[0] = 6.0
    >>> model = HistogramDetector().fit(X)
    >>> int(np.argmin(model.score_samples(X)))
    0
    >>> model.forget(3).work, model.forget(0).work  # 6.0 was the largest value: the edges move
    (1, 499)
    """

    _alternatives: ClassVar[dict[str, list[Any]]] = {"n_bins": [4], "alpha": [0.5], "contamination": [0.2]}

    def __init__(self, *, n_bins: int = 10, alpha: float = 0.1, contamination: Any = "auto", seed: int = 0) -> None:
        self.n_bins = n_bins
        self.alpha = alpha
        self.contamination = contamination
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_count("n_bins", self.n_bins, least=2, most=100_000)
        check_number("alpha", self.alpha, open_low=True)

    # ------------------------------------------------------------------ learning

    def _learn(self, change: Change) -> dict[str, Part | None]:
        old = change.parts.get("bins")
        new = self._after(old, change) if old is not None and old["n"] else self._counted(_counting(change.added))
        refuse_new_lack(old, new, change, _lack)
        return {"bins": new}

    def _after(self, old: Part, change: Change) -> Part:
        gone, new, rows = _counting(change.removed), _counting(change.added), change.rows
        n = old["n"] - len(gone.X) + len(new.X)
        if not n:
            return {"n": 0}
        low, high = old["low"], old["high"]
        is_extreme, every = _is_extreme(gone.X, low, high), None
        if is_extreme.any():
            every = _counting(rows.read(rows.slots()))
            ends = _ends(every.X)
            low, high = np.where(is_extreme, ends[0], low), np.where(is_extreme, ends[1], high)
        if len(new.X):
            ends = _ends(new.X)
            low, high = np.minimum(low, ends[0]), np.maximum(high, ends[1])
        counts = old["counts"]
        for table, combine in ((gone, exact.subtract), (new, exact.add)):
            if len(table.X):
                counts = combine(counts, self._counts(table, old["low"], old["high"]))
        moved = (low != old["low"]) | (high != old["high"])
        if moved.any():
            every = _counting(rows.read(rows.slots())) if every is None else every
            some = _Counting(np.ascontiguousarray(every.X[:, moved]), every.weight)
            counts[:, moved] = self._counts(some, low[moved], high[moved])
        return {"n": n, "low": low, "high": high, "counts": counts}

    def _counted(self, known: _Counting) -> Part:
        if not len(known.X):
            return {"n": 0}
        low, high = _ends(known.X)
        return {"n": len(known.X), "low": low, "high": high, "counts": self._counts(known, low, high)}

    def _counts(self, known: _Counting, low: Floats, high: Floats) -> npt.NDArray[np.int64]:
        """The weight of the records in each bin of each column, limbs (L, d, n_bins)."""
        d, k = len(low), int(self.n_bins)
        codes = (np.maximum(_places(known.X, low, high, k), 0) + np.arange(d) * k).ravel()
        if known.weight is None:
            out = exact.zeros_sum((d * k,))
            out[1] = np.bincount(codes, minlength=d * k) * _ONE
            return exact.carry(out).reshape(-1, d, k)
        weight = np.repeat(known.weight, d)[:, np.newaxis]
        return exact.group_sums(weight, codes, d * k, WEIGHT_RESOLUTION).reshape(-1, d, k)

    def _cost(self, rows: Rows, slots: Slots, table: Table | None) -> tuple[int, int]:
        bins, left = self._state().parts["bins"], len(rows) - len(slots) + (0 if table is None else len(table))
        n = len(slots) + (0 if table is None else len(table))
        if not bins["n"]:
            return n - len(slots), n - len(slots)
        gone = _counting(rows.peek(slots)).X
        moves = bool(len(gone) and _is_extreme(gone, bins["low"], bins["high"]).any())
        if table is not None and not moves:
            new = _counting(table).X
            moves = bool(len(new) and ((new < bins["low"]) | (new > bins["high"])).any())
        return n, n + (left if moves else 0)

    # ------------------------------------------------------------------ asking

    def _learned(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        bins = parts["bins"]
        if not bins["n"]:
            return None
        k, alpha = int(self.n_bins), float(self.alpha)
        weight = exact.to_float(bins["counts"], WEIGHT_RESOLUTION)
        share = weight / weight.sum(axis=1, keepdims=True)
        values = np.log2(share * k + alpha)
        mean = (share * values).sum(axis=1)
        variance = (share * (values - mean[:, np.newaxis]) ** 2).sum(axis=1)
        return {
            "ends": np.stack([bins["low"], bins["high"]], axis=1), "values": values, "nothing": float(np.log2(alpha)),
            "usual": float(mean.sum() - _RARE_SCORE * np.sqrt(variance.sum())),
        }  # fmt: skip

    def _scores(self, X: Floats, solution: Part) -> Floats:
        values, k, out = solution["values"], solution["values"].shape[1], np.zeros(len(X))
        low, high = solution["ends"].T
        places = _places(X, low, high, k)
        for j, column in enumerate(places.T):
            out += np.where(column < 0, solution["nothing"], values[j, np.maximum(column, 0)])
        return out

    def _usual(self, solution: Part) -> float:
        return float(solution["usual"])

    @property
    def bin_edges_(self) -> Floats:
        """Edges of the bins of each column, shape (n_features, n_bins + 1)."""
        solution = self._solution()
        at = np.arange(int(self.n_bins) + 1) / int(self.n_bins)
        return np.asarray(solution["ends"][:, :1] * (1.0 - at) + solution["ends"][:, 1:] * at)


class _Counting(NamedTuple):
    """Records of positive weight: their values, and their weights where they have any."""

    X: Floats
    weight: Floats | None


def _counting(table: Table) -> _Counting:
    weight = rounded_weight(table)
    X = np.asarray(table.X, dtype=np.float64)
    return _Counting(X, None) if weight is None else _Counting(X[weight > 0], weight[weight > 0])


def _lack(bins: Part) -> InvalidDataError | None:
    if bins["n"]:
        return None
    return InvalidDataError(
        "There is no record of positive weight to count: n_samples = 0.", hint="Learn at least one record."
    )


def _ends(X: Floats) -> tuple[Floats, Floats]:
    """The least and the largest value of each column; of the two zeros always the same one."""
    return X.min(axis=0) + 0.0, X.max(axis=0) + 0.0


def _is_extreme(values: Floats, low: Floats, high: Floats) -> npt.NDArray[np.bool_]:
    """In which columns one of these rows holds the least or the largest value."""
    return np.asarray(((values <= low) | (values >= high)).any(axis=0))


def _places(values: Floats, low: Floats, high: Floats, k: int) -> npt.NDArray[np.int64]:
    """The bin of each value, -1 of one that is in none."""
    width = high / 2 - low / 2  # halves, for the difference itself may overflow
    varies = width > 0
    with np.errstate(over="ignore", invalid="ignore"):
        at = (values / 2 - low / 2) / np.where(varies, width, 1.0) * k
        at = np.where(varies, at, np.where(values == low, 0.0, -1.0))
    return np.where((at >= -0.5) & (at <= k + 0.5), np.clip(np.floor(at), 0, k - 1), -1).astype(np.int64)
