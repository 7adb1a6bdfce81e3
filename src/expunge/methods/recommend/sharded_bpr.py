"""Embeddings in shards of users, and a blend of them that is learned again after every change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_count, check_number
from expunge.methods.recommend.blending import blended, learn_weights
from expunge.methods.recommend.histories import drawn_factors, first_histories, history_of, numbered, users_by_hash
from expunge.methods.recommend.passes import passes
from expunge.methods.recommend.recommender import Recommender
from expunge.rows import Rows, Table
from expunge.seeds import uniform64
from expunge.state import Change, Part

__all__ = ["ShardedBPR"]

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]
Models = list[tuple[npt.NDArray[np.int64], Floats]]

#: Counts among the arguments, and how many at most.
_MOST = {"n_shards": 1_000, "n_factors": 10_000, "epochs": 1_000_000, "batch_size": None, "n_sampled": None}


class ShardedBPR(Recommender):
    """Recommends by embeddings that were trained in shards; a user who leaves costs one of them. Needs torch.

    Parameters
    ----------
    n_shards : int, default=10
        From 1 to 1,000. A user is in the shard that a keyed hash of the name says, whatever the user did.
    n_factors : int, default=32
        From 1 to 10,000.
    epochs : int, default=10
        Passes of a shard over its interactions, from 1 to 1,000,000.
    lr : float, default=0.1
        Above 0.
    weight_decay : float, default=0.01
        Of the factors, at least 0.
    batch_size : int, default=1024
        Interactions of a batch on average, at least 1; the batch of each follows from the names of its user and item.
    n_sampled : int, default=256
        Users that the weights of the shards are learned from, those of the smallest keyed hash; at least 1.
    least_value : float, default=0.0
        Interactions with a lower value are kept and do not count; those of a frame without values all count.
    seed : int, default=0
        Of the shards, the first factors, the batches and the sample.

    Attributes
    ----------
    weights_ : ndarray of shape (n_shards,)
        What each shard counts in the blend.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the interactions that are left, in the
    same environment.

    Raises
    ------
    MissingExtraError
        On ``fit``: torch is not there.

    Notes
    -----
    A shard ranks what its users know above what is drawn at random (BPR), and keeps factors of items alone. To every
    shard a user is the mean of the factors of the known items, so that all shards answer to everybody, also to a user
    who came after training. Their scores, each on one scale, are blended by weights which are learned from held-out
    halves of the histories of a few users. A removal trains the shards of the users concerned and learns the weights
    again: about 1 / n_shards of a fit for one user, and the blend.

    RecEraser groups similar users by their embeddings, so that its partition follows from what is to be forgotten, and
    combines the shards by attention; here the partition knows names alone, and the combination is linear.

    References
    ----------
    S. Rendle, C. Freudenthaler, Z. Gantner, L. Schmidt-Thieme, "BPR: Bayesian personalized ranking from implicit
    feedback", UAI 2009, equation 4 (the objective) and figure 4. C. Chen, F. Sun, M. Zhang, B. Ding, "Recommendation
    unlearning", WWW 2022.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"user": [1, 1, 2, 2, 3, 4], "item": ["tea", "pie", "tea", "pie", "tea", "jam"]})
    >>> model = ShardedBPR(n_shards=2, n_factors=2, epochs=2).fit(seen)
    >>> removal = model.forget(subjects=2)
    >>> fresh = ShardedBPR(n_shards=2, n_factors=2, epochs=2).fit(seen[seen["user"] != 2], record_ids=[0, 1, 4, 5])
    >>> model.digest() == fresh.digest()
    True
    """

    _alternatives: ClassVar[dict[str, list[Any]]] = {
        "n_shards": [1, 3], "n_factors": [1], "epochs": [5], "lr": [0.5], "weight_decay": [0.5],
        "batch_size": [3], "n_sampled": [1], "least_value": [4.0], "seed": [1],
    }  # fmt: skip

    def __init__(
        self, *, n_shards: int = 10, n_factors: int = 32, epochs: int = 10, lr: float = 0.1,
        weight_decay: float = 0.01, batch_size: int = 1024, n_sampled: int = 256, least_value: float = 0.0,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self.n_shards = n_shards
        self.n_factors = n_factors
        self.epochs = epochs
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_sampled = n_sampled
        self.least_value = least_value
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        for name, most in _MOST.items():
            check_count(name, getattr(self, name), most=most)
        check_number("lr", self.lr, open_low=True)
        check_number("weight_decay", self.weight_decay)

    def _place(self, table: Table) -> npt.NDArray[np.int64]:
        users = table.X["user"].to_numpy()
        if not len(users):
            return np.empty(0, dtype=np.int64)
        drawn = uniform64(self.seed, "shard of user", users) % np.uint64(self.n_shards)
        return drawn.astype(np.int64)

    # ------------------------------------------------------------------ learning

    def _update(self, change: Change) -> dict[str, Any]:
        rows, parts = change.rows, dict(change.parts)
        places = rows.places()
        touched = np.unique(places[np.concatenate([change.removed_slots, change.added_slots])]).tolist()
        new: dict[str, Any] = {}
        for shard in touched if parts else range(int(self.n_shards)):
            new[_name(shard)] = self._trained(rows, np.flatnonzero(rows.alive & (places == shard)))
        items, _, models = _together({**parts, **new})
        new["weights"] = {"of_shards": learn_weights(models, self._sample(rows, items), len(items))}
        return new

    def _trained(self, rows: Rows, slots: Slots) -> Part:
        from expunge.methods.recommend.bpr import train_items

        found = first_histories(rows, rows.in_order(slots), float(self.least_value))
        counts, n = np.bincount(found.codes, minlength=len(found.items)), len(found.items)
        factors = np.zeros((n, int(self.n_factors)))
        if n:
            first = drawn_factors(self.seed, found.items, int(self.n_factors)) * 0.35  # a deviation of about 0.1
            drawn = passes(
                self.seed, found.users, _names(found.items), found.starts, found.codes, epochs=int(self.epochs),
                batch_size=int(self.batch_size),
            )  # fmt: skip
            factors = train_items(
                found.starts, found.codes, first, drawn, lr=float(self.lr), decay=float(self.weight_decay)
            )
        return {"items": found.items, "users": counts.astype(np.int64), "factors": factors}

    def _sample(self, rows: Rows, items: npt.NDArray[Any]) -> list[tuple[Any, ...]]:
        """Of some users one half of the items, the other half, and as many others; by keyed hashes of names."""
        out = []
        half = uniform64(self.seed, "half", _names(items)) % np.uint64(2) if len(items) else items
        for user, drawn in users_by_hash(rows, self.seed, int(self.n_sampled)):
            labels = history_of(rows, user, float(self.least_value))
            rows.count(len(labels))
            codes = numbered(items, labels)
            held_out = codes[half[codes] == 1]
            known = codes[half[codes] == 0]
            others = np.array([(drawn + 0x9E3779B9 * place) % len(items) for place in range(1, len(held_out) + 1)])
            if len(known) and len(held_out):
                is_other = ~np.isin(others, codes)
                out.append((known, held_out[is_other], others[is_other].astype(np.int64)))
        return out

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        return self._between(rows, slots, rows.places()[slots])

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, tuple[str, ...]]:
        low, high, touched = self._between(rows, slots, np.append(rows.places()[slots], self._place(table)))
        return low + len(table), high + 2 * len(table), touched

    def _between(self, rows: Rows, slots: Slots, places: npt.NDArray[np.int64]) -> tuple[int, int, tuple[str, ...]]:
        """Rows of the shards, and those of the sample: at most the longest histories there are."""
        shards = np.unique(places)
        of_shards = int((rows.alive & np.isin(rows.places(), shards)).sum()) - len(slots)
        most = min(len(rows) - len(slots), _longest(rows, int(self.n_sampled)))
        return of_shards, of_shards + most, (*(_name(shard) for shard in shards.tolist()), "weights")

    # ------------------------------------------------------------------ telling

    @property
    def weights_(self) -> Floats:
        """What each shard counts in the blend."""
        return np.array(self._state().parts["weights"]["of_shards"])

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        items, users, models = _together(parts)
        return {"items": items, "users": users, "models": models} if len(items) else None

    def _catalogue(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        solution = self._solution()
        return solution["items"], solution["users"]

    def _scores(self, users: Any, starts: Any, codes: Any) -> Floats:
        solution = self._solution()
        return blended(solution["models"], self.weights_, starts, codes, len(solution["items"]))


def _names(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels in the form in which they are hashed."""
    return labels if labels.dtype.kind == "i" else labels.astype(object)


def _name(shard: int) -> str:
    return f"shard/{shard:04d}"


def _longest(rows: Rows, n: int) -> int:
    """Records of the n users with the most."""
    columns: Any = rows.columns
    if not len(rows):
        return 0
    counts = np.unique(columns.values("user", np.flatnonzero(rows.alive)), return_counts=True)[1]
    return int(np.sort(counts)[::-1][:n].sum())


def _together(parts: Mapping[str, Part]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], Models]:
    """Labels of all items, sorted, how many users each has, and where the items of each shard stand among them."""
    shards = [part for name, part in sorted(parts.items()) if name.startswith("shard/")]
    labels = sorted({label for part in shards for label in part["items"].tolist()})
    items: npt.NDArray[Any] = np.array(labels) if labels else np.empty(0)
    users, models = np.zeros(len(items), dtype=np.int64), Models()
    for part in shards:
        at = numbered(items, part["items"].tolist())
        users[at] += part["users"]
        models.append((at, part["factors"]))
    return items, users, models
