"""Logistic regression on a stream: each record is read once, and noise stands on a tree of sums."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils import Tags

from expunge.arguments import check_count, check_flag, check_scale
from expunge.estimators import one_thread
from expunge.maths.logistic_scores import LogisticScores, class_names, class_targets
from expunge.methods.private.do_nothing import DoNothing, about_odometer
from expunge.methods.private.logistic_regression import gradient_length, slopes_of
from expunge.privacy.bounded_rows import BoundedRows, weight_of, weights_of
from expunge.privacy.claims import HIDES_NO_MORE, about_rows
from expunge.privacy.last_of_class import is_last_of_a_class
from expunge.privacy.noise import Noise, grid_of
from expunge.rows import Rows, Table
from expunge.seeds import uniform64
from expunge.state import Change, Part

__all__ = ["PrivateOnlineLogisticRegression"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]


class PrivateOnlineLogisticRegression(LogisticScores, BoundedRows, DoNothing):
    """Classify a stream: learn what comes, forget what must go, and stay within one budget however long it runs.

    Follows the regularised leader: the weights are minus a multiple of the noisy sum of all gradients so far.

    Parameters
    ----------
    epsilon, delta, group_size, norm_bound, clip, fit_intercept, on_exhausted, allow_large_delta, noise_seed, seed
        As of :class:`~expunge.methods.private.logistic_regression.PrivateLogisticRegression`.
    batch_size : int, default=128
        Records of a step, on average.
    lr : float, default=2.0
        What the sum of gradients is multiplied by, for rows of length one and a mean over a batch; rows of other
        lengths are taken into account.
    levels : int, default=10
        Of the tree, from 1 to 64: it holds 2**(levels - 1) steps, and the next one begins behind them. More levels put
        less noise on long streams, and more on each sum.

    Attributes
    ----------
    classes_, coef_, intercept_, odometer_, noise_multiplier_
        As there.
    steps_ : int
        Steps taken so far.

    Guarantee
    ---------
    ``certified``: everything that was ever published of the stream hides any ``group_size`` records at (epsilon,
    delta), and the k that were forgotten at epsilon(k). Forgetting does nothing.

    Notes
    -----
    A record stands in one step, and its gradient in no more than ``levels`` sums of a binary tree over the steps, each
    with noise of its own: one Gaussian mechanism of a sensitivity sqrt(levels) times as large, for the whole sequence
    of weights, chosen adaptively. A prefix of t steps is the sum of at most ``levels`` of these, so that its noise
    grows with log t. Gradients are cut to the grid of the noise, record by record, so that sums of them are exact and
    no low bit of what is published tells anything. The state holds sums and noise apart, and is not for publication; an
    export holds the weights. Once a record has gone, only what was published of the past is kept, and the tree begins
    anew behind it: the noise of that one prefix stays in what is published later.
    Learning b records costs O(b d k) and ceil(b / batch_size) steps; which of these a record stands in follows from the
    hash of its id, so that none that goes moves another. A corrected record is a new one, and the old one is gone.

    References
    ----------
    P. Kairouz, B. McMahan, S. Song, O. Thakkar, A. Thakurta, Z. Xu, "Practical and private (deep) learning without
    sampling or shuffling", ICML 2021: the algorithm. C. Dwork, M. Naor, T. Pitassi, G. Rothblum, "Differential privacy
    under continual observation", STOC 2010: the tree.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = PrivateOnlineLogisticRegression(epsilon=3.0, group_size=5, norm_bound=6.0).fit(scale(X)[:300], y[:300])
    >>> addition = model.learn(scale(X)[300:], y[300:], record_ids=range(300, 569))
    >>> addition.work, model.forget([3, 500]).work, model.odometer_.left
    (269, 0, 3)
    """

    _requests: ClassVar[tuple[str, ...]] = ("records", "subjects", "classes", "features")
    _goes_on: ClassVar[bool] = True
    _waivers: ClassVar[Mapping[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": "a record that is there twice stands in two steps"
    }

    def __init__(
        self, *, epsilon: float = 1.0, delta: float = 1e-5, group_size: int = 1, batch_size: int = 128, lr: float = 2.0,
        levels: int = 10, norm_bound: float = 1.0, clip: bool = True, fit_intercept: bool = True,
        on_exhausted: str = "retrain", allow_large_delta: bool = False, noise_seed: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.epsilon = epsilon
        self.delta = delta
        self.group_size = group_size
        self.batch_size = batch_size
        self.lr = lr
        self.levels = levels
        self.norm_bound = norm_bound
        self.clip = clip
        self.fit_intercept = fit_intercept
        self.on_exhausted = on_exhausted
        self.allow_large_delta = allow_large_delta
        self.noise_seed = noise_seed
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # one pass over few records, and noise
        return tags

    _names = staticmethod(class_names)

    def _check_params(self) -> None:
        super()._check_params()
        for name, most in (("batch_size", 2**31 - 1), ("levels", 64)):
            check_count(name, getattr(self, name), most=most)
        for name in ("lr", "norm_bound"):
            check_scale(name, getattr(self, name))
        for name in ("clip", "fit_intercept"):
            check_flag(name, getattr(self, name))

    def _assumed(self) -> tuple[str, ...]:
        return (
            about_rows(self.norm_bound, clip=self.clip), "sums and noise of the tree are not published",
            "how many steps there are is public: the step of a record that is gone stays, without it",
        )  # fmt: skip

    # ------------------------------------------------------------------ the stream

    def _update(self, change: Change) -> dict[str, Any]:
        if "published" not in change.parts or not len(change.added_slots) or not len(change.rows):
            return super()._update(change)
        if is_last_of_a_class(change.rows, change.removed_slots, change.parts["names"]):
            return super()._update(change)
        names, old, gone = change.parts["names"], change.parts["odometer"], weight_of(change.rows, change.removed_slots)
        odometer = self._odometer(old)
        if not odometer.affords(gone):
            if self.on_exhausted == "refuse":
                odometer.spend(gone)
            change.notes.append(HIDES_NO_MORE)
            return self._fitted_anew(change)
        stream = change.parts["stream"] if not gone else self._without_gone(change.parts)["stream"]
        new = self._went_on(change.added, names, stream, change.parts["published"]["coef"], self._noise_of(old, stream))
        if not gone:
            return new
        odometer = odometer.spend(gone)
        change.notes.append(about_odometer(odometer))
        return {**new, "odometer": {**old, "gone": odometer.gone}}

    def _without_gone(self, parts: Mapping[str, Part]) -> dict[str, Part]:
        stream = parts["stream"]
        published = stream["total"] + stream["closed"] + stream["tree"].sum(axis=0)
        nothing = {name: np.zeros_like(stream[name]) for name in ("total", "tree")}
        return {"stream": {**stream, **nothing, "closed": published, "begun": stream["steps"]}}

    def _released(self, table: Table, names: Part, multiplier: float, noise: Noise) -> dict[str, Part]:
        shape = (int(names["k"]), table.X.shape[1] + int(self.fit_intercept))
        start = {"total": np.zeros(shape), "tree": np.zeros((int(self.levels), *shape)), "closed": np.zeros(shape)}
        return self._went_on(table, names, {**start, "steps": 0, "begun": 0}, np.zeros(shape), noise)

    def _went_on(self, table: Table, names: Part, stream: Part, coef: Floats, noise: Noise) -> dict[str, Part]:
        """After further steps: sum of gradients, noise of the open tree, that of closed ones; and the weights."""
        X, targets = self._bounded(table.X, table.ids), (class_targets(table, names) + 1) / 2
        weights, k, count = weights_of(table), int(names["k"]), -(-len(table) // int(self.batch_size))
        place = uniform64(self.seed, "step of the stream", table.ids) % np.uint64(count)
        scale, levels = self.lr / (self._radius**2 * int(self.batch_size)), int(self.levels)
        sigma = self._multiplier() * math.sqrt(levels) * gradient_length(k) * self._radius
        grid = grid_of(sigma)
        total, tree, closed = (stream[name].copy() for name in ("total", "tree", "closed"))
        steps, begun, still = int(stream["steps"]), int(stream.get("begun", 0)), np.zeros_like(coef)
        with one_thread():
            for step in range(count if k else 0):
                part = np.flatnonzero(place == step)
                slopes = slopes_of(X[part] @ coef.T, targets[part]) * weights[part, np.newaxis]
                of_each = slopes[:, :, np.newaxis] * X[part][:, np.newaxis, :]
                total = total + (np.trunc(of_each / grid) * grid).sum(axis=0)
                within = (steps + step - begun) % 2 ** (levels - 1) + 1  # the tree, from 1 on
                level = (within & -within).bit_length() - 1
                tree[:level] = 0.0  # these sums are inside the new one
                tree[level] = noise.gaussian(still, sigma)
                if within == 2 ** (levels - 1):
                    closed, tree = closed + tree[level], np.zeros_like(tree)
                coef = -scale * (total + closed + tree.sum(axis=0))
        kept = {"total": total, "tree": tree, "closed": closed, "steps": steps + count, "begun": begun}
        return {"published": {"coef": coef}, "stream": kept}

    def _noise_of(self, odometer: Part, stream: Part) -> Noise:
        if self.noise_seed is None:
            return Noise()
        return Noise((int(self.noise_seed) * 2**32 + int(odometer["fits"])) * 2**32 + int(stream["steps"]))

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, tuple[str, ...]]:
        if is_last_of_a_class(rows, slots, self._state().parts.get("names"), table):
            return len(rows), len(rows), tuple(self._state().parts)
        low, high, touched = self._estimate(rows, slots)
        if "published" in touched:  # the budget is spent, or nothing else is there
            return len(rows), len(rows) + len(table), touched
        return low + len(table), high + len(table), ("published", "stream", "odometer")

    @property
    def steps_(self) -> int:
        """Steps taken so far."""
        return int(self._state().parts["stream"]["steps"])
