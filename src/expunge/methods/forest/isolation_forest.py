"""An isolation forest that forgets: trees of a few records each, which are made again when one of theirs goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_count
from expunge.errors import InvalidParameterError
from expunge.methods.anomaly.detector import Detector
from expunge.methods.forest.cells import encode
from expunge.methods.forest.drawing import as_text, picture
from expunge.methods.forest.isolating import expected_length, fits, isolate, path_lengths, smallest, standing
from expunge.methods.forest.reading import refuse_others
from expunge.rows import Rows, Table
from expunge.seeds import uniform64
from expunge.state import Change, Part

__all__ = ["IsolationForest"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]


class IsolationForest(Detector):
    """Find records that are easily told apart from the others, and forget any of them to the bit.

    Parameters
    ----------
    n_estimators : int, default=100
        Trees, from 1 to 100,000.
    max_samples : int or float, default=256
        Records of each tree. An integer m: those of the m smallest hashes, so that a removal admits the next. A float:
        those whose hash is below this share of all hashes.
    contamination : "auto" or float, default="auto"
        Share of the records that are outliers, above 0 and at most 0.5. With a number every change scores all records
        again; with "auto" the threshold is -0.5.
    seed : int, default=0
        Keys the records of each tree and the splits of its nodes.

    Attributes
    ----------
    offset_ : float
        Scores below it are outliers.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the records that are left.

    Notes
    -----
    A node splits a feature that varies in it, at a point between its least and largest value; feature and point follow
    from the key of the tree and the path to the node. A tree is at most log2(m) deep. Forgetting a record makes the
    trees again that it is in, m T / n of T on average, each in O(m log m), after one pass over the hashes of all
    records to find who comes next. Columns are finite numbers. A record of weight w is drawn like w records (priority
    sampling); one of weight zero is in no tree.

    References
    ----------
    F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation forest", ICDM 2008, equations 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> X[0] = 8.0
    >>> model = IsolationForest(n_estimators=50).fit(X)
    >>> int(np.argmin(model.score_samples(X)))
    0
    >>> removal = model.forget(7)
    >>> rest = np.delete(np.arange(500), 7)
    >>> model.digest() == IsolationForest(n_estimators=50).fit(X[rest], record_ids=rest).digest()
    True
    """

    _alternatives: ClassVar[dict[str, list[Any]]] = {"max_samples": [7, 0.2], "contamination": [0.3, 0.45]}

    _waivers: ClassVar[dict[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": "a record repeated twice has two ids and may be twice in a "
        "tree, so it is not one record of weight two",
    }

    def __init__(
        self, *, n_estimators: int = 100, max_samples: int | float = 256, contamination: Any = "auto", seed: int = 0
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.contamination = contamination
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_count("n_estimators", self.n_estimators, most=100_000)
        m = self.max_samples
        is_count = isinstance(m, (int, np.integer)) and not isinstance(m, bool) and m >= 1
        if not is_count and not (isinstance(m, (float, np.floating)) and 0.0 < m <= 1.0):
            raise InvalidParameterError(f"max_samples must be a positive integer or a share up to 1.0, got {m!r}.")

    def _keys(self, purpose: str) -> npt.NDArray[np.uint64]:
        names = np.arange(int(self.n_estimators), dtype=np.int64)
        return uniform64(self.seed, f"isolation {purpose}", names)

    def _learn(self, change: Change) -> dict[str, Part | None]:
        rows, out = change.rows, dict[str, Part | None]()
        changed = np.concatenate([change.removed_slots, change.added_slots])
        alive, weight = rows.slots(), rows.targets(np.arange(len(rows.alive)))[1]
        weights = np.ones(1) if weight is None else weight
        is_share = isinstance(self.max_samples, (float, np.floating))
        limit = float(self.max_samples) * 2.0**64 if is_share else 2.0**64
        most = max(1, len(alive)) if is_share else int(self.max_samples)
        n_heavy = len(alive) if weight is None else int((weight[alive] >= 1.0).sum())  # none of them is above 2**64
        roots = self._keys("root")
        for t, key in enumerate(self._keys("members")):
            old = change.parts.get(_name(t))
            if old is not None and len(rows) and standing(rows.hashes(), weights, changed, key).min() > old["bound"]:
                if old["bound"] < limit and n_heavy <= most and fits(rows.hashes(), weights, alive, key, limit, most):
                    out[_name(t)] = {**old, "bound": limit}  # nobody is kept out any more
                continue
            found, bound = smallest(rows.hashes(), weights, alive, key, limit, most)
            X = np.asarray(rows.read(alive[found]).X, dtype=np.float64)
            deepest = int(np.ceil(np.log2(max(2, len(X)))))
            feature, threshold, right, size = isolate(X, roots[t], deepest)
            nodes = {"feature": feature, "threshold": threshold, "right": right, "size": size}
            out[_name(t)] = {**nodes, "bound": float(bound)}
        return out

    def _cost(self, rows: Rows, slots: Slots, table: Table | None) -> tuple[int, int]:
        return 0, self._most_read(len(rows) - len(slots) + (0 if table is None else len(table)))

    def _fit_cost(self, rows: Rows) -> tuple[int, int]:
        most = self._most_read(len(rows))
        is_known = not rows.has_weights and not isinstance(self.max_samples, (float, np.floating))
        return (most if is_known else 0), max(most, len(rows))

    def _most_read(self, n: int) -> int:
        """Records of all trees, of n records."""
        is_share = isinstance(self.max_samples, (float, np.floating))
        return int(self.n_estimators) * (n if is_share else min(n, int(self.max_samples)))

    def _joined(self, parts: Mapping[str, Part]) -> Part:
        trees = [parts[_name(t)] for t in range(int(self.n_estimators))]
        sizes = np.array([len(tree["feature"]) for tree in trees], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        inner = [np.where(tree["right"] >= 0, tree["right"] + s, -1) for tree, s in zip(trees, starts, strict=False)]
        names = ("feature", "threshold", "size")
        joined = {name: np.concatenate([tree[name] for tree in trees]) for name in names}
        return {**joined, "right": np.concatenate(inner), "starts": starts}

    def _learned(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        return self._joined(parts) if len(rows) else None

    def _usual(self, solution: Part) -> float:
        return -0.5

    def _scores(self, X: Any, solution: Part) -> Floats:
        refuse_others(solution, self.n_features_in_, ("threshold", "size"))
        out = np.zeros(len(X))
        names = ("feature", "threshold", "right", "size", "starts")
        scale = path_lengths(np.ascontiguousarray(X, dtype=np.float64), *(solution[name] for name in names), out)
        return np.asarray(-np.exp2(-out / scale))

    def export_text(self, tree: int = 0, *, max_depth: int = 10) -> str:
        """A tree as text, a line for each node; a leaf says how long the paths are that end in it."""
        return as_text(self, self._drawn(), tree, max_depth)

    def plot(self, tree: int = 0, *, max_depth: int = 3, ax: Any = None) -> Any:
        """Draw a tree; returns the matplotlib axes."""
        return picture(self, self._drawn(), tree, max_depth, ax)

    def _drawn(self) -> Part:
        """The trees as those of other forests stand in their solution."""
        solution = self._solution()
        right, length = solution["right"], np.zeros(len(solution["right"]))
        for i in np.flatnonzero(right >= 0).tolist():  # parents come before their children
            length[i + 1] = length[right[i]] = length[i] + 1.0
        length += [expected_length(n) for n in solution["size"].tolist()]
        return {
            **solution, "threshold": encode(solution["threshold"].reshape(-1, 1), ["float"])[:, 0],
            "count": solution["size"], "kinds": ["float"] * self.n_features_in_, "value": length.reshape(1, -1),
            "classes": np.empty(0),
        }  # fmt: skip


def _name(t: int) -> str:
    return f"tree {t:05d}"
